//! What is remembered of each source: bounded, whoever floods.

use super::bucket::Bucket;
use model::limits::{self, Rate};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

/// Who is counted as one: an IPv4 address, or an IPv6 network of 64 bits, for that is what one subscriber has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Source(IpAddr);

impl From<IpAddr> for Source {
    fn from(ip: IpAddr) -> Source {
        Source(match ip.to_canonical() {
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
            v4 => v4,
        })
    }
}

/// The rates that hold for a source, or for many together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    pub(super) messages: Rate,
    pub(super) calls: Rate,
    pub(super) answers: Rate,
}

pub(super) const STRANGER: Rates = Rates {
    messages: limits::STRANGER_MESSAGES,
    calls: limits::STRANGER_CALLS,
    answers: limits::STRANGER_ANSWERS,
};

pub(super) const TRUSTED: Rates = Rates {
    messages: limits::TRUSTED_MESSAGES,
    calls: limits::TRUSTED_CALLS,
    answers: limits::TRUSTED_ANSWERS,
};

/// All who are strangers, together.
pub(super) const STRANGERS: Rates = Rates {
    messages: limits::STRANGERS_MESSAGES,
    calls: limits::STRANGERS_CALLS,
    answers: limits::STRANGERS_ANSWERS,
};

/// What may still be done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    pub(super) messages: Bucket,
    pub(super) calls: Bucket,
    pub(super) answers: Bucket,
}

impl Allowance {
    pub(super) fn full(rates: Rates, now_ms: u64) -> Allowance {
        Allowance {
            messages: Bucket::full(rates.messages, now_ms),
            calls: Bucket::full(rates.calls, now_ms),
            answers: Bucket::full(rates.answers, now_ms),
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) allowance: Allowance,
    pub(super) calls: usize,
    pub(super) connections: usize,
}

impl Entry {
    fn is_in_use(&self) -> bool {
        self.calls > 0 || self.connections > 0
    }
}

/// Two generations: who has not been heard since the younger one was begun is forgotten with the older one, but for those
/// with calls or connections, whose number has limits of its own.
#[derive(Default)]
pub(super) struct Sources {
    younger: HashMap<Source, Entry>,
    older: HashMap<Source, Entry>,
}

impl Sources {
    /// The entry of a source, with full buckets if it is not known.
    pub(super) fn entry(&mut self, source: Source, rates: Rates, now_ms: u64) -> &mut Entry {
        if !self.younger.contains_key(&source) && self.younger.len() >= limits::SIP_SOURCES / 2 {
            self.begin_generation();
        }
        let older = &mut self.older;
        self.younger.entry(source).or_insert_with(|| {
            older.remove(&source).unwrap_or_else(|| Entry {
                allowance: Allowance::full(rates, now_ms),
                calls: 0,
                connections: 0,
            })
        })
    }

    /// The entry of a source that is known.
    pub(super) fn known(&mut self, source: Source) -> Option<&mut Entry> {
        match self.younger.get_mut(&source) {
            Some(entry) => Some(entry),
            None => self.older.get_mut(&source),
        }
    }

    fn begin_generation(&mut self) {
        let forgotten = std::mem::replace(&mut self.older, std::mem::take(&mut self.younger));
        self.older.extend(forgotten.into_iter().filter(|(_, entry)| entry.is_in_use()));
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.younger.len() + self.older.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(n: u32) -> Source {
        Source::from(IpAddr::from(n.to_be_bytes()))
    }

    #[test]
    fn a_subscriber_of_ipv6_is_one_source_and_mapped_addresses_are_ipv4() {
        let of = |ip: &str| Source::from(ip.parse::<IpAddr>().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }

    #[test]
    fn a_million_sources_are_not_remembered_but_the_busy_one_is() {
        let mut sources = Sources::default();
        sources.entry(source(7), STRANGER, 0).calls = 2;
        for n in 100..200_000 {
            sources.entry(source(n), STRANGER, 0);
            // Only what was just heard, and what has calls, stays.
            assert!(sources.len() <= limits::SIP_SOURCES + 1);
        }
        assert_eq!(sources.known(source(7)).map(|entry| entry.calls), Some(2));
        assert!(sources.known(source(100)).is_none());
    }

    #[test]
    fn an_empty_bucket_stays_empty_while_its_source_keeps_sending() {
        let mut sources = Sources::default();
        let spent = |sources: &mut Sources| {
            let entry = sources.entry(source(1), STRANGER, 0);
            !entry.allowance.messages.take(STRANGER.messages, 1, 0)
        };
        while !spent(&mut sources) {}
        for n in 100..50_000 {
            sources.entry(source(n), STRANGER, 0);
            assert!(n % 1_000 != 0 || spent(&mut sources), "forgotten after {n}");
        }
    }
}
