//! The jitter buffer: packets in, whenever they come; 20 ms of sound out, at every tick.
//!
//! Sound is played by timestamps, so packets may have any length and senders may pause. On a clean line a packet is
//! played at the first tick after it came. When nothing is there at a tick, sound is made up ([`conceal`]) and counted
//! as *credit*: if the next packet shows that one was lost, the credit fills its place and the delay stays; if the
//! packet was merely late it is played now and the delay has grown by the credit. [`target`] says when there is more
//! delay than needed, and it is cut out of the sound ([`fifo`]).

mod conceal;
mod correlate;
mod fifo;
mod packets;
mod target;
#[cfg(test)]
mod tests;

use crate::codec::Decoder;
use crate::params::Codec;
use crate::time::Frame;
use conceal::Conceal;
use fifo::{CUT_MIN, CUT_SPAN, Fifo};
use packets::{Counted, Counter, PacketQueue, Place};
use target::Target;

/// Most sound that waits: one second.
const SPAN_MAX: i64 = 8_000;
/// Packets in a row behind their turn, or too far ahead of it, after which the sender is taken to have moved its clock.
const STRANGE_MAX: u8 = 10;
/// Ticks between two cuts.
const CUT_PAUSE_TICKS: u8 = 2;
/// Ticks after which delay that is not needed is cut even where it can be heard: 3 s.
const CUT_PATIENCE_TICKS: u8 = 150;
/// Longest insertion at once: 40 ms.
const INSERT_MAX: usize = 320;

/// What came of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    Stored,
    Duplicate,
    /// Its turn was over.
    Late,
    /// A jump in the counters that the next packet has to confirm.
    Doubtful,
    /// Stored; older packets had to go.
    Overflow,
    Empty,
}

/// What a frame is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Popped {
    Sound,
    /// Some of it is made up.
    Concealed,
    /// Nothing is coming.
    Silence,
}

pub(crate) struct JitterBuffer {
    decoder: Decoder,
    counter: Counter,
    queue: PacketQueue,
    /// Decoded, not yet played.
    fifo: Fifo,
    conceal: Conceal,
    target: Target,
    clock: Clock,
    /// The packet that was decoded last.
    decoded: Option<u64>,
    /// Samples to make up before going on, to gain delay or to fall in with the phase.
    insert: usize,
    /// Packets in a row that do not fit.
    strange: u8,
    cut_pause: u8,
    cut_wish: u8,
}

/// Where playing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clock {
    /// The next packet begins it.
    Stopped,
    Running {
        /// Timestamp of the next sample to be decoded.
        next: u64,
        /// Samples made up that no timestamp was counted for.
        credit: u64,
    },
}

/// What is to be played after the decoded samples are used up.
enum Next {
    /// The first packet.
    Packet {
        /// So many of its first samples were made up already.
        skip: usize,
        /// So much was made up that was not missing: it has become delay.
        grown: u64,
    },
    /// So many samples are missing before the first packet.
    Gap(usize),
    Nothing,
}

impl JitterBuffer {
    pub(crate) fn new(codec: Codec) -> Self {
        JitterBuffer {
            decoder: Decoder::new(codec),
            counter: Counter::default(),
            queue: PacketQueue::default(),
            fifo: Fifo::default(),
            conceal: Conceal::new(),
            target: Target::new(),
            clock: Clock::Stopped,
            decoded: None,
            insert: 0,
            strange: 0,
            cut_pause: 0,
            cut_wish: 0,
        }
    }

    /// Another source or codec: all that waits is forgotten, and the new sound blends into what was played last.
    pub(crate) fn restart(&mut self, codec: Codec) {
        self.decoder = Decoder::new(codec);
        self.counter = Counter::default();
        self.resynchronise();
    }

    fn resynchronise(&mut self) {
        self.queue.clear();
        self.fifo.clear();
        self.target = Target::new();
        self.clock = Clock::Stopped;
        self.decoded = None;
        self.insert = 0;
        self.strange = 0;
        self.cut_wish = 0;
        self.conceal.interrupt();
    }

    pub(crate) fn push(&mut self, sequence: u16, timestamp: u32, payload: &[u8]) -> Pushed {
        let samples = self.decoder.samples_in(payload);
        if samples == 0 {
            return Pushed::Empty;
        }
        let place = match self.counter.count(sequence, timestamp) {
            Counted::At(place) => place,
            Counted::Again => return Pushed::Duplicate,
            Counted::Doubtful => return Pushed::Doubtful,
            Counted::Restarted(place) => {
                self.resynchronise();
                place
            }
        };
        if let Some(refused) = self.place_in_time(place, samples) {
            return refused;
        }
        self.queue.insert(place, payload);
        if self.shorten() { Pushed::Overflow } else { Pushed::Stored }
    }

