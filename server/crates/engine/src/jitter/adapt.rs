//! Less delay where there is more than needed, more where it is missing.

use super::fifo::{CUT_MIN, CUT_SPAN};
use super::{Clock, JitterBuffer};

/// Ticks between two cuts.
const CUT_PAUSE_TICKS: u8 = 2;
/// Ticks after which delay that is not needed is cut even where it can be heard: 3 s.
const CUT_PATIENCE_TICKS: u8 = 150;
/// Longest insertion at once: 40 ms, in samples at 8 kHz.
const INSERT_MAX: usize = 320;

impl JitterBuffer {
    /// Takes away delay that is not needed, or adds what is missing.
    pub(super) fn adapt(&mut self) {
        self.cut_pause = self.cut_pause.saturating_sub(1);
        let making_up = !self.conceal.is_idle() || self.own.is_running();
        if self.cut_pause > 0 || making_up || self.clock == Clock::Stopped {
            return;
        }
        let excess = self.target.excess();
        if excess >= (CUT_MIN * self.factor()) as i64 {
            self.cut_wish = self.cut_wish.saturating_add(1);
            self.look_ahead();
            let cut = self.fifo.cut(excess as usize, self.cut_wish > CUT_PATIENCE_TICKS);
            if cut > 0 {
                self.target.delay_changed(-(cut as i64));
                self.cut_wish = 0;
                self.cut_pause = CUT_PAUSE_TICKS;
            }
        } else {
            self.cut_wish = 0;
            if excess < 0 {
                self.gain(excess.unsigned_abs() as usize);
            }
        }
    }

    /// Decodes ahead, without a gap, as much as a cut wants to look at.
    fn look_ahead(&mut self) {
        while self.fifo.len() < CUT_SPAN * self.factor() {
            let Clock::Running { next, credit: 0 } = self.clock else { return };
            match self.queue.front() {
                Some(front) if front.timestamp == next => self.decode(0),
                _ => return,
            }
        }
    }

    /// Gains delay by whole pitch periods, so that the sound after them falls in with its phase.
    fn gain(&mut self, missing: usize) {
        let (pitch, sure) = self.conceal.pitch();
        let missing = missing.min(INSERT_MAX * self.factor());
        self.insert = if sure > 0.5 { missing.div_ceil(pitch) * pitch } else { missing };
        self.target.delay_changed(self.insert as i64);
        self.cut_pause = CUT_PAUSE_TICKS;
    }

    pub(super) fn factor(&self) -> usize {
        self.codec.rate().factor()
    }
}
