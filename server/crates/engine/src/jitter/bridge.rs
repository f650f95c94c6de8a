//! What lay between two stretches of real sound that are both there.
//!
//! Where the packet after a lost one has come, the sound before the gap is continued by repeating its last pitch
//! period, and that after it likewise, backwards. Each is stretched a little, so that where it ends it is in phase with
//! the sound on the other side: a voice's pitch glides. Then the one is blended into the other over the whole gap.
//!
//! Lengths that are fixed are given in samples at 8 kHz; `factor` times as many are meant.

use super::conceal::{PITCH_MAX, PITCH_MIN};
use super::correlate::Search;
use crate::time::FACTOR_MAX;

/// Shortest gap that is bridged: in less than 10 ms no phase can be shifted unheard.
pub(crate) const GAP_MIN: usize = 80;
/// Longest gap that is bridged: 60 ms. What lies further from both sides than half of it nobody can guess.
pub(crate) const GAP_MAX: usize = 480;
/// Real sound that must be there after the gap: the longest period, and a quarter of it to blend with.
pub(crate) const AFTER_MIN: usize = PITCH_MAX + PITCH_MAX / 4;
/// Most by which a side is stretched: half the longest period.
const STRETCH_MAX: usize = PITCH_MAX / 2;
/// Sound that is compared across the gap: 10 ms.
const MATCH: usize = 40;
/// How alike they must be for a common phase to exist.
const ALIKE: f32 = 0.4;

/// What is needed to build one: too much to be kept for each leg.
pub(crate) struct Bridge {
    factor: usize,
    /// A side's continuation through the gap, then what it is compared with.
    continued: [i16; (GAP_MAX + STRETCH_MAX + 2 * MATCH) * FACTOR_MAX],
}

/// Real sound beside the gap: the samples and their period, counted from the gap's edge.
#[derive(Clone, Copy)]
struct Side<'a> {
    /// Of the sound before the gap the last is the nearest to it.
    samples: &'a [i16],
    before: bool,
    pitch: usize,
}

impl Side<'_> {
    /// The sample so far away from the gap.
    fn at(self, distance: usize) -> i32 {
        let sample = match self.before {
            true => self.samples.iter().nth_back(distance),
            false => self.samples.get(distance),
        };
        sample.copied().map_or(0, i32::from)
    }

    /// Goes on into the gap: the nearest period again and again, each led over into the next.
    fn continue_into(self, out: &mut [i16]) {
        let (pitch, quarter) = (self.pitch, self.pitch / 4);
        let step = self.at(0) - self.at(pitch);
        for (i, s) in out.iter_mut().enumerate() {
            let position = i % pitch;
            let mut value = self.at(pitch - 1 - position);
            if let Some(into) = (position + quarter).checked_sub(pitch) {
                let (weight, of) = (into as i32 + 1, quarter as i32 + 1);
                value = (value * (of - weight) + self.at(2 * pitch - 1 - position) * weight) / of;
            }
            if i < quarter {
                value += step * (quarter - i) as i32 / quarter as i32;
            }
            *s = value.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        }
    }
}

impl Bridge {
    /// For sound at `factor` times 8 kHz.
    pub(crate) fn new(factor: usize) -> Self {
        Bridge { factor, continued: [0; _] }
    }

    /// Fills the first `missing` samples of `sound`, which lie between `before`, whose period is `pitch`, and the rest.
    /// `false`, and nothing done, where the gap is too short or too long, or too little follows.
    pub(crate) fn build(&mut self, before: &[i16], pitch: usize, sound: &mut [i16], missing: usize) -> bool {
        let Some((gap, after)) = sound.split_at_mut_checked(missing) else { return false };
        let bridged = GAP_MIN * self.factor..=GAP_MAX * self.factor;
        if !bridged.contains(&missing) || after.len() < AFTER_MIN * self.factor {
            return false;
        }
        let before = Side { samples: before, before: true, pitch };
        let after = Side { samples: after, before: false, pitch: self.pitch_after(after, pitch) };
        self.add(before, after, gap);
        self.add(after, before, gap);
        true
    }

    /// The period after the gap, which is not far from the one before it.
    fn pitch_after(&self, after: &[i16], pitch: usize) -> usize {
        let shortest = (pitch * 3 / 4).max(PITCH_MIN * self.factor);
        let longest = (pitch * 4 / 3).min(PITCH_MAX * self.factor);
        let window = after.len().saturating_sub(longest).min(MATCH * self.factor);
        if window < MATCH / 2 * self.factor {
            return pitch;
        }
        let (lag, likeness) = Search::new(after, self.factor).nearest(0, window, shortest..=longest);
        if likeness > ALIKE { lag } else { pitch }
    }

    /// Adds one side's continuation to the gap, fading towards the other side.
    fn add(&mut self, from: Side<'_>, to: Side<'_>, gap: &mut [i16]) {
        let missing = gap.len();
        let (stretch, likeness) = self.stretch(from, to, missing);
        for i in 0..missing {
            let made_up = self.stretched(i, missing, stretch);
            let weight = smooth((missing - i) as f32 / (missing + 1) as f32);
            // Powers add up where phases have nothing in common.
            let weight = if likeness > ALIKE { weight } else { weight.sqrt() };
            let at = if from.before { i } else { missing - 1 - i };
            let Some(s) = gap.get_mut(at) else { return };
            // The side before comes first.
            let other = if from.before { 0.0 } else { f32::from(*s) };
            *s = (other + made_up * weight) as i16;
        }
    }

