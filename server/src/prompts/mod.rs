//! The voices: every phrase in every language, embedded, and what an operator puts in their place.

mod builtin;
mod replaced;
#[cfg(test)]
mod tests;

pub(crate) use replaced::Replacements;

use crate::sound_file::{self, SoundFileError};
use engine::{Phrase, Prompts, Rate};
use model::Language;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

macro_rules! demo_sound {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/prompts/demo/", $name, ".opus")).as_slice()
    };
}

/// What each of the demo's callers says, in turn; see `prompts/demo.toml`.
const DEMO: [[&[u8]; 2]; 4] = [
    [demo_sound!("1-a"), demo_sound!("1-b")],
    [demo_sound!("2-a"), demo_sound!("2-b")],
    [demo_sound!("3-a"), demo_sound!("3-b")],
    [demo_sound!("4-a"), demo_sound!("4-b")],
];

/// The prompts of all languages. Each language is decoded when it is first asked for; clones share them.
#[derive(Clone, Default)]
pub(crate) struct PromptLibrary(Arc<Shelf>);

type Sounds = HashMap<(Phrase, Rate), Arc<[i16]>>;

#[derive(Default)]
struct Shelf {
    replacements: Replacements,
    languages: [OnceLock<Arc<Prompts>>; Language::ALL.len()],
    /// What is no voice, and so the same in all languages.
    sounds: Mutex<Sounds>,
}

impl PromptLibrary {
    pub(crate) fn new(replacements: Replacements) -> PromptLibrary {
        PromptLibrary(Arc::new(Shelf { replacements, ..Shelf::default() }))
    }

    /// The prompts of a language. The first time takes as long as decoding them does: use [`Self::prepare`] before.
    pub(crate) fn language(&self, language: Language) -> Arc<Prompts> {
        let place = Language::ALL.into_iter().position(|l| l == language).unwrap_or_default();
        let prompts = || {
            let begun = Instant::now();
            let of = |phrase, rate| self.0.samples(language, phrase, rate);
            let prompts = Arc::new(Prompts::in_language(language, of));
            tracing::debug!(%language, ms = begun.elapsed().as_millis(), "prompts decoded");
            prompts
        };
        Arc::clone(self.0.languages[place].get_or_init(prompts))
    }

    /// Decodes languages on a thread of its own; who asks for one of them meanwhile waits for just that.
    pub(crate) fn prepare(&self, languages: Vec<Language>) -> std::io::Result<()> {
        let library = self.clone();
        let work = move || languages.into_iter().for_each(|language| drop(library.language(language)));
        std::thread::Builder::new().name("prompts".to_owned()).spawn(work).map(drop)
    }
}

impl Shelf {
    fn samples(&self, language: Language, phrase: Phrase, rate: Rate) -> Arc<[i16]> {
        if phrase.is_voice() {
            return self.decode(Some(language), phrase, rate);
        }
        let mut sounds = self.sounds.lock().unwrap_or_else(PoisonError::into_inner);
        let sound = sounds.entry((phrase, rate)).or_insert_with(|| self.decode(None, phrase, rate));
        Arc::clone(sound)
    }

    /// The replacement, if there is one and it can still be read, or else what is built in.
    fn decode(&self, language: Option<Language>, phrase: Phrase, rate: Rate) -> Arc<[i16]> {
        match self.replacements.decode(language, phrase, rate) {
            Some(Ok(samples)) => return samples.into(),
            Some(Err(fault)) => tracing::warn!("{fault}; the built-in phrase stays"),
            None => {}
        }
        let built_in = builtin::file(language, phrase).map(|file| sound_file::decode(file, rate));
        match built_in {
            Some(Ok(samples)) => samples.into(),
            Some(Err(error)) => {
                tracing::error!(?phrase, %error, "a built-in phrase cannot be decoded");
                Arc::default()
            }
            None => Arc::default(),
        }
    }
}

/// The demo callers' sentences as PCM at 8 kHz: a list for each caller.
pub(crate) fn demo_voices() -> Result<Vec<Vec<Vec<i16>>>, SoundFileError> {
    let voice = |clips: &[&'static [u8]; 2]| {
        clips.iter().map(|clip| sound_file::decode(*clip, Rate::Narrow)).collect()
    };
    DEMO.iter().map(voice).collect()
}
