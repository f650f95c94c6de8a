//! Who may do how much: the rules over all sources. Plain data; time is passed in.

use super::counters::Dropped;
use super::sources::{Allowance, Entry, STRANGER, STRANGERS, Source, Sources, TRUSTED};
use model::limits;
use std::net::IpAddr;

/// What opening a connection costs, in messages.
const CONNECTION_COST: u32 = 5;

/// Somebody who sends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who {
    pub(super) ip: IpAddr,
    /// A trunk's address, or this machine.
    pub(super) trusted: bool,
}

/// What becomes of a new call, as far as the rates go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NewCall {
    Taken,
    /// 503: it comes from somebody whom we know.
    Later,
    /// Silence: most likely a flood.
    Dropped,
}

pub(super) struct Gate {
    sources: Sources,
    /// All strangers together, so that a flood under many names leaves the trunks alone.
    strangers: Allowance,
    connections: usize,
}

impl Gate {
    pub(super) fn new(now_ms: u64) -> Gate {
        Gate { sources: Sources::default(), strangers: Allowance::full(STRANGERS, now_ms), connections: 0 }
    }

    fn entry(&mut self, who: Who, now_ms: u64) -> (&mut Entry, Option<&mut Allowance>) {
        let rates = if who.trusted { TRUSTED } else { STRANGER };
        let together = (!who.trusted).then_some(&mut self.strangers);
        (self.sources.entry(who.ip.into(), rates, now_ms), together)
    }

    /// May one more message of theirs be read?
    pub(super) fn message(&mut self, who: Who, now_ms: u64) -> bool {
        self.messages(who, 1, now_ms)
    }

    fn messages(&mut self, who: Who, count: u32, now_ms: u64) -> bool {
        match self.entry(who, now_ms) {
            (entry, None) => entry.allowance.messages.take(TRUSTED.messages, count, now_ms),
            // Their own first: who floods spends nothing of the others'.
            (entry, Some(together)) => {
                entry.allowance.messages.take(STRANGER.messages, count, now_ms)
                    && together.messages.take(STRANGERS.messages, count, now_ms)
            }
        }
    }

    /// May an answer of ours go to them?
    pub(super) fn answer(&mut self, who: Who, now_ms: u64) -> bool {
        match self.entry(who, now_ms) {
            (entry, None) => entry.allowance.answers.take(TRUSTED.answers, 1, now_ms),
            (entry, Some(together)) => {
                entry.allowance.answers.take(STRANGER.answers, 1, now_ms)
                    && together.answers.take(STRANGERS.answers, 1, now_ms)
            }
        }
    }

    pub(super) fn new_call(&mut self, who: Who, now_ms: u64) -> NewCall {
        let (entry, together) = self.entry(who, now_ms);
        let known = who.trusted || entry.calls > 0;
        let taken = match together {
            None => entry.allowance.calls.take(TRUSTED.calls, 1, now_ms),
            Some(together) => {
                entry.calls < limits::STRANGER_CALLS_AT_ONCE
                    && entry.allowance.calls.take(STRANGER.calls, 1, now_ms)
                    && together.calls.take(STRANGERS.calls, 1, now_ms)
            }
        };
        match (taken, known) {
            (true, _) => NewCall::Taken,
            (false, true) => NewCall::Later,
            (false, false) => NewCall::Dropped,
        }
    }

    /// A call of theirs is up; [`Gate::call_over`] must follow.
    pub(super) fn call_up(&mut self, who: Who, now_ms: u64) {
        self.entry(who, now_ms).0.calls += 1;
    }

    pub(super) fn call_over(&mut self, ip: IpAddr) {
        if let Some(entry) = self.sources.known(Source::from(ip)) {
            entry.calls = entry.calls.saturating_sub(1);
        }
    }

    pub(super) fn has_calls(&mut self, ip: IpAddr) -> bool {
        self.sources.known(Source::from(ip)).is_some_and(|entry| entry.calls > 0)
    }

    /// May they open a connection? If so, [`Gate::disconnected`] must follow.
    pub(super) fn connect(&mut self, who: Who, now_ms: u64) -> Result<(), Dropped> {
        let for_strangers = limits::SIP_CONNECTIONS - limits::SIP_CONNECTIONS / 4;
        let (in_all, of_one) = if who.trusted {
            (limits::SIP_CONNECTIONS, limits::SIP_CONNECTIONS)
        } else {
            (for_strangers, limits::STRANGER_CONNECTIONS)
        };
        if self.connections >= in_all || self.entry(who, now_ms).0.connections >= of_one {
            return Err(Dropped::Connection);
        }
        if !self.messages(who, CONNECTION_COST, now_ms) {
            return Err(Dropped::TooMany);
        }
        self.connections += 1;
        self.entry(who, now_ms).0.connections += 1;
        Ok(())
    }

