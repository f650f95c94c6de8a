//! The legs' sockets: who has which, and how they are read.
//!
//! Sound is read just before the tick that needs it, one datagram a leg, instead of waking for each packet: a packet waits
//! for its tick in any case, and waking costs more than reading. When it came the kernel has noted; asking for that costs
//! too, so a leg's times are looked at for a second in ten, which is enough to know its jitter.

use super::PortPair;
use super::link::Link;
use super::srtp::Srtp;
use crate::telephony::sdp::Wiring;
use bytes::BytesMut;
use engine::{Arrival, Channel, Engine, Expect, LegKey, Micros, PHASES, TICK};
use model::limits;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt::ReceiveTimestampns,
};
use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Reads of one leg in a tick, so that a flood on one cannot starve the others.
const READS_MAX: usize = 16;
/// Every so many ticks a leg is read until nothing is left: what came early enough to be two at once must not stay behind
/// for good.
const DRAINED_EVERY_TICKS: usize = 8;
/// A connected leg's times are looked at in one of so many stretches of time,
const STRETCHES: usize = 10;
/// which last so many ticks: a second.
const STRETCH_TICKS: usize = 50;

/// By the slot of the leg's key.
#[derive(Default)]
pub(super) struct LegSockets {
    sockets: Vec<Option<LegSocket>>,
    /// The slots of the legs that tick together.
    phases: [Vec<usize>; PHASES],
    /// Ticks of each phase.
    ticks: [usize; PHASES],
}

pub(super) struct LegSocket {
    pub(super) key: LegKey,
    pub(super) ports: PortPair,
    wire: Wire,
    /// Nothing had come for the last tick, so two may have come for this one.
    missed: bool,
    link: Link,
}

/// How the leg's packets travel.
struct Wire {
    srtp: Option<Box<Srtp>>,
    /// Reports go by the port of the sound (RFC 5761).
    rtcp_mux: bool,
}

impl Wire {
    fn new(before: Option<Box<Srtp>>, wiring: Wiring) -> Wire {
        let srtp = wiring.keys.map(|keys| Box::new(Srtp::renewed(before.map(|srtp| *srtp), keys)));
        Wire { srtp, rtcp_mux: wiring.rtcp_mux }
    }

    /// What came by the port of the sound: reports have types that no sound has (RFC 5761 section 4).
    fn channel(&self, datagram: &[u8]) -> Channel {
        match datagram.get(1) {
            Some(192..=223) if self.rtcp_mux => Channel::Rtcp,
            _ => Channel::Rtp,
        }
    }
}

impl LegSocket {
    /// Sends a datagram of the engine, encrypted if that was agreed upon. A full buffer or an unreachable phone loses it, as
    /// the network would.
    pub(super) fn send(&mut self, channel: Channel, to: SocketAddr, datagram: &[u8]) {
        let sealed;
        let datagram = match &mut self.wire.srtp {
            None => datagram,
            Some(srtp) => {
                let Some(done) = srtp.seal(channel, datagram) else { return };
                sealed = done;
                &sealed[..]
            }
        };
        let _ = match channel {
            Channel::Rtcp if !self.wire.rtcp_mux => self.ports.rtcp.send_to(datagram, to),
            Channel::Rtp | Channel::Rtcp => self.link.send(&self.ports.rtp, to, datagram),
        };
    }

    /// The leg has agreed upon something else, and may have to be heard from another source.
    pub(super) fn rewire(&mut self, wiring: Wiring) {
        self.link.open(&self.ports.rtp);
        self.wire = Wire::new(self.wire.srtp.take(), wiring);
    }

    /// Datagrams that were encrypted by nobody whom we know.
    pub(super) fn refused(&self) -> u64 {
        self.wire.srtp.as_ref().map_or(0, |srtp| srtp.refused)
    }
}

/// A datagram as the engine takes it.
pub(super) enum Plain<'a> {
    AsItCame(&'a [u8]),
    Opened(BytesMut),
}

impl std::ops::Deref for Plain<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Plain::AsItCame(datagram) => datagram,
            Plain::Opened(datagram) => datagram,
        }
    }
}

