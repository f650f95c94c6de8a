//! What the engine tells the server.

use crate::leg_key::LegKey;
use model::{Change, MemberId, RecordingEnd, RecordingId, RoomId};

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
    /// Nothing is left of a room here: no leg, and nothing more to tell. `closed` legs were in it since it came into being.
    RoomOver { room: RoomId, closed: usize },
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
