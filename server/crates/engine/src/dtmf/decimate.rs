//! From the engine's rates down to 8,000 Hz, as cheaply as the keys' tones allow.
//!
//! The tones lie below 1,700 Hz, so only what would fold onto them has to be kept out; what folds onto the rest of the
//! telephone band counts as other sound, which speaks against a key anyway.

/// Samples of 20 ms at 8,000 Hz.
pub(super) const FRAME: usize = 160;
/// Samples of 20 ms at 48,000 Hz, the longest frame.
pub(super) const LONGEST_FRAME: usize = 6 * FRAME;
/// Samples before the frame that the longest filter reaches back to.
const TAIL: usize = TO_8_FROM_48.len() - 6;

/// Equiripple low-pass filters in Q15: flat within 0.07 dB up to 1,750 Hz, and 42 dB down 1,720 Hz around each multiple
/// of 8,000 Hz. Three decibels are lost at 3,300 Hz, which no limit here is sensitive to.
const TO_8_FROM_16: [i16; 8] = [-708, -1454, 4266, 14157, 14157, 4266, -1454, -708];
const TO_8_FROM_48: [i16; 24] = [
    128, -321, -478, -501, -419, -329, 117, 1537, 2672, 3693, 4605, 5581, 5581, 4605, 3693, 2672, 1537, 117,
    -329, -419, -501, -478, -321, 128,
];

#[derive(Clone, Copy, Debug)]
enum Factor {
    One,
    Two,
    Six,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Decimator {
    factor: Factor,
    tail: [i16; TAIL],
}

impl Decimator {
    /// For 8,000, 16,000 or 48,000 Hz; any other rate is taken for 8,000.
    pub(super) fn new(rate_hz: u32) -> Self {
        let factor = match rate_hz {
            16_000 => Factor::Two,
            48_000 => Factor::Six,
            _ => Factor::One,
        };
        Decimator { factor, tail: [0; TAIL] }
    }

    /// Writes 20 ms at 8,000 Hz. A frame that is too short is followed by silence, one that is too long is cut.
    pub(super) fn decimate(&mut self, frame: &[i16], out: &mut [i16; FRAME]) {
        match self.factor {
            Factor::One => copy(frame, out),
            Factor::Two => self.filter::<8, 2>(&TO_8_FROM_16, frame, out),
            Factor::Six => self.filter::<24, 6>(&TO_8_FROM_48, frame, out),
        }
    }

    /// Goes on after a frame that nobody needs.
    pub(super) fn skip(&mut self) {
        self.tail = [0; TAIL];
    }

    fn filter<const TAPS: usize, const FACTOR: usize>(
        &mut self,
        taps: &[i16; TAPS],
        frame: &[i16],
        out: &mut [i16; FRAME],
    ) {
        let (reach, len) = (TAPS - FACTOR, FACTOR * FRAME);
        let mut samples = [0; TAIL + LONGEST_FRAME];
        samples[..reach].copy_from_slice(&self.tail[..reach]);
        copy(frame, &mut samples[reach..reach + len]);
        for (sample, near) in out.iter_mut().zip(samples.windows(TAPS).step_by(FACTOR)) {
            // The taps' absolute sum is 41,170: the sum of products stays within 2^31.
            let sum: i32 = near.iter().zip(taps).map(|(s, t)| i32::from(*s) * i32::from(*t)).sum();
            *sample = (sum >> 15).clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
        }
        self.tail[..reach].copy_from_slice(&samples[len..len + reach]);
    }
}

fn copy(from: &[i16], to: &mut [i16]) {
    let (heard, missing) = to.split_at_mut(from.len().min(to.len()));
    heard.copy_from_slice(&from[..heard.len()]);
    missing.fill(0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    /// What is left of a sine, in decibels.
    fn gain_db(rate_hz: u32, frequency_hz: f64) -> f64 {
        let mut decimator = Decimator::new(rate_hz);
        let (mut out, mut power) = ([0; FRAME], 0.0);
        let sample = |n: u32| 10_000.0 * (TAU * frequency_hz * f64::from(n) / f64::from(rate_hz)).sin();
        for frame in 0..20 {
            let len = rate_hz / 50;
            let sound: Vec<i16> = (frame * len..(frame + 1) * len).map(|n| sample(n) as i16).collect();
            decimator.decimate(&sound, &mut out);
            power += out.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>();
        }
        10.0 * (power / 20.0 / FRAME as f64 / (10_000.0_f64.powi(2) / 2.0)).log10()
    }

    #[test]
    fn lets_the_tones_through_and_nothing_that_folds_onto_them() {
        for rate_hz in [16_000, 48_000] {
            for frequency_hz in [697.0, 941.0, 1_209.0, 1_477.0, 1_633.0] {
                let db = gain_db(rate_hz, frequency_hz);
                assert!(db.abs() < 0.15, "{rate_hz} {frequency_hz}: {db}");
            }
            for frequency_hz in [6_320.0, 6_700.0, 7_300.0] {
                let db = gain_db(rate_hz, frequency_hz);
                assert!(db < -39.0, "{rate_hz} {frequency_hz}: {db}");
            }
        }
        for frequency_hz in [8_700.0, 9_600.0, 14_500.0, 15_300.0, 16_700.0, 17_600.0, 22_400.0, 23_300.0] {
            let db = gain_db(48_000, frequency_hz);
            assert!(db < -39.0, "{frequency_hz}: {db}");
        }
    }

    #[test]
    fn frames_join() {
        let sound: Vec<i16> = (0..1_920).map(|n: i32| (n * 7_919 % 20_011 - 10_000) as i16).collect();
        for (rate_hz, len) in [(8_000, 160), (16_000, 320), (48_000, 960)] {
            let filtered = |pieces: [&[i16]; 2]| {
                let (mut decimator, mut out) = (Decimator::new(rate_hz), [0; FRAME]);
                pieces.map(|piece| {
                    decimator.decimate(piece, &mut out);
                    out
                })
            };
            // The same sound, half a frame later, gives the same in the middle.
            let [_, late] = filtered([&sound[..len], &sound[len..2 * len]]);
            let [middle, after] = filtered([&sound[len / 2..len * 3 / 2], &[]]);
            assert_eq!(middle[FRAME / 2 + 8..], late[8..FRAME / 2]);
            assert!(after[8..].iter().all(|s| *s == 0), "what is missing is silence");
        }
    }
}
