//! What is heard where no packet came: the last pitch periods again, after ITU-T G.711 Appendix I.
//!
//! It differs from the appendix where that one delays all sound by 3.75 ms to blend into the concealment. Here the
//! concealment begins with the step between the last sample and its own first one, and lets that step decay.
//!
//! Lengths that are fixed are given in samples at 8 kHz; `factor` times as many are meant.

use super::correlate::{SEARCH_MAX, Search};
use super::synth::Synth;
use crate::time::{FACTOR_MAX, FRAME_SAMPLES};

const _: () = assert!(HISTORY <= SEARCH_MAX && COMPARED <= SEARCH_MAX);

/// Lags that are looked at: 400 Hz down to 66 Hz.
pub(crate) const PITCH_MIN: usize = 20;
pub(crate) const PITCH_MAX: usize = 120;
/// Sound that is compared to find the pitch: the last 10 ms, since a voice's pitch glides.
const WINDOW: usize = 80;
/// Sound whose level says whether it is silence: 20 ms.
const LEVEL_WINDOW: usize = 160;
/// Three longest periods, and a quarter of one to blend with.
pub(crate) const HISTORY: usize = 3 * PITCH_MAX + PITCH_MAX / 4;
/// Room behind it at least, whatever the `factor`, so that it is not moved at every tick: four of them at 8 kHz.
const SPARE_MIN: usize = 4 * FRAME_SAMPLES;
/// Below this root mean square the past was silence, and silence goes on.
const SILENT_RMS: i64 = 8;
/// Below this one little of what is changed is heard: about -50 dBov.
pub(crate) const QUIET_RMS: i64 = 100;
/// Longest blend back into what is real: 10 ms.
pub(crate) const BLEND_MAX: usize = 80;
/// Samples that [`Conceal::alignment`] compares.
const COMPARED: usize = PITCH_MAX + 2 * BLEND_MAX;

/// Remembers what was played, and goes on from there.
pub(crate) struct Conceal {
    factor: usize,
    /// What was played last: [`HISTORY`] samples before `newest`, and what is older before them.
    past: Box<[i16]>,
    newest: usize,
    /// What was played last was silence, whatever `past` says.
    forgotten: bool,
    state: State,
    synth: Synth,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// What is played is real.
    Idle,
    /// What is played is made up.
    Active,
    /// The real is coming back: so many samples of the blend are done, of so many.
    Blending { done: usize, of: usize },
}

impl Conceal {
    /// For sound at `factor` times 8 kHz.
    pub(crate) fn new(factor: usize) -> Self {
        let spare = SPARE_MIN.max(FRAME_SAMPLES * factor);
        Conceal {
            factor,
            past: vec![0; HISTORY * factor + spare].into_boxed_slice(),
            newest: HISTORY * factor,
            forgotten: false,
            state: State::Idle,
            synth: Synth::new(factor),
        }
    }

    /// Remembers what was played, real or not; at most 20 ms at once.
    pub(crate) fn remember(&mut self, played: &[i16]) {
        let mut end = self.newest + played.len();
        if end > self.past.len() {
            let kept = HISTORY * self.factor;
            self.past.copy_within(self.newest - kept..self.newest, 0);
            end = kept + played.len();
        }
        if let Some(newest) = self.past.get_mut(end - played.len()..end) {
            newest.copy_from_slice(played);
            self.newest = end;
        }
    }

    /// What was played last shall be silence: it was too quiet to be heard, and is not worth keeping. [`Self::recall`] has to
    /// come before anything else is done.
    pub(crate) fn forget(&mut self) {
        self.forgotten = true;
    }

    /// Makes `past` what it stands for.
    pub(crate) fn recall(&mut self) {
        if std::mem::take(&mut self.forgotten) {
            self.past.fill(0);
            self.newest = HISTORY * self.factor;
        }
    }

    /// Real sound can be played as it is.
    pub(crate) fn is_idle(&self) -> bool {
        self.state == State::Idle
    }

