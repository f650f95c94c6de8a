//! Gain that never jumps, since a jump clicks.

/// Ramps last a quarter of a tick: 5 ms are too short to be heard as a fade, and long enough not to be heard as a click.
pub(crate) const RAMP_PARTS: usize = 4;

/// Gain 1, in fixed point.
pub(crate) const UNITY: i32 = 1 << 15;

/// How fast a gain moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// 5 ms.
    Quick,
    /// The whole tick: for what is not urgent.
    Gentle,
}

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

    /// Moves to `target` at the beginning of a frame of 20 ms, and stays there.
    pub(crate) fn apply(&mut self, frame: &mut [i16], target: i32, pace: Pace) {
        let from = std::mem::replace(&mut self.gain, target);
        if from == target {
            match target {
                UNITY => {}
                0 => frame.fill(0),
                _ => frame.iter_mut().for_each(|s| *s = scale(*s, target)),
            }
            return;
        }
        let over = match pace {
            Pace::Quick => frame.len() / RAMP_PARTS,
            Pace::Gentle => frame.len(),
        };
        let (moving, rest) = frame.split_at_mut(over);
        for (i, s) in moving.iter_mut().enumerate() {
            // The target is reached with the last sample of the ramp. Wide, since 960 steps of 2^15 need it.
            let moved = i64::from(target - from) * (i as i64 + 1) / over as i64;
            *s = scale(*s, from + moved as i32);
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
    use crate::time::Rate;

    #[test]
    fn reaches_its_target_inside_the_frame_without_a_jump() {
        for rate in Rate::ALL {
            for (from, to) in [(0, UNITY), (UNITY, 0), (UNITY / 4, UNITY)] {
                let mut frame = vec![16_000; rate.frame_samples()];
                let mut ramp = Ramp::at(from);
                ramp.apply(&mut frame, to, Pace::Quick);
                let over = rate.frame_samples() / RAMP_PARTS;
                assert_eq!(i32::from(frame[over]), 16_000 * to / UNITY);
                let steps = frame.windows(2).map(|w| (i32::from(w[1]) - i32::from(w[0])).abs());
                assert!(steps.max().unwrap() <= 16_000 / over as i32 + 1);
                assert_eq!(ramp.gain, to);
            }
        }
    }

    #[test]
    fn a_gentle_ramp_takes_the_whole_tick() {
        let mut frame = [16_000; 160];
        Ramp::at(UNITY).apply(&mut frame, 0, Pace::Gentle);
        assert!(frame[80] > 7_000 && frame[158] > 0 && frame[159] == 0);
    }

    #[test]
    fn unity_leaves_every_sample_and_zero_none() {
        let mut frame = [i16::MIN; 160];
        Ramp::at(UNITY).apply(&mut frame, UNITY, Pace::Quick);
        assert_eq!(frame, [i16::MIN; 160]);
        Ramp::at(0).apply(&mut frame, 0, Pace::Quick);
        assert_eq!(frame, [0; 160]);
    }
}
