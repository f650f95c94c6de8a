//! What is played at a tick: what was decoded, what is made up in its place, or nothing.

use super::bridge::{AFTER_MIN, Bridge, GAP_MAX, GAP_MIN};
use super::fifo::CUT_MIN;
use super::packets::{Place, Queued};
use super::{Clock, Decoded, JitterBuffer, Need, Popped, distance};
use crate::codec::is_stateless;
use crate::params::Codec;
use crate::time::FRAME_SAMPLES;

/// Sound that a codec makes up at once: 20 ms, in samples at 8 kHz. Opus' voice mode cannot do with less than 10 ms.
const OWN_UNIT: usize = 160;
/// What a codec can make up is a multiple of this: 2.5 ms.
const OWN_STEP: usize = 20;
/// A codec's own concealment fades from half of this on, to nothing at 120 ms.
const OWN_END: usize = 960;
/// Where the sender has said that it pauses, it is comfort noise, and goes on for a second: Opus sends anew every 400 ms.
const OWN_END_PAUSED: usize = 8_000;
/// Packets in a row that are left out at most, where a level is wanted: a loud sound is noticed within 160 ms.
const LEFT_OUT_MAX: u8 = 7;
/// Opus packets of so many bytes hold no sound (RFC 6716 section 2.1.9).
const PAUSE_BYTES: usize = 2;

/// What the codec has made up by itself since the last packet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Own {
    /// Samples, in a row.
    run: usize,
    /// Of these, those that wait to be played: the first of all that wait.
    waiting: usize,
    /// The sender pauses, so nothing is missing.
    pause: bool,
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

impl Own {
    pub(super) fn is_running(self) -> bool {
        self.run > 0 || self.waiting > 0
    }
}