/// `None`: it is not to be believed.
fn open<'a>(wire: &mut Wire, channel: Channel, datagram: &'a [u8]) -> Option<Plain<'a>> {
    match &mut wire.srtp {
        None => Some(Plain::AsItCame(datagram)),
        Some(srtp) => srtp.open(channel, datagram).map(Plain::Opened),
    }
}

/// What is read into; one for a thread.
pub(super) struct Inbox {
    /// One byte more than is taken, so that a longer datagram is seen to be too long.
    datagram: Vec<u8>,
    control: Vec<u8>,
}

impl Inbox {
    pub(super) fn new() -> Inbox {
        Inbox {
            datagram: vec![0; limits::RTP_BYTES + 1],
            control: nix::cmsg_space!(nix::sys::time::TimeSpec),
        }
    }

    /// The next datagram, from the source that the socket is connected to. `None`: there is none. A longer one than is
    /// allowed comes out empty. An ICMP error of an earlier send comes out here too, and means nothing to us.
    fn read_connected(&mut self, socket: &UdpSocket) -> Option<&[u8]> {
        let bytes = socket.recv(&mut self.datagram).ok()?;
        if bytes > limits::RTP_BYTES { Some(&[]) } else { self.datagram.get(..bytes) }
    }

    /// The same, with where it came from, and when, in Unix time.
    fn read(&mut self, socket: &UdpSocket) -> Option<(&[u8], SocketAddr, Option<Duration>)> {
        let mut parts = [IoSliceMut::new(&mut self.datagram)];
        let flags = MsgFlags::MSG_DONTWAIT;
        let message =
            recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(&mut self.control), flags)
                .ok()?;
        let from = address(message.address.as_ref()?)?;
        let stamp = message.cmsgs().ok().and_then(|mut messages| {
            messages.find_map(|message| match message {
                ControlMessageOwned::ScmTimestampns(at) => Some(Duration::from(at)),
                _ => None,
            })
        });
        let bytes = message.bytes;
        let datagram = if bytes > limits::RTP_BYTES { &[] } else { self.datagram.get(..bytes)? };
        Some((datagram, from, stamp))
    }
}

fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage.as_sockaddr_in().map(|v4| SocketAddr::V4((*v4).into()));
    v4.or_else(|| storage.as_sockaddr_in6().map(|v6| SocketAddr::V6((*v6).into())))
}

impl LegSockets {
    pub(super) fn get_mut(&mut self, slot: usize) -> Option<&mut LegSocket> {
        self.sockets.get_mut(slot)?.as_mut()
    }

    /// # Errors
    /// Where the system does not note when packets come; they are then taken to come at their tick.
    pub(super) fn insert(
        &mut self,
        phase: usize,
        key: LegKey,
        ports: PortPair,
        wiring: Wiring,
    ) -> io::Result<()> {
        let slot = key.index();
        if self.sockets.len() <= slot {
            self.sockets.resize_with(slot + 1, || None);
        }
        let noted = setsockopt(&ports.rtp, ReceiveTimestampns, &true);
        let wire = Wire::new(None, wiring);
        self.sockets[slot] = Some(LegSocket { key, ports, wire, missed: true, link: Link::new() });
        self.phases[phase].push(slot);
        noted.map_err(io::Error::from)
    }

    pub(super) fn remove(&mut self, key: LegKey) -> Option<LegSocket> {
        let slot = key.index();
        for slots in &mut self.phases {
            if let Some(place) = slots.iter().position(|other| *other == slot) {
                slots.swap_remove(place);
            }
        }
        self.sockets.get_mut(slot)?.take()
    }

    /// Reads what has come for the legs of the phase that ticks next, and hands it to the engine.
    pub(super) fn read_phase(&mut self, engine: &mut Engine, now: Micros, inbox: &mut Inbox) {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let phase = engine.next_phase();
        let tick = self.ticks[phase];
        self.ticks[phase] = tick.wrapping_add(1);
        for &slot in &self.phases[phase] {
            let Some(Some(leg)) = self.sockets.get_mut(slot) else { continue };
            let reading = Reading {
                now,
                wall,
                drain: leg.missed || (tick + slot).is_multiple_of(DRAINED_EVERY_TICKS),
                times: (tick / STRETCH_TICKS + slot).is_multiple_of(STRETCHES),
            };
            let fed = reading.read(leg, engine, inbox);
            leg.missed = !fed;
            let key = leg.key;
            leg.link.follow(&leg.ports.rtp, fed, || engine.source(now, key));
        }
    }

