//! Who talks: a level with hysteresis and a hangover.
//!
//! The threshold is fixed. One that follows the noise would, after a while, take a long steady sound for noise.

use crate::level::energy_at;
use std::sync::LazyLock;

/// A frame at this level or above opens the gate, in dBov.
pub(crate) const OPEN_DB: f64 = -45.0;
/// A frame below this level lets it begin to close, in dBov.
pub(crate) const CLOSE_DB: f64 = -50.0;
/// Ticks that the gate stays open after the last loud frame: 400 ms, the pauses inside a sentence.
const HANGOVER_TICKS: u8 = 20;

static OPEN_ENERGY: LazyLock<u64> = LazyLock::new(|| energy_at(OPEN_DB));
static CLOSE_ENERGY: LazyLock<u64> = LazyLock::new(|| energy_at(CLOSE_DB));

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
    pub(crate) fn hear(&mut self, energy: u64) {
        *self = match *self {
            Gate::Closed if energy < *OPEN_ENERGY => Gate::Closed,
            Gate::Open { hangover } if energy < *CLOSE_ENERGY => match hangover.checked_sub(1) {
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
        let mut gate = Gate::Closed;
        gate.hear(energy_at(-45.1));
        assert!(!gate.is_open());
        gate.hear(energy_at(-44.9));
        assert!(gate.is_open());
        for _ in 0..HANGOVER_TICKS {
            gate.hear(0);
            assert!(gate.is_open());
        }
        gate.hear(0);
        assert!(!gate.is_open());
    }

    #[test]
    fn a_long_steady_sound_stays_let_through() {
        let mut gate = Gate::Closed;
        gate.hear(energy_at(-44.0));
        for _ in 0..100_000 {
            gate.hear(energy_at(-49.0));
            assert!(gate.is_open());
        }
    }
}
