//! What an owner sets for a room. Every field is obeyed by the very next call.

use crate::{Language, Pin};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomSettings {
    /// The language of the voices.
    pub language: Language,
    /// What a caller must type; `None`: nothing.
    pub pin: Option<Pin>,
    /// What a member types who speaks the announcement by telephone; `None`: nobody may. Never the same as `pin`.
    pub control_pin: Option<Pin>,
    /// New members are muted until they or a moderator say otherwise.
    pub enter_muted: bool,
    /// Callers who withhold their number are refused (RFC 5079).
    pub anonymous_rejection: bool,
    /// Members hear a chime when somebody comes or goes.
    pub chimes: bool,
    /// Callers hear the room's announcement, if there is one, before all else.
    pub announce_file: bool,
    /// Conferences are recorded, from their second member on; everybody is told so.
    pub recording: bool,
}

impl RoomSettings {
    /// Whoever is let in is not thereby let do what a moderator may.
    pub fn pins_differ(&self) -> bool {
        self.pin.is_none() || self.pin != self.control_pin
    }
}

/// Those of a new number.
impl Default for RoomSettings {
    fn default() -> Self {
        RoomSettings {
            language: Language::default(),
            pin: None,
            control_pin: None,
            enter_muted: false,
            anonymous_rejection: false,
            chimes: true,
            announce_file: false,
            recording: false,
        }
    }
}
