//! Time as the engine sees it: passed in, never read from a clock.

use std::fmt;

/// Microseconds of Unix time; the server makes it monotonic. Also used for durations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub u64);

/// When a datagram came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Then, or within the clock's grain.
    At(Micros),
    /// At some time of the tick that ends then.
    Before(Micros),
}

impl Arrival {
    /// The latest time that it can have been.
    pub(crate) fn latest(self) -> Micros {
        match self {
            Arrival::At(at) | Arrival::Before(at) => at,
        }
    }
}

/// The mixer's period.
pub const TICK: Micros = Micros::from_ms(20);
/// Parts of a tick in which different rooms tick.
pub const PHASES: usize = 4;
/// From one phase to the next.
pub(crate) const STEP: Micros = Micros(TICK.0 / PHASES as u64);
/// Samples per second of narrow-band sound.
pub const SAMPLE_RATE_HZ: u32 = 8_000;
/// Samples of one tick of narrow-band sound.
pub const FRAME_SAMPLES: usize = 160;

/// How many samples a second of sound has: what a codec carries, or what a room mixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rate {
    /// 8 kHz.
    Narrow,
    /// 16 kHz.
    Wide,
    /// 48 kHz.
    Full,
}

impl Rate {
    pub const ALL: [Rate; 3] = [Rate::Narrow, Rate::Wide, Rate::Full];

    /// Times 8 kHz.
    pub const fn factor(self) -> usize {
        match self {
            Rate::Narrow => 1,
            Rate::Wide => 2,
            Rate::Full => 6,
        }
    }

    pub const fn hz(self) -> u32 {
        SAMPLE_RATE_HZ * self.factor() as u32
    }

    /// Samples of one tick: 160, 320 or 960.
    pub const fn frame_samples(self) -> usize {
        FRAME_SAMPLES * self.factor()
    }

    /// Lends a silent frame of this rate; a longer one would take longer to be made silent.
    pub(crate) fn with_frame<T>(self, f: impl FnOnce(&mut [i16]) -> T) -> T {
        match self {
            Rate::Narrow => f(&mut [0; Rate::Narrow.frame_samples()]),
            Rate::Wide => f(&mut [0; Rate::Wide.frame_samples()]),
            Rate::Full => f(&mut [0; Rate::Full.frame_samples()]),
        }
    }
}

/// Times 8 kHz, of the highest rate.
pub(crate) const FACTOR_MAX: usize = Rate::Full.factor();
/// Samples of one tick at the highest rate.
pub(crate) const FRAME_SAMPLES_MAX: usize = Rate::Full.frame_samples();

impl Micros {
    /// Saturates at the end of time, 584,000 years away.
    pub const fn from_ms(ms: u64) -> Self {
        Micros(ms.saturating_mul(1_000))
    }

    /// Whole milliseconds, rounded down.
    pub const fn as_ms(self) -> u64 {
        self.0 / 1_000
    }

    pub const fn checked_add(self, other: Micros) -> Option<Micros> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Micros(sum)),
            None => None,
        }
    }

    pub const fn saturating_add(self, other: Micros) -> Micros {
        Micros(self.0.saturating_add(other.0))
    }

    /// How long ago `earlier` was; zero if it lies ahead.
    pub const fn since(self, earlier: Micros) -> Micros {
        Micros(self.0.saturating_sub(earlier.0))
    }

    /// The first instant of the absolute grid of steps that is later than this one.
    pub const fn next_on_grid(self) -> Micros {
        Micros((self.0 / STEP.0).saturating_add(1).saturating_mul(STEP.0))
    }
}

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} µs", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_is_absolute_and_never_stands_still() {
        assert_eq!(Micros(0).next_on_grid(), Micros(5_000));
        assert_eq!(Micros(4_999).next_on_grid(), Micros(5_000));
        assert_eq!(Micros(5_000).next_on_grid(), Micros(10_000));
        assert_eq!(Micros(u64::MAX).next_on_grid(), Micros(u64::MAX));
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Micros(5).since(Micros(9)), Micros(0));
        assert_eq!(Micros(u64::MAX).saturating_add(TICK), Micros(u64::MAX));
        assert_eq!(Micros(u64::MAX).checked_add(TICK), None);
        assert_eq!(Micros::from_ms(u64::MAX).as_ms(), u64::MAX / 1_000);
    }
}
