//! The repetition of the last pitch periods, which [`super::conceal`] plays.
//!
//! Lengths that are fixed are given in samples at 8 kHz; `factor` times as many are meant.

use super::conceal::{BLEND_MAX, HISTORY, PITCH_MIN};

/// Samples after which two, and then three, periods are repeated instead of one, so that it does not sound like a buzzer.
const TWO_PERIODS_AFTER: usize = 160;
const THREE_PERIODS_AFTER: usize = 320;
/// It holds its level for 10 ms and then fades, to nothing at 60 ms: what was a vowel is something else by then.
const FADE_AFTER: usize = 80;
pub(crate) const FADE_END: usize = 480;

/// The repetition of the past.
pub(crate) struct Synth {
    factor: usize,
    /// The history as it was at the last real sample.
    past: Box<[i16]>,
    pub(crate) pitch: usize,
    /// Periods that are repeated: 1..=3.
    periods: usize,
    position: usize,
    /// The repetition before the last change of `periods`, which is still fading out.
    before: Option<Before>,
    produced: usize,
    /// The step between the last real sample and the first one made up.
    step: i32,
    silent: bool,
}

#[derive(Clone, Copy)]
struct Before {
    periods: usize,
    position: usize,
    left: usize,
}

/// The repetition's next samples without its fades: what is compared with the real sound that comes back.
pub(crate) struct Ahead {
    position: usize,
}

impl Ahead {
    pub(crate) fn next(&mut self, synth: &Synth) -> i16 {
        let s = synth.at(synth.periods, self.position);
        self.position = (self.position + 1) % (synth.periods * synth.pitch);
        s as i16
    }
}

impl Synth {
    /// For sound at `factor` times 8 kHz; silent until it begins.
    pub(crate) fn new(factor: usize) -> Self {
        Synth {
            factor,
            past: vec![0; HISTORY * factor].into_boxed_slice(),
            pitch: PITCH_MIN * factor,
            periods: 1,
            position: 0,
            before: None,
            produced: 0,
            step: 0,
            silent: true,
        }
    }

    pub(crate) fn begin(&mut self, history: &[i16], pitch: usize, silent: bool) {
        self.past.iter_mut().zip(history).for_each(|(to, from)| *to = *from);
        self.pitch = pitch;
        self.periods = 1;
        self.position = 0;
        self.before = None;
        self.produced = 0;
        self.silent = silent;
        let newest = |back: usize| history.iter().rev().nth(back).copied().map_or(0, i32::from);
        self.step = newest(0) - newest(pitch);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.silent || self.produced >= FADE_END * self.factor
    }

    fn quarter(&self) -> usize {
        self.pitch / 4
    }

    pub(crate) fn blend_length(&self) -> usize {
        // Appendix I: a quarter of the pitch, and 4 ms for each 10 ms that were made up.
        (self.quarter() + self.produced / (80 * self.factor) * 32 * self.factor).min(BLEND_MAX * self.factor)
    }

    pub(crate) fn ahead(&self) -> Ahead {
        Ahead { position: self.position }
    }

    /// A sample of the repetition of so many periods. Its end leads over into its beginning.
    fn at(&self, periods: usize, position: usize) -> i32 {
        let length = periods * self.pitch;
        let start = self.past.len() - length;
        let sample = |i: usize| i32::from(self.past.get(i).copied().unwrap_or(0));
        let quarter = self.quarter();
        match (position + quarter).checked_sub(length) {
            Some(into) => {
                let weight = into as i32 + 1;
                let of = quarter as i32 + 1;
                (sample(start + position) * (of - weight) + sample(start - quarter + into) * weight) / of
            }
            None => sample(start + position),
        }
    }

    pub(crate) fn next(&mut self) -> i16 {
        if self.is_over() {
            self.produced = self.produced.saturating_add(1);
            return 0;
        }
        if [TWO_PERIODS_AFTER, THREE_PERIODS_AFTER].contains(&(self.produced / self.factor))
            && self.produced.is_multiple_of(self.factor)
        {
            self.before =
                Some(Before { periods: self.periods, position: self.position, left: self.quarter() });
            self.position %= self.pitch;
            self.periods += 1;
        }
        let mut s = self.at(self.periods, self.position);
        self.position = (self.position + 1) % (self.periods * self.pitch);
        if let Some(mut before) = self.before.take() {
            let of = self.quarter() as i32 + 1;
            let left = before.left as i32;
            s = (s * (of - left) + self.at(before.periods, before.position) * left) / of;
            before.position = (before.position + 1) % (before.periods * self.pitch);
            before.left = before.left.saturating_sub(1);
            self.before = (before.left > 0).then_some(before);
        }
        let quarter = self.quarter();
        if self.produced < quarter {
            s += self.step * (quarter - self.produced) as i32 / quarter as i32;
        }
        let (fade_after, fade_end) = (FADE_AFTER * self.factor, FADE_END * self.factor);
        if self.produced > fade_after {
            s = s * (fade_end - self.produced) as i32 / (fade_end - fade_after) as i32;
        }
        self.produced += 1;
        s.clamp(i16::MIN.into(), i16::MAX.into()) as i16
    }
}
