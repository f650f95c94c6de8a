//! The call's leg in the engine: what it needs before there is one, and whether there is.

use super::Call;
use super::session::Session;
use crate::telephony::admission::Admitted;
use crate::telephony::media::{Busy, PortPair};
use crate::telephony::sdp::Offer;
use crate::telephony::sip::door::CallGuard;
use crate::telephony::sip::listen::Peer;
use crate::telephony::{SrtpPolicy, Switchboard, Transport};
use engine::{Caller, Menu, OpenLeg};
use model::{ConferenceId, MemberId};
use rsipstack::sip::{HostWithPort, Param, Request, Uri};
use rsipstack::transaction::transaction::Transaction;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;
use uuid::Uuid;

/// What a call has before it is answered.
pub(super) struct Opened {
    pub(super) member: MemberId,
    /// Our address as the caller's phone reaches it.
    local_ip: IpAddr,
    pub(super) contact: Uri,
    pub(super) ports: PortPair,
    /// Until the call is over.
    pub(super) counted: CallGuard,
}

impl Opened {
    pub(super) fn new(board: &Switchboard, transaction: &Transaction) -> std::io::Result<Opened> {
        let peer = Peer::of(transaction).ok_or(std::io::ErrorKind::AddrNotAvailable)?;
        let address = board.addresses.contact(peer.address.ip(), peer.transport)?;
        let ports = board.ports.take(address.ip())?;
        let member = MemberId(board.next_member.fetch_add(1, Ordering::Relaxed));
        let contact = contact(&transaction.original, address, peer.transport);
        let counted = board.door.call(peer.address.ip());
        Ok(Opened { member, local_ip: address.ip(), contact, ports, counted })
    }

    pub(super) fn session(&self, offer: Option<Offer>, cseq: u32, srtp: SrtpPolicy) -> Session {
        let local = SocketAddr::new(self.local_ip, self.ports.rtp_port);
        let id = rand::random::<u32>().into();
        match offer {
            Some(offer) => Session::offered(local, id, offer, srtp),
            None => Session::offering(local, id, cseq, srtp),
        }
    }
}

/// Nobody on the way has read what it says.
pub(super) fn came_by_tls(transaction: &Transaction) -> bool {
    Peer::of(transaction).is_some_and(|peer| peer.transport == Transport::Tls)
}

/// Where the caller's phone is to send what follows.
fn contact(invite: &Request, address: SocketAddr, transport: Transport) -> Uri {
    let transport = match transport {
        Transport::Udp => None,
        Transport::Tcp => Some(rsipstack::sip::Transport::Tcp),
        Transport::Tls => Some(rsipstack::sip::Transport::Tls),
    };
    Uri {
        auth: invite.uri.auth.clone(),
        params: transport.map(Param::Transport).into_iter().collect(),
        ..Uri::from(HostWithPort::from(address))
    }
}

/// Where a call's leg is. It opens once it is known what the sound is to be.
pub(super) enum Leg {
    Waiting(Box<Waiting>),
    Open,
    /// The media threads had no time for it.
    Refused,
}

pub(super) struct Waiting {
    ports: PortPair,
    caller: Caller,
    menu: Menu,
}

impl Leg {
    pub(super) fn new(board: &Switchboard, ports: PortPair, admitted: &Admitted) -> Leg {
        let settings = &admitted.room.settings;
        let menu = Menu {
            prompts: board.prompts.language(settings.language),
            announcement: admitted.announcement.clone(),
            pin: settings.pin.clone(),
            control_pin: admitted.control_pin.clone(),
            pin_delay: admitted.pin_delay,
            enter_muted: settings.enter_muted,
            chimes: settings.chimes,
            recording: admitted.recording,
            refusal: admitted.refusal,
        };
        let caller = admitted.caller.clone();
        Leg::Waiting(Box::new(Waiting { ports, caller, menu }))
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self, Leg::Open)
    }
}

impl Call {
    /// Opens the leg if it is known how, and if it is not open yet.
    pub(super) fn open(&mut self) -> Result<(), Busy> {
        let Some(media) = self.session.agreed().map(Offer::media) else { return Ok(()) };
        let wiring = self.session.wiring().clone();
        match std::mem::replace(&mut self.leg, Leg::Refused) {
            Leg::Waiting(waiting) => {
                let Waiting { ports, caller, menu } = *waiting;
                let conference = ConferenceId(Uuid::now_v7());
                let leg = OpenLeg { member: self.member, room: self.room, conference, caller, media, menu };
                self.board.media.open(leg, ports, wiring)?;
                self.leg = Leg::Open;
                Ok(())
            }
            Leg::Open => {
                self.leg = Leg::Open;
                self.board.media.update(self.room, self.member, media, wiring)
            }
            Leg::Refused => Err(Busy),
        }
    }
}
