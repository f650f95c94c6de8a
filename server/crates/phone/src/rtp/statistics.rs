//! Counts about one call's media, as RFC 3550 reports them.

use crate::codec::SAMPLE_RATE_HZ;
use std::time::Instant;

/// What went out and what came in, over a whole call.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Statistics {
    pub packets_sent: u64,
    /// Packets sent more than 5 ms after their deadline: then this machine was too busy to judge the server.
    pub packets_sent_late: u64,
    pub packets_received: u64,
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
}

impl Statistics {
    /// Adds another call's counts; of the jitters the larger stays.
    pub fn add(&mut self, other: &Statistics) {
        self.packets_sent += other.packets_sent;
        self.packets_sent_late += other.packets_sent_late;
        self.packets_received += other.packets_received;
        self.packets_lost += other.packets_lost;
        self.packets_out_of_order += other.packets_out_of_order;
        self.packets_late += other.packets_late;
        self.datagrams_refused += other.datagrams_refused;
        self.sources += other.sources;
        self.jitter_ms = self.jitter_ms.max(other.jitter_ms);
    }
}

/// Follows one source's sequence numbers and arrival times.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) ssrc: u32,
    first: u64,
    /// Highest sequence number so far, extended by the wraps (RFC 3550 appendix A.1).
    highest: u64,
    received: u64,
    pub(crate) out_of_order: u64,
    /// Arrival and timestamp of the packet before, for the jitter.
    last: (Instant, u32),
    jitter_units: f64,
}

impl Source {
    pub(crate) fn new(ssrc: u32, sequence: u16, timestamp: u32, now: Instant) -> Source {
        // Start one wrap up, so that an early reordered packet does not go below 0.
        let first = (1 << 16) | u64::from(sequence);
        Source {
            ssrc,
            first,
            highest: first,
            received: 1,
            out_of_order: 0,
            last: (now, timestamp),
            jitter_units: 0.0,
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
        let arrival = now.saturating_duration_since(self.last.0).as_secs_f64() * f64::from(SAMPLE_RATE_HZ);
        let sent = f64::from(timestamp.wrapping_sub(self.last.1).cast_signed());
        // RFC 3550 appendix A.8.
        self.jitter_units += ((arrival - sent).abs() - self.jitter_units) / 16.0;
        self.last = (now, timestamp);
    }

    pub(crate) fn lost(&self) -> i64 {
        (self.highest - self.first + 1).cast_signed() - self.received.cast_signed()
    }

    pub(crate) fn jitter_ms(&self) -> f64 {
        self.jitter_units * 1000.0 / f64::from(SAMPLE_RATE_HZ)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn follow(sequences: &[u16]) -> Source {
        let start = Instant::now();
        let mut source = Source::new(1, sequences[0], 0, start);
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
        let mut late = Source::new(1, 1, 0, start);
        late.packet(2, 160, start + Duration::from_millis(36));
        assert!((late.jitter_ms() - 1.0).abs() < 1e-3, "{}", late.jitter_ms());
    }
}
