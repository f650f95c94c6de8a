//! A room's announcement: what its owner calls it, and why a file cannot be one.

use crate::limits::ANNOUNCEMENT_NAME_CHARS;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A file's name as its owner's machine told it: to be shown, never to be used as a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FileName(String);

impl FileName {
    /// What follows the last slash or backslash, without control characters, cut to
    /// [`ANNOUNCEMENT_NAME_CHARS`]; a dash where nothing is left of it.
    pub fn of(told: &str) -> FileName {
        let last = told.rsplit(['/', '\\']).next().unwrap_or_default();
        // Marks that turn the direction of the text could make one extension look like another.
        let shown =
            |c: &char| !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let name: String = last.trim().chars().filter(shown).take(ANNOUNCEMENT_NAME_CHARS).collect();
        if name.is_empty() { FileName("–".to_owned()) } else { FileName(name) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a file did not become the announcement. The one before it stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum UploadProblem {
    #[error("no file was sent")]
    Missing,
    #[error("the file is too big")]
    TooBig,
    #[error("the sound is too long")]
    TooLong,
    #[error("this is no sound file of a kind that is read")]
    NotSound,
    #[error("the file is damaged or incomplete")]
    Damaged,
    #[error("there is nothing to hear in the file")]
    Silent,
    #[error("reading the file takes too long")]
    Slow,
    #[error("too many files are being read")]
    Busy,
    #[error("the server could not keep the file")]
    Failed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shown_and_leads_nowhere() {
        assert_eq!(FileName::of("accueil 2026.mp3").as_str(), "accueil 2026.mp3");
        assert_eq!(FileName::of("C:\\fakepath\\été.wav").as_str(), "été.wav");
        assert_eq!(FileName::of("../../etc/passwd").as_str(), "passwd");
        assert_eq!(FileName::of("a\n\u{202e}b.wav").as_str(), "ab.wav");
        assert_eq!(FileName::of(&"é".repeat(500)).as_str().chars().count(), ANNOUNCEMENT_NAME_CHARS);
        for nothing in ["", "..\\", "/", "\u{7}"] {
            assert_eq!(FileName::of(nothing).as_str(), "–", "{nothing:?}");
        }
    }
}
