//! What comes of one source's packets, counted as RFC 3550 appendices A.1 (sequence), A.3 (loss) and A.8 (jitter) do.
//!
//! Loss follows from sequence numbers alone, so a sender that pauses (its timestamps jump, its sequence goes on) loses
//! nothing.

use super::report::Block;
use crate::time::{Arrival, Micros};

/// A sequence number further ahead than this is not believed at once (appendix A.1).
const MAX_DROPOUT: u16 = 3_000;
/// Nor is one further back than this (appendix A.1).
const MAX_MISORDER: u16 = 100;
/// Packets that may still come late. One that is missing for longer, 1.3 s at 20 ms, is lost to the ear.
const WINDOW: u32 = u64::BITS;
/// Fewer packets than this, a second of them, are judged together with those of the next report: of five, one lost one
/// would be a fifth.
const JUDGED_MIN: u32 = 50;
/// What a report block can say, section 6.4.1: 24 bits with sign.
const LOST_MAX: i64 = 0x7F_FFFF;

/// The statistics of whichever source is heard.
#[derive(Clone, Debug)]
pub(crate) struct Reception {
    clock_hz: u32,
    source: Option<Source>,
    candidate: Option<Candidate>,
}

/// A packet that begins a source if the next one in sequence confirms it (appendix A.1's probation): a stray packet
/// shall not end the statistics of a call.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    ssrc: u32,
    sequence: u16,
    transit: Option<u32>,
}

#[derive(Clone, Debug)]
struct Source {
    ssrc: u32,
    /// The first sequence number.
    base: u32,
    /// The highest sequence number, with its cycles in the upper half.
    highest: u32,
    /// All packets, duplicates too (section 6.4.1).
    received: u32,
    /// `expected` and `received` at the last report.
    prior: (u32, u32),
    /// Arrival less timestamp of the latest packet, in clock units.
    transit: Option<u32>,
    /// 16 times the jitter, in clock units.
    jitter_16: u32,
    window: Window,
    /// Of the time before the last report.
    heard: Heard,
}

/// How packets fared that can no longer come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Of which `lost` were lost.
    pub(crate) packets: u32,
    pub(crate) lost: u32,
    /// Runs of lost packets.
    pub(crate) bursts: u32,
}

/// Which of the latest packets came, and the count of those before.
#[derive(Clone, Copy, Debug)]
struct Window {
    /// Bit `n`: the packet `n` before the highest came.
    seen: u64,
    /// Bits at the old end that stand for packets before the first one.
    unborn: u32,
    /// The last packet that left the window was lost.
    in_burst: bool,
    settled: Heard,
}

impl Reception {
    /// `clock_hz`: the rate of the RTP timestamps; 8,000 for G.711 and G.722 (RFC 3551 section 4.5.2), 48,000 for Opus.
    pub(crate) fn new(clock_hz: u32) -> Self {
        Reception { clock_hz: clock_hz.max(1), source: None, candidate: None }
    }

    /// A valid packet arrived. The jitter is that of the packets whose time of arrival is known, and whose neighbour's is.
    pub(crate) fn received(&mut self, arrival: Arrival, sequence: u16, timestamp: u32, ssrc: u32) {
        let transit = match arrival {
            Arrival::At(at) => Some(clock_units(at, self.clock_hz).wrapping_sub(timestamp)),
            Arrival::Before(_) => None,
        };
        if transit.is_none()
            && let Some(source) = &mut self.source
        {
            source.transit = None;
        }
        self.count(sequence, ssrc, transit);
    }

    /// A packet of telephone-events arrived. It has its place in the sequence, but its timestamp is the key's beginning
    /// (RFC 4733 section 2.2.1) and says nothing about jitter.
    pub(crate) fn received_event(&mut self, sequence: u16, ssrc: u32) {
        self.count(sequence, ssrc, None);
    }

    fn count(&mut self, sequence: u16, ssrc: u32, transit: Option<u32>) {
        if let Some(source) = &mut self.source
            && source.ssrc == ssrc
            && source.count(sequence)
        {
            source.moved(transit, self.clock_hz);
            return;
        }
        let before = self.candidate.replace(Candidate { ssrc, sequence, transit });
        if let Some(first) = before
            && first.ssrc == ssrc
            && first.sequence.wrapping_add(1) == sequence
        {
            let mut source = Source::begin(first);
            source.count(sequence);
            source.moved(transit, self.clock_hz);
            self.source = Some(source);
            self.candidate = None;
        }
    }

    /// The report block for the time since the last call; `None` if nothing came in it (section 6.4).
    pub(crate) fn report(&mut self) -> Option<Block> {
        self.source.as_mut()?.report()
    }

    /// Who is heard.
    #[cfg(test)]
    fn ssrc(&self) -> Option<u32> {
        self.source.as_ref().map(|source| source.ssrc)
    }

    /// How the packets fared in the time before the last report, or until now before the first one; `None` while too
    /// few came to tell.
    pub(crate) fn heard(&self) -> Option<Heard> {
        let source = self.source.as_ref()?;
        [source.heard, source.window.settled].into_iter().find(Heard::tells)
    }

    /// The interarrival jitter, section 6.4.1: the mean deviation of the packets' spacing. Zero if nothing came.
    pub(crate) fn jitter(&self) -> Micros {
        let units = self.source.as_ref().map_or(0, Source::jitter);
        units_to_micros(units, self.clock_hz)
    }
}

