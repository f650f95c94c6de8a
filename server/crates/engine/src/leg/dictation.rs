//! A member who speaks the room's announcement: out of the mix for as long, asked for the control PIN first.

#[cfg(test)]
mod tests;

use crate::announcement::Announcement;
use crate::event::DictationStep;
use crate::mix::resample::Resampler;
use crate::params::{Codec, DictationAnswer};
use crate::phrase::Phrase;
use crate::rtp::event::Key;
use crate::speaker::Speaker;
use crate::time::{Micros, Rate};
use model::Pin;
use model::limits::{PIN_DIGITS, PIN_TRIES};
use std::sync::Arc;

/// Of what is spoken into the tape.
const TAPE_RATE: Rate = Rate::Wide;
/// Its samples a second.
pub const TAPE_HZ: u32 = TAPE_RATE.hz();
/// Silence on the keypad after which it is given up, or asked again.
const KEY_WITHIN: Micros = Micros::from_ms(10_000);
/// How long the server may take: longer than reading a file may.
const ANSWER_WITHIN: Micros = Micros::from_ms(120_000);
/// How often it is asked what is to become of the sound.
const QUESTIONS: u8 = 3;
/// Cut off at the end, 120 ms: the key that ends it is heard before it is known, as a click or as a tone.
const KEY_SAMPLES: usize = 120 * TAPE_RATE.hz() as usize / 1_000;

/// What a call knows of the control PIN.
#[derive(Debug)]
pub(crate) struct Control {
    pin: Option<Pin>,
    /// Before that, keys do not count.
    keys_from: Micros,
    /// In this call.
    tries_left: u8,
}

impl Control {
    pub(crate) fn new(pin: Option<Pin>, keys_from: Micros) -> Self {
        Control { pin, keys_from, tries_left: PIN_TRIES }
    }

    /// Why nobody may speak an announcement, if so.
    pub(crate) fn refusal(&self) -> Option<Phrase> {
        match (&self.pin, self.tries_left) {
            (None, _) => Some(Phrase::NoControlPin),
            (Some(_), 0) => Some(Phrase::WrongControlPin),
            (Some(_), _) => None,
        }
    }
}

pub(crate) struct Dictation {
    stage: Stage,
    typed: String,
    /// Lent by the server: it has room for all that may be said, and takes no more.
    tape: Option<Vec<i16>>,
    resampler: Resampler,
    sound: Option<Arc<Announcement>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Keys do not count yet.
    Waiting,
    /// The control PIN is asked for.
    Asking,
    /// Its next digit is waited for.
    Typing {
        until: Micros,
    },
    /// What is to be done is said; then the tape is waited for.
    Told {
        until: Micros,
    },
    Tone,
    Speaking,
    /// The server makes an announcement of it.
    Made {
        until: Micros,
    },
    /// It is played, and then asked what is to become of it.
    Hearing {
        asked: u8,
    },
    Choosing {
        until: Micros,
        asked: u8,
    },
    /// The server keeps it.
    Kept {
        until: Micros,
    },
}

/// What comes next.
#[derive(Debug, PartialEq)]
pub(crate) enum Turn {
    Stay,
    /// A wrong PIN was typed.
    Wrong,
    /// The server has something to do.
    Tell(DictationStep),
    /// Back into the conference; this is said first.
    Back(Option<Phrase>),
}

impl Dictation {
    pub(crate) fn new(codec: Codec) -> Self {
        Dictation {
            stage: Stage::Waiting,
            typed: String::with_capacity(*PIN_DIGITS.end()),
            tape: None,
            resampler: to_tape(codec),
            sound: None,
        }
    }

    /// The leg has another codec.
    pub(crate) fn set_codec(&mut self, codec: Codec) {
        self.resampler = to_tape(codec);
    }

    pub(crate) fn is_speaking(&self) -> bool {
        self.stage == Stage::Speaking
    }

    /// Takes 20 ms of their sound; a full tape takes none.
    pub(crate) fn hear(&mut self, frame: &[i16]) {
        let Some(tape) = &mut self.tape else { return };
        if self.stage == Stage::Speaking && tape.capacity() - tape.len() >= TAPE_RATE.frame_samples() {
            let start = tape.len();
            tape.resize(start + TAPE_RATE.frame_samples(), 0);
            self.resampler.process(frame, &mut tape[start..]);
        }
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, now: Micros, control: &Control, speaker: &mut Speaker) -> Turn {
        match self.stage {
            Stage::Waiting if now >= control.keys_from && speaker.is_done() => {
                speaker.say(Phrase::EnterControlPin);
                self.stage = Stage::Asking;
                Turn::Stay
            }
            Stage::Asking if speaker.is_done() => {
                self.stage = Stage::Typing { until: now.saturating_add(KEY_WITHIN) };
                Turn::Stay
            }
            Stage::Typing { until } if now >= until => Turn::Back(Some(Phrase::NothingTyped)),
            Stage::Told { .. } if speaker.is_done() && self.tape.is_some() => self.beep(speaker),
            Stage::Tone if !speaker.is_speaking() => {
                self.resampler.reset();
                self.stage = Stage::Speaking;
                Turn::Stay
            }
            Stage::Speaking if self.is_full() => self.end(now, speaker),
            Stage::Hearing { asked } if speaker.is_done() => {
                self.stage = Stage::Choosing { until: now.saturating_add(KEY_WITHIN), asked };
                Turn::Stay
            }
            Stage::Choosing { until, asked } if now >= until && asked < QUESTIONS => {
                self.choose(asked + 1, speaker)
            }
            Stage::Choosing { until, .. } if now >= until => Turn::Back(Some(Phrase::AnnouncementDropped)),
            Stage::Told { until } | Stage::Made { until } | Stage::Kept { until } if now >= until => {
                Turn::Back(Some(Phrase::AnnouncementRefused))
            }
            _ => Turn::Stay,
        }
    }

