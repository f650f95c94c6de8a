//! Keys as telephones send them, within and beyond Q.24's limits. What must not be a key is in [`talk_off`].

mod talk_off;

use super::*;
use crate::rng::Rng;
use audio_codec::{Decoder, Encoder, pcma, pcmu};
use std::f64::consts::TAU;

const RATES_HZ: [u32; 3] = [8_000, 16_000, 48_000];
/// Where in a frame a key begins: all positions of a window and of a hop, and between two samples.
const STARTS_MS: [f64; 7] = [20.0, 22.6, 25.0, 28.7, 31.3, 35.0, 39.9];

/// A row of presses of one key.
#[derive(Clone, Copy)]
struct Tones {
    rate_hz: u32,
    row: usize,
    column: usize,
    row_dbm0: f64,
    column_dbm0: f64,
    row_off: f64,
    column_off: f64,
    start_ms: f64,
    on_ms: f64,
    off_ms: f64,
    presses: usize,
    noise_dbm0: f64,
    seed: u64,
}

const KEY: Tones = Tones {
    rate_hz: 8_000,
    row: 1,
    column: 1,
    row_dbm0: -10.0,
    column_dbm0: -10.0,
    row_off: 0.0,
    column_off: 0.0,
    start_ms: 20.0,
    on_ms: 40.0,
    off_ms: 40.0,
    presses: 1,
    noise_dbm0: -90.0,
    seed: 1,
};

/// G.711, µ-law: a sine of full scale has 3.17 dBm0.
fn amplitude(dbm0: f64) -> f64 {
    32_768.0 * 10_f64.powf((dbm0 - 3.17) / 20.0)
}

fn unit(rng: &mut Rng) -> f64 {
    f64::from(rng.next_u32()) / f64::from(u32::MAX)
}

/// Nearly normal, variance 1: the sum of four.
fn noise(rng: &mut Rng) -> f64 {
    let bits = rng.next_u64();
    let sum: u64 = (0..4).map(|i| bits >> (16 * i) & 0xFFFF).sum();
    (sum as f64 / 65_535.0 - 2.0) * 3_f64.sqrt()
}

fn pcm(sample: f64) -> i16 {
    sample.round().clamp(-32_768.0, 32_767.0) as i16
}

impl Tones {
    fn sound(&self) -> Vec<i16> {
        let mut rng = Rng::new(self.seed);
        let phases = [TAU * unit(&mut rng), TAU * unit(&mut rng)];
        let cycle_ms = self.on_ms + self.off_ms;
        let end_ms = self.start_ms + cycle_ms * self.presses as f64;
        let frames = (end_ms / 20.0).ceil() as usize + 3;
        let noise_rms = amplitude(self.noise_dbm0) / 2_f64.sqrt();
        let sample = |n: usize| {
            let time = n as f64 / f64::from(self.rate_hz);
            let (ms, mut sample) = (time * 1_000.0 - self.start_ms, noise_rms * noise(&mut rng));
            if ms >= 0.0 && time * 1_000.0 < end_ms && ms % cycle_ms < self.on_ms {
                let tone = |hz: f32, off: f64, dbm0: f64, phase: f64| {
                    amplitude(dbm0) * (TAU * f64::from(hz) * (1.0 + off) * time + phase).sin()
                };
                sample += tone(TONES_HZ[self.row], self.row_off, self.row_dbm0, phases[0]);
                sample += tone(TONES_HZ[4 + self.column], self.column_off, self.column_dbm0, phases[1]);
            }
            pcm(sample)
        };
        (0..frames * self.rate_hz as usize / 50).map(sample).collect()
    }

    /// The keys that are heard.
    fn heard(&self) -> Vec<Key> {
        hear(self.rate_hz, &self.sound())
    }

    /// How many keys are heard, at least and at most, wherever in a frame they begin.
    fn counts(&self) -> (usize, usize) {
        let counts = STARTS_MS.map(|start_ms| Tones { start_ms, ..*self }.heard().len());
        (counts.into_iter().min().unwrap(), counts.into_iter().max().unwrap())
    }

    fn all_keys(self) -> impl Iterator<Item = Tones> {
        (0..16).map(move |i| Tones { row: i / 4, column: i % 4, ..self })
    }

    /// The keys that telephones have, not A to D. Where sound is only brought down to 8,000 Hz, four that have all tones.
    fn keys(self) -> impl Iterator<Item = Tones> {
        let some = [(0, 0), (1, 1), (2, 2), (3, 1)];
        self.all_keys().filter(move |tones| {
            tones.column < 3 && (tones.rate_hz == 8_000 || some.contains(&(tones.row, tones.column)))
        })
    }
}

fn hear(rate_hz: u32, sound: &[i16]) -> Vec<Key> {
    let mut detector = DtmfDetector::new(rate_hz);
    sound.chunks(rate_hz as usize / 50).filter_map(|frame| detector.hear(frame)).collect()
}

