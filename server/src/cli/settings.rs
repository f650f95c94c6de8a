//! A room's settings as words: `pin=1234 enterMuted=true`. Names and values are the API's.

use model::{Language, Pin, RoomSettings};
use std::fmt;

/// What may be set, in the order in which help shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Description,
    Language,
    Pin,
    ControlPin,
    EnterMuted,
    AnonymousRejection,
    Chimes,
    AnnounceFile,
    RecordStatus,
}

impl Key {
    pub(crate) const ALL: [Key; 9] = [
        Key::Description,
        Key::Language,
        Key::Pin,
        Key::ControlPin,
        Key::EnterMuted,
        Key::AnonymousRejection,
        Key::Chimes,
        Key::AnnounceFile,
        Key::RecordStatus,
    ];

    /// The name in the API.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Key::Description => "description",
            Key::Language => "language",
            Key::Pin => "pin",
            Key::ControlPin => "controlPin",
            Key::EnterMuted => "enterMuted",
            Key::AnonymousRejection => "anonymousRejection",
            Key::Chimes => "chimes",
            Key::AnnounceFile => "announceFile",
            Key::RecordStatus => "recordStatus",
        }
    }

    fn values(self) -> String {
        match self {
            Key::Description => "TEXT".to_owned(),
            Key::Language => Language::ALL.map(Language::code).join("|"),
            Key::Pin | Key::ControlPin => "DIGITS (empty: none)".to_owned(),
            Key::EnterMuted
            | Key::AnonymousRejection
            | Key::Chimes
            | Key::AnnounceFile
            | Key::RecordStatus => "true|false".to_owned(),
        }
    }

    fn named(name: &str) -> Option<Key> {
        Key::ALL.into_iter().find(|key| key.name() == name)
    }
}

/// The settings and their values, for help and for errors.
pub(crate) fn all_settings() -> String {
    let settings = Key::ALL.map(|key| format!("{}={}", key.name(), key.values()));
    format!("the settings are {}", settings.join(", "))
}

/// Nothing is changed where one of several settings is wrong.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}; {}", all_settings())]
pub(crate) struct SettingsError {
    problem: Problem,
}

#[derive(Debug, PartialEq, Eq)]
enum Problem {
    NoAssignment(String),
    Unknown(String),
    Twice(Key),
    Value { key: Key, reason: String },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::NoAssignment(word) => write!(f, "\"{word}\" is not of the form KEY=VALUE"),
            Problem::Unknown(name) => write!(f, "there is no setting \"{name}\""),
            Problem::Twice(key) => write!(f, "{} is given twice", key.name()),
            Problem::Value { key, reason } => write!(f, "{}: {reason}", key.name()),
        }
    }
}

/// The settings that are named, with their new values; all others stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SettingsChange {
    description: Option<String>,
    language: Option<Language>,
    /// `Some(None)`: no PIN from now on.
    pin: Option<Option<Pin>>,
    control_pin: Option<Option<Pin>>,
    enter_muted: Option<bool>,
    anonymous_rejection: Option<bool>,
    chimes: Option<bool>,
    announce_file: Option<bool>,
    recording: Option<bool>,
}

impl SettingsChange {
    /// # Errors
    /// [`SettingsError`] at the first word that is no assignment, or whose key or value is not known.
    pub(crate) fn parse(words: &[impl AsRef<str>]) -> Result<Self, SettingsError> {
        let mut change = SettingsChange::default();
        for word in words.iter().map(AsRef::as_ref) {
            change.assign(word).map_err(|problem| SettingsError { problem })?;
        }
        Ok(change)
    }

    /// Puts the named settings in; what is not named is left alone.
    pub(crate) fn apply(self, description: &mut String, settings: &mut RoomSettings) {
        if let Some(new) = self.description {
            *description = new;
        }
        settings.language = self.language.unwrap_or(settings.language);
        settings.enter_muted = self.enter_muted.unwrap_or(settings.enter_muted);
        settings.anonymous_rejection = self.anonymous_rejection.unwrap_or(settings.anonymous_rejection);
        settings.chimes = self.chimes.unwrap_or(settings.chimes);
        settings.announce_file = self.announce_file.unwrap_or(settings.announce_file);
        settings.recording = self.recording.unwrap_or(settings.recording);
        if let Some(pin) = self.pin {
            settings.pin = pin;
        }
        if let Some(pin) = self.control_pin {
            settings.control_pin = pin;
        }
    }

