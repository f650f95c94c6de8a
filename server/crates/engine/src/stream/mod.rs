//! What is encoded, and who hears it.
//!
//! Encoding costs more than mixing, so a tick encodes as little as can be: all who hear nobody share one stream of
//! comfort noise per codec, all silent hearers of a room share the room's stream of their codec, and only who is heard
//! themselves, or is spoken to, has a stream of their own ([`Route`]). G.711 remembers nothing, so its hearers change
//! streams as they like. G.722 and Opus remember, and a hearer's decoder follows its encoder; so a leg that needs a stream of
//! its own goes on from the shared one's state, and gives it up only when both agree again ([`Agreement`]).

mod chain;
mod noise;
mod room;
mod route;
mod shared;

pub(crate) use chain::Spare;
pub(crate) use noise::Noise;
pub(crate) use room::RoomStreams;
pub(crate) use route::{Desk, Route, Wanted};

use crate::params::Codec;

/// A value for each codec.
#[derive(Debug)]
pub(crate) struct PerCodec<T>([T; Codec::ALL.len()]);

impl<T> PerCodec<T> {
    pub(crate) fn new(make: impl FnMut(Codec) -> T) -> Self {
        PerCodec(Codec::ALL.map(make))
    }

    pub(crate) fn get(&mut self, codec: Codec) -> &mut T {
        &mut self.0[codec as usize]
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut()
    }
}
