//! The languages in which rooms speak and pages are written.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A language in which rooms speak and pages are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    #[default]
    Fr,
    En,
    De,
    Es,
    It,
    Ru,
}

impl Language {
    pub const ALL: [Language; 6] =
        [Language::Fr, Language::En, Language::De, Language::Es, Language::It, Language::Ru];

    /// The ISO 639-1 code.
    pub fn code(self) -> &'static str {
        match self {
            Language::Fr => "fr",
            Language::En => "en",
            Language::De => "de",
            Language::Es => "es",
            Language::It => "it",
            Language::Ru => "ru",
        }
    }

    /// The language's name in itself, as a menu shows it.
    pub fn own_name(self) -> &'static str {
        match self {
            Language::Fr => "Français",
            Language::En => "English",
            Language::De => "Deutsch",
            Language::Es => "Español",
            Language::It => "Italiano",
            Language::Ru => "Русский",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("the language must be one of fr, en, de, es, it, ru")]
pub struct LanguageError;

impl FromStr for Language {
    type Err = LanguageError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Language::ALL.into_iter().find(|l| l.code() == s).ok_or(LanguageError)
    }
}
