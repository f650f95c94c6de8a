//! May this INVITE in, and to which room? Everything that refuses a call before it is answered stands here.

use super::Switchboard;
use super::pin_guard::PinAccess;
use engine::{EndReason, Micros};
use model::{PhoneNumber, limits};
use store::{Room, StoreError};

/// A call that is not turned away at once.
pub(super) struct Admitted {
    pub(super) room: Room,
    /// Nobody may come in now: the caller is told why, by voice where that can be, and the call is refused.
    pub(super) refusal: Option<EndReason>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("no such number")]
    UnknownNumber,
    #[error("the server is full")]
    ServerFull,
    #[error("too many wrong PINs from this number")]
    WrongPins { retry_after_s: u64 },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How long the caller has to wait before its PIN counts. `caller` is its number, empty if withheld.
pub(super) fn pin_delay(board: &Switchboard, room: &Room, caller: &str) -> Result<Micros, Refused> {
    if room.settings.pin.is_none() {
        return Ok(Micros(0));
    }
    match board.pins.access(board.live.now_ms(), room.id, caller) {
        PinAccess::After { ms } => Ok(Micros::from_ms(ms)),
        PinAccess::Refused { retry_after_s } => Err(Refused::WrongPins { retry_after_s }),
    }
}

/// `number` is what was dialled, in digits.
pub(super) async fn admit(board: &Switchboard, number: &str) -> Result<Admitted, Refused> {
    let number: PhoneNumber = number.parse().map_err(|_| Refused::UnknownNumber)?;
    let room = board.store.dial(&number).await?.ok_or(Refused::UnknownNumber)?;
    if board.calls.count() >= limits::LEGS {
        return Err(Refused::ServerFull);
    }
    let full = board.media.legs(room.id) >= limits::LEGS_PER_ROOM;
    let refusal =
        if board.live.is_locked(room.id) { Some(EndReason::Locked) } else { full.then_some(EndReason::Full) };
    Ok(Admitted { room, refusal })
}
