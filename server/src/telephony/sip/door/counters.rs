//! What the door did not let through, counted by its reason.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Why something went no further than the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dropped {
    /// More messages than the source may send, or all strangers together.
    TooMany,
    /// More new calls than the source may make, or all strangers together.
    TooManyCalls,
    /// The agent of a scanner.
    Scanner,
    /// Longer than is taken.
    TooLong,
    /// Malformed, and answered so.
    Refused,
    /// Malformed, and not answered: nobody to be told, or told too often.
    Unreadable,
    /// A response that belongs to nothing.
    Stray,
    /// A TCP or TLS connection too many.
    Connection,
    /// A TLS handshake that failed or did not end.
    Handshake,
    /// A connection that was silent for too long, or wrote or read too slowly.
    Slow,
    /// The transactions that are remembered are too many.
    Full,
}

const NAMES: [&str; 11] = [
    "too_many",
    "too_many_calls",
    "scanner",
    "too_long",
    "refused",
    "unreadable",
    "stray",
    "connection",
    "handshake",
    "slow",
    "full",
];

/// Since the start.
#[derive(Debug, Default)]
pub(crate) struct Counters([AtomicU64; NAMES.len()]);

/// Numbers of one moment, in the order of [`Dropped`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts([u64; NAMES.len()]);

impl Counters {
    pub(super) fn note(&self, dropped: Dropped) {
        self.0[dropped as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts(std::array::from_fn(|i| self.0[i].load(Ordering::Relaxed)))
    }
}

impl Counts {
    /// What has come since `before`; `None` if nothing.
    pub(crate) fn since(self, before: Counts) -> Option<Counts> {
        let new = Counts(std::array::from_fn(|i| self.0[i] - before.0[i]));
        (new != Counts::default()).then_some(new)
    }

    #[cfg(test)]
    pub(super) fn of(self, dropped: Dropped) -> u64 {
        self.0[dropped as usize]
    }
}

/// `too_many=20 scanner=1`: those that are not 0.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut space = "";
        for (name, count) in NAMES.iter().zip(self.0).filter(|(_, count)| *count > 0) {
            write!(f, "{space}{name}={count}")?;
            space = " ";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_new_is_told() {
        let counters = Counters::default();
        counters.note(Dropped::TooMany);
        let before = counters.counts();
        assert_eq!(counters.counts().since(before), None);
        counters.note(Dropped::TooMany);
        counters.note(Dropped::Full);
        let new = counters.counts().since(before).unwrap();
        assert_eq!(new.to_string(), "too_many=1 full=1");
        assert_eq!(counters.counts().of(Dropped::TooMany), 2);
    }
}