    fn assign(&mut self, word: &str) -> Result<(), Problem> {
        let (name, value) = word.split_once('=').ok_or_else(|| Problem::NoAssignment(word.to_owned()))?;
        let key = Key::named(name).ok_or_else(|| Problem::Unknown(name.to_owned()))?;
        let wrong = |reason: &dyn fmt::Display| Problem::Value { key, reason: reason.to_string() };
        let twice = match key {
            Key::Description => self.description.replace(value.to_owned()).is_some(),
            Key::Language => self.language.replace(value.parse().map_err(|e| wrong(&e))?).is_some(),
            Key::Pin | Key::ControlPin => {
                let field = if key == Key::Pin { &mut self.pin } else { &mut self.control_pin };
                field.replace(Pin::parse_optional(value).map_err(|e| wrong(&e))?).is_some()
            }
            Key::EnterMuted
            | Key::AnonymousRejection
            | Key::Chimes
            | Key::AnnounceFile
            | Key::RecordStatus => {
                let field = match key {
                    Key::EnterMuted => &mut self.enter_muted,
                    Key::Chimes => &mut self.chimes,
                    Key::AnnounceFile => &mut self.announce_file,
                    Key::RecordStatus => &mut self.recording,
                    _ => &mut self.anonymous_rejection,
                };
                field.replace(value.parse().map_err(|_| wrong(&"true or false"))?).is_some()
            }
        };
        if twice { Err(Problem::Twice(key)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(words: &[&str]) -> (String, RoomSettings) {
        let mut description = "Bureau".to_owned();
        let pin = Some("4711".parse().unwrap());
        let mut settings = RoomSettings { language: Language::En, pin, ..RoomSettings::default() };
        SettingsChange::parse(words).unwrap().apply(&mut description, &mut settings);
        (description, settings)
    }

    fn error(words: &[&str]) -> String {
        SettingsChange::parse(words).unwrap_err().to_string()
    }

    #[test]
    fn sets_what_is_named_and_nothing_else() {
        let (description, settings) = after(&["pin=1234", "enterMuted=true"]);
        assert_eq!(description, "Bureau");
        assert_eq!(settings.pin.unwrap().as_str(), "1234");
        assert_eq!((settings.language, settings.enter_muted), (Language::En, true));

        assert!(!settings.anonymous_rejection);
        assert!(after(&["anonymousRejection=true"]).1.anonymous_rejection);
        assert!(settings.chimes && !after(&["chimes=false"]).1.chimes);
        assert!(!settings.announce_file && after(&["announceFile=true"]).1.announce_file);
        assert!(!settings.recording && after(&["recordStatus=true"]).1.recording);

        let (description, settings) = after(&["language=fr", "description=a = b"]);
        assert_eq!(description, "a = b");
        assert_eq!((settings.language, settings.enter_muted), (Language::Fr, false));
        assert_eq!(settings.pin.unwrap().as_str(), "4711");
        assert_eq!(SettingsChange::parse(&[""; 0]).unwrap(), SettingsChange::default());
    }

    #[test]
    fn an_empty_pin_or_zero_is_none() {
        assert_eq!(after(&["pin="]).1.pin, None);
        assert_eq!(after(&["pin=0"]).1.pin, None);
        assert_eq!(after(&["controlPin="]).1.control_pin, None);
        assert_eq!(after(&["controlPin=0815"]).1.control_pin, "0815".parse().ok());
        assert_eq!(after(&["description="]).0, "");
    }

    #[test]
    fn says_what_is_wrong_and_what_would_be_right() {
        let keys = "the settings are description=TEXT, language=fr|en|de|es|it|ru, pin=DIGITS (empty: none), \
                    controlPin=DIGITS (empty: none), enterMuted=true|false, anonymousRejection=true|false, chimes=true|false, \
                    announceFile=true|false, recordStatus=true|false";
        for (words, problem) in [
            (&["pin"][..], "\"pin\" is not of the form KEY=VALUE"),
            (&["PIN=1"], "there is no setting \"PIN\""),
            (&["entermuted=true"], "there is no setting \"entermuted\""),
            (&["pin=12a"], "pin: the PIN may hold digits only"),
            (&["pin=123456789"], "pin: the PIN must have 1 to 8 digits"),
            (&["language=xx"], "language: the language must be one of fr, en, de, es, it, ru"),
            (&["enterMuted=yes"], "enterMuted: true or false"),
            (&["enterMuted="], "enterMuted: true or false"),
            (&["pin=1", "pin=2"], "pin is given twice"),
            (&["controlPin=x"], "controlPin: the PIN may hold digits only"),
            (&["language=fr", "reportStatus=none"], "there is no setting \"reportStatus\""),
        ] {
            assert_eq!(error(words), format!("{problem}; {keys}"));
        }
    }
}
