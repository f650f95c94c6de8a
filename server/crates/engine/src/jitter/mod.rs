//! The jitter buffer: packets in, whenever they come; 20 ms of sound out, at every tick.
//!
//! Sound is played by timestamps, so packets may have any length and senders may pause. On a clean line a packet is
//! played at the first tick after it came. When nothing is there at a tick, sound is made up ([`conceal`], or the codec
//! itself) and counted as *credit*: if the next packet shows that one was lost, the credit fills its place and the delay
//! stays; if the packet was merely late it is played now and the delay has grown by the credit. [`target`] says when
//! there is more delay than needed, and it is cut out of the sound ([`fifo`]).
//!
//! On a line that loses packets, one packet more is kept waiting ([`adapt`]): then a gap can be closed by what is heard
//! on both sides of it ([`bridge`]), or by what an Opus packet says again of the one before it.

mod adapt;
mod bridge;
mod conceal;
mod correlate;
mod fifo;
mod packets;
mod play;
#[cfg(test)]
mod simulation;
mod synth;
mod target;
#[cfg(test)]
mod tests;

use crate::codec::Decoder;
use crate::params::Codec;
use crate::time::{FRAME_SAMPLES, Rate};
use conceal::Conceal;
use fifo::Fifo;
use packets::{Counted, Counter, PacketQueue, Place};
use target::Target;

/// Packets in a row behind their turn, or too far ahead of it, after which the sender is taken to have moved its clock.
const STRANGE_MAX: u8 = 10;

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
    /// There was sound, which was not looked at.
    LeftOut,
}

/// What a frame is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Somebody hears it, or may.
    Sound,
    /// To see whether the caller begins to talk; nobody hears it before.
    Level,
    /// Nobody hears it, however loud it is.
    Nothing,
}

pub(crate) struct JitterBuffer {
    codec: Codec,
    decoder: Decoder,
    counter: Counter,
    queue: PacketQueue,
    /// Decoded, not yet played.
    fifo: Fifo,
    conceal: Conceal,
    /// Gaps are [bridged](bridge). G.711's alone: Opus conceals by itself, and what G.722's decoder makes of the packet after
    /// a loss is no guide.
    bridges: bool,
    target: Target,
    clock: Clock,
    /// The packet that was decoded last.
    decoded: Option<Decoded>,
    /// What the codec made up by itself.
    own: play::Own,
    /// Samples to make up before going on, to gain delay or to fall in with the phase.
    insert: usize,
    /// Packets in a row that do not fit.
    strange: u8,
    /// Packets are lost here, so delay is kept to have both sides of a gap.
    lossy: bool,
    /// Packets in a row that were left out.
    left_out: u8,
    /// The coming tick's sound was taken away when it came.
    taken: bool,
    cut_pause: u8,
    cut_wish: u8,
    gain_wish: u8,
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

#[derive(Clone, Copy, Debug)]
struct Decoded {
    sequence: u64,
    samples: usize,
}

impl JitterBuffer {
    pub(crate) fn new(codec: Codec) -> Self {
        let factor = codec.rate().factor();
        JitterBuffer {
            codec,
            decoder: Decoder::new(codec),
            counter: new_counter(codec),
            queue: PacketQueue::default(),
            fifo: Fifo::new(factor),
            conceal: Conceal::new(factor),
            bridges: codec.rate() == Rate::Narrow,
            target: Target::new(codec.rate().hz()),
            clock: Clock::Stopped,
            decoded: None,
            own: play::Own::default(),
            insert: 0,
            strange: 0,
            lossy: false,
            left_out: 0,
            taken: false,
            cut_pause: 0,
            cut_wish: 0,
            gain_wish: 0,
        }
    }

    /// Another source or codec: all that waits is forgotten. The new sound blends into what was played last, or, if its
    /// rate is another one, is faded in.
    pub(crate) fn restart(&mut self, codec: Codec) {
        if codec.rate() != self.codec.rate() {
            *self = JitterBuffer::new(codec);
            self.conceal.interrupt();
            return;
        }
        self.codec = codec;
        self.decoder = Decoder::new(codec);
        self.counter = new_counter(codec);
        self.resynchronise();
    }

    fn resynchronise(&mut self) {
        self.queue.clear();
        self.fifo.clear();
        self.target.reset();
        self.clock = Clock::Stopped;
        self.decoded = None;
        self.own = play::Own::default();
        self.insert = 0;
        self.strange = 0;
        self.cut_wish = 0;
        self.conceal.interrupt();
    }

