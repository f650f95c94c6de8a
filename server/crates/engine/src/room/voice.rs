//! What a room says to all its members. It is a voice of the mix, so it is encoded with it, and for nobody apart.

use crate::mix::{Mixer, VoiceIndex};
use crate::phrase::Phrase;
use crate::prompt::Prompts;
use crate::speaker::Speaker;
use crate::spoken::Sentence;
use crate::time::{Micros, Rate};
use std::collections::VecDeque;
use std::sync::Arc;

/// At most one chime in this time: where many come at once, each is not worth one.
const CHIME_EVERY: Micros = Micros::from_ms(1_000);

#[derive(Default)]
pub(crate) struct RoomVoice {
    /// `None` before the first member.
    speaker: Option<Box<Speaker>>,
    /// When the speaker was given each of its sentences.
    given: VecDeque<Micros>,
    chimed: Option<Micros>,
}

/// This tick's part of the mix.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Saying {
    pub(crate) voice: VoiceIndex,
    /// Whoever was told by then, or came in then, does not hear it.
    pub(crate) given: Micros,
}

impl RoomVoice {
    /// Speaks as whoever comes in is spoken to.
    pub(crate) fn speak_as(&mut self, prompts: &Arc<Prompts>, rate: Rate) {
        match &mut self.speaker {
            Some(speaker) => speaker.set_prompts(prompts),
            None => self.speaker = Some(Box::new(Speaker::new(prompts.clone(), rate))),
        }
    }

    pub(crate) fn set_rate(&mut self, rate: Rate) {
        if let Some(speaker) = &mut self.speaker {
            speaker.set_rate(rate);
        }
    }

    /// To all who came in before `now`.
    pub(crate) fn say(&mut self, now: Micros, sentence: Sentence) {
        if let Some(speaker) = &mut self.speaker
            && speaker.say(sentence)
        {
            self.given.push_back(now);
        }
    }

    /// Somebody has come or gone.
    pub(crate) fn chime(&mut self, now: Micros, chime: Phrase) {
        if self.chimed.is_none_or(|chimed| now.since(chimed) >= CHIME_EVERY) {
            self.chimed = Some(now);
            self.say(now, chime.into());
        }
    }

    pub(crate) fn is_speaking(&self) -> bool {
        !self.given.is_empty()
    }

    /// Adds 20 ms to the mix, if anything is said.
    pub(crate) fn speak(&mut self, mixer: &mut Mixer) -> Option<Saying> {
        let given = *self.given.front()?;
        let speaker = self.speaker.as_mut()?;
        let voice = mixer.rate().with_frame(|frame| {
            speaker.say_frame(frame);
            mixer.add(frame)
        });
        while self.given.len() > speaker.waiting() {
            self.given.pop_front();
        }
        Some(Saying { voice, given })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voice() -> RoomVoice {
        let prompts = Prompts::new(|phrase, rate| match phrase {
            Phrase::EnterChime => vec![1_000; 200 * rate.factor()],
            Phrase::Recorded => vec![2_000; 100 * rate.factor()],
            _ => Vec::new(),
        });
        let mut voice = RoomVoice::default();
        voice.speak_as(&Arc::new(prompts), Rate::Narrow);
        voice
    }

    fn ticks(voice: &mut RoomVoice) -> Vec<u64> {
        let mut mixer = Mixer::new();
        let ticks = std::iter::from_fn(|| {
            mixer.open(Rate::Narrow);
            voice.speak(&mut mixer).map(|saying| saying.given.as_ms())
        });
        ticks.collect()
    }

    #[test]
    fn each_sentence_is_for_those_who_were_there() {
        let mut voice = voice();
        voice.chime(Micros::from_ms(10), Phrase::EnterChime);
        voice.say(Micros::from_ms(25), Phrase::Recorded.into());
        voice.say(Micros::from_ms(30), Phrase::RecordingStopped.into());
        // 25 ms and 12.5 ms; what has no sound is not said.
        assert_eq!(ticks(&mut voice), [10, 10]);
        assert!(!voice.is_speaking() && ticks(&mut voice).is_empty());
    }

    #[test]
    fn a_crowd_chimes_once_a_second() {
        let mut voice = voice();
        let chimes = (0..2_500).filter(|ms| {
            voice.chime(Micros::from_ms(10_000 + ms), Phrase::EnterChime);
            !ticks(&mut voice).is_empty()
        });
        assert_eq!(chimes.collect::<Vec<_>>(), [0, 1_000, 2_000]);
    }
}
