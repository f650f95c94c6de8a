//! Whether the other end answers: when it is asked by OPTIONS (RFC 3261 section 11), and what its silence means.

use model::live::UnixMs;
use model::trunk::{Failure, Reach};

pub(crate) struct KeepAlive {
    interval_ms: u64,
    due: UnixMs,
    reach: Reach,
}

impl KeepAlive {
    /// `interval_s`: from 5 to 3600.
    pub(crate) fn new(interval_s: u32, now: UnixMs) -> KeepAlive {
        KeepAlive { interval_ms: u64::from(interval_s) * 1_000, due: now, reach: Reach::Unknown }
    }

    /// When the next OPTIONS is to be sent.
    pub(crate) fn due(&self) -> UnixMs {
        self.due
    }

    pub(crate) fn reach(&self) -> Reach {
        self.reach.clone()
    }

    /// What came of an OPTIONS. `chance`: from 0 to 1, at random. Returns whether it has just fallen silent.
    pub(crate) fn answered(&mut self, now: UnixMs, answer: Result<(), Failure>, chance: f64) -> bool {
        self.delay(now, chance);
        let was_silent = matches!(self.reach, Reach::Silent { .. });
        self.reach = match (answer, &self.reach) {
            (Ok(()), _) => Reach::Answers { at: now },
            (Err(failure), Reach::Silent { since, .. }) => Reach::Silent { since: *since, failure },
            (Err(failure), _) => Reach::Silent { since: now, failure },
        };
        !was_silent && matches!(self.reach, Reach::Silent { .. })
    }

    /// There is nobody to ask now: no registrar has taken the registration.
    pub(crate) fn put_off(&mut self, now: UnixMs, chance: f64) {
        self.delay(now, chance);
        self.reach = Reach::Unknown;
    }

    fn delay(&mut self, now: UnixMs, chance: f64) {
        // A tenth of jitter: trunks that start together are not asked together for ever.
        let jitter_ms = (self.interval_ms as f64 / 10.0 * chance.clamp(0.0, 1.0)) as u64;
        self.due = now + self.interval_ms - jitter_ms;
    }
}

/// Whether this status of an answer to OPTIONS means that calls can come from there. A refusal of OPTIONS itself is a
/// sign of life; 503 says that the other end is out of service.
pub(crate) fn is_alive(status: u16) -> bool {
    !matches!(status, 408 | 503)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_begins_once_and_ends_with_an_answer() {
        let mut line = KeepAlive::new(30, 1_000);
        assert_eq!((line.due(), line.reach()), (1_000, Reach::Unknown));
        assert!(!line.answered(1_000, Ok(()), 0.0));
        assert_eq!((line.due(), line.reach()), (31_000, Reach::Answers { at: 1_000 }));
        assert!(line.answered(31_000, Err(Failure::NoAnswer), 1.0));
        assert_eq!(line.due(), 58_000);
        let refused = Failure::Refused { status: 503, words: "Service Unavailable".to_owned() };
        assert!(!line.answered(58_000, Err(refused.clone()), 0.0));
        assert_eq!(line.reach(), Reach::Silent { since: 31_000, failure: refused });
        assert!(!line.answered(88_000, Ok(()), 0.0));
        assert!(line.answered(118_000, Err(Failure::NoAnswer), 0.0));
        line.put_off(148_000, 1.0);
        assert_eq!((line.due(), line.reach()), (175_000, Reach::Unknown));
    }

    #[test]
    fn a_refused_options_is_a_sign_of_life() {
        assert!([200, 403, 404, 405, 486, 501].into_iter().all(is_alive));
        assert!(![408, 503].into_iter().any(is_alive));
    }
}
