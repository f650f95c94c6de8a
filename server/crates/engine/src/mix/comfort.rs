//! Comfort noise: what a line sounds like on which nobody speaks.
//!
//! Digital silence sounds like a call that was cut off. The noise is as quiet as G.711 can carry. A-law has no value
//! between -8 and 8: what is much quieter keeps its signs alone, comes out at -72 dBov however quiet it was, and harsh.
//! µ-law has nothing between 0 and 8: of noise at -84 dBov it leaves a crackle amid 94 % of zeros. At -66 dBov the noise
//! spans several steps of both, and what they add is 11 dB quieter than it is.
//!
//! Its spectrum is that of a room, low and soft, not a hiss: it falls by 6 dB an octave from 500 Hz on, and faster
//! towards 4 kHz, where it ends at any rate: it is made at 8 kHz and resampled.

use super::resample::Resampler;
use crate::rng::Rng;

/// -66 dBov: 32,768 * 10^(-66 / 20).
const RMS: f64 = 16.42;
/// Four times the root mean square: what is rarer is cut, so that no peak stands out.
const PEAK: i16 = 64;
/// 20 ms at 8 kHz.
const FRAME_SAMPLES: usize = 160;
/// What remains of a sample after the next one: exp(-2π * 500 Hz / 8 kHz), a corner at 500 Hz.
const MEMORY: f64 = 0.675;
const MEMORY_Q14: i32 = (MEMORY * 16_384.0) as i32;
/// The same over two samples.
const MEMORY_OF_TWO_Q14: i32 = (MEMORY * MEMORY * 16_384.0) as i32;

/// A source of noise. Two of one seed and rate are the same.
#[derive(Clone, Debug)]
pub(crate) struct ComfortNoise {
    rng: Rng,
    /// White noise through the low pass: 2^15 / (1 - MEMORY) at most, which is 17 bits.
    low: i32,
    scale_q16: i32,
    resampler: Resampler,
}

impl ComfortNoise {
    /// At 8,000, 16,000 or 48,000 Hz.
    pub(crate) fn new(rate_hz: u32, seed: u64) -> Self {
        // White noise of all 16-bit numbers has the root mean square 2^16 / sqrt(12). The low pass raises its power
        // by 1 / (1 - MEMORY²), and the sum of two that follow each other by 2 * (1 + MEMORY).
        let rms = 65_536.0 * (2.0 / (1.0 - MEMORY) / 12.0).sqrt();
        ComfortNoise {
            rng: Rng::new(seed),
            low: 0,
            scale_q16: (RMS / rms * 65_536.0).round() as i32,
            resampler: Resampler::new(8_000, rate_hz),
        }
    }

    /// One frame of 20 ms.
    pub(crate) fn fill(&mut self, out: &mut [i16]) {
        let mut frame = [0; FRAME_SAMPLES];
        for four in frame.as_chunks_mut::<4>().0 {
            let mut random = self.rng.next_u64();
            for [first, second] in four.as_chunks_mut::<2>().0 {
                let [white, next_white] = [random, random >> 16].map(|bits| i32::from(bits as i16));
                random >>= 32;
                let before = self.low;
                let low = ((before * MEMORY_Q14) >> 14) + white;
                // The second straight from before the first: each waits for half as many multiplications.
                self.low = ((before * MEMORY_OF_TWO_Q14 + white * MEMORY_Q14) >> 14) + next_white;
                *first = self.scaled(before + low);
                *second = self.scaled(low + self.low);
            }
        }
        self.resampler.process(&frame, out);
        out.iter_mut().for_each(|s| *s = (*s).clamp(-PEAK, PEAK));
    }

    /// The sum of two samples that follow each other has a zero at 4 kHz.
    fn scaled(&self, sum: i32) -> i16 {
        ((sum * self.scale_q16 + (1 << 15)) >> 16) as i16
    }
}

#[cfg(test)]
mod tests {
    use super::super::tone::band_power;
    use super::*;
    use crate::codec::{Decoder, FRAME_BYTES, encode};
    use crate::params::Codec;

    fn noise(rate_hz: u32, seed: u64, seconds: usize) -> Vec<i16> {
        let mut source = ComfortNoise::new(rate_hz, seed);
        let mut out = vec![0; rate_hz as usize * seconds];
        out.chunks_exact_mut(rate_hz as usize / 50).for_each(|frame| source.fill(frame));
        out
    }

    fn power(sound: &[i16]) -> f64 {
        sound.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / sound.len() as f64
    }

    fn dbov(power: f64) -> f64 {
        10.0 * (power / 32_768f64.powi(2)).log10()
    }

