//! A stream that many hear: encoded once a tick, if anybody hears it.

use super::chain::Chain;
use crate::codec::Agreement;
use crate::params::Codec;
use crate::time::Rate;
use crate::wire::{Encoded, Wire};

pub(crate) struct Shared {
    chain: Chain,
    /// The chain's state before this tick.
    before: Chain,
    /// This tick's.
    encoded: Option<Encoded>,
    /// Somebody heard it in the tick before.
    was_heard: bool,
    refresh_next: bool,
}

/// A hearer that has a chain of its own and would rather share.
pub(crate) struct Candidate<'a> {
    pub(crate) chain: &'a Chain,
    /// Ticks in which both encoded the same.
    pub(crate) waited_ticks: u16,
    /// Of these, the last ones in which that was not worth listening to.
    pub(crate) quiet_ticks: u16,
}

impl Shared {
    /// For sound of that rate.
    pub(crate) fn new(codec: Codec, rate: Rate) -> Self {
        Shared {
            chain: Chain::new(codec, rate),
            before: Chain::memory(codec, rate),
            encoded: None,
            was_heard: false,
            refresh_next: false,
        }
    }

    pub(crate) fn set_rate(&mut self, rate: Rate) {
        self.chain.set_rate(rate);
        self.before.set_rate(rate);
    }

    pub(crate) fn next_tick(&mut self) {
        self.was_heard = self.encoded.take().is_some();
        if std::mem::take(&mut self.refresh_next) {
            self.chain.refresh();
        }
    }

    /// Where it was before this tick: whoever heard it so far goes on from here.
    pub(crate) fn before(&self) -> &Chain {
        if self.encoded.is_some() { &self.before } else { &self.chain }
    }

    /// Nobody has heard it in the tick before, nor in this one so far: it may go on from anywhere.
    pub(crate) fn is_idle(&self) -> bool {
        !self.was_heard && self.encoded.is_none()
    }

    /// Goes on from where `other` was before this tick. Only for a stream that is idle, or to be heard by those alone who
    /// heard the other.
    pub(crate) fn follow(&mut self, other: &Chain) {
        self.chain.follow(other);
    }

    /// This tick's bytes; `mix` writes the sound if they are not there yet.
    pub(crate) fn sound(&mut self, wire: &mut Wire, mix: impl FnOnce(&mut [i16])) -> Encoded {
        if let Some(encoded) = self.encoded {
            return encoded;
        }
        self.before.follow(&self.chain);
        let chain = &mut self.chain;
        let encoded = chain.rate().with_frame(|room| {
            mix(room);
            chain.codec().rate().with_frame(|own| {
                chain.resample(room, own);
                chain.encode(own, wire)
            })
        });
        self.encoded = Some(encoded);
        encoded
    }

    /// Whether the candidate may hear this stream from the next tick on. Both have encoded this tick.
    pub(crate) fn admits(&mut self, candidate: &Candidate<'_>) -> bool {
        match candidate.chain.agrees_with(&self.chain) {
            Agreement::Now => true,
            Agreement::InQuiet { ticks, patience_ticks } => {
                let due = candidate.quiet_ticks >= ticks || candidate.waited_ticks >= patience_ticks;
                self.refresh_next |= due;
                due
            }
        }
    }

    pub(crate) fn chain(&self) -> &Chain {
        &self.chain
    }
}