    /// A key was pressed.
    pub(crate) fn key(
        &mut self,
        now: Micros,
        key: Key,
        control: &mut Control,
        speaker: &mut Speaker,
    ) -> Turn {
        match (self.stage, key) {
            (Stage::Asking | Stage::Typing { .. }, key) => self.type_key(now, key, control, speaker),
            (Stage::Speaking, Key::Pound) => self.end(now, speaker),
            (Stage::Hearing { .. } | Stage::Choosing { .. }, Key::Digit(1)) => {
                speaker.stop();
                self.stage = Stage::Kept { until: now.saturating_add(ANSWER_WITHIN) };
                Turn::Tell(DictationStep::Kept)
            }
            (Stage::Hearing { .. } | Stage::Choosing { .. }, Key::Digit(2)) => {
                speaker.stop();
                self.play(speaker)
            }
            (Stage::Hearing { .. } | Stage::Choosing { .. }, Key::Digit(3)) => {
                speaker.stop();
                self.sound = None;
                self.tell_how(now, speaker)
            }
            (Stage::Hearing { .. } | Stage::Choosing { .. }, Key::Star) => {
                speaker.stop();
                Turn::Back(Some(Phrase::AnnouncementDropped))
            }
            _ => Turn::Stay,
        }
    }

    /// A key of the control PIN, as of a room's: it ends with its last digit or with the hash key, and a star begins it anew,
    /// or gives up what was not begun.
    fn type_key(&mut self, now: Micros, key: Key, control: &mut Control, speaker: &mut Speaker) -> Turn {
        let Some(pin) = &control.pin else { return Turn::Stay };
        speaker.stop();
        self.stage = Stage::Typing { until: now.saturating_add(KEY_WITHIN) };
        let done = match key {
            Key::Digit(digit) => {
                self.typed.push(char::from(b'0' + digit.min(9)));
                self.typed.len() >= pin.as_str().len()
            }
            Key::Star if self.typed.is_empty() => return Turn::Back(None),
            Key::Star => {
                self.typed.clear();
                false
            }
            Key::Pound => !self.typed.is_empty(),
        };
        if !done {
            return Turn::Stay;
        }
        if !pin.matches(&self.typed) {
            self.typed.clear();
            control.tries_left = control.tries_left.saturating_sub(1);
            return Turn::Wrong;
        }
        let begun = DictationStep::Begun { pin: pin.clone() };
        self.tell_how(now, speaker);
        Turn::Tell(begun)
    }

    fn tell_how(&mut self, now: Micros, speaker: &mut Speaker) -> Turn {
        speaker.say(Phrase::SpeakAfterTone);
        if let Some(tape) = &mut self.tape {
            tape.clear();
        }
        self.stage = Stage::Told { until: now.saturating_add(ANSWER_WITHIN) };
        Turn::Stay
    }

    fn beep(&mut self, speaker: &mut Speaker) -> Turn {
        speaker.say(Phrase::Tone);
        self.stage = Stage::Tone;
        Turn::Stay
    }

    fn is_full(&self) -> bool {
        self.tape.as_ref().is_some_and(|tape| tape.capacity() - tape.len() < TAPE_RATE.frame_samples())
    }

    /// All is said.
    fn end(&mut self, now: Micros, speaker: &mut Speaker) -> Turn {
        let Some(mut tape) = self.tape.take() else { return Turn::Stay };
        tape.truncate(tape.len().saturating_sub(KEY_SAMPLES));
        speaker.say(Phrase::HoldOn);
        self.stage = Stage::Made { until: now.saturating_add(ANSWER_WITHIN) };
        Turn::Tell(DictationStep::Spoken { tape })
    }

    /// The server has answered.
    pub(crate) fn answer(&mut self, answer: DictationAnswer, speaker: &mut Speaker) -> Turn {
        match (self.stage, answer) {
            (Stage::Told { .. }, DictationAnswer::Tape(tape)) => {
                self.tape = Some(tape);
                Turn::Stay
            }
            (Stage::Made { .. }, DictationAnswer::Sound { tape, sound }) => {
                (self.tape, self.sound) = (Some(tape), Some(sound));
                self.play(speaker)
            }
            (Stage::Kept { .. }, DictationAnswer::Saved) => Turn::Back(Some(Phrase::AnnouncementSaved)),
            (Stage::Told { .. } | Stage::Made { .. } | Stage::Kept { .. }, DictationAnswer::Refused) => {
                Turn::Back(Some(Phrase::AnnouncementRefused))
            }
            // It comes too late.
            _ => Turn::Stay,
        }
    }

    fn play(&mut self, speaker: &mut Speaker) -> Turn {
        if let Some(sound) = &self.sound {
            speaker.announce(Arc::clone(sound));
        }
        self.choose(1, speaker)
    }

    fn choose(&mut self, asked: u8, speaker: &mut Speaker) -> Turn {
        speaker.say(Phrase::AnnouncementChoice);
        self.stage = Stage::Hearing { asked };
        Turn::Stay
    }
}

fn to_tape(codec: Codec) -> Resampler {
    Resampler::new(codec.rate().hz(), TAPE_RATE.hz())
}