/// Each frame's `is_tone`.
fn tones_in(rate_hz: u32, sound: &[i16]) -> Vec<bool> {
    let mut detector = DtmfDetector::new(rate_hz);
    let frames = sound.chunks(rate_hz as usize / 50);
    frames
        .map(|frame| {
            detector.hear(frame);
            detector.is_tone()
        })
        .collect()
}

const PAD: [[Option<Key>; 4]; 4] = {
    use Key::{Digit, Pound, Star};
    [
        [Some(Digit(1)), Some(Digit(2)), Some(Digit(3)), None],
        [Some(Digit(4)), Some(Digit(5)), Some(Digit(6)), None],
        [Some(Digit(7)), Some(Digit(8)), Some(Digit(9)), None],
        [Some(Star), Some(Digit(0)), Some(Pound), None],
    ]
};

#[test]
fn hears_every_key_at_every_rate_wherever_it_begins() {
    for rate_hz in RATES_HZ {
        for tones in (Tones { rate_hz, presses: 3, ..KEY }).all_keys() {
            for start_ms in STARTS_MS {
                let tones = Tones { start_ms, ..tones };
                let expected: Vec<Key> = PAD[tones.row][tones.column].into_iter().cycle().take(3).collect();
                assert_eq!(tones.heard(), expected, "{rate_hz} {} {} {start_ms}", tones.row, tones.column);
                assert!(tones_in(rate_hz, &tones.sound()).contains(&true));
            }
        }
    }
}

#[test]
fn hears_through_g711_and_noise() {
    // 25 dB below both tones.
    for tones in (Tones { presses: 20, noise_dbm0: -32.0, ..KEY }).keys() {
        for level in [0.0, -15.0, -26.0] {
            let tones = Tones {
                row_dbm0: tones.row_dbm0 + level,
                column_dbm0: tones.column_dbm0 + level,
                noise_dbm0: tones.noise_dbm0 + level,
                ..tones
            };
            let sound = tones.sound();
            let (mut bytes, mut coded) = (vec![0; sound.len()], vec![0; sound.len()]);
            pcma::PcmaEncoder::new().encode_into(&sound, &mut bytes).unwrap();
            pcma::PcmaDecoder::new().decode_into(&bytes, &mut coded).unwrap();
            assert_eq!(hear(8_000, &coded).len(), 20, "A-law, {level} dB");
            pcmu::PcmuEncoder::new().encode_into(&sound, &mut bytes).unwrap();
            pcmu::PcmuDecoder::new().decode_into(&bytes, &mut coded).unwrap();
            assert_eq!(hear(8_000, &coded).len(), 20, "µ-law, {level} dB");
        }
    }
}

#[test]
fn hears_through_as_much_noise_as_a_bad_line_has() {
    // 15 dB below both tones.
    for rate_hz in RATES_HZ {
        for tones in (Tones { rate_hz, presses: 20, noise_dbm0: -22.0, ..KEY }).keys() {
            assert_eq!(tones.heard().len(), 20, "{rate_hz} {} {}", tones.row, tones.column);
        }
    }
}

#[test]
fn a_key_takes_40_ms_and_not_23() {
    for rate_hz in RATES_HZ {
        for tones in (Tones { rate_hz, off_ms: 60.0, presses: 4, ..KEY }).keys() {
            assert_eq!(Tones { on_ms: 40.0, ..tones }.counts(), (4, 4));
            assert_eq!(Tones { on_ms: 23.0, ..tones }.counts(), (0, 0));
        }
    }
}

#[test]
fn a_gap_of_20_ms_is_no_new_key_and_one_of_40_is() {
    for tones in (Tones { on_ms: 60.0, presses: 3, ..KEY }).keys() {
        for off_ms in [1.0, 5.0, 10.0, 15.0, 20.0] {
            assert_eq!(Tones { off_ms, ..tones }.counts(), (1, 1), "{off_ms} ms");
        }
        assert_eq!(Tones { off_ms: 40.0, ..tones }.counts(), (3, 3));
    }
}

#[test]
fn a_held_key_is_one_press_and_nobody_elses_sound() {
    for rate_hz in RATES_HZ {
        let tones = Tones { rate_hz, on_ms: 3_000.0, off_ms: 200.0, noise_dbm0: -40.0, ..KEY };
        for start_ms in STARTS_MS {
            let tones = Tones { start_ms, ..tones };
            assert_eq!(tones.heard(), [Key::Digit(5)]);
            for (i, is_tone) in tones_in(rate_hz, &tones.sound()).into_iter().enumerate() {
                let (from_ms, to_ms) = (i as f64 * 20.0 - start_ms, i as f64 * 20.0 + 20.0 - start_ms);
                // 14 ms may leak, and the filters' delay; the end is muted as soon as a third of a window is tone.
                let (must, may) = (to_ms > 14.0 && from_ms < 2_998.0, to_ms > 0.0 && from_ms < 3_002.0);
                assert!((!must || is_tone) && (may || !is_tone), "{rate_hz} {start_ms} frame {i}: {is_tone}");
            }
        }
    }
}

