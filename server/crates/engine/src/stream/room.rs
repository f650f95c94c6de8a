//! The streams that a room's silent hearers share, one for each codec that is there.

use super::PerCodec;
use super::noise::Noise;
use super::shared::{Candidate, Shared};
use crate::mix::Mixer;
use crate::params::Codec;
use crate::time::Rate;
use crate::wire::{Encoded, Wire};

pub(crate) struct RoomStreams(PerCodec<Option<Box<RoomStream>>>);

struct RoomStream {
    shared: Shared,
    link: Link,
}

/// How a room's stream stands to the stream of noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    /// The room is quiet: its hearers are given the noise.
    Noise,
    /// Somebody began to talk in this tick: it goes on from the noise.
    Parted,
    Apart {
        quiet_ticks: u16,
    },
}

impl RoomStreams {
    pub(crate) fn new() -> Self {
        RoomStreams(PerCodec::new(|_| None))
    }

    pub(crate) fn set_rate(&mut self, rate: Rate) {
        self.0.iter_mut().flatten().for_each(|stream| stream.shared.set_rate(rate));
    }

    /// Begins a tick in which somebody is heard, or nobody.
    pub(crate) fn next_tick(&mut self, is_silent: bool, noise: &mut Noise) {
        for stream in self.0.iter_mut().flatten() {
            stream.shared.next_tick();
            stream.link = match stream.link {
                Link::Noise if is_silent => Link::Noise,
                Link::Noise => {
                    stream.shared.follow(noise.stream(stream.shared.chain().codec()).before());
                    Link::Parted
                }
                Link::Apart { quiet_ticks } if is_silent => {
                    Link::Apart { quiet_ticks: quiet_ticks.saturating_add(1) }
                }
                Link::Parted | Link::Apart { .. } => Link::Apart { quiet_ticks: 0 },
            };
        }
    }

    /// Who hears the noise may hear the room's stream next, and the other way round.
    pub(crate) fn is_like_noise(&mut self, codec: Codec, rate: Rate) -> bool {
        matches!(self.stream(codec, rate).link, Link::Noise | Link::Parted)
    }

    /// This tick for those who hear all.
    pub(crate) fn sound(
        &mut self,
        codec: Codec,
        mixer: &mut Mixer,
        noise: &mut Noise,
        wire: &mut Wire,
    ) -> Encoded {
        let stream = self.stream(codec, mixer.rate());
        match stream.link {
            Link::Noise => noise.sound(codec, wire),
            Link::Parted | Link::Apart { .. } => stream.shared.sound(wire, |mix| mixer.others(None, mix)),
        }
    }

    /// The stream that [`Self::sound`] gives.
    pub(crate) fn shared<'a>(&'a mut self, codec: Codec, rate: Rate, noise: &'a mut Noise) -> &'a mut Shared {
        let stream = self.stream(codec, rate);
        match stream.link {
            Link::Noise => noise.stream(codec),
            Link::Parted | Link::Apart { .. } => &mut stream.shared,
        }
    }

    /// Ends a tick: a room that has fallen quiet gives its hearers the noise, once they cannot tell it from their own.
    pub(crate) fn end_tick(&mut self, noise: &mut Noise, wire: &mut Wire) {
        for stream in self.0.iter_mut().flatten() {
            let Link::Apart { quiet_ticks: quiet_ticks @ 1.. } = stream.link else { continue };
            let codec = stream.shared.chain().codec();
            let joins = stream.shared.is_idle() || {
                noise.sound(codec, wire);
                let candidate =
                    Candidate { chain: stream.shared.chain(), waited_ticks: quiet_ticks, quiet_ticks };
                noise.stream(codec).admits(&candidate)
            };
            if joins {
                stream.link = Link::Noise;
            }
        }
    }

    fn stream(&mut self, codec: Codec, rate: Rate) -> &mut RoomStream {
        self.0.get(codec).get_or_insert_with(|| {
            let stream =
                RoomStream { shared: Shared::new(codec, rate), link: Link::Apart { quiet_ticks: 0 } };
            Box::new(stream)
        })
    }
}
