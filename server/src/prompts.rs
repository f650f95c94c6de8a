//! The voices: every phrase in every language, embedded, decoded once at the start.

use crate::sound_file::{self, SoundFileError};
use engine::{Phrase, Prompts, Rate};
use model::Language;
use std::cell::Cell;
use std::sync::Arc;

macro_rules! sound {
    ($folder:literal, $name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/prompts/", $folder, "/", $name, ".flac"))
            .as_slice()
    };
}

/// The compiler asks for a file for each phrase.
macro_rules! phrases {
    ($folder:literal, $phrase:expr) => {
        match $phrase {
            Phrase::Welcome => sound!($folder, "welcome"),
            Phrase::EnterPin => sound!($folder, "enter-pin"),
            Phrase::WrongPin => sound!($folder, "wrong-pin"),
            Phrase::Goodbye => sound!($folder, "goodbye"),
            Phrase::Locked => sound!($folder, "locked"),
            Phrase::Alone => sound!($folder, "alone"),
            Phrase::Full => sound!($folder, "full"),
            Phrase::MutedOnEntry => sound!($folder, "muted"),
            Phrase::Unmuted => sound!($folder, "unmuted"),
        }
    };
}

fn file(language: Language, phrase: Phrase) -> &'static [u8] {
    match language {
        Language::Fr => phrases!("fr", phrase),
        Language::En => phrases!("en", phrase),
    }
}

/// What each of the demo's callers says, in turn; see `prompts/demo.toml`.
const DEMO: [[&[u8]; 2]; 4] = [
    [sound!("demo", "1-a"), sound!("demo", "1-b")],
    [sound!("demo", "2-a"), sound!("demo", "2-b")],
    [sound!("demo", "3-a"), sound!("demo", "3-b")],
    [sound!("demo", "4-a"), sound!("demo", "4-b")],
];

/// The prompts of all languages.
pub(crate) struct PromptLibrary {
    languages: Vec<(Language, Arc<Prompts>)>,
}

impl PromptLibrary {
    pub(crate) fn load() -> Result<PromptLibrary, SoundFileError> {
        let languages = Language::ALL.into_iter().map(|language| Ok((language, Arc::new(load(language)?))));
        Ok(PromptLibrary { languages: languages.collect::<Result<_, SoundFileError>>()? })
    }

    pub(crate) fn language(&self, language: Language) -> Arc<Prompts> {
        let found = self.languages.iter().find(|(l, _)| *l == language);
        let (_, prompts) = found.unwrap_or(&self.languages[0]);
        Arc::clone(prompts)
    }
}

fn load(language: Language) -> Result<Prompts, SoundFileError> {
    let failed = Cell::new(None);
    let prompts = Prompts::new(|phrase, rate| {
        sound_file::decode(file(language, phrase), rate).unwrap_or_else(|error| {
            failed.set(Some(error));
            Vec::new()
        })
    });
    failed.into_inner().map_or(Ok(prompts), Err)
}

/// The demo callers' sentences as PCM at 8 kHz: a list for each caller.
pub(crate) fn demo_voices() -> Result<Vec<Vec<Vec<i16>>>, SoundFileError> {
    let voice = |clips: &[&'static [u8]; 2]| {
        clips.iter().map(|clip| sound_file::decode(clip, Rate::Narrow)).collect()
    };
    DEMO.iter().map(voice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rms_dbfs(samples: &[i16]) -> f64 {
        let power = samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / samples.len() as f64;
        10.0 * (power / 32_768_f64.powi(2)).log10()
    }

    #[test]
    fn every_phrase_speaks_at_a_like_level_and_ends_soon() {
        for language in Language::ALL {
            for phrase in Phrase::ALL {
                let samples = sound_file::decode(file(language, phrase), Rate::Wide).unwrap();
                let seconds = samples.len() as f64 / f64::from(Rate::Wide.hz());
                assert!((0.3..8.0).contains(&seconds), "{language} {phrase:?}: {seconds} s");
                let level = rms_dbfs(&samples);
                assert!((-27.0..-15.0).contains(&level), "{language} {phrase:?}: {level} dBFS");
                assert!(samples.iter().all(|s| s.unsigned_abs() < 32_767), "{language} {phrase:?} clips");
            }
        }
    }

    #[test]
    fn the_greeting_is_over_before_one_wants_to_talk() {
        for language in Language::ALL {
            let samples = sound_file::decode(file(language, Phrase::Welcome), Rate::Wide).unwrap();
            assert!(samples.len() < 2 * Rate::Wide.hz() as usize, "{language}: {} samples", samples.len());
        }
    }

    #[test]
    fn the_demo_has_four_voices_with_something_to_say() {
        let voices = demo_voices().unwrap();
        assert_eq!(voices.len(), 4);
        assert!(voices.iter().flatten().all(|clip| clip.len() > Rate::Narrow.hz() as usize));
    }
}
