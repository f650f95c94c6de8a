//! The phrases that are kept as sound: whole sentences, and the numbers and beginnings that others are put together of.

use model::Language;
use std::borrow::Cow;
use std::fmt;

macro_rules! phrases {
    ($($(#[doc = $doc:literal])* $name:ident = $stem:literal,)*) => {
        /// One sound of the voice, or one of the sounds that are no voice.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Phrase {
            $($(#[doc = $doc])* $name,)*
            /// "You are the third participant."
            Place(Place),
            Number(Number),
        }

        /// The phrases without a number in them, as they are counted.
        enum Named { $($name,)* Count }

        const NAMED: [(Phrase, &str); Named::Count as usize] = [$((Phrase::$name, $stem),)*];

        impl Phrase {
            /// Its place among [`Phrase::all`], less than [`Phrase::COUNT`].
            pub(crate) const fn index(self) -> usize {
                match self {
                    $(Phrase::$name => Named::$name as usize,)*
                    Phrase::Place(place) => NAMED.len() + (place.0 - Place::FIRST) as usize,
                    Phrase::Number(number) => NAMED.len() + Place::COUNT + number.index(),
                }
            }
        }
    };
}

phrases! {
    Welcome = "welcome",
    EnterRoom = "enter-room",
    UnknownRoom = "unknown-room",
    EnterPin = "enter-pin",
    WrongPin = "wrong-pin",
    /// "That PIN is not correct. You have one more try."
    LastTry = "last-try",
    /// "That PIN is not correct. Please check it and call again. Goodbye."
    NoMoreTries = "no-more-tries",
    NothingTyped = "nothing-typed",
    Goodbye = "goodbye",
    Locked = "locked",
    Full = "full",
    /// "The conference will begin when the moderator arrives."
    Waiting = "waiting",
    /// "You are the only participant so far."
    Alone = "alone",
    HoldOn = "hold-on",
    Recorded = "recorded",
    RecordingStopped = "recording-stopped",
    /// "You are muted."
    Muted = "muted",
    /// "You are muted. To speak, press zero twice."
    EnteringMuted = "entering-muted",
    /// "You can speak."
    Unmuted = "unmuted",
    /// "You are muted, and you do not hear the conference."
    Deafened = "deafened",
    /// "You can hear the conference again."
    Undeafened = "undeafened",
    MutedByModerator = "muted-by-moderator",
    UnmutedByModerator = "unmuted-by-moderator",
    HandRaised = "hand-raised",
    HandLowered = "hand-lowered",
    Expelled = "expelled",
    EndedByModerator = "ended-by-moderator",
    ConferenceEnds = "conference-ends",
    /// "The conference ends in"
    MinutesLeft = "minutes-left",
    /// "The recording ends in"
    RecordingEndsIn = "recording-ends-in",
    ThereAre = "there-are",
    MinutesOne = "minutes-one",
    MinutesFew = "minutes-few",
    MinutesMany = "minutes-many",
    ParticipantsOne = "participants-one",
    ParticipantsFew = "participants-few",
    ParticipantsMany = "participants-many",
    EnterControlPin = "enter-control-pin",
    /// "Please speak your announcement after the tone, then press the hash key."
    SpeakAfterTone = "speak-after-tone",
    /// "To keep it, press 1. To hear it again, press 2. To record it again, press 3. To drop it, press star."
    AnnouncementChoice = "announcement-choice",
    AnnouncementSaved = "announcement-saved",
    AnnouncementRefused = "announcement-refused",
    /// "The announcement was not kept."
    AnnouncementDropped = "announcement-dropped",
    /// "That PIN is not correct."
    WrongControlPin = "wrong-control-pin",
    /// "This conference has no moderator's PIN."
    NoControlPin = "no-control-pin",
    BackInConference = "back-in-conference",
    EnterChime = "enter-chime",
    LeaveChime = "leave-chime",
    /// The one after which an announcement is spoken.
    Tone = "tone",
    /// Nobody is there any more.
    LineEnd = "line-end",
    /// It begins and ends in quiet, so it can be said again and again.
    HoldMusic = "hold-music",
}

impl Phrase {
    pub const COUNT: usize = NAMED.len() + Place::COUNT + Number::COUNT;

    /// All phrases, also those that only some languages have.
    pub fn all() -> impl Iterator<Item = Phrase> {
        let named = NAMED.iter().map(|(phrase, _)| *phrase);
        named.chain(Place::all().map(Phrase::Place)).chain(Number::all().map(Phrase::Number))
    }

    /// The name of its sound file, without folder and extension.
    pub fn file_stem(self) -> Cow<'static, str> {
        match self {
            Phrase::Place(place) => Cow::Owned(format!("participant-{}", place.0)),
            Phrase::Number(number) => Cow::Owned(format!("number-{number}")),
            named => Cow::Borrowed(NAMED[named.index()].1),
        }
    }

    /// It is spoken, so every language has its own.
    pub fn is_voice(self) -> bool {
        !matches!(
            self,
            Phrase::EnterChime | Phrase::LeaveChime | Phrase::Tone | Phrase::LineEnd | Phrase::HoldMusic
        )
    }

    /// The language has this phrase; all have those that no grammar asks for.
    pub fn is_said_in(self, language: Language) -> bool {
        match self {
            Phrase::MinutesFew | Phrase::ParticipantsOne | Phrase::ParticipantsFew => {
                language == Language::Ru
            }
            Phrase::Number(number) => number.is_said_in(language),
            _ => true,
        }
    }
}

/// A caller's place among the participants, 2 to 20.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place(u8);

impl Place {
    const FIRST: u8 = 2;
    const LAST: u8 = 20;
    const COUNT: usize = (Self::LAST - Self::FIRST) as usize + 1;

    pub fn new(n: u16) -> Option<Place> {
        let n = u8::try_from(n).ok()?;
        (Self::FIRST..=Self::LAST).contains(&n).then_some(Place(n))
    }

    fn all() -> impl Iterator<Item = Place> {
        (Self::FIRST..=Self::LAST).map(Place)
    }
}

/// A number that is one sound: 0 to 99, whole hundreds, 1,000 and 2,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Number {
    value: u16,
    form: Form,
}

/// What follows a number changes how it is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    /// As before participants, in most languages masculine.
    Plain,
    /// Before minutes; 0 to 99.
    Minutes,
    /// Before the rest of the number: "two hundred and"; from 100 on.
    And,
}