    /// Reads one datagram of a leg's reports.
    pub(super) fn read_report<'a>(
        &mut self,
        slot: usize,
        inbox: &'a mut Inbox,
    ) -> Option<(LegKey, SocketAddr, Plain<'a>)> {
        let leg = self.get_mut(slot)?;
        let (datagram, from, _) = inbox.read(leg.ports.socket(Channel::Rtcp))?;
        Some((leg.key, from, open(&mut leg.wire, Channel::Rtcp, datagram)?))
    }
}

/// How a leg's socket is read at a tick.
struct Reading {
    now: Micros,
    /// The system's time as of `now`, since 1970.
    wall: Duration,
    /// Until nothing is left.
    drain: bool,
    /// With the times of the packets, also where they cost.
    times: bool,
}

impl Reading {
    /// Whether anything was there.
    fn read(&self, leg: &mut LegSocket, engine: &mut Engine, inbox: &mut Inbox) -> bool {
        let drain = self.drain || leg.link.is_draining();
        for read in 0..READS_MAX {
            let Some(expect) = self.read_one(leg, engine, inbox) else { return read > 0 };
            if expect == Expect::Nothing && !drain {
                return true;
            }
        }
        true
    }

    fn read_one(&self, leg: &mut LegSocket, engine: &mut Engine, inbox: &mut Inbox) -> Option<Expect> {
        let (datagram, from, arrival) = match leg.link.source() {
            Some(source) if !self.times => {
                (inbox.read_connected(&leg.ports.rtp)?, source, Arrival::Before(self.now))
            }
            _ => {
                let (datagram, from, stamp) = inbox.read(&leg.ports.rtp)?;
                (datagram, from, Arrival::At(came(self.now, self.wall, stamp)))
            }
        };
        let channel = leg.wire.channel(datagram);
        let Some(plain) = open(&mut leg.wire, channel, datagram) else { return Some(Expect::More) };
        Some(engine.handle_packet(arrival, leg.key, channel, from, &plain))
    }
}

/// When a datagram came that the kernel stamped: within the last tick. (The system's clock may step; ours does not.)
fn came(now: Micros, wall: Duration, stamp: Option<Duration>) -> Micros {
    let age = stamp.and_then(|stamp| wall.checked_sub(stamp)).unwrap_or_default();
    Micros(now.0.saturating_sub((age.as_micros() as u64).min(TICK.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_believed_within_the_last_tick() {
        let (now, wall) = (Micros::from_ms(1_000), Duration::from_secs(5_000));
        let stamp = |ms| Some(wall - Duration::from_millis(ms));
        assert_eq!(came(now, wall, stamp(7)), Micros::from_ms(993));
        assert_eq!(came(now, wall, stamp(7_000)), Micros::from_ms(980));
        assert_eq!(came(now, wall, Some(wall + Duration::from_secs(1))), now);
        assert_eq!(came(now, wall, None), now);
    }

    #[test]
    fn a_datagram_is_read_with_its_source_and_its_time() {
        let [ours, theirs] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        setsockopt(&ours, ReceiveTimestampns, &true).unwrap();
        let mut inbox = Inbox::new();
        assert!(inbox.read(&ours).is_none());
        theirs.send_to(b"hello", ours.local_addr().unwrap()).unwrap();
        let (datagram, from, stamp) = inbox.read(&ours).unwrap();
        assert_eq!((datagram, from), (&b"hello"[..], theirs.local_addr().unwrap()));
        assert!(stamp.is_some());
        theirs.send_to(&[7; limits::RTP_BYTES + 1], ours.local_addr().unwrap()).unwrap();
        assert_eq!(inbox.read(&ours).unwrap().0, b"");
    }
}
