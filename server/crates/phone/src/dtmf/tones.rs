//! The two tones of each key (ITU-T Q.23).

use super::Digit;
use crate::sound::add_tone;

/// The rows of the pad, top to bottom, and its columns, left to right, in Hz (Q.23 section 6).
const ROWS_HZ: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS_HZ: [f64; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
/// The keys where they stand on the pad.
const PAD: [[char; 4]; 4] =
    [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];
/// -10 dBm0 for each tone: a full-scale sine has 3.14 dBm0 by A-law (G.711 section 4), and -3.01 dBov.
const LEVEL_DBOV: f64 = -16.15;

impl Digit {
    /// The lower and the higher tone, in Hz.
    #[must_use]
    pub fn tones_hz(self) -> (f64, f64) {
        let key = self.key();
        let place = PAD.iter().zip(ROWS_HZ).find_map(|(row, low)| {
            row.iter().zip(COLUMNS_HZ).find(|(there, _)| **there == key).map(|(_, high)| (low, high))
        });
        // Each key stands on the pad: the tests go through them all.
        place.unwrap_or((ROWS_HZ[0], COLUMNS_HZ[0]))
    }

    /// Fills `frame`, of 20 ms at `rate_hz`, with the `number`-th 20 ms of the digit's tones.
    pub(crate) fn sound(self, number: u16, rate_hz: u32, frame: &mut [i16]) {
        frame.fill(0);
        let position = u64::from(number) * frame.len() as u64;
        let (low, high) = self.tones_hz();
        add_tone(frame, low, LEVEL_DBOV, position, rate_hz);
        add_tone(frame, high, LEVEL_DBOV, position, rate_hz);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hear::tone_dbov;

    #[test]
    fn each_key_has_its_own_pair() {
        let keys = Digit::parse_all("123A456B789C*0#D").unwrap();
        let pairs: Vec<_> = keys.iter().map(|digit| digit.tones_hz()).collect();
        let expected: Vec<_> =
            ROWS_HZ.iter().flat_map(|low| COLUMNS_HZ.iter().map(move |high| (*low, *high))).collect();
        assert_eq!(pairs, expected);
    }

    #[test]
    fn the_tones_are_there_at_their_level_without_a_seam() {
        for rate_hz in [8_000, 16_000, 48_000] {
            let digit = Digit::try_from('6').unwrap();
            let mut pcm = vec![0; rate_hz as usize / 10];
            for (number, frame) in (0..).zip(pcm.chunks_exact_mut(rate_hz as usize / 50)) {
                digit.sound(number, rate_hz, frame);
            }
            for tone_hz in [770.0, 1477.0] {
                let level = tone_dbov(&pcm, tone_hz, rate_hz);
                assert!((level + 16.15).abs() < 0.1, "{tone_hz} Hz: {level}");
            }
            // A seam would spread beside the tones.
            assert!(tone_dbov(&pcm, 1100.0, rate_hz) < -60.0);
        }
    }
}