    /// It has faded to nothing.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.state == State::Active && self.synth.is_over()
    }

    /// The period of what was played last, and how sure that is (0..=1).
    pub(crate) fn pitch(&self) -> (usize, f32) {
        let window = WINDOW * self.factor;
        let history = self.history();
        let newest = history.len() - window;
        let starts = newest - PITCH_MAX * self.factor..=newest - PITCH_MIN * self.factor;
        let (start, likeness) = Search::new(history, self.factor).nearest(newest, window, starts);
        (newest - start, likeness)
    }

    /// What was played last, the newest at the end.
    pub(crate) fn history(&self) -> &[i16] {
        self.past.get(self.newest - HISTORY * self.factor..self.newest).unwrap_or(&[])
    }

    /// What comes next follows what was played.
    pub(crate) fn settle(&mut self) {
        self.state = State::Idle;
    }

    /// Makes up the next samples.
    pub(crate) fn make(&mut self, out: &mut [i16]) {
        self.interrupt();
        out.iter_mut().for_each(|s| *s = self.synth.next());
    }

    /// What comes next does not follow what was played: it has to be blended in.
    pub(crate) fn interrupt(&mut self) {
        self.recall();
        if self.state != State::Active {
            self.begin();
        }
    }

    /// What comes next follows silence, of whatever kind: it is faded in.
    pub(crate) fn interrupt_by_silence(&mut self) {
        self.state = State::Active;
        let past = self.newest - HISTORY * self.factor..self.newest;
        self.synth.begin(&self.past[past], PITCH_MIN * self.factor, true);
    }

    /// What was played last is hardly heard.
    pub(crate) fn is_quiet(&self) -> bool {
        self.is_below(QUIET_RMS)
    }

    /// The root mean square of the last 20 ms is less.
    fn is_below(&self, rms: i64) -> bool {
        let window = LEVEL_WINDOW * self.factor;
        let energy: i64 = self.history().iter().rev().take(window).map(|s| i64::from(*s).pow(2)).sum();
        energy < rms.pow(2) * window as i64
    }

    fn begin(&mut self) {
        self.state = State::Active;
        let silent = self.is_below(SILENT_RMS);
        let pitch = if silent { PITCH_MIN * self.factor } else { self.pitch().0 };
        let past = self.newest - HISTORY * self.factor..self.newest;
        self.synth.begin(&self.past[past], pitch, silent);
    }

    /// Blends real samples, which follow what was made up, into it. Does nothing when idle.
    pub(crate) fn blend(&mut self, real: &mut [i16]) {
        let (done, of) = match self.state {
            State::Idle => return,
            State::Active => (0, self.synth.blend_length()),
            State::Blending { done, of } => (done, of),
        };
        let n = real.len().min(of - done);
        for (i, s) in real.iter_mut().take(n).enumerate() {
            let weight = (done + i + 1) as i32;
            let made_up = i32::from(self.synth.next());
            let of = of as i32 + 1;
            *s = ((i32::from(*s) * weight + made_up * (of - weight)) / of) as i16;
        }
        self.state = if done + n >= of { State::Idle } else { State::Blending { done: done + n, of } };
    }

    /// How many more samples to make up so that `real`, which was not meant to follow here, falls in with its phase.
    pub(crate) fn alignment(&self, real: &[i16]) -> usize {
        let len = BLEND_MAX * self.factor;
        if self.state != State::Active || self.is_exhausted() || real.len() < len {
            return 0;
        }
        let mut ahead = self.synth.ahead();
        // Where the real begins in the copy at 8 kHz, too, it begins with a whole sample.
        let made_up = (self.synth.pitch + len).next_multiple_of(self.factor);
        // One period of what would be made up next and as much as is compared, then the real.
        let compared = &mut [0; COMPARED * FACTOR_MAX][..COMPARED * self.factor];
        compared.iter_mut().take(made_up).for_each(|s| *s = ahead.next(&self.synth));
        compared.iter_mut().skip(made_up).zip(real).take(len).for_each(|(to, s)| *to = *s);
        let search = Search::new(compared, self.factor);
        let (shift, likeness) = search.nearest(made_up, len, 0..=self.synth.pitch - 1);
        if likeness > 0.5 { shift } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jitter::synth::FADE_END;
    use proptest::prelude::*;
    use std::f64::consts::PI;

    fn tone(frequency_hz: f64, from: usize, n: usize) -> Vec<i16> {
        let at = |i: usize| 8_000.0 * (2.0 * PI * frequency_hz * (from + i) as f64 / 8_000.0).sin();
        (0..n).map(|i| at(i) as i16).collect()
    }

    fn after(past: &[i16]) -> Conceal {
        let mut conceal = Conceal::new(1);
        past.chunks(160).for_each(|frame| conceal.remember(frame));
        conceal
    }

    /// Signal to noise of `got` against `wanted`, in dB.
    fn snr_db(got: &[i16], wanted: &[i16]) -> f64 {
        let power = |v: &mut dyn Iterator<Item = f64>| v.map(|x| x * x).sum::<f64>();
        let signal = power(&mut wanted.iter().map(|s| f64::from(*s)));
        let noise = power(&mut got.iter().zip(wanted).map(|(g, w)| f64::from(*g) - f64::from(*w)));
        10.0 * (signal / noise.max(1.0)).log10()
    }

    #[test]
    fn a_tone_goes_on_in_phase_through_a_lost_packet() {
        for frequency_hz in [200.0, 440.0, 700.0, 1050.0, 1900.0] {
            let mut conceal = after(&tone(frequency_hz, 0, 800));
            let mut made_up = [0; 160];
            conceal.make(&mut made_up);
            let snr = snr_db(&made_up, &tone(frequency_hz, 800, 160));
            assert!(snr > 10.0, "{frequency_hz} Hz: {snr:.1} dB");
        }
    }

    #[test]
    fn a_voice_of_100_hz_is_recognised() {
        // A pulse train through a decaying resonance: what a vowel is made of.
        let vowel = |n: usize| {
            let t = (n % 80) as f64;
            (6_000.0 * (-t / 20.0).exp() * (2.0 * PI * 900.0 * t / 8_000.0).cos()) as i16
        };
        let past: Vec<i16> = (0..800).map(vowel).collect();
        let mut conceal = after(&past);
        assert_eq!(conceal.pitch().0, 80);
        let mut made_up = [0; 160];
        conceal.make(&mut made_up);
        let wanted: Vec<i16> = (800..960).map(vowel).collect();
        assert!(snr_db(&made_up, &wanted) > 15.0);
    }

    #[test]
    fn it_fades_to_nothing() {
        let mut conceal = after(&tone(500.0, 0, 800));
        let mut made_up = [0; FADE_END + 160];
        conceal.make(&mut made_up);
        assert!(conceal.is_exhausted());
        assert!(made_up[FADE_END - 40..].iter().all(|s| s.unsigned_abs() < 800));
        assert!(made_up[FADE_END..].iter().all(|s| *s == 0));
    }

    #[test]
    fn silence_stays_silence() {
        let mut conceal = after(&[3; 800]);
        let mut made_up = [9; 160];
        conceal.make(&mut made_up);
        assert_eq!(made_up, [0; 160]);
        assert!(conceal.is_exhausted());
    }

    #[test]
    fn blending_ends_in_the_real_sound_untouched() {
        let mut conceal = after(&tone(500.0, 0, 800));
        conceal.make(&mut [0; 160]);
        let real = tone(500.0, 960, 160);
        let mut blended = real.clone();
        // In two parts: packets may be shorter than the blend.
        let (first, second) = blended.split_at_mut(30);
        conceal.blend(first);
        conceal.blend(second);
        assert!(conceal.is_idle());
        assert_eq!(blended[BLEND_MAX..], real[BLEND_MAX..]);
        assert!(snr_db(&blended, &real) > 10.0);
    }

    #[test]
    fn alignment_finds_the_phase_of_delayed_sound() {
        let mut conceal = after(&tone(250.0, 0, 800));
        conceal.make(&mut [0; 160]);
        // The real sound goes on 13 samples later than it would have to.
        let late = tone(250.0, 960 + 13, 160);
        let more = conceal.alignment(&late);
        assert_eq!(more % 32, 13, "{more}");
    }

    proptest! {
        #[test]
        fn no_sound_makes_it_leave_its_range(
            past in prop::collection::vec(prop_oneof![Just(i16::MIN), Just(i16::MAX), any::<i16>()], 800),
            n in 1usize..900,
            mut real in prop::collection::vec(any::<i16>(), 0..200),
        ) {
            let mut conceal = after(&past);
            let mut made_up = vec![0; n];
            conceal.make(&mut made_up);
            conceal.alignment(&real);
            conceal.blend(&mut real);
            conceal.remember(&real);
        }
    }
}