    #[test]
    fn has_one_level_at_all_rates_and_times() {
        for rate_hz in [8_000, 16_000, 48_000] {
            let sound = noise(rate_hz, 1, 10);
            assert!((dbov(power(&sound)) + 66.0).abs() < 0.3, "{rate_hz} Hz: {}", dbov(power(&sound)));
            for second in sound.chunks_exact(rate_hz as usize) {
                assert!((dbov(power(second)) + 66.0).abs() < 0.7, "{rate_hz} Hz: {}", dbov(power(second)));
            }
            let mean = sound.iter().map(|s| f64::from(*s)).sum::<f64>() / sound.len() as f64;
            assert!(mean.abs() < 0.5, "{rate_hz} Hz: {mean}");
            assert!(sound.iter().all(|s| s.abs() <= PEAK));
        }
    }

    #[test]
    fn falls_with_frequency_alike_at_all_rates() {
        let per_hz = |sound: &[i16], rate_hz, from_hz: f64, to_hz: f64| {
            10.0 * (band_power(rate_hz, sound, from_hz, to_hz, 50.0) / (to_hz - from_hz)).log10()
        };
        let low = noise(8_000, 2, 8);
        let reference = per_hz(&low, 8_000, 100.0, 300.0);
        // From the two filters' responses in the middle of the bands.
        let bands = [
            (500.0, 700.0, -3.2),
            (900.0, 1_100.0, -6.7),
            (1_900.0, 2_100.0, -13.7),
            (2_900.0, 3_100.0, -21.2),
        ];
        for (from_hz, to_hz, wanted_db) in bands {
            let slope_db = per_hz(&low, 8_000, from_hz, to_hz) - reference;
            assert!((slope_db - wanted_db).abs() < 0.8, "{from_hz} Hz: {slope_db}");
            for rate_hz in [16_000, 48_000] {
                let same_db = per_hz(&noise(rate_hz, 3, 8), rate_hz, from_hz, to_hz) - reference;
                assert!((same_db - wanted_db).abs() < 0.9, "{rate_hz} Hz, {from_hz} Hz: {same_db}");
            }
        }
        // Above 4 kHz only the rounding to whole numbers is left: -101 dBov over the whole band.
        let above = band_power(48_000, &noise(48_000, 4, 2), 5_000.0, 24_000.0, 100.0);
        assert!(dbov(above) < -100.0, "{}", dbov(above));
    }

    /// Measured: A-law adds 0.3 dB and errs by -11 dB of the noise, µ-law 0.1 dB and -17 dB.
    #[test]
    fn passes_g711() {
        let sound = noise(8_000, 5, 10);
        for (codec, error_db) in [(Codec::Pcma, -10.0), (Codec::Pcmu, -15.0)] {
            let mut decoded = vec![0; sound.len()];
            for (frame, out) in sound.as_chunks::<160>().0.iter().zip(decoded.chunks_exact_mut(160)) {
                let mut bytes = [0; FRAME_BYTES];
                encode(codec, frame, &mut bytes);
                Decoder::new(codec).decode(&bytes, out);
            }
            let level_db = dbov(power(&decoded));
            assert!((level_db + 66.0).abs() < 0.6, "{}: {level_db}", codec.name());
            let error: Vec<i16> = decoded.iter().zip(&sound).map(|(d, s)| d - s).collect();
            let error = dbov(power(&error)) - dbov(power(&sound));
            assert!(error < error_db, "{}: {error}", codec.name());
            // No value stays so long that it would be heard as a pause.
            let longest = decoded.chunk_by(|a, b| a == b).map(<[i16]>::len).max().unwrap();
            assert!(longest <= 24, "{}: {longest} equal samples", codec.name());
            // Nor is a peak made of what was none.
            assert!(decoded.iter().all(|s| s.abs() <= PEAK + 8));
        }
    }

    #[test]
    fn does_not_repeat_itself() {
        let sound = noise(8_000, 6, 20);
        let piece = &sound[..4_096];
        let own: i32 = piece.iter().map(|s| i32::from(*s).pow(2)).sum();
        // From 10 ms on: before, the low pass makes neighbours alike.
        for lag in 80..sound.len() - piece.len() {
            let alike: i32 =
                piece.iter().zip(&sound[lag..]).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
            assert!(alike.abs() < own / 5, "{lag} samples later: {alike} of {own}");
        }
    }

    #[test]
    fn is_made_by_its_seed() {
        assert_eq!(noise(16_000, 7, 1), noise(16_000, 7, 1));
        assert_ne!(noise(16_000, 7, 1), noise(16_000, 8, 1));
    }
}
