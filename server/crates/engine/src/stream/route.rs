//! Which stream a leg hears, and how it comes from one to another.

use super::chain::{Chain, Spare};
use super::noise::Noise;
use super::room::RoomStreams;
use super::shared::Candidate;
use crate::codec::is_stateless;
use crate::mix::Mixer;
use crate::params::Codec;
use crate::room::Saying;
use crate::time::Rate;
use crate::wire::{Encoded, Wire};

/// The stream that a leg hears.
pub(crate) enum Route {
    /// Comfort noise alone.
    Noise,
    /// Everybody in the room.
    Room,
    Own {
        chain: Box<Chain>,
        /// Ticks in which a shared stream would have done.
        waited_ticks: u16,
    },
}

/// The stream that would do for this tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Noise,
    Room,
    Own,
}

/// All that is needed to make a tick's sound for the legs of one room.
pub(crate) struct Desk<'a> {
    pub(crate) mixer: &'a mut Mixer,
    pub(crate) streams: &'a mut RoomStreams,
    pub(crate) noise: &'a mut Noise,
    pub(crate) spare: &'a mut Spare,
    pub(crate) wire: &'a mut Wire,
    /// What the room says in this tick.
    pub(crate) saying: Option<Saying>,
    /// Ticks in which the room's mix was not worth listening to, up to now.
    pub(crate) quiet_ticks: u16,
}

impl Desk<'_> {
    /// This tick of a shared stream.
    fn shared(&mut self, wanted: Wanted, codec: Codec) -> Encoded {
        match wanted {
            Wanted::Room => self.streams.sound(codec, self.mixer, self.noise, self.wire),
            Wanted::Noise | Wanted::Own => self.noise.sound(codec, self.wire),
        }
    }

    /// Where whoever was on `route` goes on from.
    fn follow(&mut self, chain: &mut Chain, route: &Route, codec: Codec) {
        let rate = self.mixer.rate();
        match route {
            Route::Room => chain.follow(self.streams.shared(codec, rate, self.noise).before()),
            Route::Noise | Route::Own { .. } => chain.follow(self.noise.stream(codec).before()),
        }
    }

    /// A room's stream that nobody hears goes on from a leg's own.
    fn take_over(&mut self, chain: &Chain, wanted: Wanted, codec: Codec) -> bool {
        if wanted != Wanted::Room {
            return false;
        }
        let rate = self.mixer.rate();
        if self.streams.is_like_noise(codec, rate) {
            return false;
        }
        let shared = self.streams.shared(codec, rate, self.noise);
        let idle = shared.is_idle();
        if idle {
            shared.follow(chain);
        }
        idle
    }
}

impl Route {
    /// Of a leg whose decoder has heard nothing; `rate` is its room's.
    pub(crate) fn new(codec: Codec, rate: Rate) -> Self {
        Route::Own { chain: Box::new(Chain::new(codec, rate)), waited_ticks: 0 }
    }

    /// Makes a leg's tick. `own` is asked for the sound where no shared stream can be had; it writes 20 ms of the codec's
    /// rate, for which it is given a chain that resamples what the mixer has.
    pub(crate) fn sound(
        &mut self,
        wanted: Wanted,
        codec: Codec,
        desk: &mut Desk<'_>,
        own: impl FnOnce(&mut Chain, &mut Desk<'_>, &mut [i16]),
    ) -> Encoded {
        if self.is_at(wanted) || self.moves_freely(wanted, codec, desk) {
            return desk.shared(wanted, codec);
        }
        if !matches!(self, Route::Own { .. }) {
            let mut chain = desk.spare.take(codec, desk.mixer.rate());
            desk.follow(&mut chain, self, codec);
            *self = Route::Own { chain, waited_ticks: 0 };
        }
        let Route::Own { chain, waited_ticks } = self else { return desk.shared(wanted, codec) };
        let encoded = codec.rate().with_frame(|pcm| {
            own(chain, desk, pcm);
            chain.encode(pcm, desk.wire)
        });
        if wanted == Wanted::Own {
            *waited_ticks = 0;
            return encoded;
        }
        *waited_ticks = waited_ticks.saturating_add(1);
        // Both must have encoded this tick before they can be compared.
        desk.shared(wanted, codec);
        let quiet_ticks = match wanted {
            Wanted::Room => desk.quiet_ticks.min(*waited_ticks),
            Wanted::Noise | Wanted::Own => *waited_ticks,
        };
        let candidate = Candidate { chain, waited_ticks: *waited_ticks, quiet_ticks };
        let rate = desk.mixer.rate();
        let shared = match wanted {
            Wanted::Room => desk.streams.shared(codec, rate, desk.noise),
            Wanted::Noise | Wanted::Own => desk.noise.stream(codec),
        };
        if shared.admits(&candidate) {
            self.share(wanted, desk.spare);
        }
        encoded
    }

    fn is_at(&self, wanted: Wanted) -> bool {
        matches!((self, wanted), (Route::Noise, Wanted::Noise) | (Route::Room, Wanted::Room))
    }

    /// Goes over at once, where that cannot be heard.
    fn moves_freely(&mut self, wanted: Wanted, codec: Codec, desk: &mut Desk<'_>) -> bool {
        let free = match self {
            _ if wanted == Wanted::Own => false,
            Route::Own { chain, .. } => desk.take_over(chain, wanted, codec) || is_stateless(codec),
            Route::Noise | Route::Room => {
                is_stateless(codec) || desk.streams.is_like_noise(codec, desk.mixer.rate())
            }
        };
        if free {
            self.share(wanted, desk.spare);
        }
        free
    }

    fn share(&mut self, wanted: Wanted, spare: &mut Spare) {
        let shared = if wanted == Wanted::Room { Route::Room } else { Route::Noise };
        if let Route::Own { chain, .. } = std::mem::replace(self, shared) {
            spare.give(chain);
        }
    }

    /// The room's rate has changed.
    pub(crate) fn set_rate(&mut self, rate: Rate) {
        if let Route::Own { chain, .. } = self {
            chain.set_rate(rate);
        }
    }
}
