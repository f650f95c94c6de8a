//! What the service says, and the voice that says it to one leg.

use crate::mix::limiter::limit;
use crate::mix::ramp::RAMP_PARTS;
use crate::mix::resample::Resampler;
pub use crate::phrase::Phrase;
use crate::spoken::Sentence;
use crate::time::{FRAME_SAMPLES_MAX, Rate};
use model::Language;
use std::collections::VecDeque;
use std::sync::Arc;

/// PCM, 16 bit, of each phrase in one language. An empty phrase is passed over in silence.
#[derive(Clone, Debug)]
pub struct Prompts {
    language: Language,
    /// By [`Phrase::index`].
    narrow: Vec<Arc<[i16]>>,
    wide: Vec<Arc<[i16]>>,
}

impl Prompts {
    /// Asks `f` for each phrase at 8 and at 16 kHz. Numbers are put together as in the default language.
    pub fn new(f: impl Fn(Phrase, Rate) -> Vec<i16>) -> Self {
        Prompts::in_language(Language::default(), |phrase, rate| f(phrase, rate).into())
    }

    /// Asks `f` for each phrase that the language has, at 8 and at 16 kHz.
    pub fn in_language(language: Language, f: impl Fn(Phrase, Rate) -> Arc<[i16]>) -> Self {
        let of = |phrase: Phrase, rate| match phrase.is_said_in(language) {
            true => f(phrase, rate),
            false => Arc::default(),
        };
        let at = |rate| Phrase::all().map(|phrase| of(phrase, rate)).collect();
        Prompts { language, narrow: at(Rate::Narrow), wide: at(Rate::Wide) }
    }

    /// The samples of a phrase. Voices end below 8 kHz, so there is nothing above 16 kHz to keep.
    fn samples(&self, phrase: Phrase, kept: Kept) -> &[i16] {
        let all = match kept {
            Kept::Narrow => &self.narrow,
            Kept::Wide => &self.wide,
        };
        all.get(phrase.index()).map_or(&[], |samples| samples)
    }
}

/// The rates at which phrases are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Narrow,
    Wide,
}

/// Sentences that may wait for one leg: what a member could cause by pressing keys fast stays bounded.
const QUEUE: usize = 4;

/// Says sentences to one leg, one after the other, at the rate of its codec.
pub(crate) struct Speaker {
    prompts: Arc<Prompts>,
    kept: Kept,
    /// From what is kept to 48 kHz.
    resampler: Option<Resampler>,
    queue: VecDeque<Sentence>,
    /// Phrases of the first sentence that were said.
    part: usize,
    /// Samples of the phrase after them that were said.
    position: usize,
    /// The first sentence is being cut off: it fades out instead of clicking off.
    fading: bool,
}

impl Speaker {
    pub(crate) fn new(prompts: Arc<Prompts>, rate: Rate) -> Self {
        let mut speaker = Speaker {
            prompts,
            kept: Kept::Narrow,
            resampler: None,
            queue: VecDeque::with_capacity(QUEUE),
            part: 0,
            position: 0,
            fading: false,
        };
        speaker.set_rate(rate);
        speaker
    }

    /// The leg has another codec. What is being said begins anew.
    pub(crate) fn set_rate(&mut self, rate: Rate) {
        self.kept = if rate == Rate::Narrow { Kept::Narrow } else { Kept::Wide };
        self.resampler = (rate == Rate::Full).then(|| Resampler::new(Rate::Wide.hz(), rate.hz()));
        (self.part, self.position) = (0, 0);
    }

    fn is_empty(&self, sentence: Sentence) -> bool {
        let parts = sentence.parts(self.prompts.language);
        parts.iter().all(|phrase| self.prompts.samples(*phrase, self.kept).is_empty())
    }

    /// The first sentence has begun to be heard.
    fn has_begun(&self) -> bool {
        self.part > 0 || self.position > 0
    }

    /// Says a sentence after those that wait.
    pub(crate) fn say(&mut self, sentence: impl Into<Sentence>) {
        let sentence = sentence.into();
        if self.queue.len() < QUEUE && !self.is_empty(sentence) {
            self.queue.push_back(sentence);
        }
    }

