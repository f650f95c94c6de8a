//! Everything between a caller's telephone and the engine: signalling, admission, media threads.

mod addresses;
mod admission;
mod calls;
mod dictation;
pub(crate) mod media;
mod pin_guard;
mod sdp;
mod sip;
pub(crate) mod trunk;

pub(crate) use pin_guard::PinGuard;
pub(crate) use sdp::SrtpPolicy;

use crate::announcement::Announcements;
use crate::ledger::{Chronicle, Ledger};
use crate::live::LiveHub;
use crate::prompts::PromptLibrary;
use crate::recorder::Recorder;
pub(crate) use addresses::{Addresses, TlsFiles, Transport};
use calls::Calls;
use dictation::Dictations;
use engine::Event;
use media::{MediaPool, Ports};
#[cfg(any(fuzzing, test))]
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use store::Store;
use tokio::sync::mpsc;
use trunk::Trunks;

/// What every call needs; one for the server.
pub(crate) struct Switchboard {
    parts: Parts,
    pub(crate) door: Arc<sip::Door>,
    calls: Calls,
    dictations: Dictations,
    next_member: AtomicU64,
}

/// What a switchboard is put together from.
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) live: Arc<LiveHub>,
    pub(crate) media: Arc<MediaPool>,
    pub(crate) ports: Ports,
    pub(crate) prompts: PromptLibrary,
    pub(crate) announcements: Arc<Announcements>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) ledger: Ledger,
    pub(crate) addresses: Addresses,
    pub(crate) srtp: SrtpPolicy,
    pub(crate) pins: Arc<PinGuard>,
    pub(crate) trunks: Arc<Trunks>,
}

impl Switchboard {
    pub(crate) fn new(parts: Parts) -> Switchboard {
        let trunks = Arc::clone(&parts.trunks);
        let door = Arc::new(sip::Door::new(Box::new(move |ip| trunks.is_trunk(ip))));
        let (calls, dictations) = (Calls::default(), Dictations::default());
        Switchboard { parts, door, calls, dictations, next_member: AtomicU64::new(1) }
    }
}

impl std::ops::Deref for Switchboard {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

/// The running telephony; [`Telephony::shut_down`] ends all calls.
pub(crate) struct Telephony {
    switchboard: Arc<Switchboard>,
    sip: sip::Endpoint,
}

impl Telephony {
    /// Binds SIP and starts to take calls. `events` are those of the media threads.
    pub(crate) async fn start(
        switchboard: Switchboard,
        events: mpsc::Receiver<Event>,
    ) -> Result<Telephony, sip::StartError> {
        let switchboard = Arc::new(switchboard);
        tokio::spawn(pass_on(Arc::clone(&switchboard), events));
        let sip = sip::Endpoint::start(Arc::clone(&switchboard)).await?;
        Ok(Telephony { switchboard, sip })
    }

    /// Sends BYE to every call and waits for the answers, but not for a phone that is gone.
    pub(crate) async fn shut_down(self) {
        self.switchboard.calls.hang_up_all().await;
        self.sip.stop().await;
        self.switchboard.media.stop();
    }
}

/// Brings the engine's events to the live state and to the calls.
async fn pass_on(switchboard: Arc<Switchboard>, mut events: mpsc::Receiver<Event>) {
    let mut chronicle = Chronicle::new(switchboard.ledger.clone());
    while let Some(event) = events.recv().await {
        match event {
            Event::Live { room, changes } => {
                chronicle.note(room, &changes, switchboard.live.now_ms()).await;
                switchboard.live.apply(room, changes);
            }
            Event::RecordingEnded { recording, ticks, end, .. } => {
                switchboard.recorder.ended(recording, ticks, end);
            }
            Event::LegEnded { member, reason, .. } => switchboard.calls.hang_up(member, reason),
            Event::WrongPin { room, caller } => {
                tracing::info!(%caller, "wrong PIN");
                switchboard.pins.wrong(switchboard.live.now_ms(), room, &caller);
            }
            Event::Dictation { room, member, step } => dictation::follow(&switchboard, room, member, step),
            Event::RoomOver { room, closed } => switchboard.media.room_over(room, closed),
        }
    }
}

/// Can these files be shown to those who call by TLS?
///
/// # Errors
/// What is wrong with them, in words for the operator.
pub(crate) fn check_certificate(
    files: &TlsFiles,
) -> Result<(), impl std::error::Error + Send + Sync + 'static> {
    sip::Certificate::load(files).map(drop)
}

/// Reads a datagram as an incoming call's would be read.
#[cfg(any(fuzzing, test))]
pub(crate) fn fuzz_signalling(bytes: &[u8]) {
    sip::fuzz(bytes);
    fuzz_offer(bytes);
}

/// Reads an offer, and answers it if it can be taken.
#[cfg(any(fuzzing, test))]
pub(crate) fn fuzz_offer(bytes: &[u8]) {
    let Ok(offer) = sdp::Offer::parse(bytes, SrtpPolicy::Allowed) else { return };
    let wiring = offer.wiring(None, &mut rand::rng());
    let answer = offer.answer(SocketAddr::from(([127, 0, 0, 1], 20_000)), 1, 1, &wiring);
    assert!(sdp_types::Session::parse(answer.as_bytes()).is_ok(), "an answer that nobody can read");
    let media = offer.media();
    assert!(media.payload_type < 128 && (10..=60).contains(&media.ptime_ms));
}