/// RTP clock units as a time.
pub(crate) fn units_to_micros(units: u32, clock_hz: u32) -> Micros {
    Micros(u64::from(units) * 1_000_000 / u64::from(clock_hz.max(1)))
}

/// The time in RTP clock units, which wrap.
fn clock_units(now: Micros, clock_hz: u32) -> u32 {
    let hz = u64::from(clock_hz);
    let (seconds, micros) = (now.0 / 1_000_000, now.0 % 1_000_000);
    seconds.wrapping_mul(hz).wrapping_add(micros * hz / 1_000_000) as u32
}

impl Source {
    fn begin(first: Candidate) -> Self {
        let base = u32::from(first.sequence);
        Source {
            ssrc: first.ssrc,
            base,
            highest: base,
            received: 1,
            prior: (0, 0),
            transit: first.transit,
            jitter_16: 0,
            window: Window { seen: u64::MAX, unborn: WINDOW - 1, in_burst: false, settled: Heard::default() },
            heard: Heard::default(),
        }
    }

    /// `false` for a jump that is not believed.
    fn count(&mut self, sequence: u16) -> bool {
        let ahead = sequence.wrapping_sub(self.highest as u16);
        let back = ahead.wrapping_neg();
        if ahead < MAX_DROPOUT {
            self.highest = self.highest.wrapping_add(u32::from(ahead));
            self.window.advance(u32::from(ahead));
        } else if back < MAX_MISORDER {
            self.window.fill(u32::from(back));
        } else {
            return false;
        }
        self.received = self.received.wrapping_add(1);
        true
    }

    /// Appendix A.8, in integers.
    fn moved(&mut self, transit: Option<u32>, clock_hz: u32) {
        let Some(transit) = transit else { return };
        let Some(before) = self.transit.replace(transit) else { return };
        let deviation = (transit.wrapping_sub(before) as i32).unsigned_abs();
        // More than a second: the sender moved its clock, as some do after a pause.
        if deviation <= clock_hz {
            self.jitter_16 = self.jitter_16 + deviation - ((self.jitter_16 + 8) >> 4);
        }
    }

    fn jitter(&self) -> u32 {
        self.jitter_16 >> 4
    }

    fn expected(&self) -> u32 {
        self.highest.wrapping_sub(self.base).wrapping_add(1)
    }

    /// Appendix A.3.
    fn report(&mut self) -> Option<Block> {
        let (expected, received) = (self.expected(), self.received);
        let (expected_prior, received_prior) = std::mem::replace(&mut self.prior, (expected, received));
        if received == received_prior {
            return None;
        }
        if self.window.settled.tells() {
            self.heard = std::mem::take(&mut self.window.settled);
        }
        let lost = i64::from(expected.wrapping_sub(received) as i32);
        let expected_now = i64::from(expected.wrapping_sub(expected_prior));
        let lost_now = expected_now - i64::from(received.wrapping_sub(received_prior));
        let fraction_lost = if lost_now > 0 { (lost_now * 256 / expected_now).min(255) as u8 } else { 0 };
        Some(Block {
            ssrc: self.ssrc,
            fraction_lost,
            lost: lost.clamp(-LOST_MAX - 1, LOST_MAX) as i32,
            highest: self.highest,
            jitter: self.jitter(),
        })
    }
}

impl Window {
    /// The highest packet is `ahead` further on.
    fn advance(&mut self, ahead: u32) {
        let step = ahead.min(WINDOW);
        let wide = u128::from(self.seen) << step;
        self.seen = wide as u64;
        self.settle((wide >> WINDOW) as u64, step);
        let skipped = ahead - step;
        if skipped > 0 {
            // They never were in the window.
            self.settled.add(skipped, skipped, u32::from(!self.in_burst));
            self.in_burst = true;
        }
        self.seen |= 1;
    }

    /// The packet `back` before the highest came after all.
    fn fill(&mut self, back: u32) {
        self.seen |= 1u64.checked_shl(back).unwrap_or(0);
    }

    /// Counts the lowest `count` bits, of which the highest is the oldest packet.
    fn settle(&mut self, seen: u64, count: u32) {
        if count == 0 {
            return;
        }
        let unborn = self.unborn.min(count);
        self.unborn -= unborn;
        let lost = !seen & (u64::MAX >> (WINDOW - count));
        let after_lost = (lost >> 1) | (u64::from(self.in_burst) << (count - 1));
        self.settled.add(count - unborn, lost.count_ones(), (lost & !after_lost).count_ones());
        self.in_burst = lost & 1 != 0;
    }
}

impl Heard {
    fn tells(&self) -> bool {
        self.packets >= JUDGED_MIN
    }

    fn add(&mut self, packets: u32, lost: u32, bursts: u32) {
        self.packets = self.packets.saturating_add(packets);
        self.lost = self.lost.saturating_add(lost);
        self.bursts = self.bursts.saturating_add(bursts);
    }

    /// 0..=1.
    pub(crate) fn loss(&self) -> f64 {
        f64::from(self.lost) / f64::from(self.packets.max(1))
    }

    /// BurstR of ITU-T G.107 section 7.5: the mean length of a burst, over that of as much random loss, which is
    /// 1 / (1 - loss).
    pub(crate) fn burst_ratio(&self) -> f64 {
        if self.bursts == 0 {
            return 1.0;
        }
        f64::from(self.lost) / f64::from(self.bursts) * (1.0 - self.loss())
    }
}

#[cfg(test)]
mod tests;
