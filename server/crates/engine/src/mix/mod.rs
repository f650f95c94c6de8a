//! The sum of a room: each voice is added once, and each hearer's own voice taken away again.

pub(crate) mod comfort;
pub(crate) mod gate;
pub(crate) mod limiter;
pub(crate) mod ramp;
pub(crate) mod resample;
#[cfg(test)]
pub(crate) mod tone;

use crate::time::{FRAME_SAMPLES_MAX, Rate};
use limiter::{Gain, Limiter, peaks};

/// Which voice of the tick is whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VoiceIndex(usize);

/// One room's tick: voices in, [`Mixer::close`], mixes out. Kept between ticks and rooms for its memory alone.
pub(crate) struct Mixer {
    rate: Rate,
    /// Wide enough for 65,536 voices at full scale. Its first samples count, as many as the rate has in a tick.
    sum: [i32; FRAME_SAMPLES_MAX],
    /// One after the other.
    voices: Vec<i16>,
    /// A mix before its gain.
    less_own: [i32; FRAME_SAMPLES_MAX],
    gain: Gain,
    edge: Edge,
    /// The largest magnitude of the tick, over all mixes.
    peak: u32,
}

/// Whether a tick's sound begins or ends in silence: so a room changes its rate without a click.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Edge {
    #[default]
    None,
    FadeIn,
    FadeOut,
}

/// Twice the comfort noise's peak, 48 dB below full scale.
const QUIET_PEAK: u32 = 128;
/// A quarter of a tick: 5 ms.
const EDGE_PARTS: usize = 4;

impl Mixer {
    pub(crate) fn new() -> Self {
        Mixer {
            rate: Rate::Narrow,
            sum: [0; FRAME_SAMPLES_MAX],
            voices: Vec::new(),
            less_own: [0; FRAME_SAMPLES_MAX],
            gain: Gain::UNITY,
            edge: Edge::None,
            peak: 0,
        }
    }

    /// What is mixed at now.
    pub(crate) fn rate(&self) -> Rate {
        self.rate
    }

    /// Begins a room's tick.
    pub(crate) fn open(&mut self, rate: Rate) {
        self.rate = rate;
        self.voices.clear();
        self.sum[..rate.frame_samples()].fill(0);
    }

    /// Adds 20 ms at the room's rate.
    pub(crate) fn add(&mut self, voice: &[i16]) -> VoiceIndex {
        debug_assert_eq!(voice.len(), self.rate.frame_samples());
        self.sum.iter_mut().zip(voice).for_each(|(sum, s)| *sum += i32::from(*s));
        self.voices.extend_from_slice(voice);
        VoiceIndex(self.count() - 1)
    }

    fn count(&self) -> usize {
        self.voices.len() / self.rate.frame_samples()
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.voices.is_empty()
    }

    /// Nobody is left to be heard by whoever does not hear these voices.
    pub(crate) fn is_silent_without(&self, left_out: impl IntoIterator<Item = VoiceIndex>) -> bool {
        self.count() <= left_out.into_iter().count()
    }

    /// All voices are in: lays the comfort noise under them, and finds the gain at which no mix leaves its range.
    pub(crate) fn close(&mut self, noise: &[i16], limiter: &mut Limiter, edge: Edge) {
        self.edge = edge;
        let frame = self.rate.frame_samples();
        let sum = &mut self.sum[..frame];
        sum.iter_mut().zip(noise).for_each(|(sum, s)| *sum += i32::from(*s));
        let mut loudest = [0; 8];
        peaks(sum, &mut loudest);
        if self.voices.len() > frame {
            let others = &mut self.less_own[..frame];
            for own in self.voices.chunks_exact(frame) {
                subtract(sum, own, others);
                peaks(others, &mut loudest);
            }
        }
        self.peak = loudest.into_iter().max().unwrap_or(0);
        self.gain = limiter.plan(&loudest);
    }

    /// There is nothing worth listening to: no more than the pauses of speech on a good line.
    pub(crate) fn is_quiet(&self) -> bool {
        self.peak <= QUIET_PEAK
    }

    /// All voices but one's own, and what else is not for one's ears, at the room's rate.
    pub(crate) fn others(&mut self, left_out: impl IntoIterator<Item = VoiceIndex>, out: &mut [i16]) {
        let frame = self.rate.frame_samples();
        let (sum, others) = (&self.sum[..frame], &mut self.less_own[..frame]);
        let voice = |VoiceIndex(i)| self.voices.get(i * frame..(i + 1) * frame);
        let mut left_out = left_out.into_iter().filter_map(voice);
        match left_out.next() {
            Some(own) => {
                subtract(sum, own, others);
                for also in left_out {
                    others.iter_mut().zip(also).for_each(|(others, s)| *others -= i32::from(*s));
                }
                self.gain.apply(others, out);
            }
            None => self.gain.apply(sum, out),
        }
        self.edge.apply(out);
    }
}

