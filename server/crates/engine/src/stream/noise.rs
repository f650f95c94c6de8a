//! What is heard where nobody talks: comfort noise, the same for all rooms that tick together.

use super::PerCodec;
use super::shared::Shared;
use crate::mix::comfort::ComfortNoise;
use crate::params::Codec;
use crate::time::{FRAME_SAMPLES_MAX, Rate};
use crate::wire::{Encoded, Wire};

pub(crate) struct Noise {
    /// At each rate, made when first asked for in a tick.
    sounds: [Sound; Rate::ALL.len()],
    streams: PerCodec<Option<Box<Shared>>>,
}

struct Sound {
    rate: Rate,
    generator: ComfortNoise,
    frame: [i16; FRAME_SAMPLES_MAX],
    is_made: bool,
}

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        let sound = |rate: Rate| Sound {
            rate,
            generator: ComfortNoise::new(rate.hz(), seed),
            frame: [0; FRAME_SAMPLES_MAX],
            is_made: false,
        };
        Noise { sounds: Rate::ALL.map(sound), streams: PerCodec::new(|_| None) }
    }

    pub(crate) fn next_tick(&mut self) {
        self.sounds.iter_mut().for_each(|sound| sound.is_made = false);
        self.streams.iter_mut().flatten().for_each(|stream| stream.next_tick());
    }

    /// 20 ms of it.
    pub(crate) fn frame(&mut self, rate: Rate) -> &[i16] {
        self.sounds[rate as usize].frame()
    }

    /// The stream of those who hear nothing else.
    pub(crate) fn stream(&mut self, codec: Codec) -> &mut Shared {
        stream(&mut self.streams, codec)
    }

    /// This tick of that stream.
    pub(crate) fn sound(&mut self, codec: Codec, wire: &mut Wire) -> Encoded {
        let noise = &mut self.sounds[codec.rate() as usize];
        stream(&mut self.streams, codec).sound(wire, |mix| mix.copy_from_slice(noise.frame()))
    }
}

fn stream(streams: &mut PerCodec<Option<Box<Shared>>>, codec: Codec) -> &mut Shared {
    streams.get(codec).get_or_insert_with(|| Box::new(Shared::new(codec, codec.rate())))
}

impl Sound {
    fn frame(&mut self) -> &[i16] {
        let frame = &mut self.frame[..self.rate.frame_samples()];
        if !std::mem::replace(&mut self.is_made, true) {
            self.generator.fill(frame);
        }
        frame
    }
}
