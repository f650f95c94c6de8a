//! Sentences with numbers in them, by each language's grammar.

#[cfg(test)]
mod tests;

use crate::phrase::{Form, Number, Phrase, Place};
use model::Language;
use std::ops::Deref;

/// What is said at once: one phrase, or several that are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sentence {
    Phrase(Phrase),
    /// "You are the third participant"; from 21 on how many there are.
    Participant(u16),
    /// "There are three participants"; for one "you are the only participant".
    Participants(u16),
    /// "The conference ends in three minutes."
    MinutesLeft(u16),
    /// "The recording ends in three minutes."
    RecordingEndsIn(u16),
}

impl From<Phrase> for Sentence {
    fn from(phrase: Phrase) -> Self {
        Sentence::Phrase(phrase)
    }
}

/// The largest number that can be said; a larger one is said as this.
pub(crate) const NUMBER_MAX: u16 = 2_999;

/// A beginning, a number of up to three sounds, and a noun.
const PARTS_MAX: usize = 5;

/// The phrases of a sentence, in order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    phrases: [Phrase; PARTS_MAX],
    count: usize,
}

impl Parts {
    fn of(phrase: Phrase) -> Parts {
        Parts { phrases: [phrase; PARTS_MAX], count: 1 }
    }

    fn add(&mut self, phrase: Phrase) {
        if let Some(place) = self.phrases.get_mut(self.count) {
            *place = phrase;
            self.count += 1;
        }
    }
}

impl Deref for Parts {
    type Target = [Phrase];

    fn deref(&self) -> &[Phrase] {
        &self.phrases[..self.count]
    }
}

#[derive(Clone, Copy)]
enum Noun {
    Participants,
    Minutes,
}

impl Sentence {
    pub(crate) fn parts(self, language: Language) -> Parts {
        match self {
            Sentence::Phrase(phrase) => Parts::of(phrase),
            Sentence::Participant(n) => match Place::new(n) {
                Some(place) => Parts::of(Phrase::Place(place)),
                None => Sentence::Participants(n).parts(language),
            },
            Sentence::Participants(0 | 1) => Parts::of(Phrase::Alone),
            Sentence::Participants(n) => counted(language, Phrase::ThereAre, n, Noun::Participants),
            Sentence::MinutesLeft(n) => counted(language, Phrase::MinutesLeft, n, Noun::Minutes),
            Sentence::RecordingEndsIn(n) => counted(language, Phrase::RecordingEndsIn, n, Noun::Minutes),
        }
    }
}

fn counted(language: Language, beginning: Phrase, n: u16, noun: Noun) -> Parts {
    let n = n.min(NUMBER_MAX);
    let mut parts = Parts::of(beginning);
    add_number(&mut parts, language, n, noun);
    parts.add(match (noun, count(language, n)) {
        (Noun::Minutes, Count::One) => Phrase::MinutesOne,
        (Noun::Minutes, Count::Few) => Phrase::MinutesFew,
        (Noun::Minutes, Count::Many) => Phrase::MinutesMany,
        (Noun::Participants, Count::One) => Phrase::ParticipantsOne,
        (Noun::Participants, Count::Few) => Phrase::ParticipantsFew,
        (Noun::Participants, Count::Many) => Phrase::ParticipantsMany,
    });
    parts
}

/// "One thousand, two hundred and | four": thousands, hundreds and the rest, as far as there are any.
fn add_number(parts: &mut Parts, language: Language, n: u16, noun: Noun) {
    let (thousands, hundreds, rest) = (n / 1_000 * 1_000, n % 1_000 / 100 * 100, n % 100);
    let mut add = |value, form| {
        let said = Number::new(value, form).filter(|number| number.is_said_in(language));
        if let Some(number) = said.or(Number::new(value, Form::Plain)) {
            parts.add(Phrase::Number(number));
        }
    };
    if thousands > 0 {
        add(thousands, if hundreds == 0 && rest > 0 { Form::And } else { Form::Plain });
    }
    if hundreds > 0 {
        add(hundreds, if rest > 0 { Form::And } else { Form::Plain });
    }
    if rest > 0 || n == 0 {
        // "In einer Minute", but "in hunderteins Minuten".
        let alone_only = matches!(language, Language::De | Language::It) && n != rest;
        add(rest, if matches!(noun, Noun::Minutes) && !alone_only { Form::Minutes } else { Form::Plain });
    }
}

/// The forms of a noun that numbers ask for, by Unicode's plural rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Count {
    One,
    Few,
    Many,
}

fn count(language: Language, n: u16) -> Count {
    match (language, n, n % 10, n % 100) {
        (Language::Ru, _, _, 11..=14) => Count::Many,
        (Language::Ru, _, 1, _) => Count::One,
        (Language::Ru, _, 2..=4, _) => Count::Few,
        (Language::Ru, ..) => Count::Many,
        (_, 1, ..) | (Language::Fr, 0, ..) => Count::One,
        _ => Count::Many,
    }
}
