//! Where two stretches of sound are most alike.

use std::ops::RangeInclusive;

/// Largest magnitude that samples are scaled down to, so that 160 products fit into 32 bits.
const SCALED_BITS: u32 = 11;
/// Most samples of sound that are searched at once, at 8 kHz.
pub(crate) const SEARCH_MAX: usize = 400;

/// How much less alike a stretch counts that is as far from the expected one as can be.
const BIAS: f32 = 0.2;

/// A search for stretches that are alike. It is done in a copy of the sound at 8 kHz, scaled down so that products
/// can be summed fast and without overflow; at higher rates what was found is then looked at closely.
pub(crate) struct Search<'a> {
    sound: &'a [i16],
    /// Samples of the sound in one of the copy.
    factor: usize,
    /// What scales it down.
    shift: u32,
    copy: [i16; SEARCH_MAX],
}

impl<'a> Search<'a> {
    /// Sound at `factor` times 8 kHz, of which at most [`SEARCH_MAX`] times `factor` samples are looked at.
    pub(crate) fn new(sound: &'a [i16], factor: usize) -> Self {
        let peak = sound.iter().map(|s| s.unsigned_abs()).max().unwrap_or(0);
        let shift = (u16::BITS - peak.leading_zeros()).saturating_sub(SCALED_BITS);
        let mut copy = [0; SEARCH_MAX];
        if factor == 1 {
            copy.iter_mut().zip(sound).for_each(|(to, from)| *to = from >> shift);
        } else {
            // The mean is filter enough: voices are compared, which have little above 4 kHz.
            for (to, from) in copy.iter_mut().zip(sound.chunks_exact(factor)) {
                let sum: i32 = from.iter().map(|s| i32::from(*s)).sum();
                *to = ((sum / factor as i32) >> shift) as i16;
            }
        }
        Search { sound, factor, shift, copy }
    }

    /// Where, of all `starts`, the `len` samples (at most 20 ms) are that are most like those at `fixed`, and how
    /// alike they are: 0 (nothing) ..= 1. All in samples of the sound. Of equals, the first one.
    pub(crate) fn nearest(&self, fixed: usize, len: usize, starts: RangeInclusive<usize>) -> (usize, f32) {
        let expected = *starts.start();
        self.find(fixed, len, starts, expected, 0.0)
    }

    /// The same, but of such that are nearly as alike, as those a period apart are, the one closest to `expected`.
    pub(crate) fn nearest_to(
        &self,
        expected: usize,
        fixed: usize,
        len: usize,
        starts: RangeInclusive<usize>,
    ) -> (usize, f32) {
        self.find(fixed, len, starts, expected, BIAS)
    }

    fn find(
        &self,
        fixed: usize,
        len: usize,
        starts: RangeInclusive<usize>,
        expected: usize,
        bias: f32,
    ) -> (usize, f32) {
        let coarse = |n: usize| n / self.factor;
        let (first, last) = (coarse(*starts.start()), coarse(*starts.end()));
        let alike = |at: usize| likeness(&self.copy, coarse(fixed), at, coarse(len), 0);
        let span = (last - first).max(1) as f32;
        let near =
            best(first..=last, |at| alike(at) * (1.0 - bias * coarse(expected).abs_diff(at) as f32 / span));
        if self.factor == 1 {
            return (near.0, alike(near.0));
        }
        let close = near.0 * self.factor;
        let from = close.saturating_sub(self.factor).max(*starts.start());
        let to = (close + self.factor).min(*starts.end());
        // So many more products need so much more room.
        let shift = self.shift + self.factor.ilog2().div_ceil(2);
        best(from..=to, |at| likeness(self.sound, fixed, at, len, shift))
    }
}

fn best(starts: RangeInclusive<usize>, likeness: impl Fn(usize) -> f32) -> (usize, f32) {
    let first = *starts.start();
    starts.map(|at| (at, likeness(at))).fold((first, 0.0), |best, at| if at.1 > best.1 { at } else { best })
}

/// The normalised cross-correlation of two stretches of `len` samples: -1 ..= 1, 0 if one is silent.
fn likeness(sound: &[i16], a: usize, b: usize, len: usize, shift: u32) -> f32 {
    let window = |start: usize| sound.get(start..start + len).unwrap_or(&[]);
    let (a, b) = (window(a), window(b));
    let norm = dot(a, a, shift) * dot(b, b, shift);
    if norm <= 0.0 { 0.0 } else { dot(a, b, shift) / norm.sqrt() }
}

/// The sum of the products of samples that are first shifted right, so that it fits into 32 bits.
fn dot(a: &[i16], b: &[i16], shift: u32) -> f32 {
    a.iter().zip(b).map(|(a, b)| i32::from(a >> shift) * i32::from(b >> shift)).sum::<i32>() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_scale_does_not_overflow() {
        for factor in [1, 2, 6] {
            let sound = vec![i16::MIN; 320 * factor];
            let search = Search::new(&sound, factor);
            let (_, likeness) = search.nearest(160 * factor, 160 * factor, 0..=40 * factor);
            assert!((likeness - 1.0).abs() < 1e-3, "{likeness}");
        }
    }

    #[test]
    fn silence_is_like_nothing() {
        assert_eq!(Search::new(&[0; 320], 1).nearest(160, 160, 0..=10).1, 0.0);
    }

    #[test]
    fn the_place_is_found_to_the_sample_at_every_rate() {
        for factor in [1, 2, 6] {
            let mut sound: Vec<i16> = vec![0; 400 * factor];
            // A click with an echo, which lies off the grid of 8 kHz.
            for (at, value) in [(43, 3_000), (44, 9_000), (45, -4_000)] {
                for n in 0..factor {
                    sound[at * factor + n + factor / 2] = value;
                    sound[(at + 170) * factor + n] = value;
                }
            }
            let search = Search::new(&sound, factor);
            let (at, likeness) = search.nearest(200 * factor, 160 * factor, 0..=100 * factor);
            assert_eq!(at, 30 * factor + factor / 2);
            assert!(likeness > 0.99, "{likeness}");
        }
    }
}
