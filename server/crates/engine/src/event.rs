//! What the engine tells the server.

use crate::leg_key::LegKey;
use model::{Change, MemberId, Pin, RecordingEnd, RecordingId, RoomId};
use std::fmt;

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A room's live state changed. In order, these lead from an empty room to the engine's own state; the server
    /// gives them their revision.
    Live { room: RoomId, changes: Vec<Change> },
    /// The engine is done with a leg: it has left its conference, what was to be said is said, and nothing more is sent
    /// to it. The server sends BYE and calls [`Engine::close_leg`](crate::Engine::close_leg). Once per leg at most.
    LegEnded { leg: LegKey, member: MemberId, room: RoomId, reason: EndReason },
    /// A caller has typed a wrong PIN; `caller` is its number, empty if withheld. A few for each leg at most.
    WrongPin { room: RoomId, caller: String },
    /// A recording is over: nothing of it comes after the sound of the last tick. `ticks` of 20 ms is how long it is.
    RecordingEnded { room: RoomId, recording: RecordingId, ticks: u64, end: RecordingEnd },
    /// A member speaks its room's announcement, and the server has its part to do. Its answer goes to
    /// [`Engine::answer_dictation`](crate::Engine::answer_dictation). A few for each leg at most.
    Dictation { room: RoomId, member: MemberId, step: DictationStep },
    /// Nothing is left of a room here: no leg, and nothing more to tell. `closed` legs were in it since it came into being.
    RoomOver { room: RoomId, closed: usize },
}

/// What a member does who speaks its room's announcement.
#[derive(Clone, PartialEq)]
pub enum DictationStep {
    /// It has typed this control PIN, which is right. A tape is needed:
    /// [`DictationAnswer::Tape`](crate::DictationAnswer::Tape).
    Begun { pin: Pin },
    /// All is said, in samples of 16 kHz. [`DictationAnswer::Sound`](crate::DictationAnswer::Sound) gives the tape back.
    Spoken { tape: Vec<i16> },
    /// It is to be the room's announcement: [`DictationAnswer::Saved`](crate::DictationAnswer::Saved).
    Kept,
    /// It is in the conference again: what was not kept is not needed any more. Of a leg that has ended, nothing is said.
    Over,
}

/// Without the samples.
impl fmt::Debug for DictationStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DictationStep::Begun { .. } => f.write_str("Begun"),
            DictationStep::Spoken { tape } => write!(f, "Spoken({})", tape.len()),
            DictationStep::Kept => f.write_str("Kept"),
            DictationStep::Over => f.write_str("Over"),
        }
    }
}

/// Why the engine ended a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// `##`
    LeftByKey,
    Expelled,
    /// The last try was wrong.
    PinRefused,
    Locked,
    Full,
    /// Not one digit came while the PIN was asked for.
    NoInput,
    /// Nothing came from the phone for 30 s, though it was agreed to send.
    NoSound,
}
