//! Less delay where there is more than needed, more where it is missing.

use super::bridge::AFTER_MIN;
use super::fifo::{CUT_MIN, CUT_SPAN};
use super::{Clock, JitterBuffer};
use crate::params::Codec;

/// Ticks between two cuts.
const CUT_PAUSE_TICKS: u8 = 2;
/// Ticks after which delay that is not needed is cut even where it can be heard: 3 s.
const CUT_PATIENCE_TICKS: u8 = 150;
/// Ticks after which delay that is kept in reserve is gained even where it can be heard: 2 s.
const GAIN_PATIENCE_TICKS: u8 = 100;
/// Longest insertion at once: 40 ms, in samples at 8 kHz.
const INSERT_MAX: usize = 320;
/// Lost packets in ten seconds that make a line a lossy one, until none is lost in as long.
const LOSSY: u32 = 2;
/// Sound that a bridge needs after a gap, rounded up to packets of 10 ms: 20 ms at 8 kHz.
const BRIDGE_RESERVE: usize = AFTER_MIN.next_multiple_of(80);
/// Packets that are longer than this, 20 ms, are not worth waiting for; in samples at 8 kHz.
const RESERVE_MAX: usize = 160;

impl JitterBuffer {
    /// Takes away delay that is not needed, or adds what is missing.
    pub(super) fn adapt(&mut self) {
        self.cut_pause = self.cut_pause.saturating_sub(1);
        let making_up = !self.conceal.is_idle() || self.own.is_running();
        if self.cut_pause > 0 || making_up || self.clock == Clock::Stopped {
            return;
        }
        let reserve = self.reserve();
        let excess = self.target.excess(reserve);
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
                let urgent = excess + (reserve as i64) < 0;
                self.gain_wish = self.gain_wish.saturating_add(1);
                if urgent || self.gain_wish > GAIN_PATIENCE_TICKS || self.conceal.is_quiet() {
                    self.gain(excess.unsigned_abs() as usize);
                    self.gain_wish = 0;
                }
            } else {
                self.gain_wish = 0;
            }
        }
    }

    /// Delay that is kept beyond what jitter asks for: where packets are lost, the next one shall be there when one is
    /// missing: with G.711 what is heard on both sides of a gap tells more about it than one side, and a packet of Opus
    /// says again what was in the one before. With G.722 nothing is gained.
    pub(super) fn reserve(&mut self) -> usize {
        match self.target.losses() {
            0 => self.lossy = false,
            LOSSY.. => self.lossy = true,
            _ => {}
        }
        let packet = self.decoded.map_or(0, |decoded| decoded.samples);
        let needed = if self.bridges { packet.max(BRIDGE_RESERVE) } else { packet };
        if self.lossy && self.codec != Codec::G722 && packet <= RESERVE_MAX * self.factor() {
            needed
        } else {
            0
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