    /// Says nothing more.
    pub(crate) fn stop(&mut self) {
        self.queue.truncate(1);
        if !self.has_begun() {
            self.queue.clear();
        }
        self.fading = !self.queue.is_empty();
    }

    /// Does not say, or go on saying, a sentence that is no longer true.
    pub(crate) fn take_back(&mut self, sentence: impl Into<Sentence>) {
        let sentence = sentence.into();
        let begun = self.has_begun() && self.queue.front() == Some(&sentence);
        self.fading |= begun;
        let mut place = 0;
        self.queue.retain(|queued| {
            place += 1;
            *queued != sentence || (begun && place == 1)
        });
    }

    /// Says a sentence instead of what is being said.
    pub(crate) fn say_now(&mut self, sentence: impl Into<Sentence>) {
        self.stop();
        self.say(sentence);
    }

    /// All was said, or is being cut off with nothing to follow.
    pub(crate) fn is_done(&self) -> bool {
        self.queue.len() <= usize::from(self.fading)
    }

    /// There is sound for the next frame.
    pub(crate) fn is_speaking(&self) -> bool {
        !self.queue.is_empty()
    }

    /// The next 20 ms.
    pub(crate) fn say_frame(&mut self, out: &mut [i16]) {
        let Some(mut resampler) = self.resampler.take() else { return self.say_kept(out) };
        let mut kept = [0; FRAME_SAMPLES_MAX];
        let kept = &mut kept[..Rate::Wide.frame_samples()];
        self.say_kept(kept);
        resampler.process(kept, out);
        self.resampler = Some(resampler);
    }

    /// Says the next 20 ms over what is there.
    pub(crate) fn say_over(&mut self, out: &mut [i16]) {
        let mut speech = [0; FRAME_SAMPLES_MAX];
        let speech = &mut speech[..out.len()];
        self.say_frame(speech);
        out.iter_mut().zip(&*speech).for_each(|(o, s)| *o = limit(i32::from(*o) + i32::from(*s)));
    }

    fn say_kept(&mut self, mut out: &mut [i16]) {
        out.fill(0);
        let fade = out.len() / RAMP_PARTS;
        while let Some(sentence) = self.queue.front() {
            let parts = sentence.parts(self.prompts.language);
            let samples = parts.get(self.part).map_or(&[][..], |p| self.prompts.samples(*p, self.kept));
            let rest = samples.get(self.position..).unwrap_or(&[]);
            if self.fading {
                for (i, (o, s)) in out.iter_mut().zip(rest).take(fade).enumerate() {
                    *o = (i32::from(*s) * (fade - i) as i32 / fade as i32) as i16;
                }
                self.next_sentence();
                // What follows begins with the next frame, after the fade.
                return;
            }
            let n = rest.len().min(out.len());
            out.iter_mut().zip(rest).for_each(|(o, s)| *o = *s);
            self.position += n;
            if self.position < samples.len() {
                return;
            }
            (self.part, self.position) = (self.part + 1, 0);
            if self.part >= parts.len() {
                self.next_sentence();
            }
            out = &mut out[n..];
        }
    }