    /// Measures how early the packet is; an answer says why it is of no use.
    fn place_in_time(&mut self, place: Place, samples: usize) -> Option<Pushed> {
        let Clock::Running { next, credit } = self.clock else { return None };
        let ahead = distance(next, place.timestamp);
        let overtaken = self.decoded.is_some_and(|decoded| place.sequence < decoded);
        let slack = ahead.saturating_add(self.fifo.len() as i64).saturating_sub_unsigned(credit);
        let past = overtaken || ahead.saturating_add(samples as i64) <= 0;
        if past || slack > SPAN_MAX {
            self.strange += 1;
            if self.strange < STRANGE_MAX && (past || self.strange < 2) {
                if past && ahead > -SPAN_MAX {
                    self.target.arrived(slack, samples);
                }
                return Some(if past { Pushed::Late } else { Pushed::Doubtful });
            }
            self.resynchronise();
            return None;
        }
        self.strange = 0;
        self.target.arrived(slack, samples);
        None
    }

    /// Drops the oldest until no more than a second waits. `true` if something was dropped.
    fn shorten(&mut self) -> bool {
        let mut dropped = false;
        while let (Some(first), Some(last)) = (self.queue.front(), self.queue.back()) {
            let span = distance(first.timestamp, last.timestamp);
            if span <= SPAN_MAX && !self.queue.is_full() {
                break;
            }
            if let Some(packet) = self.queue.pop() {
                self.queue.recycle(packet);
            }
            dropped = true;
        }
        if dropped && let (Some(first), Clock::Running { next, .. }) = (self.queue.front(), &mut self.clock) {
            *next = (*next).max(first.timestamp);
            self.target = Target::new();
            self.conceal.interrupt();
        }
        dropped
    }

    /// The next 20 ms.
    pub(crate) fn pop(&mut self, out: &mut Frame) -> Popped {
        if self.is_quiet() {
            out.fill(0);
            if let Clock::Running { credit, .. } = &mut self.clock {
                *credit = credit.saturating_add(out.len() as u64);
            }
            return Popped::Silence;
        }
        self.adapt();
        let mut concealed = false;
        let mut filled = 0;
        while let Some(rest) = out.get_mut(filled..)
            && !rest.is_empty()
        {
            let (n, made_up) = self.fill(rest);
            // At once: what is made up in the middle of a frame goes on from the frame's first part.
            self.conceal.remember(rest.get(..n).unwrap_or(&[]));
            concealed |= made_up;
            filled += n;
        }
        if concealed { Popped::Concealed } else { Popped::Sound }
    }

    /// Nothing waits and nothing is left to make up.
    fn is_quiet(&self) -> bool {
        let silent = self.clock == Clock::Stopped && self.conceal.is_idle() || self.conceal.is_exhausted();
        silent && self.queue.front().is_none() && self.fifo.is_empty()
    }

    /// Fills some of `out`: how many samples, and whether they are made up. None only where it has to be asked again.
    fn fill(&mut self, out: &mut [i16]) -> (usize, bool) {
        if self.insert > 0 {
            let n = self.make(out, self.insert);
            self.insert -= n;
            return (n, true);
        }
        if self.fifo.is_empty() {
            match self.next() {
                Next::Packet { skip, grown } => {
                    self.decode(skip);
                    if grown > 0 {
                        self.grew(grown);
                        return (0, false);
                    }
                }
                Next::Gap(missing) => {
                    let n = self.make(out, missing);
                    if let Clock::Running { next, .. } = &mut self.clock {
                        *next = next.wrapping_add(n as u64);
                    }
                    return (n, true);
                }
                Next::Nothing => {
                    let n = self.make(out, usize::MAX);
                    if let Clock::Running { credit, .. } = &mut self.clock {
                        *credit = credit.saturating_add(n as u64);
                    }
                    return (n, true);
                }
            }
        }
        let n = self.fifo.take(out);
        if let Some(real) = out.get_mut(..n) {
            self.conceal.blend(real);
        }
        (n, false)
    }

    fn make(&mut self, out: &mut [i16], most: usize) -> usize {
        let n = out.len().min(most);
        if let Some(out) = out.get_mut(..n) {
            self.conceal.make(out);
        }
        n
    }