#[test]
fn a_key_that_fades_is_still_one_press() {
    let tones = Tones { on_ms: 2_000.0, ..KEY };
    let sound: Vec<i16> = tones
        .sound()
        .iter()
        .enumerate()
        .map(|(n, s)| pcm(f64::from(*s) * 0.999_8_f64.powi(n as i32)))
        .collect();
    assert_eq!(hear(8_000, &sound), [Key::Digit(5)]);
}

#[test]
fn another_key_needs_no_gap() {
    let mut sound = Tones { on_ms: 80.0, off_ms: 0.0, ..KEY }.sound();
    sound.truncate(800);
    sound.extend(Tones { column: 2, start_ms: 0.0, on_ms: 80.0, ..KEY }.sound());
    assert_eq!(hear(8_000, &sound), [Key::Digit(5), Key::Digit(6)]);
}

#[test]
fn accepts_1_5_percent_off_and_refuses_3() {
    for rate_hz in RATES_HZ {
        for tones in (Tones { rate_hz, presses: 2, noise_dbm0: -32.0, ..KEY }).keys() {
            for (row, column) in [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0), (1.0, -1.0), (-1.0, -1.0)]
            {
                let off = |by: f64| Tones { row_off: row * by, column_off: column * by, ..tones };
                assert_eq!(off(0.015).counts(), (2, 2), "{rate_hz} {} {}", tones.row, tones.column);
                for by in [0.03, 0.035, 0.05] {
                    assert_eq!(off(by).counts(), (0, 0), "{rate_hz} {} {} {by}", tones.row, tones.column);
                }
            }
        }
    }
}

#[test]
fn accepts_8_db_of_normal_twist_and_4_of_reverse() {
    for rate_hz in RATES_HZ {
        for tones in (Tones { rate_hz, presses: 2, noise_dbm0: -45.0, ..KEY }).keys() {
            let twisted = |row: f64, column: f64| {
                Tones { row_dbm0: -10.0 - row, column_dbm0: -10.0 - column, ..tones }.counts()
            };
            assert_eq!(twisted(0.0, 8.0), (2, 2), "{rate_hz} {} {}", tones.row, tones.column);
            assert_eq!(twisted(4.0, 0.0), (2, 2), "{rate_hz} {} {}", tones.row, tones.column);
            assert_eq!(twisted(0.0, 9.0), (0, 0), "{rate_hz} {} {}", tones.row, tones.column);
            assert_eq!(twisted(5.0, 0.0), (0, 0), "{rate_hz} {} {}", tones.row, tones.column);
        }
    }
}

#[test]
fn hears_from_0_to_36_dbm0_and_nothing_below_40() {
    for rate_hz in RATES_HZ {
        for tones in (Tones { rate_hz, presses: 2, ..KEY }).keys() {
            let at = |dbm0: f64| Tones { row_dbm0: dbm0, column_dbm0: dbm0, ..tones }.counts();
            for dbm0 in [0.0, -3.0, -20.0, -36.0] {
                assert_eq!(at(dbm0), (2, 2), "{rate_hz} {} {} {dbm0}", tones.row, tones.column);
            }
            assert_eq!(at(-40.0), (0, 0));
        }
    }
}

#[test]
fn a_line_with_direct_current_has_keys() {
    let sound: Vec<i16> = Tones { row_dbm0: -25.0, column_dbm0: -25.0, presses: 3, ..KEY }.sound();
    let sound: Vec<i16> = sound.iter().map(|s| s + 2_500).collect();
    assert_eq!(hear(8_000, &sound).len(), 3);
}

#[test]
fn tones_with_their_doubles_are_a_voice() {
    for tones in (Tones { on_ms: 100.0, ..KEY }).keys() {
        let hz = 2.0 * f64::from(TONES_HZ[4 + tones.column]);
        let with_double = |dbm0: f64| {
            let double = |n: usize| amplitude(dbm0) * (TAU * hz * n as f64 / 8_000.0).sin();
            let sound = tones.sound();
            let sound: Vec<i16> =
                sound.iter().enumerate().map(|(n, s)| pcm(f64::from(*s) + double(n))).collect();
            hear(8_000, &sound).len()
        };
        assert_eq!((with_double(-20.0), with_double(-30.0)), (0, 1));
    }
}

#[test]
fn one_tone_is_no_key() {
    for tones in (Tones { on_ms: 200.0, ..KEY }).keys() {
        assert_eq!(Tones { column_dbm0: -90.0, ..tones }.counts(), (0, 0));
        assert_eq!(Tones { row_dbm0: -90.0, ..tones }.counts(), (0, 0));
    }
}