impl Number {
    const BELOW: u16 = 100;
    const ROUND: [u16; 11] = [100, 200, 300, 400, 500, 600, 700, 800, 900, 1_000, 2_000];
    const COUNT: usize = 2 * (Self::BELOW as usize + Self::ROUND.len());

    /// `None` if it is not one sound.
    pub(crate) fn new(value: u16, form: Form) -> Option<Number> {
        let is_one_sound = match form {
            Form::Plain => value < Self::BELOW || Self::ROUND.contains(&value),
            Form::Minutes => value < Self::BELOW,
            Form::And => Self::ROUND.contains(&value),
        };
        is_one_sound.then_some(Number { value, form })
    }

    fn all() -> impl Iterator<Item = Number> {
        let numbers = |values: Vec<u16>, form| values.into_iter().map(move |value| Number { value, form });
        let below = || (0..Self::BELOW).collect::<Vec<_>>();
        let round = || Self::ROUND.to_vec();
        numbers(below(), Form::Plain)
            .chain(numbers(below(), Form::Minutes))
            .chain(numbers(round(), Form::Plain))
            .chain(numbers(round(), Form::And))
    }

    const fn index(self) -> usize {
        let below = Self::BELOW as usize;
        // 100 to 900 are 0 to 8, then 1,000 and 2,000.
        let round = match self.value {
            value if value < 1_000 => (value / 100) as usize,
            value => 9 + (value / 1_000) as usize,
        };
        match (self.form, self.value < Self::BELOW) {
            (Form::Plain, true) => self.value as usize,
            (Form::Minutes, _) => below + self.value as usize,
            (Form::Plain, false) => 2 * below + round - 1,
            (Form::And, _) => 2 * below + Self::ROUND.len() + round - 1,
        }
    }

    pub(crate) fn is_said_in(self, language: Language) -> bool {
        let (tens, units) = (self.value / 10, self.value % 10);
        match (self.form, language) {
            (Form::Plain, _) => true,
            // "Une minute", "vingt et une minutes"; but "soixante et onze".
            (Form::Minutes, Language::Fr) => units == 1 && !matches!(tens, 1 | 7 | 9),
            // "In einer Minute", "tra un minuto".
            (Form::Minutes, Language::De | Language::It) => self.value == 1,
            // «Одна минута», «двадцать две минуты»; but «двенадцать».
            (Form::Minutes, Language::Ru) => matches!(units, 1 | 2) && tens != 1,
            (Form::And, Language::En) => true,
            // "Ciento dos"; but "cien".
            (Form::And, Language::Es) => self.value == 100,
            (Form::Minutes, Language::En | Language::Es) => false,
            (Form::And, Language::Fr | Language::De | Language::It | Language::Ru) => false,
        }
    }
}

/// As in the name of its file: `21`, `21-minutes`, `200-and`.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ending = match self.form {
            Form::Plain => "",
            Form::Minutes => "-minutes",
            Form::And => "-and",
        };
        write!(f, "{}{ending}", self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_phrase_has_its_place_and_its_name() {
        let indices: Vec<usize> = Phrase::all().map(Phrase::index).collect();
        assert_eq!(indices, (0..Phrase::COUNT).collect::<Vec<_>>());
        let names: HashSet<String> = Phrase::all().map(|phrase| phrase.file_stem().into_owned()).collect();
        assert_eq!(names.len(), Phrase::COUNT);
    }

    #[test]
    fn only_what_is_one_sound_is_a_number() {
        assert!(Number::new(99, Form::Plain).is_some() && Number::new(101, Form::Plain).is_none());
        assert!(Number::new(99, Form::And).is_none() && Number::new(900, Form::And).is_some());
        assert!(Number::new(100, Form::Minutes).is_none() && Number::new(3_000, Form::Plain).is_none());
        assert_eq!([1, 2, 20, 21].map(|n| Place::new(n).is_some()), [false, true, true, false]);
    }
}
