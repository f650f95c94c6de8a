//! The voice that says sentences to one leg, or to a room.

#[cfg(test)]
mod tests;

use crate::announcement::Announcement;
use crate::mix::limiter::limit;
use crate::mix::ramp::{Pace, RAMP_PARTS, Ramp, UNITY};
use crate::mix::resample::Resampler;
use crate::phrase::Phrase;
use crate::prompt::{Kept, Prompts};
use crate::spoken::Sentence;
use crate::time::{FRAME_SAMPLES_MAX, Rate};
use std::collections::VecDeque;
use std::sync::Arc;

/// Sentences that may wait for one leg: what a member could cause by pressing keys fast stays bounded.
const QUEUE: usize = 4;

/// What is said at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Sentence(Sentence),
    /// The room's own.
    Announcement,
}

/// Says sentences to one leg, one after the other, at the rate of its codec; where nothing is said it may play music.
pub(crate) struct Speaker {
    prompts: Arc<Prompts>,
    announcement: Option<Arc<Announcement>>,
    kept: Kept,
    /// From what is kept to 48 kHz.
    resampler: Option<Resampler>,
    queue: VecDeque<Item>,
    /// Sounds of the first sentence that were said.
    part: usize,
    /// Samples of the sound after them that were said.
    position: usize,
    /// The first sentence is being cut off: it fades out instead of clicking off.
    fading: bool,
    music: Music,
}

/// What is heard where nothing is said.
struct Music {
    wanted: bool,
    gain: Ramp,
    /// Samples of it that were played.
    position: usize,
}

impl Speaker {
    pub(crate) fn new(prompts: Arc<Prompts>, rate: Rate) -> Self {
        let mut speaker = Speaker {
            prompts,
            announcement: None,
            kept: Kept::Narrow,
            resampler: None,
            queue: VecDeque::with_capacity(QUEUE),
            part: 0,
            position: 0,
            fading: false,
            music: Music { wanted: false, gain: Ramp::at(0), position: 0 },
        };
        speaker.set_rate(rate);
        speaker
    }

    /// The hearer has another rate. What is being said goes on.
    pub(crate) fn set_rate(&mut self, rate: Rate) {
        let kept = if rate == Rate::Narrow { Kept::Narrow } else { Kept::Wide };
        for position in [&mut self.position, &mut self.music.position] {
            *position = match (self.kept, kept) {
                (Kept::Narrow, Kept::Wide) => *position * 2,
                (Kept::Wide, Kept::Narrow) => *position / 2,
                _ => *position,
            };
        }
        self.kept = kept;
        self.resampler = (rate == Rate::Full).then(|| Resampler::new(Rate::Wide.hz(), rate.hz()));
    }

    pub(crate) fn prompts(&self) -> &Arc<Prompts> {
        &self.prompts
    }

    /// Speaks with another voice, unless something is being said.
    pub(crate) fn set_prompts(&mut self, prompts: &Arc<Prompts>) {
        if self.queue.is_empty() && !Arc::ptr_eq(&self.prompts, prompts) {
            self.prompts = prompts.clone();
        }
    }

    fn is_empty(&self, item: Item) -> bool {
        match item {
            Item::Sentence(sentence) => {
                let parts = sentence.parts(self.prompts.language());
                parts.iter().all(|phrase| self.prompts.samples(*phrase, self.kept).is_empty())
            }
            Item::Announcement => self.announcement.as_ref().is_none_or(|a| a.samples(self.kept).is_empty()),
        }
    }

    /// The first sentence has begun to be heard.
    fn has_begun(&self) -> bool {
        self.part > 0 || self.position > 0
    }

    /// Says a sentence after those that wait. `false`: there are too many, or there is no sound for it.
    pub(crate) fn say(&mut self, sentence: impl Into<Sentence>) -> bool {
        self.queue(Item::Sentence(sentence.into()))
    }

    /// Says the room's own announcement after what waits.
    pub(crate) fn announce(&mut self, announcement: Arc<Announcement>) {
        self.announcement = Some(announcement);
        self.queue(Item::Announcement);
    }

    fn queue(&mut self, item: Item) -> bool {
        let takes = self.queue.len() < QUEUE && !self.is_empty(item);
        if takes {
            self.queue.push_back(item);
        }
        takes
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
        let item = Item::Sentence(sentence.into());
        let begun = self.has_begun() && self.queue.front() == Some(&item);
        self.fading |= begun;
        let mut place = 0;
        self.queue.retain(|queued| {
            place += 1;
            *queued != item || (begun && place == 1)
        });
    }

    /// Says a sentence instead of what is being said.
    pub(crate) fn say_now(&mut self, sentence: impl Into<Sentence>) {
        self.stop();
        self.say(sentence);
    }

    /// Plays music where nothing is said, or none.
    pub(crate) fn play_music(&mut self, wanted: bool) {
        self.music.wanted = wanted && !self.prompts.samples(Phrase::HoldMusic, self.kept).is_empty();
    }

    /// All was said, or is being cut off with nothing to follow.
    pub(crate) fn is_done(&self) -> bool {
        self.queue.len() <= usize::from(self.fading)
    }

    /// Sentences that are said, or wait.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// There is sound for the next frame.
    pub(crate) fn is_speaking(&self) -> bool {
        !self.queue.is_empty() || self.music.wanted || !self.music.gain.is_shut(0)
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

    fn say_kept(&mut self, out: &mut [i16]) {
        out.fill(0);
        let target = if self.music.wanted && self.queue.is_empty() { UNITY } else { 0 };
        if self.music.gain.is_shut(target) {
            self.say_sentences(out);
        } else {
            // A sentence begins with the next frame, after the fade.
            self.music.play(self.prompts.samples(Phrase::HoldMusic, self.kept), out);
            self.music.gain.apply(out, target, Pace::Quick);
        }
    }

    fn say_sentences(&mut self, mut out: &mut [i16]) {
        let fade = out.len() / RAMP_PARTS;
        while let Some(item) = self.queue.front() {
            let (samples, parts) =
                sound(&self.prompts, self.announcement.as_deref(), self.kept, *item, self.part);
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
            if self.part >= parts {
                self.next_sentence();
            }
            out = &mut out[n..];
        }
    }

    fn next_sentence(&mut self) {
        if self.queue.pop_front() == Some(Item::Announcement) {
            self.announcement = None;
        }
        (self.part, self.position) = (0, 0);
        self.fading = false;
    }
}

/// One of an item's sounds, and how many it has.
fn sound<'a>(
    prompts: &'a Prompts,
    announcement: Option<&'a Announcement>,
    kept: Kept,
    item: Item,
    part: usize,
) -> (&'a [i16], usize) {
    match item {
        Item::Sentence(sentence) => {
            let parts = sentence.parts(prompts.language());
            (parts.get(part).map_or(&[], |phrase| prompts.samples(*phrase, kept)), parts.len())
        }
        Item::Announcement => (announcement.map_or(&[], |announcement| announcement.samples(kept)), 1),
    }
}

impl Music {
    /// The next samples, round and round.
    fn play(&mut self, music: &[i16], mut out: &mut [i16]) {
        while !out.is_empty() && !music.is_empty() {
            let rest = music.get(self.position..).unwrap_or(&[]);
            let n = rest.len().min(out.len());
            out.iter_mut().zip(rest).for_each(|(o, s)| *o = *s);
            self.position = if n == rest.len() { 0 } else { self.position + n };
            out = &mut out[n..];
        }
    }
}
