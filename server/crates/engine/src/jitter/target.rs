//! How much delay a stream needs.
//!
//! The measure is slack: how far ahead of its turn a packet arrived, in samples. The least slack of each of the last
//! ten seconds of sound is kept, as if the present delay had held all the time. The second-worst second decides: one
//! hiccup is worth a concealment, not a delay for all that follows. If the decisive slack is positive, so much delay
//! is superfluous; if it is negative, so much is missing.
//!
//! There is no clock in it: a sender that runs fast shows as growing slack, one that runs slow as shrinking slack.

/// Blocks of the window.
const BLOCKS: usize = 10;
/// Blocks that must be complete before delay is taken away.
const BLOCKS_TO_SHRINK: usize = 2;

/// No packet yet.
const UNKNOWN: i64 = i64::MAX;

#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Samples of one second: received sound of so much makes a block, and slack beyond it is a change of the sender's
    /// clock, not jitter.
    second: u32,
    /// The least slack in each.
    blocks: [i64; BLOCKS],
    /// Packets lost in each.
    lost: [u16; BLOCKS],
    current: usize,
    /// Complete blocks in the window, besides the current one.
    complete: usize,
    /// Samples received in the current block.
    filled: u32,
}

impl Target {
    /// For sound at `rate_hz`.
    pub(crate) fn new(rate_hz: u32) -> Self {
        Target {
            second: rate_hz,
            blocks: [UNKNOWN; BLOCKS],
            lost: [0; BLOCKS],
            current: 0,
            complete: 0,
            filled: 0,
        }
    }

    /// Knows nothing any more.
    pub(crate) fn reset(&mut self) {
        *self = Target::new(self.second);
    }

    /// A packet of `samples` arrived with this slack.
    pub(crate) fn arrived(&mut self, slack: i64, samples: usize) {
        if slack.unsigned_abs() > self.second.into() {
            self.reset();
            return;
        }
        self.filled = self.filled.saturating_add(samples as u32);
        if self.filled > self.second {
            self.filled = samples as u32;
            self.current = (self.current + 1) % BLOCKS;
            self.complete = (self.complete + 1).min(BLOCKS - 1);
            self.blocks[self.current] = UNKNOWN;
            self.lost[self.current] = 0;
        }
        let least = &mut self.blocks[self.current];
        *least = slack.min(*least);
    }

    /// So many packets never came, or too late.
    pub(crate) fn lost(&mut self, packets: u64) {
        let lost = &mut self.lost[self.current];
        *lost = lost.saturating_add(packets.try_into().unwrap_or(u16::MAX));
    }

    /// Packets that did not come in time, in the whole window.
    pub(crate) fn losses(&self) -> u32 {
        self.lost.iter().map(|lost| u32::from(*lost)).sum()
    }

    /// The delay was changed by so many samples; grown if positive.
    pub(crate) fn delay_changed(&mut self, samples: i64) {
        self.blocks.iter_mut().filter(|slack| **slack != UNKNOWN).for_each(|slack| *slack += samples);
    }

    /// The slack that could be done without (positive), or that is missing (negative), if so much is to be kept in
    /// reserve; in samples.
    pub(crate) fn excess(&self, reserve: usize) -> i64 {
        let (mut worst, mut decisive) = (UNKNOWN, UNKNOWN);
        for slack in self.blocks {
            decisive = decisive.min(slack.max(worst));
            worst = worst.min(slack);
        }
        if decisive == UNKNOWN {
            return 0;
        }
        let decisive = decisive - reserve as i64;
        if decisive > 0 && self.complete < BLOCKS_TO_SHRINK { 0 } else { decisive }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(target: &mut Target, n: usize, slack: impl Fn(usize) -> i64) {
        (0..n * 50).for_each(|i| target.arrived(slack(i), 160));
    }

    #[test]
    fn a_clean_line_has_nothing_to_spare_and_nothing_missing() {
        let mut target = Target::new(8_000);
        seconds(&mut target, 30, |i| if i % 2 == 0 { 0 } else { 160 });
        assert_eq!(target.excess(0), 0);
    }

    #[test]
    fn one_hiccup_is_forgiven_and_two_are_not() {
        let mut target = Target::new(8_000);
        seconds(&mut target, 5, |_| 0);
        for slack in [-400, -240, -80] {
            target.arrived(slack, 160);
        }
        assert_eq!(target.excess(0), 0);
        seconds(&mut target, 2, |_| 0);
        target.arrived(-320, 160);
        assert_eq!(target.excess(0), -320);
        target.delay_changed(320);
        assert_eq!(target.excess(0), 0);
        // Ten seconds later both are forgotten, and the delay that they made is superfluous.
        seconds(&mut target, 11, |_| 320);
        assert_eq!(target.excess(0), 320);
    }

    #[test]
    fn delay_is_not_taken_away_before_the_line_is_known() {
        let mut target = Target::new(8_000);
        seconds(&mut target, 2, |_| 480);
        assert_eq!(target.excess(0), 0);
        seconds(&mut target, 1, |_| 480);
        assert_eq!(target.excess(0), 480);
    }

    #[test]
    fn a_jump_of_the_senders_clock_is_no_jitter() {
        let mut target = Target::new(8_000);
        seconds(&mut target, 5, |_| 0);
        target.arrived(i64::MIN + 1, 160);
        target.arrived(1_000_000, 160);
        assert_eq!(target.excess(0), 0);
    }
}
