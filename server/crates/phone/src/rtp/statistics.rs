//! Counts about one call's media, as RFC 3550 reports them.

use std::time::{Duration, Instant};

/// Packets come every 20 ms: a pause longer than this is heard behind any usual jitter buffer.
pub const GAP: Duration = Duration::from_millis(60);

/// What went out and what came in, over a whole call.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Statistics {
    pub packets_sent: u64,
    /// Packets sent more than 5 ms after their deadline: then this machine was too busy to judge the server.
    pub packets_sent_late: u64,
    pub packets_received: u64,
    /// Bytes of sound and events in those, without their headers.
    pub payload_bytes_received: u64,
    /// Expected less received (RFC 3550 appendix A.3), over all sources heard; duplicates count against it.
    pub packets_lost: i64,
    /// Packets whose sequence number was below one already seen.
    pub packets_out_of_order: u64,
    /// Packets that came too late to be played.
    pub packets_late: u64,
    /// Datagrams that were no RTP, or of a payload type that was not agreed.
    pub datagrams_refused: u64,
    /// Sources (SSRC) heard one after the other.
    pub sources: u32,
    /// Interarrival jitter (RFC 3550 section 6.4.1) at the end, in milliseconds.
    pub jitter_ms: f64,
    /// The longest time between two packets of one source.
    pub longest_gap: Duration,
    /// How often that time was longer than [`GAP`].
    pub gaps: u64,
}

impl Statistics {
    /// Adds another call's counts; of the jitters and the longest gaps the larger stays.
    pub fn add(&mut self, other: &Statistics) {
        self.packets_sent += other.packets_sent;
        self.packets_sent_late += other.packets_sent_late;
        self.packets_received += other.packets_received;
        self.payload_bytes_received += other.payload_bytes_received;
        self.packets_lost += other.packets_lost;
        self.packets_out_of_order += other.packets_out_of_order;
        self.packets_late += other.packets_late;
        self.datagrams_refused += other.datagrams_refused;
        self.sources += other.sources;
        self.jitter_ms = self.jitter_ms.max(other.jitter_ms);
        self.longest_gap = self.longest_gap.max(other.longest_gap);
        self.gaps += other.gaps;
    }
}

/// Watches the time between packets.
#[derive(Debug, Default)]
pub(crate) struct Gaps {
    last: Option<Instant>,
    pub(crate) longest: Duration,
    pub(crate) count: u64,
}

impl Gaps {
    pub(crate) fn packet(&mut self, now: Instant) {
        if let Some(last) = self.last.replace(now) {
            let gap = now.saturating_duration_since(last);
            self.longest = self.longest.max(gap);
            self.count += u64::from(gap > GAP);
        }
    }

    /// A source's first packet.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.last = Some(now);
    }

    pub(crate) fn pause(&mut self) {
        self.last = None;
    }
}

/// What a report says of a source (RFC 3550 section 6.4.1), in its units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reception {
    /// Of 256, since the report before.
    pub(crate) fraction_lost: u8,
    pub(crate) lost: i64,
    pub(crate) highest_sequence: u32,
    pub(crate) jitter_units: u32,
}

/// Follows one source's sequence numbers and arrival times.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) ssrc: u32,
    /// Timestamp units in a second.
    pub(crate) clock_hz: u32,
    first: u64,
    /// Highest sequence number so far, extended by the wraps (RFC 3550 appendix A.1).
    highest: u64,
    received: u64,
    pub(crate) out_of_order: u64,
    /// Arrival and timestamp of the packet before, for the jitter.
    last: (Instant, u32),
    jitter_units: f64,
    /// Expected and received at the report before.
    reported: (u64, u64),
}

impl Source {
    pub(crate) fn new(ssrc: u32, sequence: u16, timestamp: u32, now: Instant, clock_hz: u32) -> Source {
        // Start one wrap up, so that an early reordered packet does not go below 0.
        let first = (1 << 16) | u64::from(sequence);
        Source {
            ssrc,
            clock_hz,
            first,
            highest: first,
            received: 1,
            out_of_order: 0,
            last: (now, timestamp),
            jitter_units: 0.0,
            reported: (0, 0),
        }
    }

