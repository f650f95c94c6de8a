//! Durations as a clock shows them.

use model::live::UnixMs;

/// `mm:ss`, and `h:mm:ss` from an hour on. A `now` before `since` (two clocks never agree wholly) is zero.
pub fn elapsed(since: UnixMs, now: UnixMs) -> String {
    seconds(now.saturating_sub(since) / 1_000)
}

/// The same for a number of seconds.
pub fn seconds(s: u64) -> String {
    let (h, m, s) = (s / 3_600, s / 60 % 60, s % 60);
    if h > 0 { format!("{h}:{m:02}:{s:02}") } else { format!("{m:02}:{s:02}") }
}

/// A time of day, from hours, minutes and seconds.
pub fn time_of_day([h, m, s]: [u32; 3]) -> String {
    format!("{h:02}:{m:02}:{s:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_like_a_clock() {
        assert_eq!(elapsed(1_000, 1_999), "00:00");
        assert_eq!(elapsed(0, 767_000), "12:47");
        assert_eq!(elapsed(0, 3_600_000), "1:00:00");
        assert_eq!(elapsed(0, 100 * 3_600_000 + 61_000), "100:01:01");
        assert_eq!(elapsed(5_000, 0), "00:00");
        assert_eq!(time_of_day([9, 5, 0]), "09:05:00");
    }
}
