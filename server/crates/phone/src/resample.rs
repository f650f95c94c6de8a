//! Sound from one rate to another, by a windowed sinc that is cut off where the lower of both rates ends.
//!
//! For whole pieces of sound, at once: files and clips, before they are said or after they were heard.

use std::f64::consts::PI;

/// Zero crossings of the kernel on each side.
const KERNEL_HALF: f64 = 16.0;
/// A transition band of a tenth below the Nyquist frequency.
const PASSED: f64 = 0.9;

/// `pcm` of `from_hz` at `to_hz`; both above 0.
pub(crate) fn resample(pcm: &[i16], from_hz: u32, to_hz: u32) -> Vec<i16> {
    if from_hz == to_hz || pcm.is_empty() {
        return pcm.to_vec();
    }
    let common = gcd(from_hz, to_hz);
    // In lowest terms, a sample comes out every `step / phases` samples that go in.
    let (phases, step) = (u64::from(to_hz / common), u64::from(from_hz / common));
    let kernels = Kernels::new(phases, f64::from(to_hz) / f64::from(from_hz));
    let length = (pcm.len() as u64 * phases + step / 2) / step;
    (0..length).map(|i| kernels.at(pcm, (i * step / phases) as usize, (i * step % phases) as usize)).collect()
}

/// The kernel as seen from each position between two samples.
struct Kernels {
    /// Samples before the position's own that a kernel reaches back to.
    back: usize,
    taps: usize,
    weights: Vec<f64>,
}

impl Kernels {
    fn new(phases: u64, ratio: f64) -> Kernels {
        // In cycles per sample that goes in.
        let cutoff = 0.5 * PASSED * ratio.min(1.0);
        let half = KERNEL_HALF / (2.0 * cutoff);
        let back = half.ceil() as usize;
        let taps = 2 * back + 1;
        let kernel = |distance: f64| {
            if distance.abs() >= half {
                return 0.0;
            }
            let window = 0.5 + 0.5 * (PI * distance / half).cos();
            let x = 2.0 * PI * cutoff * distance;
            let sinc = if x.abs() < 1e-9 { 1.0 } else { x.sin() / x };
            2.0 * cutoff * sinc * window
        };
        let weights = (0..phases)
            .flat_map(|phase| (0..taps).map(move |tap| (phase, tap)))
            .map(|(phase, tap)| kernel(tap as f64 - back as f64 - phase as f64 / phases as f64))
            .collect();
        Kernels { back, taps, weights }
    }

    fn at(&self, pcm: &[i16], centre: usize, phase: usize) -> i16 {
        let weights = &self.weights[phase * self.taps..][..self.taps];
        // Before the first sample and after the last there is silence.
        let (first, skipped) = (centre.saturating_sub(self.back), self.back.saturating_sub(centre));
        let heard = pcm.get(first..).unwrap_or_default();
        let sum: f64 = heard.iter().zip(&weights[skipped..]).map(|(s, w)| f64::from(*s) * w).sum();
        sum.round() as i16
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hear::{level_dbov, tone_dbov};
    use std::f64::consts::TAU;

    fn sine(frequency_hz: f64, rate_hz: u32, seconds: f64) -> Vec<i16> {
        let count = (f64::from(rate_hz) * seconds) as usize;
        let at = |i: usize| 8_000.0 * (TAU * frequency_hz * i as f64 / f64::from(rate_hz)).sin();
        (0..count).map(|i| at(i) as i16).collect()
    }

    #[test]
    fn tones_stay_where_they_were_at_any_rate() {
        for to_hz in [8_000, 16_000, 48_000] {
            for from_hz in [6_000, 8_000, 11_025, 16_000, 22_050, 44_100, 48_000] {
                let pcm = resample(&sine(1_000.0, from_hz, 0.5), from_hz, to_hz);
                assert!(pcm.len().abs_diff(to_hz as usize / 2) <= 2, "{from_hz} {to_hz}: {}", pcm.len());
                let expected = level_dbov(&sine(1_000.0, 8_000, 0.5));
                let middle = &pcm[to_hz as usize / 20..to_hz as usize * 2 / 5];
                assert!((tone_dbov(middle, 1_000.0, to_hz) - expected).abs() < 0.2, "{from_hz} {to_hz}");
                assert!((level_dbov(middle) - expected).abs() < 0.2, "{from_hz} {to_hz}");
            }
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_carry_is_filtered_and_does_not_fold() {
        let pcm = resample(&sine(5_000.0, 16_000, 0.5), 16_000, 8_000);
        assert!(level_dbov(&pcm[400..3_600]) < -60.0, "{}", level_dbov(&pcm[400..3_600]));
        // Upwards no image of the tone appears above 4 kHz.
        let pcm = resample(&sine(1_000.0, 8_000, 0.5), 8_000, 48_000);
        let image = tone_dbov(&pcm[2_400..21_600], 7_000.0, 48_000);
        assert!(image < -75.0, "{image}");
    }

    #[test]
    fn nothing_stays_nothing_and_one_sample_is_spread() {
        assert_eq!(resample(&[], 8_000, 48_000), []);
        assert_eq!(resample(&[1, 2, 3], 8_000, 8_000), [1, 2, 3]);
        assert_eq!(resample(&[10_000], 8_000, 16_000).len(), 2);
    }
}
