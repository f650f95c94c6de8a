//! May this INVITE in, and to which room? Everything that refuses a call before it is answered stands here.

use super::Switchboard;
use super::pin_guard::PinAccess;
use super::sdp::{Offer, OfferError};
use engine::Micros;
use model::{PhoneNumber, limits};
use store::{Room, StoreError};

/// A call that may be answered.
pub(super) struct Admitted {
    pub(super) room: Room,
    pub(super) offer: Offer,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("no such number")]
    UnknownNumber,
    #[error("the room is locked")]
    Locked,
    #[error("the room is full")]
    Full,
    #[error("the server is full")]
    ServerFull,
    #[error("too many wrong PINs from this number")]
    WrongPins { retry_after_s: u64 },
    #[error(transparent)]
    Offer(#[from] OfferError),
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

/// `user` is the user part of the Request-URI, `body` that of the INVITE.
pub(super) async fn admit(board: &Switchboard, user: &str, body: &[u8]) -> Result<Admitted, Refused> {
    // What follows a semicolon are the number's parameters (RFC 3966 section 3), not its digits.
    let digits = user.split(';').next().unwrap_or_default();
    let number: PhoneNumber = digits.parse().map_err(|_| Refused::UnknownNumber)?;
    let room = board.store.dial(&number).await?.ok_or(Refused::UnknownNumber)?;
    let offer = Offer::parse(body, board.srtp)?;
    if board.live.is_locked(room.id) {
        return Err(Refused::Locked);
    }
    if board.media.legs(room.id) >= limits::LEGS_PER_ROOM {
        return Err(Refused::Full);
    }
    if board.calls.count() >= limits::LEGS {
        return Err(Refused::ServerFull);
    }
    Ok(Admitted { room, offer })
}
