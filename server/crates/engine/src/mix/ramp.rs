//! Gain that never jumps, since a jump clicks.

use crate::time::{FRAME_SAMPLES, Frame};

/// 5 ms: too short to be heard as a fade, long enough not to be heard as a click.
pub(crate) const RAMP_SAMPLES: usize = 40;

/// Gain 1, in fixed point.
pub(crate) const UNITY: i32 = 1 << 15;

/// A gain on its way to a target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ramp {
    gain: i32,
}

impl Ramp {
    pub(crate) fn at(gain: i32) -> Self {
        Ramp { gain }
    }

    /// Nothing of a frame would be left, now and at its end.
    pub(crate) fn is_shut(&self, target: i32) -> bool {
        self.gain == 0 && target == 0
    }

    /// A frame would be left as it is.
    pub(crate) fn is_through(&self, target: i32) -> bool {
        self.gain == UNITY && target == UNITY
    }

    /// Moves to `target` over the first `over` samples of the frame and stays there.
    pub(crate) fn apply(&mut self, frame: &mut Frame, target: i32, over: usize) {
        let from = std::mem::replace(&mut self.gain, target);
        if from == target {
            match target {
                UNITY => {}
                0 => frame.fill(0),
                _ => frame.iter_mut().for_each(|s| *s = scale(*s, target)),
            }
            return;
        }
        let over = over.clamp(1, FRAME_SAMPLES);
        let (moving, rest) = frame.split_at_mut(over);
        for (i, s) in moving.iter_mut().enumerate() {
            // The target is reached with the last sample of the ramp.
            *s = scale(*s, from + (target - from) * (i as i32 + 1) / over as i32);
        }
        if target != UNITY {
            rest.iter_mut().for_each(|s| *s = scale(*s, target));
        }
    }
}

fn scale(sample: i16, gain: i32) -> i16 {
    ((i32::from(sample) * gain) >> 15) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reaches_its_target_inside_the_frame_without_a_jump() {
        for (from, to) in [(0, UNITY), (UNITY, 0), (UNITY / 4, UNITY)] {
            let mut frame = [16_000; FRAME_SAMPLES];
            let mut ramp = Ramp::at(from);
            ramp.apply(&mut frame, to, RAMP_SAMPLES);
            assert_eq!(i32::from(frame[RAMP_SAMPLES]), 16_000 * to / UNITY);
            let steps = frame.windows(2).map(|w| (i32::from(w[1]) - i32::from(w[0])).abs());
            assert!(steps.max().unwrap() <= 16_000 / RAMP_SAMPLES as i32 + 1);
            assert_eq!(ramp.gain, to);
        }
    }

    #[test]
    fn unity_leaves_every_sample_and_zero_none() {
        let mut frame = [i16::MIN; FRAME_SAMPLES];
        Ramp::at(UNITY).apply(&mut frame, UNITY, 40);
        assert_eq!(frame, [i16::MIN; FRAME_SAMPLES]);
        Ramp::at(0).apply(&mut frame, 0, 40);
        assert_eq!(frame, [0; FRAME_SAMPLES]);
    }
}
