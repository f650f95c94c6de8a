//! May this INVITE in, and to which room? Everything that refuses a call before it is answered stands here.

use super::pin_guard::PinAccess;
use super::trunk::{Claims, Entrance, Identity, Turned};
use super::{Switchboard, Transport};
use app::LiveRooms;
use engine::{Announcement, Caller, EndReason, Micros};
use model::{Pin, RecordingId, RoomSettings, limits};
use std::net::SocketAddr;
use std::sync::Arc;
use store::{Room, StoreError};

/// What an INVITE says, free of the types of the SIP stack.
pub(super) struct Ask<'a> {
    pub(super) source: SocketAddr,
    pub(super) transport: Transport,
    /// The number in the Request-URI.
    pub(super) dialled: String,
    /// The numbers in P-Called-Party-ID and To, likeliest first.
    pub(super) called: Vec<String>,
    pub(super) claims: Claims,
    /// The values of Authorization.
    pub(super) credentials: Vec<&'a str>,
    pub(super) method: String,
}

/// A call that is not turned away at once.
pub(super) struct Admitted {
    pub(super) room: Room,
    pub(super) caller: Caller,
    /// Keys of the caller count only after it.
    pub(super) pin_delay: Micros,
    /// With which the caller may speak the announcement; `None`: not in this call.
    pub(super) control_pin: Option<Pin>,
    /// Nobody may come in now: the caller is told why, by voice where that can be, and the call is refused.
    pub(super) refusal: Option<EndReason>,
    /// What the owner has callers hear first of all.
    pub(super) announcement: Option<Arc<Announcement>>,
    /// The conference is recorded under this identity, if the caller makes it one of two or more.
    pub(super) recording: Option<RecordingId>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("calls from there are not taken")]
    Stranger,
    /// Not a refusal yet: values of WWW-Authenticate.
    #[error("a password is asked for")]
    Unauthorized(Vec<String>),
    #[error("no such number")]
    UnknownNumber,
    #[error("the room wants to know who calls")]
    Anonymous,
    #[error("the server is full")]
    ServerFull,
    #[error("too many wrong PINs from this number")]
    WrongPins { retry_after_s: u64 },
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub(super) async fn admit(board: &Switchboard, ask: &Ask<'_>) -> Result<Admitted, Refused> {
    let now = board.live.now();
    let entrance = board.trunks.entrance(ask, now, rand::random()).map_err(|turned| match turned {
        Turned::Away => Refused::Stranger,
        Turned::Asked(challenges) => Refused::Unauthorized(challenges),
    })?;
    tracing::debug!(source = %ask.source, by = %entrance, "a call comes in");
    let admitted = enter(board, &entrance, ask).await;
    board.trunks.count(&entrance, admitted.is_ok(), now);
    admitted
}

/// From here on it is known that the caller may call.
async fn enter(board: &Switchboard, entrance: &Entrance, ask: &Ask<'_>) -> Result<Admitted, Refused> {
    let mut room = None;
    for number in entrance.dialled(ask) {
        room = board.store.dial(&number).await?;
        if room.is_some() {
            break;
        }
    }
    let room = room.ok_or(Refused::UnknownNumber)?;
    let identity = entrance.identify(&ask.claims);
    if room.settings.anonymous_rejection && identity == Identity::Withheld {
        return Err(Refused::Anonymous);
    }
    if board.calls.count() >= limits::LEGS {
        return Err(Refused::ServerFull);
    }
    let caller = identity.caller();
    let (pin_delay, control_pin) =
        pins(&room.settings, || board.pins.access(board.live.now_ms(), room.id, &caller.number))?;
    let full = board.media.legs(room.id) >= board.media.legs_per_room();
    let refusal = refusal(board.live.is_locked(room.id), full);
    let announcement =
        if room.settings.announce_file { board.announcements.sound(room.id).await } else { None };
    let recording = if room.settings.recording { board.recorder.new_recording() } else { None };
    Ok(Admitted { room, caller, pin_delay, control_pin, refusal, announcement, recording })
}

/// Why nobody may come into a room.
fn refusal(locked: bool, full: bool) -> Option<EndReason> {
    match locked {
        true => Some(EndReason::Locked),
        false => full.then_some(EndReason::Full),
    }
}

/// How long the caller has to wait before its PINs count, and the control PIN. Who typed too many wrong ones is kept out of a
/// room that has a PIN, and comes into any other, where it can do no more than others.
fn pins(
    settings: &RoomSettings,
    access: impl FnOnce() -> PinAccess,
) -> Result<(Micros, Option<Pin>), Refused> {
    if settings.pin.is_none() && settings.control_pin.is_none() {
        return Ok((Micros(0), None));
    }
    match access() {
        PinAccess::After { ms } => Ok((Micros::from_ms(ms), settings.control_pin.clone())),
        PinAccess::Refused { retry_after_s } if settings.pin.is_some() => {
            Err(Refused::WrongPins { retry_after_s })
        }
        PinAccess::Refused { .. } => Ok((Micros(0), None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_locked_before_it_is_full() {
        assert_eq!(refusal(false, false), None);
        assert_eq!(refusal(false, true), Some(EndReason::Full));
        assert_eq!(refusal(true, false), Some(EndReason::Locked));
        assert_eq!(refusal(true, true), Some(EndReason::Locked));
    }

    #[test]
    fn wrong_pins_close_what_a_pin_guards_and_nothing_else() {
        let settings = |pin: &str, control: &str| {
            let (pin, control_pin) =
                (Pin::parse_optional(pin).unwrap(), Pin::parse_optional(control).unwrap());
            RoomSettings { pin, control_pin, ..RoomSettings::default() }
        };
        let refused = || PinAccess::Refused { retry_after_s: 60 };
        let waits = || PinAccess::After { ms: 5_000 };
        let control: Option<Pin> = "0815".parse().ok();
        assert_eq!(pins(&settings("", ""), || panic!("there is no PIN")).unwrap(), (Micros(0), None));
        assert_eq!(pins(&settings("", "0815"), waits).unwrap(), (Micros::from_ms(5_000), control.clone()));
        assert_eq!(pins(&settings("1", "0815"), waits).unwrap(), (Micros::from_ms(5_000), control));
        assert_eq!(pins(&settings("", "0815"), refused).unwrap(), (Micros(0), None));
        let out = pins(&settings("1", "0815"), refused);
        assert!(matches!(out, Err(Refused::WrongPins { retry_after_s: 60 })));
    }
}