    fn next_sentence(&mut self) {
        self.queue.pop_front();
        (self.part, self.position) = (0, 0);
        self.fading = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speaker() -> Speaker {
        let prompts = Prompts::new(|phrase, rate| match phrase {
            Phrase::Welcome => vec![1000; 200 * rate.factor()],
            Phrase::EnterPin => vec![2000; 100 * rate.factor()],
            _ => Vec::new(),
        });
        Speaker::new(Arc::new(prompts), Rate::Narrow)
    }

    #[test]
    fn what_is_taken_back_fades_or_never_begins() {
        let mut begun = speaker();
        begun.say(Phrase::Welcome);
        frame(&mut begun);
        begun.take_back(Phrase::Welcome);
        begun.say(Phrase::EnterPin);
        let faded = frame(&mut begun);
        assert!(faded[0] == 1000 && faded[39] < 300 && faded[60] == 0, "{faded:?}");
        assert_eq!(frame(&mut begun)[0], 2000);

        let mut waiting = speaker();
        waiting.say(Phrase::EnterPin);
        waiting.say(Phrase::Welcome);
        waiting.take_back(Phrase::Welcome);
        assert_eq!(frame(&mut waiting)[0], 2000);
        assert!(!waiting.is_speaking());
    }

    fn frame(speaker: &mut Speaker) -> [i16; 160] {
        let mut out = [7; 160];
        speaker.say_frame(&mut out);
        out
    }

    #[test]
    fn says_the_same_at_every_rate() {
        for rate in Rate::ALL {
            let mut speaker = speaker();
            speaker.set_rate(rate);
            speaker.say(Phrase::Welcome);
            let mut out = vec![0; rate.frame_samples()];
            speaker.say_frame(&mut out);
            assert!(out[rate.frame_samples() / 2..].iter().all(|s| (980..=1020).contains(s)), "{rate:?}");
            speaker.say_frame(&mut out);
            assert!(!speaker.is_speaking());
            assert!(out[rate.frame_samples() / 2..].iter().all(|s| s.unsigned_abs() <= 20), "{rate:?}");
        }
    }

    #[test]
    fn says_phrases_without_a_gap_and_passes_over_empty_ones() {
        let mut speaker = speaker();
        for phrase in [Phrase::Welcome, Phrase::Goodbye, Phrase::EnterPin] {
            speaker.say(phrase);
        }
        assert_eq!(frame(&mut speaker), [1000; 160]);
        let second = frame(&mut speaker);
        assert!(second[..40].iter().all(|s| *s == 1000) && second[40..140].iter().all(|s| *s == 2000));
        assert!(second[140..].iter().all(|s| *s == 0));
        assert!(speaker.is_done() && !speaker.is_speaking());
    }

    /// Twenty-one minutes: a beginning of 15 ms, a number of 5 ms, a noun of 10 ms.
    fn counting() -> Speaker {
        let prompts = Prompts::in_language(Language::Fr, |phrase, rate| {
            let (value, ms) = match phrase {
                Phrase::MinutesLeft => (1000, 15),
                Phrase::Number(_) => (2000, 5),
                Phrase::MinutesMany => (3000, 10),
                _ => (0, 0),
            };
            vec![value; ms * rate.hz() as usize / 1_000].into()
        });
        let mut speaker = Speaker::new(Arc::new(prompts), Rate::Narrow);
        speaker.say(Sentence::MinutesLeft(21));
        speaker.say(Phrase::MinutesMany);
        speaker
    }

    #[test]
    fn a_sentence_is_put_together_without_a_gap() {
        let mut speaker = counting();
        let first = frame(&mut speaker);
        assert_eq!((first[0], first[119], first[120], first[159]), (1000, 1000, 2000, 2000));
        assert_eq!(frame(&mut speaker), [3000; 160]);
        assert!(!speaker.is_speaking());
    }

    #[test]
    fn a_sentence_is_cut_off_as_a_whole() {
        let mut speaker = counting();
        frame(&mut speaker);
        speaker.take_back(Sentence::MinutesLeft(21));
        let faded = frame(&mut speaker);
        assert!(faded[0] == 3000 && faded[40] == 0, "{faded:?}");
        assert_eq!(frame(&mut speaker)[..80], [3000; 80]);
        assert!(!speaker.is_speaking());
    }

    #[test]
    fn a_phrase_that_is_cut_off_fades() {
        let mut speaker = speaker();
        speaker.say(Phrase::Welcome);
        frame(&mut speaker);
        speaker.say_now(Phrase::EnterPin);
        assert!(!speaker.is_done());
        let faded = frame(&mut speaker);
        assert!(faded[0] == 1000 && faded[39] < 50 && faded[40] == 0);
        assert_eq!(frame(&mut speaker)[..100], [2000; 100]);
    }

    #[test]
    fn what_was_not_begun_is_not_heard_at_all() {
        let mut speaker = speaker();
        speaker.say(Phrase::Welcome);
        speaker.stop();
        assert!(speaker.is_done());
        assert_eq!(frame(&mut speaker), [0; 160]);
    }

    #[test]
    fn the_queue_is_bounded() {
        let mut speaker = speaker();
        (0..100).for_each(|_| speaker.say(Phrase::Welcome));
        let frames = std::iter::from_fn(|| speaker.is_speaking().then(|| frame(&mut speaker))).count();
        assert_eq!(frames, QUEUE * 200 / 160);
    }
}