    /// Decides what follows the decoded samples, and settles the credit.
    fn next(&mut self) -> Next {
        loop {
            let Some(front) = self.queue.front() else { return Next::Nothing };
            let (timestamp, samples) = (front.timestamp, self.decoder.samples_in(&front.payload));
            let Clock::Running { next, credit } = self.clock else {
                self.clock = Clock::Running { next: timestamp, credit: 0 };
                return Next::Packet { skip: 0, grown: 0 };
            };
            let ahead = distance(next, timestamp);
            if ahead.saturating_add(samples as i64) <= 0 {
                // Its sound was made up while it was under way.
                if let Some(packet) = self.queue.pop() {
                    self.queue.recycle(packet);
                }
                continue;
            }
            let Ok(missing) = u64::try_from(ahead) else {
                self.clock = Clock::Running { next, credit: 0 };
                return Next::Packet { skip: ahead.unsigned_abs() as usize, grown: credit };
            };
            if missing == 0 {
                self.clock = Clock::Running { next, credit: 0 };
                return Next::Packet { skip: 0, grown: credit };
            }
            let settled = missing.min(credit);
            let mut rest = missing - settled;
            if self.conceal.is_exhausted() {
                // Nothing is heard now, so superfluous delay is best left out here.
                let spare = (self.target.excess().max(0) as u64).min(rest);
                self.target.delay_changed(-(spare as i64));
                rest -= spare;
            }
            if rest > SPAN_MAX as u64 {
                rest = 0;
            }
            let credit = credit - settled;
            self.clock = Clock::Running { next: timestamp.wrapping_sub(rest), credit };
            if rest > 0 {
                return Next::Gap(rest as usize);
            }
        }
    }

    /// A late packet, decoded just now, made the delay grow: its sound has to fall in with what was made up.
    fn grew(&mut self, samples: u64) {
        self.insert = self.conceal.alignment(self.fifo.as_slice());
        let samples = samples.min(SPAN_MAX as u64) as usize + self.insert;
        self.target.delay_changed(samples as i64);
    }

    /// Decodes the first packet.
    fn decode(&mut self, skip: usize) {
        let Some(packet) = self.queue.pop() else { return };
        let samples = self.decoder.samples_in(&packet.payload);
        self.decoder.decode(&packet.payload, self.fifo.grow(samples));
        if skip > 0 {
            // Only ever with an empty queue of decoded samples, so these are the packet's first.
            self.fifo.skip(skip);
        }
        self.decoded = Some(packet.sequence);
        if let Clock::Running { next, .. } = &mut self.clock {
            *next = packet.timestamp.wrapping_add(samples as u64);
        }
        self.queue.recycle(packet);
    }

    /// Takes away delay that is not needed, or adds what is missing.
    fn adapt(&mut self) {
        self.cut_pause = self.cut_pause.saturating_sub(1);
        if self.cut_pause > 0 || !self.conceal.is_idle() || self.clock == Clock::Stopped {
            return;
        }
        let excess = self.target.excess();
        if excess >= CUT_MIN as i64 {
            self.cut_wish = self.cut_wish.saturating_add(1);
            self.look_ahead();
            let cut = self.fifo.cut(excess as usize, self.cut_wish > CUT_PATIENCE_TICKS);
            if cut > 0 {
                self.target.delay_changed(-(cut as i64));
                self.cut_wish = 0;
                self.cut_pause = CUT_PAUSE_TICKS;
            }
        } else {
            self.cut_wish = 0;
            if excess < 0 {
                self.gain(excess.unsigned_abs() as usize);
            }
        }
    }

    /// Decodes ahead, without a gap, as much as a cut wants to look at.
    fn look_ahead(&mut self) {
        while self.fifo.len() < CUT_SPAN {
            let Clock::Running { next, credit: 0 } = self.clock else { return };
            match self.queue.front() {
                Some(front) if front.timestamp == next => self.decode(0),
                _ => return,
            }
        }
    }

    /// Gains delay by whole pitch periods, so that the sound after them falls in with its phase.
    fn gain(&mut self, missing: usize) {
        let (pitch, sure) = self.conceal.pitch();
        let missing = missing.min(INSERT_MAX);
        self.insert = if sure > 0.5 { missing.div_ceil(pitch) * pitch } else { missing };
        self.target.delay_changed(self.insert as i64);
        self.cut_pause = CUT_PAUSE_TICKS;
    }
}

/// How far `to` lies after `from`; negative if before.
fn distance(from: u64, to: u64) -> i64 {
    to.wrapping_sub(from).cast_signed()
}