    /// Continues a side, and finds by how many samples it has to be longer, through the gap, to fall in with the other
    /// one's phase; and how alike they are then.
    fn stretch(&mut self, from: Side<'_>, to: Side<'_>, missing: usize) -> (isize, f32) {
        let len = MATCH * self.factor;
        let most = (from.pitch / 2).min(missing / 2) / self.factor * self.factor;
        let compared = missing + most + len;
        let Some((continued, other)) = self.continued.split_at_mut_checked(compared) else { return (0, 0.0) };
        from.continue_into(continued);
        other.iter_mut().take(len).enumerate().for_each(|(i, s)| *s = to.at(i) as i16);
        let first = missing - most;
        let sound = self.continued.get(first..compared + len).unwrap_or(&[]);
        let (start, likeness) =
            Search::new(sound, self.factor).nearest_to(most, compared - first, len, 0..=2 * most);
        if likeness > ALIKE { (start as isize - most as isize, likeness) } else { (0, likeness) }
    }

    /// Sample `i` of the continuation, stretched, by a cubic through four of its samples.
    fn stretched(&self, i: usize, missing: usize, stretch: isize) -> f32 {
        let position = i * missing.saturating_add_signed(stretch);
        let (whole, part) = (position / missing, (position % missing) as f32 / missing as f32);
        let at = |offset: usize| {
            let index = (whole + offset).saturating_sub(1);
            self.continued.get(index).copied().map_or(0.0, f32::from)
        };
        let [a, b, c, d] = [at(0), at(1), at(2), at(3)];
        let slope = c - a;
        let bend = 2.0 * a - 5.0 * b + 4.0 * c - d;
        let twist = 3.0 * (b - c) + d - a;
        b + 0.5 * part * (slope + part * (bend + part * twist))
    }
}

/// From 0 to 1 as its argument, without edges.
fn smooth(part: f32) -> f32 {
    part * part * (3.0 - 2.0 * part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jitter::conceal::HISTORY;
    use proptest::prelude::*;
    use std::f64::consts::TAU;

    /// A voice whose pitch glides from 110 to 140 Hz within a quarter of a second.
    fn voice(factor: usize, n: usize) -> Vec<i16> {
        let rate_hz = 8_000.0 * factor as f64;
        let sample = |i: usize| {
            let at = i as f64 / rate_hz;
            let phase = TAU * (110.0 * at + 60.0 * at * at);
            (1..12).map(|k| (phase * f64::from(k)).sin() / f64::from(k)).sum::<f64>() * 5_000.0
        };
        (0..n).map(|i| sample(i) as i16).collect()
    }

    #[test]
    fn a_gliding_voice_goes_on_through_a_lost_packet() {
        for factor in [1, 2, 6] {
            for missing in [80, 160, 320].map(|samples| samples * factor) {
                let all = voice(factor, 1_200 * factor);
                let at = HISTORY * factor;
                let mut sound = all[at..at + missing + 160 * factor].to_vec();
                sound[..missing].fill(0);
                let mut bridge = Bridge::new(factor);
                assert!(bridge.build(&all[..at], 70 * factor, &mut sound, missing));
                let (real, made_up) = (&all[at..at + missing], &sound[..missing]);
                let power = |v: &mut dyn Iterator<Item = f64>| v.map(|x| x * x).sum::<f64>();
                let signal = power(&mut real.iter().map(|s| f64::from(*s)));
                let noise = power(&mut real.iter().zip(made_up).map(|(a, b)| f64::from(*a) - f64::from(*b)));
                let snr_db = 10.0 * (signal / noise).log10();
                assert!(snr_db > 8.0, "{factor} {missing}: {snr_db:.1} dB");
                assert_eq!(sound[missing..], all[at + missing..at + missing + 160 * factor]);
            }
        }
    }

    #[test]
    fn between_silence_there_is_silence() {
        let mut sound = [0; 320];
        assert!(Bridge::new(1).build(&[0; HISTORY], 60, &mut sound, 160));
        assert_eq!(sound, [0; 320]);
    }

    #[test]
    fn what_cannot_be_bridged_is_left_as_it_is() {
        let mut sound = [7; GAP_MAX + 1 + AFTER_MIN];
        assert!(!Bridge::new(1).build(&[5; HISTORY], 60, &mut sound, GAP_MAX + 1));
        assert!(!Bridge::new(1).build(&[5; HISTORY], 60, &mut sound[..AFTER_MIN + 99], 100));
        assert!(!Bridge::new(1).build(&[5; HISTORY], 60, &mut sound, GAP_MIN - 1));
        assert!(sound.iter().all(|s| *s == 7));
    }

    proptest! {
        #[test]
        fn any_two_sides_can_be_bridged(
            factor in prop::sample::select(vec![1usize, 2, 6]),
            pitch in PITCH_MIN..=PITCH_MAX,
            missing in GAP_MIN + 6..=GAP_MAX,
            odd in 0usize..6,
            levels in prop::collection::vec(prop_oneof![Just(i16::MIN), Just(i16::MAX), any::<i16>()], 7..60),
        ) {
            let missing = missing * factor - odd;
            let noise = |n: usize| levels.iter().copied().cycle().take(n).collect::<Vec<i16>>();
            let mut sound = noise(missing + AFTER_MIN * factor);
            let built = Bridge::new(factor).build(&noise(HISTORY * factor), pitch * factor, &mut sound, missing);
            prop_assert!(built);
        }
    }
}