    pub(crate) fn packet(&mut self, sequence: u16, timestamp: u32, now: Instant) {
        self.received += 1;
        let ahead = sequence.wrapping_sub(self.highest as u16).cast_signed();
        if ahead > 0 {
            self.highest += u64::from(ahead.unsigned_abs());
        } else {
            self.out_of_order += 1;
            self.first = self.first.min(self.highest - u64::from(ahead.unsigned_abs()));
        }
        let arrival = now.saturating_duration_since(self.last.0).as_secs_f64() * f64::from(self.clock_hz);
        let sent = f64::from(timestamp.wrapping_sub(self.last.1).cast_signed());
        // RFC 3550 appendix A.8.
        self.jitter_units += ((arrival - sent).abs() - self.jitter_units) / 16.0;
        self.last = (now, timestamp);
    }

    fn expected(&self) -> u64 {
        self.highest - self.first + 1
    }

    pub(crate) fn lost(&self) -> i64 {
        self.expected().cast_signed() - self.received.cast_signed()
    }

    /// What is to be reported now; the next report's fraction counts from here (RFC 3550 appendix A.3).
    pub(crate) fn reception(&mut self) -> Reception {
        let (expected, received) = (self.expected(), self.received);
        let (expected_before, received_before) = std::mem::replace(&mut self.reported, (expected, received));
        let expected_since = expected - expected_before;
        let lost_since = expected_since.saturating_sub(received - received_before);
        Reception {
            // A fraction of 256 itself does not fit.
            fraction_lost: (lost_since * 256).checked_div(expected_since).unwrap_or(0).min(255) as u8,
            lost: self.lost(),
            // Without the wrap that `new` starts with; beyond 32 bits it wraps, as its receiver's does.
            highest_sequence: (self.highest - (1 << 16)) as u32,
            jitter_units: self.jitter_units.round() as u32,
        }
    }

    pub(crate) fn jitter_ms(&self) -> f64 {
        self.jitter_units * 1000.0 / f64::from(self.clock_hz)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn follow(sequences: &[u16]) -> Source {
        let start = Instant::now();
        let mut source = Source::new(1, sequences[0], 0, start, 8_000);
        for (i, sequence) in sequences.iter().enumerate().skip(1) {
            let at = start + Duration::from_millis(20) * i as u32;
            source.packet(*sequence, 160 * i as u32, at);
        }
        source
    }

    #[test]
    fn losses_are_counted_over_the_wrap_of_the_sequence() {
        let source = follow(&[65_533, 65_534, 0, 1, 4]);
        assert_eq!((source.lost(), source.out_of_order), (3, 0));
    }

    #[test]
    fn a_packet_out_of_order_is_no_loss() {
        let source = follow(&[10, 12, 11, 13]);
        assert_eq!((source.lost(), source.out_of_order), (0, 1));
        let before_the_first = follow(&[0, 65_535, 1]);
        assert_eq!((before_the_first.lost(), before_the_first.out_of_order), (0, 1));
    }

    #[test]
    fn jitter_is_0_on_a_clean_line_and_follows_a_late_packet() {
        let clean = follow(&[1, 2, 3, 4]);
        assert!(clean.jitter_ms() < 1e-6);
        let start = Instant::now();
        let mut late = Source::new(1, 1, 0, start, 8_000);
        late.packet(2, 160, start + Duration::from_millis(36));
        assert!((late.jitter_ms() - 1.0).abs() < 1e-3, "{}", late.jitter_ms());
    }

    #[test]
    fn jitter_is_counted_by_the_source_s_clock() {
        let start = Instant::now();
        let mut opus = Source::new(1, 1, 0, start, 48_000);
        opus.packet(2, 960, start + Duration::from_millis(36));
        assert!((opus.jitter_ms() - 1.0).abs() < 1e-3, "{}", opus.jitter_ms());
        assert_eq!(opus.reception().jitter_units, 48);
    }

    #[test]
    fn a_report_tells_the_fraction_since_the_one_before() {
        let mut source = follow(&[65_533, 65_534, 0, 1]);
        let reception = source.reception();
        // One of five.
        assert_eq!((reception.fraction_lost, reception.lost), (51, 1));
        assert_eq!(reception.highest_sequence, 0x1_0001);
        source.packet(2, 0, Instant::now());
        assert_eq!((source.reception().fraction_lost, source.reception().lost), (0, 1));
    }

    #[test]
    fn gaps_are_measured_between_packets_and_not_over_pauses() {
        let start = Instant::now();
        let mut gaps = Gaps::default();
        for ms in [0, 20, 80, 141] {
            gaps.packet(start + Duration::from_millis(ms));
        }
        assert_eq!((gaps.longest, gaps.count), (Duration::from_millis(61), 1));
        gaps.pause();
        gaps.packet(start + Duration::from_secs(9));
        assert_eq!((gaps.longest, gaps.count), (Duration::from_millis(61), 1));
    }
}
