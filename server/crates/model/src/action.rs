//! What a moderator may do to a live conference, and why it may be refused.

use crate::{Energy, MemberId};
use serde::{Deserialize, Serialize};

/// A moderator's wish. It is done when the snapshot shows it, not before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "action", content = "member")]
pub enum Action {
    /// No new member gets in.
    Lock,
    Unlock,
    /// Nobody hears the member.
    Mute(MemberId),
    Unmute(MemberId),
    /// The member hears nobody.
    Deafen(MemberId),
    Undeafen(MemberId),
    /// How loud the member must be to be heard.
    Energy {
        member: MemberId,
        energy: Energy,
    },
    /// The member's call is ended.
    Expel(MemberId),
}

impl Action {
    pub fn member(self) -> Option<MemberId> {
        match self {
            Action::Lock | Action::Unlock => None,
            Action::Mute(id)
            | Action::Unmute(id)
            | Action::Deafen(id)
            | Action::Undeafen(id)
            | Action::Energy { member: id, .. }
            | Action::Expel(id) => Some(id),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Refusal {
    #[error("nobody is in this conference")]
    NoConference,
    #[error("this member has left")]
    NoMember,
    #[error("the server is too busy, try again")]
    Busy,
}
