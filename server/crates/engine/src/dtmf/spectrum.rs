//! The eight tones of a window of sound, as amplitude and phase.
//!
//! A Hann window of 20 ms sees a tone over 100 Hz to either side and nothing of the other group's, which are 268 Hz
//! away or more: what leaks over is 50 dB down. The phase's advance between two windows gives the frequency to a
//! hertz or two, which no length of window could by amplitude alone.

use std::f32::consts::TAU;
use std::ops::Range;

/// ITU-T Q.23: four row tones and four column tones, hertz.
pub(super) const TONES_HZ: [f32; 8] = [697.0, 770.0, 852.0, 941.0, 1209.0, 1336.0, 1477.0, 1633.0];
pub(super) const ROWS: Range<usize> = 0..4;
pub(super) const COLUMNS: Range<usize> = 4..8;

const RATE_HZ: f32 = 8_000.0;
/// Samples of a window: 20 ms.
pub(super) const WINDOW: usize = 160;
/// Samples from a window to the next: 10 ms.
pub(super) const HOP: usize = WINDOW / 2;
const HOPS_PER_S: f32 = RATE_HZ / HOP as f32;

/// One in the weights. A window's weights sum to 80 ones: with the loudest sound a sum stays within 2^31.
const ONE: f64 = 768.0;
/// Turns the square of a sum's length into a tone's power, mean squares of samples.
const POWER: f32 = 2.0 / (80.0 * 80.0 * 768.0 * 768.0);

/// Hann window times cosine and sine of each tone, with the phase counted from the window's middle.
static WEIGHTS: [[[i16; WINDOW]; 2]; 8] = weights();

const fn weights() -> [[[i16; WINDOW]; 2]; 8] {
    let mut weights = [[[0; WINDOW]; 2]; 8];
    let slow = cos_sin(std::f64::consts::TAU / WINDOW as f64);
    let mut tone = 0;
    while tone < 8 {
        let half = cos_sin(std::f64::consts::PI * TONES_HZ[tone] as f64 / RATE_HZ as f64);
        let step = turn(half, half);
        let (mut wave, mut hann) = (half, cos_sin(std::f64::consts::PI / WINDOW as f64));
        let mut i = 0;
        while i < WINDOW / 2 {
            let one = ONE * (0.5 + 0.5 * hann.0);
            let (re, im) = (round(one * wave.0), round(one * wave.1));
            weights[tone][0][WINDOW / 2 + i] = re;
            weights[tone][0][WINDOW / 2 - 1 - i] = re;
            weights[tone][1][WINDOW / 2 + i] = -im;
            weights[tone][1][WINDOW / 2 - 1 - i] = im;
            wave = turn(wave, step);
            hann = turn(hann, slow);
            i += 1;
        }
        tone += 1;
    }
    weights
}

/// Cosine and sine of an angle below 2 rad, by their series.
const fn cos_sin(angle: f64) -> (f64, f64) {
    let (mut cos, mut sin, mut term, mut n) = (0.0, 0.0, 1.0, 0);
    while n < 24 {
        match n % 4 {
            0 => cos += term,
            1 => sin += term,
            2 => cos -= term,
            _ => sin -= term,
        }
        n += 1;
        term *= angle / n as f64;
    }
    (cos, sin)
}

const fn turn(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    (a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0)
}

const fn round(x: f64) -> i16 {
    (if x < 0.0 { x - 0.5 } else { x + 0.5 }) as i16
}

/// A tone's part of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Phasor {
    re: f32,
    im: f32,
}

impl Phasor {
    /// The tone's power as a mean square of samples, if it is on its frequency and fills the window.
    pub(super) fn power(self) -> f32 {
        POWER * (self.re * self.re + self.im * self.im)
    }

    /// How far above `tone_hz` the sound is that was `before` one hop ago; from -50 to 50 Hz.
    pub(super) fn offset_hz(self, before: Phasor, tone_hz: f32) -> f32 {
        let (re, im) = (self.re * before.re + self.im * before.im, self.im * before.re - self.re * before.im);
        let turns = im.atan2(re) / TAU - tone_hz / HOPS_PER_S;
        (turns - turns.round()) * HOPS_PER_S
    }
}

