//! Who talks: a level with hysteresis and a hangover.
//!
//! The threshold is fixed. One that follows the noise would, after a while, take a long steady sound for noise.

use crate::level::energy_at;
use model::Energy;
use std::sync::LazyLock;

/// A frame at this level or above opens the gate, in dBov; for each step of [`Energy`].
const OPEN_DB: [f64; 5] = [-57.0, -51.0, -45.0, -39.0, -33.0];
/// A frame so much below lets it begin to close, in dB.
const CLOSE_BELOW_DB: f64 = 5.0;
/// Ticks that the gate stays open after the last loud frame: 400 ms, the pauses inside a sentence.
const HANGOVER_TICKS: u8 = 20;

/// (opens, closes) as energies of a frame.
static THRESHOLDS: LazyLock<[(u64, u64); 5]> =
    LazyLock::new(|| OPEN_DB.map(|db| (energy_at(db), energy_at(db - CLOSE_BELOW_DB))));

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    Closed,
    Open {
        /// Ticks left until it closes if nothing loud comes.
        hangover: u8,
    },
}

impl Gate {
    /// Judges a frame before it is mixed, so that the frame that is loud is itself let through.
    pub(crate) fn hear(&mut self, heard: u64, threshold: Energy) {
        let (opens, closes) = THRESHOLDS[usize::from(threshold.step())];
        *self = match *self {
            Gate::Closed if heard < opens => Gate::Closed,
            Gate::Open { hangover } if heard < closes => match hangover.checked_sub(1) {
                Some(hangover) => Gate::Open { hangover },
                None => Gate::Closed,
            },
            _ => Gate::Open { hangover: HANGOVER_TICKS },
        };
    }

    pub(crate) fn is_open(self) -> bool {
        matches!(self, Gate::Open { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_at_once_and_closes_after_the_hangover() {
        for (threshold, opens_db) in Energy::ALL.into_iter().zip(OPEN_DB) {
            let mut gate = Gate::Closed;
            gate.hear(energy_at(opens_db - 0.1), threshold);
            assert!(!gate.is_open());
            gate.hear(energy_at(opens_db + 0.1), threshold);
            assert!(gate.is_open());
            for _ in 0..HANGOVER_TICKS {
                gate.hear(0, threshold);
                assert!(gate.is_open());
            }
            gate.hear(0, threshold);
            assert!(!gate.is_open());
        }
    }

    #[test]
    fn a_long_steady_sound_stays_let_through() {
        let mut gate = Gate::Closed;
        gate.hear(energy_at(-44.0), Energy::default());
        for _ in 0..100_000 {
            gate.hear(energy_at(-49.0), Energy::default());
            assert!(gate.is_open());
        }
    }
}