impl JitterBuffer {
    /// The next 20 ms, at the codec's rate.
    pub(crate) fn pop(&mut self, out: &mut [i16], need: Need) -> Popped {
        if self.was_taken() {
            out.fill(0);
            return Popped::LeftOut;
        }
        self.conceal.recall();
        if self.is_quiet() {
            out.fill(0);
            self.add_credit(out.len());
            return Popped::Silence;
        }
        self.adapt();
        if self.leave_out(need, out.len()) {
            out.fill(0);
            self.conceal.remember(out);
            return Popped::LeftOut;
        }
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

    /// The coming tick's sound was taken away when it came; asked once a tick.
    pub(crate) fn was_taken(&mut self) -> bool {
        std::mem::take(&mut self.taken)
    }

    /// What a packet of this timestamp holds is played next, as it is: nothing waits before it or is made up.
    fn plays_next(&self, timestamp: u64) -> bool {
        self.clock == Clock::Running { next: timestamp, credit: 0 }
            && self.insert == 0
            && self.fifo.is_empty()
            && self.conceal.is_idle()
    }

    /// The packet is all that the coming tick needs, and nothing is to be done about the delay. Only for a codec whose
    /// decoder has no past, so that it can be decoded a second time.
    pub(super) fn is_needed_next(&mut self, place: Place, payload: &[u8]) -> bool {
        let simple = self.plays_next(place.timestamp)
            && payload.len() == FRAME_SAMPLES
            && is_stateless(self.codec)
            && !self.taken
            && self.queue.front().is_none();
        simple && {
            let reserve = self.reserve();
            (0..CUT_MIN as i64).contains(&self.target.excess(reserve))
        }
    }

    /// Lets a packet pass that nobody hears.
    pub(super) fn take_away(&mut self, place: Place, samples: usize) {
        self.cut_pause = self.cut_pause.saturating_sub(1);
        self.conceal.forget();
        self.passed(place, samples);
        self.taken = true;
    }

    /// Takes away the next packet undecoded, where decoding costs much and its sound is not needed. Some are decoded all
    /// the same, for their sender may take a steady sound for none.
    fn leave_out(&mut self, need: Need, samples: usize) -> bool {
        let Clock::Running { next, credit: 0 } = self.clock else { return false };
        let simple =
            need != Need::Sound && self.insert == 0 && self.fifo.is_empty() && self.conceal.is_idle();
        let due = self.queue.front().filter(|packet| simple && packet.timestamp == next);
        let looks = need == Need::Level && self.left_out >= LEFT_OUT_MAX;
        let left_out = !looks
            && due.is_some_and(|packet| {
                self.decoder.samples_in(&packet.payload) == samples
                    && self.decoder.leave_out(&packet.payload, need == Need::Nothing)
            });
        self.left_out = if left_out { self.left_out.saturating_add(1) } else { 0 };
        if left_out && let Some(packet) = self.queue.pop() {
            self.decoded(packet, samples);
        }
        left_out
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
                Next::Packet { skip: 0, grown: 0 } if self.conceal.is_idle() && self.decode_into(out) => {
                    return (out.len(), false);
                }
                Next::Packet { skip, grown } => {
                    self.decode(skip);
                    if grown > 0 {
                        self.grew(grown);
                        return (0, false);
                    }
                }
                Next::Gap(missing) if self.bridge(missing) => {}
                Next::Gap(missing) => {
                    let by_codec = self.make_by_codec(missing);
                    let n = if by_codec > 0 { by_codec } else { self.make(out, missing) };
                    if let Clock::Running { next, .. } = &mut self.clock {
                        *next = next.wrapping_add(n as u64);
                    }
                    return if by_codec > 0 { (0, false) } else { (n, true) };
                }
                Next::Nothing => {
                    let by_codec = self.make_by_codec(usize::MAX);
                    let n = if by_codec > 0 { by_codec } else { self.make(out, usize::MAX) };
                    self.add_credit(n);
                    return if by_codec > 0 { (0, false) } else { (n, true) };
                }
            }
        }
        self.take(out)
    }

    /// Plays what was decoded, or made up by the codec.
    fn take(&mut self, out: &mut [i16]) -> (usize, bool) {
        let own = self.own.waiting.min(self.fifo.len());
        let most = if own > 0 { own.min(out.len()) } else { out.len() };
        let n = self.fifo.take(out.get_mut(..most).unwrap_or(&mut []));
        self.own.waiting = own.saturating_sub(n);
        if own == 0
            && let Some(real) = out.get_mut(..n)
        {
            self.conceal.blend(real);
        }
        (n, own > 0 && !self.own.pause)
    }

    fn make(&mut self, out: &mut [i16], most: usize) -> usize {
        let n = out.len().min(most);
        if let Some(out) = out.get_mut(..n) {
            self.conceal.make(out);
        }
        n
    }

    fn add_credit(&mut self, samples: usize) {
        if let Clock::Running { credit, .. } = &mut self.clock {
            *credit = credit.saturating_add(samples as u64);
        }
    }

    /// Closes a gap before the first packet by what is heard on both sides of it, and decodes that. `false`, and nothing
    /// done, if it has to be filled in another way.
    fn bridge(&mut self, missing: usize) -> bool {
        let needed = AFTER_MIN * self.factor();
        let bridged = GAP_MIN * self.factor()..=GAP_MAX * self.factor();
        let enough = bridged.contains(&missing) && self.in_a_row(needed) >= needed;
        if !self.bridges || !self.is_lost() || !enough {
            return false;
        }
        let pitch = self.conceal.pitch().0;
        self.fifo.grow(missing);
        while self.fifo.len() < missing + needed {
            self.decode(0);
        }
        let mut bridge = Bridge::new(self.factor());
        if bridge.build(self.conceal.history(), pitch, self.fifo.as_mut_slice(), missing) {
            self.conceal.settle();
        }
        self.own.waiting = missing;
        true
    }

    /// Samples that wait undecoded without a gap; counted no further than `enough`.
    fn in_a_row(&self, enough: usize) -> usize {
        let mut samples = 0;
        let mut end = None;
        for packet in self.queue.iter() {
            if samples >= enough || end.is_some_and(|end| end != packet.timestamp) {
                break;
            }
            let n = self.decoder.samples_in(&packet.payload);
            samples += n;
            end = Some(packet.timestamp.wrapping_add(n as u64));
        }
        samples
    }

    /// Lets the codec make up at most `missing` samples, which then wait to be played. The answer is how many; 0 if it
    /// cannot, or has done so for too long.
    fn make_by_codec(&mut self, missing: usize) -> usize {
        let factor = self.factor();
        let unit = self.decoded.map_or(0, |decoded| decoded.samples.min(OWN_UNIT * factor));
        if unit == 0 || !self.conceal.is_idle() {
            return 0;
        }
        let end = factor * if self.own.pause { OWN_END_PAUSED } else { OWN_END };
        if self.own.run >= end {
            self.conceal.interrupt_by_silence();
            return 0;
        }
        // What lies right before the first packet is left for that one to tell.
        let recoverable = missing <= unit && self.is_lost();
        let samples = if missing > unit && missing < 2 * unit { missing - unit } else { missing.min(unit) };
        let whole = samples.next_multiple_of(OWN_STEP * factor);
        let out = self.fifo.grow(whole);
        let first = self.queue.front().filter(|_| recoverable);
        if !first.is_some_and(|packet| self.decoder.recover(&packet.payload, out)) {
            if !self.decoder.conceal(out) {
                self.fifo.shrink(whole);
                return 0;
            }
            let fade = end as i32 / 2;
            let left = |i: usize| end.saturating_sub(self.own.run + i).min(end / 2) as i32;
            out.iter_mut().enumerate().for_each(|(i, s)| *s = (i32::from(*s) * left(i) / fade) as i16);
        }
        self.fifo.shrink(whole - samples);
        self.own.run += samples;
        self.own.waiting = samples;
        samples
    }

    /// What lies between the packet that was decoded last and the first that waits is lost, and no pause.
    fn is_lost(&self) -> bool {
        match (self.decoded, self.queue.front()) {
            (Some(decoded), Some(first)) => first.sequence > decoded.sequence + 1,
            _ => false,
        }
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
                self.queue.drop_first();
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
                let reserve = self.reserve();
                let spare = (self.target.excess(reserve).max(0) as u64).min(rest);
                self.target.delay_changed(-(spare as i64));
                rest -= spare;
            }
            if rest > self.span_max() as u64 {
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
        let samples = samples.min(self.span_max() as u64) as usize + self.insert;
        self.target.delay_changed(samples as i64);
    }

    /// Decodes the first packet.
    pub(super) fn decode(&mut self, skip: usize) {
        let Some(packet) = self.queue.pop() else { return };
        let samples = self.decoder.samples_in(&packet.payload);
        self.decoder.decode(&packet.payload, self.fifo.grow(samples));
        if skip > 0 {
            // Only ever with an empty queue of decoded samples, so these are the packet's first.
            self.fifo.skip(skip);
        }
        self.decoded(packet, samples);
    }

    /// The same, of a packet that is just as long, at once to where it is played: nearly always it is.
    fn decode_into(&mut self, out: &mut [i16]) -> bool {
        let Some(packet) = self.queue.front() else { return false };
        if self.decoder.samples_in(&packet.payload) != out.len() {
            return false;
        }
        let Some(packet) = self.queue.pop() else { return false };
        self.decoder.decode(&packet.payload, out);
        self.decoded(packet, out.len());
        true
    }

    fn decoded(&mut self, packet: Queued, samples: usize) {
        self.passed(Place { sequence: packet.sequence, timestamp: packet.timestamp }, samples);
        let pause = self.codec == Codec::Opus && packet.payload.len() <= PAUSE_BYTES;
        self.own = Own { pause, ..Own::default() };
        self.queue.recycle(packet);
    }

    /// A packet's turn has come.
    fn passed(&mut self, place: Place, samples: usize) {
        let lost = self.decoded.map_or(0, |decoded| place.sequence - decoded.sequence - 1);
        self.target.lost(lost);
        self.decoded = Some(Decoded { sequence: place.sequence, samples });
        if let Clock::Running { next, .. } = &mut self.clock {
            *next = place.timestamp.wrapping_add(samples as u64);
        }
    }
}