/// The eight tones of a window.
pub(super) fn spectrum(window: &[i16; WINDOW]) -> [Phasor; 8] {
    std::array::from_fn(|tone| {
        let [re, im] = &WEIGHTS[tone];
        Phasor { re: dot(window, re) as f32, im: dot(window, im) as f32 }
    })
}

fn dot(window: &[i16; WINDOW], weights: &[i16; WINDOW]) -> i32 {
    window.iter().zip(weights).map(|(s, w)| i32::from(*s) * i32::from(*w)).sum()
}

/// The share of a tone's power that is seen when it is `offset_hz` beside the window's frequency, 60 Hz at most.
pub(super) fn seen(offset_hz: f32) -> f32 {
    // sinc(x) / (1 - x²) as a series, x in widths of 1/20 ms.
    let x2 = (offset_hz * (WINDOW as f32 / RATE_HZ)).powi(2);
    (1.0 - x2 * (0.6449 - x2 * (0.1667 - x2 * 0.0241))).powi(2)
}

/// The power at any frequency. Slow: for what is nearly a key.
pub(super) fn power_at(window: &[i16; WINDOW], frequency_hz: f32) -> f32 {
    let (mut re, mut im) = (0.0, 0.0);
    for (n, sample) in window.iter().enumerate() {
        let time = n as f32 + 0.5 - HOP as f32;
        let hann = 0.5 + 0.5 * (TAU / WINDOW as f32 * time).cos();
        let (sin, cos) = (TAU * frequency_hz / RATE_HZ * time).sin_cos();
        re += f32::from(*sample) * hann * cos;
        im -= f32::from(*sample) * hann * sin;
    }
    2.0 / (80.0 * 80.0) * (re * re + im * im)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(frequency_hz: f32, from: usize) -> [i16; WINDOW] {
        std::array::from_fn(|n| {
            let turns = f64::from(frequency_hz) * (from + n) as f64 / f64::from(RATE_HZ);
            (10_000.0 * (std::f64::consts::TAU * turns).sin()).round() as i16
        })
    }

    #[test]
    fn a_tone_has_its_power_and_the_other_groups_see_nothing() {
        for (i, tone_hz) in TONES_HZ.into_iter().enumerate() {
            let tones = spectrum(&tone(tone_hz, 0));
            assert!((tones[i].power() / 5e7 - 1.0).abs() < 0.01, "{tone_hz}: {}", tones[i].power());
            assert!((power_at(&tone(tone_hz, 0), tone_hz) / 5e7 - 1.0).abs() < 0.01);
            let others = if ROWS.contains(&i) { COLUMNS } else { ROWS };
            for other in others {
                assert!(tones[other].power() < 5e7 * 1e-5, "{tone_hz} in {}", TONES_HZ[other]);
            }
        }
    }

    #[test]
    fn the_phase_tells_the_frequency() {
        for (i, tone_hz) in TONES_HZ.into_iter().enumerate() {
            for off_hz in [-45.0, -20.0, -1.0, 0.0, 10.0, 45.0] {
                let (before, now) = (tone(tone_hz + off_hz, 0), tone(tone_hz + off_hz, HOP));
                let (before, now) = (spectrum(&before)[i], spectrum(&now)[i]);
                assert!((now.offset_hz(before, tone_hz) - off_hz).abs() < 0.2, "{tone_hz} {off_hz}");
                assert!((now.power() / seen(off_hz) / 5e7 - 1.0).abs() < 0.02, "{tone_hz} {off_hz}");
            }
        }
    }

    #[test]
    fn the_loudest_sound_fits() {
        for weights in WEIGHTS.iter().flatten() {
            let sum: i64 = weights.iter().map(|w| i64::from(w.unsigned_abs()) * 32_768).sum();
            assert!(sum < i64::from(i32::MAX), "{sum}");
        }
    }
}