    pub(super) fn disconnected(&mut self, ip: IpAddr) {
        self.connections = self.connections.saturating_sub(1);
        if let Some(entry) = self.sources.known(Source::from(ip)) {
            entry.connections = entry.connections.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stranger(n: u8) -> Who {
        Who { ip: [198, 51, 100, n].into(), trusted: false }
    }

    const TRUNK: Who = Who { ip: IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 5)), trusted: true };

    #[test]
    fn a_flood_from_one_address_leaves_all_others_alone() {
        let mut gate = Gate::new(0);
        let mut read = 0;
        // 20,000 a second for ten seconds.
        for i in 0..200_000_u64 {
            let now_ms = i / 20;
            read += u64::from(gate.message(stranger(1), now_ms));
            if i % 1_000 == 0 {
                assert!(gate.message(stranger(2), now_ms) && gate.message(TRUNK, now_ms));
            }
        }
        assert!((690..=700).contains(&read), "{read} of the flood were read");
    }

    #[test]
    fn a_flood_under_many_names_is_bounded_and_leaves_the_trunk_alone() {
        let mut gate = Gate::new(0);
        let mut read = 0;
        for i in 0..100_000_u32 {
            let now_ms = u64::from(i / 20);
            let forged = Who { ip: i.to_be_bytes().into(), trusted: false };
            read += u32::from(gate.message(forged, now_ms));
            assert!(i % 20 != 0 || gate.message(TRUNK, now_ms));
        }
        let (rate, seconds) = (limits::STRANGERS_MESSAGES, 5);
        assert!(read <= rate.burst + rate.per_second * seconds, "{read}");
    }

    #[test]
    fn calls_over_the_rate_are_told_so_if_we_know_who_calls() {
        let mut gate = Gate::new(0);
        let calls = |gate: &mut Gate, who, count: u32| -> Vec<NewCall> {
            (0..count).map(|_| gate.new_call(who, 0)).collect()
        };
        let of_stranger = calls(&mut gate, stranger(1), limits::STRANGER_CALLS.burst + 1);
        assert_eq!(of_stranger.last(), Some(&NewCall::Dropped));
        assert_eq!(of_stranger.iter().filter(|call| **call == NewCall::Taken).count() as u32, 20);
        gate.call_up(stranger(1), 0);
        assert_eq!(gate.new_call(stranger(1), 0), NewCall::Later);
        let of_trunk = calls(&mut gate, TRUNK, limits::TRUSTED_CALLS.burst + 1);
        assert_eq!(of_trunk.last(), Some(&NewCall::Later));
    }

    #[test]
    fn calls_at_once_are_counted_up_and_down() {
        let mut gate = Gate::new(0);
        for _ in 0..limits::STRANGER_CALLS_AT_ONCE {
            gate.call_up(stranger(1), 0);
        }
        assert_eq!(gate.new_call(stranger(1), 0), NewCall::Later);
        gate.call_over(stranger(1).ip);
        assert_eq!(gate.new_call(stranger(1), 0), NewCall::Taken);
        assert!(gate.has_calls(stranger(1).ip) && !gate.has_calls(stranger(2).ip));
    }

    #[test]
    fn connections_are_capped_for_one_and_for_all_and_the_trunk_keeps_its_part() {
        let mut gate = Gate::new(0);
        let mut now_ms = 0;
        let mut connect = |gate: &mut Gate, who| {
            now_ms += 1_000;
            gate.connect(who, now_ms)
        };
        for _ in 0..limits::STRANGER_CONNECTIONS {
            assert_eq!(connect(&mut gate, stranger(1)), Ok(()));
        }
        assert_eq!(connect(&mut gate, stranger(1)), Err(Dropped::Connection));
        gate.disconnected(stranger(1).ip);
        assert_eq!(connect(&mut gate, stranger(1)), Ok(()));
        let mut others = 0;
        for n in 2..=255 {
            others += (0..10).filter(|_| connect(&mut gate, stranger(n)).is_ok()).count();
        }
        assert_eq!(others + limits::STRANGER_CONNECTIONS, 750);
        assert_eq!((0..1_000).filter(|_| connect(&mut gate, TRUNK).is_ok()).count(), 250);
    }
}
