//! The sum of a room: each voice is added once, and each hearer's own voice taken away again.

pub(crate) mod gate;
pub(crate) mod limiter;
pub(crate) mod ramp;
#[allow(dead_code)]
pub(crate) mod resample;
#[cfg(test)]
mod tone;

use crate::time::{FRAME_SAMPLES, Frame};
use limiter::limit;

/// Which voice of the tick is whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VoiceIndex(usize);

/// One room's tick. Kept between ticks and rooms for its memory alone.
pub(crate) struct Mixer {
    /// Wide enough for 65,536 voices at full scale.
    sum: [i32; FRAME_SAMPLES],
    voices: Vec<Frame>,
}

impl Mixer {
    pub(crate) fn new() -> Self {
        Mixer { sum: [0; FRAME_SAMPLES], voices: Vec::new() }
    }

    pub(crate) fn clear(&mut self) {
        self.voices.clear();
        self.sum.fill(0);
    }

    pub(crate) fn add(&mut self, voice: &Frame) -> VoiceIndex {
        self.sum.iter_mut().zip(voice).for_each(|(sum, s)| *sum += i32::from(*s));
        self.voices.push(*voice);
        VoiceIndex(self.voices.len() - 1)
    }

    /// Nobody is left to be heard by whoever has this voice.
    pub(crate) fn is_silent_without(&self, own: Option<VoiceIndex>) -> bool {
        self.voices.len() <= usize::from(own.is_some())
    }

    /// All voices but one's own.
    pub(crate) fn others(&self, own: Option<VoiceIndex>) -> Frame {
        let mut out = [0; FRAME_SAMPLES];
        match own.and_then(|VoiceIndex(i)| self.voices.get(i)) {
            Some(own) => {
                for ((out, sum), own) in out.iter_mut().zip(&self.sum).zip(own) {
                    *out = limit(*sum - i32::from(*own));
                }
            }
            None => out.iter_mut().zip(&self.sum).for_each(|(out, sum)| *out = limit(*sum)),
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn voice() -> impl Strategy<Value = Frame> {
        prop::collection::vec(any::<i16>(), FRAME_SAMPLES).prop_map(|v| v.try_into().unwrap())
    }

    proptest! {
        #[test]
        fn the_sum_less_ones_own_is_the_mix_of_the_others(voices in prop::collection::vec(voice(), 1..8)) {
            let mut mixer = Mixer::new();
            let indexes: Vec<_> = voices.iter().map(|v| mixer.add(v)).collect();
            for (i, own) in indexes.iter().enumerate() {
                let mut without = Mixer::new();
                voices.iter().enumerate().filter(|(j, _)| *j != i).for_each(|(_, v)| {
                    without.add(v);
                });
                prop_assert_eq!(mixer.others(Some(*own)), without.others(None));
            }
        }

        #[test]
        fn below_the_knee_the_mix_is_the_exact_sum(
            a in prop::collection::vec(-12_000i16..12_000, FRAME_SAMPLES),
            b in prop::collection::vec(-12_000i16..12_000, FRAME_SAMPLES),
        ) {
            let mut mixer = Mixer::new();
            mixer.add(&a.clone().try_into().unwrap());
            mixer.add(&b.clone().try_into().unwrap());
            let sum: Vec<i16> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
            prop_assert_eq!(mixer.others(None).to_vec(), sum);
        }
    }

    #[test]
    fn an_own_voice_alone_leaves_silence() {
        let mut mixer = Mixer::new();
        assert_eq!(mixer.others(None), [0; FRAME_SAMPLES]);
        mixer.clear();
        assert!(mixer.is_silent_without(None));
        let own = mixer.add(&[i16::MIN; FRAME_SAMPLES]);
        assert!(mixer.is_silent_without(Some(own)) && !mixer.is_silent_without(None));
        assert_eq!(mixer.others(Some(own)), [0; FRAME_SAMPLES]);
    }
}
