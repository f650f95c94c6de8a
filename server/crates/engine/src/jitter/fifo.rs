//! Decoded samples that wait to be played, and the cut that takes some out without being heard.
//!
//! Lengths that are fixed are given in samples at 8 kHz; `factor` times as many are meant.

use super::conceal::QUIET_RMS;
use super::correlate::Search;

/// Samples over which the two sides of a cut are blended: 10 ms.
const BLEND: usize = 80;
/// Shortest cut that is worth a blend: 2.5 ms.
pub(crate) const CUT_MIN: usize = 20;
/// Longest cut at once: 20 ms.
pub(crate) const CUT_MAX: usize = 160;
/// Samples that must be there to look for a cut.
pub(crate) const CUT_SPAN: usize = BLEND + CUT_MAX;
/// How alike the two sides must be for a cut not to be heard.
const ALIKE: f32 = 0.85;

/// A queue in one piece of memory, so that it can be looked at as a slice.
#[derive(Debug)]
pub(crate) struct Fifo {
    factor: usize,
    samples: Vec<i16>,
    head: usize,
}

impl Fifo {
    /// For sound at `factor` times 8 kHz.
    pub(crate) fn new(factor: usize) -> Self {
        // What a cut looks at, and a packet of 20 ms more.
        Fifo { factor, samples: Vec::with_capacity((CUT_SPAN + 160) * factor), head: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.samples.len() - self.head
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn as_slice(&self) -> &[i16] {
        self.samples.get(self.head..).unwrap_or(&[])
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [i16] {
        self.samples.get_mut(self.head..).unwrap_or(&mut [])
    }

    pub(crate) fn clear(&mut self) {
        self.samples.clear();
        self.head = 0;
    }

    /// Room for `n` more samples at the end, to be written.
    pub(crate) fn grow(&mut self, n: usize) -> &mut [i16] {
        self.samples.drain(..self.head);
        self.head = 0;
        let at = self.samples.len();
        self.samples.resize(at + n, 0);
        self.samples.get_mut(at..).unwrap_or(&mut [])
    }

    /// Takes back the last `n`.
    pub(crate) fn shrink(&mut self, n: usize) {
        self.samples.truncate(self.samples.len() - n.min(self.len()));
    }

    /// Forgets the first `n`.
    pub(crate) fn skip(&mut self, n: usize) {
        self.head += n.min(self.len());
    }

    /// Moves as many as fit into `out`; the answer is their number.
    pub(crate) fn take(&mut self, out: &mut [i16]) -> usize {
        let n = out.len().min(self.len());
        if let (Some(to), Some(from)) = (out.get_mut(..n), self.as_slice().get(..n)) {
            to.copy_from_slice(from);
        }
        self.skip(n);
        n
    }

    /// Takes out up to `most` samples where it is least heard: a whole number of pitch periods, or anything where it
    /// is quiet, or, if it `must`, the best there is. The answer is how many; 0 if there is no good place.
    pub(crate) fn cut(&mut self, most: usize, must: bool) -> usize {
        let (blend, least) = (BLEND * self.factor, CUT_MIN * self.factor);
        let available = self.as_slice();
        let most = most.min(CUT_MAX * self.factor).min(available.len().saturating_sub(blend));
        if most < least {
            return 0;
        }
        let energy: i64 = available.iter().take(blend + most).map(|s| i64::from(*s).pow(2)).sum();
        let lag = if energy < QUIET_RMS.pow(2) * (blend + most) as i64 {
            most
        } else {
            let (lag, likeness) = Search::new(available, self.factor).nearest(0, blend, least..=most);
            if likeness < ALIKE && !must {
                return 0;
            }
            lag
        };
        self.blend_over(lag, blend);
        lag
    }

    fn blend_over(&mut self, lag: usize, blend: usize) {
        let Some(samples) = self.samples.get_mut(self.head..) else { return };
        // Written to where the later side lies, since that is what stays.
        for i in 0..blend {
            let weight = i as i32 + 1;
            let of = blend as i32 + 1;
            let (Some(early), Some(late)) = (samples.get(i).copied(), samples.get_mut(i + lag)) else {
                return;
            };
            *late = ((i32::from(early) * (of - weight) + i32::from(*late) * weight) / of) as i16;
        }
        self.skip(lag);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    fn fifo(samples: &[i16]) -> Fifo {
        fifo_at(1, samples)
    }

    fn fifo_at(factor: usize, samples: &[i16]) -> Fifo {
        let mut fifo = Fifo::new(factor);
        fifo.grow(samples.len()).copy_from_slice(samples);
        fifo
    }

    #[test]
    fn a_cut_in_a_tone_takes_whole_periods_and_leaves_no_step() {
        for factor in [1, 2, 6] {
            let sample = |i: usize| 8_000.0 * (2.0 * PI * 400.0 * i as f64 / (factor as f64 * 8_000.0)).sin();
            let original: Vec<i16> = (0..320 * factor).map(|i| sample(i) as i16).collect();
            let mut fifo = fifo_at(factor, &original);
            let cut = fifo.cut(100 * factor, false);
            assert!(cut >= CUT_MIN * factor && cut.is_multiple_of(20 * factor), "{cut}");
            assert_eq!(fifo.len(), 320 * factor - cut);
            for (s, o) in fifo.as_slice().iter().zip(&original) {
                assert!((s - o).abs() < 40);
            }
        }
    }

    #[test]
    fn silence_is_cut_as_far_as_allowed_and_noise_only_if_it_must() {
        assert_eq!(fifo(&[0; 320]).cut(100, false), 100);
        let mut x = 1u32;
        let noise: Vec<i16> = std::iter::repeat_with(|| {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (x >> 18) as i16
        })
        .take(320)
        .collect();
        assert_eq!(fifo(&noise).cut(150, false), 0);
        assert!(fifo(&noise).cut(150, true) >= CUT_MIN);
    }

    #[test]
    fn too_little_is_not_cut() {
        assert_eq!(fifo(&[0; 90]).cut(100, true), 0);
        assert_eq!(fifo(&[0; 320]).cut(CUT_MIN - 1, true), 0);
    }

    #[test]
    fn gives_back_what_was_put_in() {
        let mut fifo = fifo(&[1, 2, 3]);
        let mut out = [0; 2];
        assert_eq!(fifo.take(&mut out), 2);
        fifo.grow(1)[0] = 4;
        let mut out = [0; 5];
        assert_eq!((fifo.take(&mut out), out), (2, [3, 4, 0, 0, 0]));
        assert!(fifo.is_empty());
        fifo.grow(3).fill(5);
        fifo.shrink(1);
        assert_eq!(fifo.as_slice(), [5, 5]);
    }
}
