//! How much a source may still do: a bucket that fills with time (a "token bucket").

use model::limits::Rate;

/// Thousandths of one unit.
const UNIT: u64 = 1_000;

/// Full at first. All times are milliseconds of one clock that never goes back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    /// In thousandths; at most the burst.
    level: u64,
    filled_ms: u64,
}

impl Bucket {
    pub(super) fn full(rate: Rate, now_ms: u64) -> Bucket {
        Bucket { level: u64::from(rate.burst) * UNIT, filled_ms: now_ms }
    }

    /// Takes `units`, if that much is left.
    pub(super) fn take(&mut self, rate: Rate, units: u32, now_ms: u64) -> bool {
        let passed_ms = now_ms.saturating_sub(self.filled_ms);
        // So many a second are as many thousandths a millisecond.
        let filled = self.level.saturating_add(passed_ms.saturating_mul(rate.per_second.into()));
        self.level = filled.min(u64::from(rate.burst) * UNIT);
        self.filled_ms = self.filled_ms.max(now_ms);
        let wanted = u64::from(units) * UNIT;
        let enough = self.level >= wanted;
        if enough {
            self.level -= wanted;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 10, burst: 3 };

    #[test]
    fn a_burst_then_the_rate() {
        let mut bucket = Bucket::full(RATE, 0);
        assert_eq!((0..5).filter(|_| bucket.take(RATE, 1, 0)).count(), 3);
        assert!(!bucket.take(RATE, 1, 99));
        assert!(bucket.take(RATE, 1, 100));
        assert_eq!((0..100_000).filter(|ms| bucket.take(RATE, 1, 1_000 + ms / 10)).count(), 3 + 99);
    }

    #[test]
    fn a_long_pause_gives_a_burst_and_no_more_and_time_never_goes_back() {
        let mut bucket = Bucket::full(RATE, 0);
        assert!(bucket.take(RATE, 3, u64::MAX));
        assert!(!bucket.take(RATE, 1, u64::MAX));
        assert!(!bucket.take(RATE, 1, 5));
        assert!(!bucket.take(RATE, 4, u64::MAX));
    }
}