    /// Takes a packet in. `timestamp` counts in the codec's RTP clock.
    pub(crate) fn push(&mut self, sequence: u16, timestamp: u32, payload: &[u8]) -> Pushed {
        match self.place(sequence, timestamp, payload) {
            Ok(place) => self.store(place, payload),
            Err(refused) => refused,
        }
    }

    /// The same for a packet of somebody whom nobody hears. Nearly always it is the one that the coming tick needs, and
    /// too quiet for that to change: then it is taken away at once, while it is at hand, and the tick has nothing to do.
    /// `stays_unheard` is given its sound.
    pub(crate) fn push_unheard(
        &mut self,
        sequence: u16,
        timestamp: u32,
        payload: &[u8],
        stays_unheard: impl FnOnce(&[i16]) -> bool,
    ) -> Pushed {
        let place = match self.place(sequence, timestamp, payload) {
            Ok(place) => place,
            Err(refused) => return refused,
        };
        if self.is_needed_next(place, payload) {
            let frame = &mut [0; FRAME_SAMPLES];
            self.decoder.decode(payload, frame);
            if stays_unheard(frame) {
                self.take_away(place, payload.len());
                return Pushed::Stored;
            }
        }
        self.store(place, payload)
    }

    /// Where a packet belongs, if it is wanted.
    fn place(&mut self, sequence: u16, timestamp: u32, payload: &[u8]) -> Result<Place, Pushed> {
        let samples = self.decoder.samples_in(payload);
        if samples == 0 {
            return Err(Pushed::Empty);
        }
        let place = match self.counter.count(sequence, timestamp) {
            Counted::At(place) => place,
            Counted::Again => return Err(Pushed::Duplicate),
            Counted::Doubtful => return Err(Pushed::Doubtful),
            Counted::Restarted(place) => {
                self.resynchronise();
                place
            }
        };
        match self.place_in_time(place, samples) {
            Some(refused) => Err(refused),
            None => Ok(place),
        }
    }

    fn store(&mut self, place: Place, payload: &[u8]) -> Pushed {
        self.queue.insert(place, payload);
        if self.shorten() { Pushed::Overflow } else { Pushed::Stored }
    }

    /// Measures how early the packet is; an answer says why it is of no use.
    fn place_in_time(&mut self, place: Place, samples: usize) -> Option<Pushed> {
        let Clock::Running { next, credit } = self.clock else { return None };
        let ahead = distance(next, place.timestamp);
        let overtaken = self.decoded.is_some_and(|decoded| place.sequence < decoded.sequence);
        // What was taken away is still to be played, as far as delay goes.
        let waiting = self.fifo.len() + if self.taken { FRAME_SAMPLES } else { 0 };
        let slack = ahead.saturating_add(waiting as i64).saturating_sub_unsigned(credit);
        let past = overtaken || ahead.saturating_add(samples as i64) <= 0;
        if past || slack > self.span_max() {
            self.strange += 1;
            if self.strange < STRANGE_MAX && (past || self.strange < 2) {
                if past && ahead > -self.span_max() {
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
            if span <= self.span_max() && !self.queue.is_full() {
                break;
            }
            self.queue.drop_first();
            dropped = true;
        }
        if dropped && let (Some(first), Clock::Running { next, .. }) = (self.queue.front(), &mut self.clock) {
            *next = (*next).max(first.timestamp);
            self.target.reset();
            self.conceal.interrupt();
        }
        dropped
    }

    /// Most sound that waits: one second.
    fn span_max(&self) -> i64 {
        self.codec.rate().hz().into()
    }

    /// The sound that waits now, decoded or not, gaps included: 0 ..= about 1,200,000.
    pub(crate) fn delay_us(&self) -> u32 {
        let queued = match (self.queue.front(), self.queue.back()) {
            (Some(first), Some(last)) => {
                let (from, credit) = match self.clock {
                    Clock::Running { next, credit } => (next, credit),
                    Clock::Stopped => (first.timestamp, 0),
                };
                let span = distance(from, last.timestamp) + self.decoder.samples_in(&last.payload) as i64;
                span.saturating_sub_unsigned(credit).max(0) as u64
            }
            _ => 0,
        };
        let samples = queued + self.fifo.len() as u64;
        (samples * 1_000_000 / u64::from(self.codec.rate().hz())) as u32
    }
}

fn new_counter(codec: Codec) -> Counter {
    Counter::new(codec.rate().hz() / codec.clock_hz())
}

/// How far `to` lies after `from`; negative if before.
fn distance(from: u64, to: u64) -> i64 {
    to.wrapping_sub(from).cast_signed()
}
