//! How long to wait before the next attempt to connect.

/// The first wait, in milliseconds; each failure doubles it.
pub const FIRST_MS: u32 = 500;
/// No wait is longer, in milliseconds.
pub const LONGEST_MS: u32 = 15_000;

/// Milliseconds to wait after `failures` failed attempts in a row.
///
/// `chance` is in 0..1. Half of the wait depends on it, so that a thousand pages that lost the same server do not come
/// back in the same instant.
pub fn wait_ms(failures: u32, chance: f64) -> u32 {
    let full = FIRST_MS.saturating_mul(1 << failures.min(8)).min(LONGEST_MS);
    let half = full / 2;
    half + (f64::from(half) * chance.clamp(0.0, 1.0)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_its_longest() {
        let longest: Vec<u32> = (0..8).map(|failures| wait_ms(failures, 1.0)).collect();
        assert_eq!(longest, [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
        assert_eq!(wait_ms(u32::MAX, 1.0), LONGEST_MS);
    }

    #[test]
    fn half_of_it_is_chance() {
        assert_eq!(wait_ms(0, 0.0), 250);
        assert_eq!(wait_ms(0, 0.5), 375);
        assert_eq!(wait_ms(0, -3.0), 250);
    }
}
