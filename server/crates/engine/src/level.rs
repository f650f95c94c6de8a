//! How loud a frame is.
//!
//! Levels are in dBov (RFC 6464): 0 dBov is the root mean square of a full-scale square wave, so a full-scale sine
//! has -3 dBov.

use crate::time::FRAME_SAMPLES;

/// The lowest level that is shown, in dBov.
const FLOOR_DB: f32 = -60.0;
/// How fast the shown level falls, in dB per tick: 60 dB a second, as a meter's needle does.
const RELEASE_DB: f32 = 1.2;

/// The sum of the squares of a frame of any rate, as if it had 160 samples: 0 ..= 160 * 2^30.
pub(crate) fn energy(frame: &[i16]) -> u64 {
    // Two squares fit into 32 bits, and the compiler makes one instruction of them.
    let pairs = frame.as_chunks::<2>().0;
    let sum: u64 = pairs.iter().map(|[a, b]| u64::from(square(*a) + square(*b))).sum();
    sum / (frame.len() / FRAME_SAMPLES).max(1) as u64
}

fn square(sample: i16) -> u32 {
    (i32::from(sample) * i32::from(sample)) as u32
}

/// The energy of a frame at a level in dBov.
pub(crate) fn energy_at(level_db: f64) -> u64 {
    (10f64.powf(level_db / 10.0) * FULL_SCALE) as u64
}

const FULL_SCALE: f64 = FRAME_SAMPLES as f64 * 32_768.0 * 32_768.0;

/// A needle: rises at once, falls slowly.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meter {
    level_db: f32,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Meter { level_db: FLOOR_DB }
    }

    pub(crate) fn hear(&mut self, energy: u64) {
        let fallen = (self.level_db - RELEASE_DB).max(FLOOR_DB);
        self.level_db = fallen;
        // Silence is the common case, and a logarithm is not free.
        if energy > 0 {
            let heard_db = 10.0 * (energy as f32 / FULL_SCALE as f32).log10();
            self.level_db = heard_db.clamp(fallen, 0.0);
        }
    }

    pub(crate) fn silence(&mut self) {
        self.level_db = FLOOR_DB;
    }

    /// 0 (-60 dBov or less) ..= 100 (0 dBov).
    pub(crate) fn level(&self) -> u8 {
        ((self.level_db - FLOOR_DB) * (100.0 / -FLOOR_DB)).round().clamp(0.0, 100.0) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_scale_does_not_overflow() {
        assert_eq!(energy(&[i16::MIN; 160]), 160 << 30);
        assert_eq!(energy(&[i16::MIN; 960]), 160 << 30);
        assert_eq!(energy(&[0; 160]), 0);
        assert_eq!(energy_at(0.0), 160 << 30);
    }

    #[test]
    fn the_meter_spans_sixty_decibels() {
        let level = |sample| {
            let mut meter = Meter::new();
            meter.hear(energy(&[sample; 160]));
            meter.level()
        };
        assert_eq!([0, 32, 1036, i16::MIN].map(level), [0, 0, 50, 100]);
    }

    #[test]
    fn the_needle_rises_at_once_and_falls_in_a_second() {
        let mut meter = Meter::new();
        meter.hear(energy(&[i16::MAX; 160]));
        assert_eq!(meter.level(), 100);
        (0..25).for_each(|_| meter.hear(0));
        assert_eq!(meter.level(), 50);
        (0..25).for_each(|_| meter.hear(0));
        assert_eq!(meter.level(), 0);
    }
}
