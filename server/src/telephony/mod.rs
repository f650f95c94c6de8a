//! Everything between a caller's telephone and the engine: signalling, admission, media threads.

mod admission;
mod calls;
pub(crate) mod media;
mod pin_guard;
mod sdp;
mod sip;

pub(crate) use pin_guard::PinGuard;
pub(crate) use sdp::SrtpPolicy;

use crate::live::LiveHub;
use crate::prompts::PromptLibrary;
use calls::Calls;
use engine::Event;
use media::{MediaPool, Ports};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use store::Store;
use tokio::sync::mpsc;

/// What every call needs; one for the server.
pub(crate) struct Switchboard {
    parts: Parts,
    calls: Calls,
    next_member: AtomicU64,
}

/// What a switchboard is put together from.
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) live: Arc<LiveHub>,
    pub(crate) media: Arc<MediaPool>,
    pub(crate) ports: Ports,
    pub(crate) prompts: PromptLibrary,
    pub(crate) addresses: Addresses,
    pub(crate) srtp: SrtpPolicy,
    pub(crate) pins: Arc<PinGuard>,
}

impl Switchboard {
    pub(crate) fn new(parts: Parts) -> Switchboard {
        Switchboard { parts, calls: Calls::default(), next_member: AtomicU64::new(1) }
    }
}

impl std::ops::Deref for Switchboard {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

/// The addresses that we tell to phones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    /// Where SIP is bound; may be the unspecified address.
    pub(crate) sip: SocketAddr,
    /// The address in front of a NAT, for all but loopback peers.
    pub(crate) public: Option<IpAddr>,
}

impl Addresses {
    /// The address of ours that a peer can reach.
    fn towards(&self, peer: IpAddr) -> io::Result<IpAddr> {
        if let Some(public) = self.public.filter(|_| !peer.is_loopback()) {
            return Ok(public);
        }
        if !self.sip.ip().is_unspecified() {
            return Ok(self.sip.ip());
        }
        // Connecting a UDP socket sends nothing; it asks the system's routes.
        let any: IpAddr = if peer.is_ipv4() { [0, 0, 0, 0].into() } else { [0_u16; 8].into() };
        let probe = UdpSocket::bind((any, 0))?;
        probe.connect((peer, 9))?;
        Ok(probe.local_addr()?.ip())
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
        self.sip.stop();
        self.switchboard.media.stop();
    }
}

/// Brings the engine's events to the live state and to the calls.
async fn pass_on(switchboard: Arc<Switchboard>, mut events: mpsc::Receiver<Event>) {
    while let Some(event) = events.recv().await {
        match event {
            Event::Live { room, changes } => switchboard.live.apply(room, changes),
            Event::LegEnded { member, reason, .. } => switchboard.calls.hang_up(member, reason),
            Event::WrongPin { room, caller } => {
                tracing::info!(%caller, "wrong PIN");
                switchboard.pins.wrong(switchboard.live.now_ms(), room, &caller);
            }
            Event::RoomOver { room, closed } => switchboard.media.room_over(room, closed),
        }
    }
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
