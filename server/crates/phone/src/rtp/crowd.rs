//! The media of thousands of calls in one thread, at the least that each costs: one packet sent, one look for what came.
//!
//! Nobody waits for datagrams: the kernel notes when they came, and each call looks for its own when it sends. The
//! calls are spread over the milliseconds of a frame, and the thread sleeps from one to the next.

use super::media::Media;
use super::rtcp::REPORT_BYTES;
use super::send::PACKET_BYTES;
use super::sockets::{Batch, Sockets};
use super::thread::{Command, Inbox, SharedMedia, lock};
use crate::codec::{FRAMES_PER_SECOND, PTIME_MS};
use std::collections::HashSet;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Milliseconds of a frame: a slot of calls for each.
const SLOTS: usize = PTIME_MS as usize;
const SLOT: Duration = Duration::from_millis(1);
const ROUND: Duration = Duration::from_millis(PTIME_MS);
/// Turns between two looks for the other side's reports: a second.
const REPORT_TURNS: u32 = FRAMES_PER_SECOND;
/// Who is further behind leaves rounds out; each call then leaves out its frames.
const GIVE_UP: Duration = Duration::from_millis(100);

struct Leg {
    id: u64,
    sockets: Sockets,
    /// Whom the RTP socket is connected to: sending is cheaper so, and strangers are kept out.
    connected: Option<SocketAddr>,
    media: SharedMedia,
    turns: u32,
}

/// What the thread itself owns.
pub(super) struct Crowd {
    inbox: Arc<Inbox>,
    slots: [Vec<Leg>; SLOTS],
    /// The slot whose turn is next, and when.
    next: usize,
    turn: Instant,
    batch: Box<Batch>,
    packet: [u8; PACKET_BYTES],
}

impl Crowd {
    pub(super) fn new(inbox: Arc<Inbox>) -> Crowd {
        let slots = std::array::from_fn(|_| Vec::new());
        Crowd { inbox, slots, next: 0, turn: Instant::now(), batch: Batch::new(), packet: [0; PACKET_BYTES] }
    }

    pub(super) fn run(mut self) {
        while self.commands() {
            let now = Instant::now();
            let behind = now.saturating_duration_since(self.turn);
            if behind > GIVE_UP {
                self.turn += ROUND * (behind.as_millis() / ROUND.as_millis()) as u32;
            }
            std::thread::sleep(self.turn.saturating_duration_since(now));
            for leg in &mut self.slots[self.next] {
                leg.turn(self.turn, &mut self.batch, &mut self.packet);
            }
            self.next = (self.next + 1) % SLOTS;
            self.turn += SLOT;
        }
    }

    /// Returns false when the thread is to end.
    fn commands(&mut self) -> bool {
        let mut removed = HashSet::new();
        for command in self.inbox.take() {
            match command {
                Command::Add(id, sockets, media) => {
                    self.add(Leg { id, sockets, connected: None, media, turns: 0 })
                }
                Command::ChangeSockets(id, sockets) => {
                    let legs = self.slots.iter_mut().flatten();
                    if let Some(leg) = legs.into_iter().find(|leg| leg.id == id) {
                        (leg.sockets, leg.connected) = (sockets, None);
                        leg.note_arrivals();
                    }
                }
                Command::Remove(id) => drop(removed.insert(id)),
                Command::Stop => return false,
            }
        }
        if !removed.is_empty() {
            self.slots.iter_mut().for_each(|legs| legs.retain(|leg| !removed.contains(&leg.id)));
        }
        true
    }

    /// Into the emptiest slot, so that no burst builds up.
    fn add(&mut self, leg: Leg) {
        leg.note_arrivals();
        let slot = (0..SLOTS).min_by_key(|slot| self.slots[*slot].len()).unwrap_or(0);
        let turns_until = (slot + SLOTS - self.next) % SLOTS;
        lock(&leg.media).start(self.turn + SLOT * turns_until as u32);
        self.slots[slot].push(leg);
    }
}

impl Leg {
    fn note_arrivals(&self) {
        if let Err(error) = self.sockets.note_arrivals() {
            tracing::warn!(%error, "arrivals are known to 20 ms only");
        }
    }

    /// `turn`: when it was due.
    fn turn(&mut self, turn: Instant, batch: &mut Batch, packet: &mut [u8; PACKET_BYTES]) {
        let Leg { sockets, connected, media, .. } = self;
        let mut media = lock(media);
        batch.read(&sockets.rtp, |at, datagram| media.receive(at, datagram));
        // One, unless this thread was away.
        while media.deadline() <= turn {
            let now = Instant::now();
            if let Some((length, remote)) = media.tick(now, packet) {
                send(&sockets.rtp, connected, &packet[..length], remote);
            }
        }
        self.turns = self.turns.wrapping_add(1);
        if let Some(rtcp) = &sockets.rtcp {
            if self.turns.is_multiple_of(REPORT_TURNS) {
                batch.read(rtcp, |at, datagram| media.receive_report(at, datagram));
            }
            if media.is_report_due(turn) {
                report(rtcp, &mut media);
            }
        }
    }
}

fn send(socket: &UdpSocket, connected: &mut Option<SocketAddr>, packet: &[u8], remote: SocketAddr) {
    if *connected != Some(remote) {
        *connected = socket.connect(remote).is_ok().then_some(remote);
    }
    // A full socket buffer or an unreachable network loses packets; so do networks.
    let _ = match connected {
        Some(_) => socket.send(packet),
        None => socket.send_to(packet, remote),
    };
}

fn report(rtcp: &UdpSocket, media: &mut Media) {
    let mut datagram = [0; REPORT_BYTES];
    if let Some((length, remote)) = media.report(Instant::now(), &mut datagram) {
        let _ = rtcp.send_to(&datagram[..length], remote);
    }
}