fn subtract(sum: &[i32], own: &[i16], others: &mut [i32]) {
    others.iter_mut().zip(sum).zip(own).for_each(|((others, sum), own)| *others = sum - i32::from(*own));
}

impl Edge {
    fn apply(self, frame: &mut [i16]) {
        let over = frame.len() / EDGE_PARTS;
        let fade = |s: &mut i16, i: usize| *s = (i32::from(*s) * i as i32 / over as i32) as i16;
        match self {
            Edge::None => {}
            Edge::FadeIn => frame.iter_mut().take(over).enumerate().for_each(|(i, s)| fade(s, i)),
            Edge::FadeOut => frame.iter_mut().rev().take(over).enumerate().for_each(|(i, s)| fade(s, i)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn voice(rate: Rate, range: std::ops::RangeInclusive<i16>) -> impl Strategy<Value = Vec<i16>> {
        prop::collection::vec(range, rate.frame_samples())
    }

    fn voices() -> impl Strategy<Value = (Rate, Vec<Vec<i16>>)> {
        prop::sample::select(Rate::ALL.to_vec())
            .prop_flat_map(|rate| (Just(rate), prop::collection::vec(voice(rate, i16::MIN..=i16::MAX), 1..8)))
    }

    fn mixed(rate: Rate, voices: &[Vec<i16>]) -> (Mixer, Vec<VoiceIndex>) {
        let mut mixer = Mixer::new();
        mixer.open(rate);
        let indexes = voices.iter().map(|v| mixer.add(v)).collect();
        mixer.close(&vec![0; rate.frame_samples()], &mut Limiter::new(), Edge::None);
        (mixer, indexes)
    }

    fn others(mixer: &mut Mixer, own: Option<VoiceIndex>) -> Vec<i16> {
        let mut out = vec![0; mixer.rate.frame_samples()];
        mixer.others(own, &mut out);
        out
    }

    proptest! {
        /// The gain is the whole room's, so it is taken over from there.
        #[test]
        fn the_sum_less_ones_own_is_the_mix_of_the_others((rate, voices) in voices()) {
            let (mut mixer, indexes) = mixed(rate, &voices);
            for (i, own) in indexes.iter().enumerate() {
                let rest: Vec<_> = voices.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, v)| v.clone()).collect();
                let (mut without, _) = mixed(rate, &rest);
                without.gain = mixer.gain;
                prop_assert_eq!(others(&mut mixer, Some(*own)), others(&mut without, None));
            }
        }

        #[test]
        fn below_full_scale_the_mix_is_the_exact_sum(
            a in voice(Rate::Wide, -12_000..=12_000),
            b in voice(Rate::Wide, -12_000..=12_000),
        ) {
            let (mut mixer, _) = mixed(Rate::Wide, &[a.clone(), b.clone()]);
            let sum: Vec<i16> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
            prop_assert_eq!(others(&mut mixer, None), sum);
        }
    }

    #[test]
    fn two_voices_may_be_left_out() {
        let voices = [vec![100; 160], vec![20; 160], vec![3; 160]];
        let (mut mixer, indexes) = mixed(Rate::Narrow, &voices);
        let mut out = [0; 160];
        mixer.others([indexes[0], indexes[2]], &mut out);
        assert_eq!(out, [20; 160]);
        assert!(mixer.is_silent_without(indexes) && !mixer.is_silent_without([VoiceIndex(0), VoiceIndex(1)]));
    }

    #[test]
    fn an_own_voice_alone_leaves_silence() {
        let (mut mixer, _) = mixed(Rate::Narrow, &[]);
        assert!(mixer.is_silent() && mixer.is_silent_without(None));
        assert_eq!(others(&mut mixer, None), [0; 160]);
        let (mut mixer, own) = mixed(Rate::Narrow, &[vec![i16::MIN; 160]]);
        assert!(mixer.is_silent_without(Some(own[0])) && !mixer.is_silent_without(None));
        assert_eq!(others(&mut mixer, Some(own[0])), [0; 160]);
    }

    #[test]
    fn an_edge_leads_from_or_to_silence_in_five_milliseconds() {
        let mut mixer = mixed(Rate::Narrow, &[vec![4_000; 160]]).0;
        mixer.edge = Edge::FadeOut;
        let out = others(&mut mixer, None);
        assert!(out[..120].iter().all(|s| *s == 4_000) && out[159] == 0 && out[140] < 2_000);
        mixer.edge = Edge::FadeIn;
        let fading_in = others(&mut mixer, None);
        assert!(fading_in.iter().eq(out.iter().rev()));
    }
}
