//! Tones for the tests of sound: made, and found again.

use std::f64::consts::TAU;

/// The sum of tones, each `(hz, amplitude)`, with phases that do not let them peak together at the start.
pub(crate) fn tones(rate_hz: u32, tones: &[(f64, f64)], len: usize) -> Vec<f64> {
    let at = |n: usize| {
        let phase = |i: usize, hz: f64| TAU * hz * n as f64 / f64::from(rate_hz) + 0.7 * (i * i) as f64;
        tones.iter().enumerate().map(|(i, (hz, amplitude))| amplitude * phase(i, *hz).sin()).sum()
    };
    (0..len).map(at).collect()
}

pub(crate) fn tone(rate_hz: u32, hz: f64, amplitude: f64, len: usize) -> Vec<i16> {
    tones(rate_hz, &[(hz, amplitude)], len).into_iter().map(|s| s.round() as i16).collect()
}

/// What tones of the given frequencies, of any amplitude and phase, leave of a sound at best.
pub(crate) struct Fit {
    pub(crate) amplitudes: Vec<f64>,
    /// Root mean square of all tones together.
    pub(crate) tones_rms: f64,
    /// Root mean square of everything else.
    pub(crate) rest_rms: f64,
}

impl Fit {
    /// The rest against the tones.
    pub(crate) fn rest_db(&self) -> f64 {
        20.0 * (self.rest_rms / self.tones_rms).log10()
    }
}

/// Least squares over a sine and a cosine for each frequency.
pub(crate) fn fit(rate_hz: u32, sound: &[i16], frequencies: &[f64]) -> Fit {
    let basis = |n: usize| -> Vec<f64> {
        let sin_cos = |hz: &f64| (TAU * hz * n as f64 / f64::from(rate_hz)).sin_cos();
        frequencies.iter().map(sin_cos).flat_map(|(sin, cos)| [sin, cos]).collect()
    };
    let bases: Vec<Vec<f64>> = (0..sound.len()).map(basis).collect();
    let size = 2 * frequencies.len();
    // The normal equations, with the right side as the last column.
    let mut rows = vec![vec![0.0; size + 1]; size];
    for (s, basis) in sound.iter().zip(&bases) {
        for (row, b) in rows.iter_mut().zip(basis) {
            row.iter_mut().zip(basis).for_each(|(cell, other)| *cell += b * other);
            row[size] += b * f64::from(*s);
        }
    }
    let weights = solve(rows);
    let model = bases.iter().map(|basis| basis.iter().zip(&weights).map(|(b, w)| b * w).sum::<f64>());
    let (mut tones, mut rest) = (0.0, 0.0);
    for (s, model) in sound.iter().zip(model) {
        tones += model * model;
        rest += (f64::from(*s) - model).powi(2);
    }
    Fit {
        amplitudes: weights.chunks(2).map(|w| w[0].hypot(w[1])).collect(),
        tones_rms: (tones / sound.len() as f64).sqrt(),
        rest_rms: (rest / sound.len() as f64).sqrt(),
    }
}

/// Gauss-Jordan with the greatest pivot.
fn solve(mut rows: Vec<Vec<f64>>) -> Vec<f64> {
    let size = rows.len();
    for column in 0..size {
        let pivot = (column..size).max_by(|a, b| rows[*a][column].abs().total_cmp(&rows[*b][column].abs()));
        rows.swap(column, pivot.unwrap());
        let head = rows[column].clone();
        for (i, row) in rows.iter_mut().enumerate().filter(|(i, _)| *i != column) {
            let factor = row[column] / head[column];
            assert!(factor.is_finite(), "two equal frequencies, or too short a sound: row {i}");
            row.iter_mut().zip(&head).for_each(|(cell, h)| *cell -= factor * h);
        }
    }
    (0..size).map(|i| rows[i][size] / rows[i][i]).collect()
}

/// Mean power in the band from `from_hz` to `to_hz`, of `bin_hz` wide bins under a Hann window. A sine of amplitude A
/// has A² / 2.
pub(crate) fn band_power(rate_hz: u32, sound: &[i16], from_hz: f64, to_hz: f64, bin_hz: f64) -> f64 {
    let len = (f64::from(rate_hz) / bin_hz).round() as usize;
    let window: Vec<f64> = (0..len).map(|n| 0.5 - 0.5 * (TAU * n as f64 / len as f64).cos()).collect();
    let pieces: Vec<&[i16]> = sound.chunks_exact(len).collect();
    let mut power = 0.0;
    for bin in (from_hz / bin_hz).round() as usize..(to_hz / bin_hz).round() as usize {
        let step = TAU * bin as f64 / len as f64;
        let wave: Vec<(f64, f64)> = (0..len).map(|n| (step * n as f64).sin_cos()).collect();
        for piece in &pieces {
            let (mut re, mut im) = (0.0, 0.0);
            for ((s, w), (sin, cos)) in piece.iter().zip(&window).zip(&wave) {
                re += f64::from(*s) * w * cos;
                im += f64::from(*s) * w * sin;
            }
            // The window keeps 3/8 of the power; a bin and its mirror at negative frequency share it.
            power += 2.0 * (re * re + im * im) / (len * len) as f64 / 0.375;
        }
    }
    power / pieces.len() as f64
}
