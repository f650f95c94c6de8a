//! What the service says.

pub use crate::phrase::Phrase;
use crate::time::Rate;
use model::Language;
use std::sync::Arc;

/// PCM, 16 bit, of each phrase in one language. An empty phrase is passed over in silence.
#[derive(Clone, Debug)]
pub struct Prompts {
    language: Language,
    /// By [`Phrase::index`].
    narrow: Vec<Arc<[i16]>>,
    wide: Vec<Arc<[i16]>>,
}

impl Prompts {
    pub(crate) fn language(&self) -> Language {
        self.language
    }

    /// Asks `f` for each phrase at 8 and at 16 kHz. Numbers are put together as in the default language.
    pub fn new(f: impl Fn(Phrase, Rate) -> Vec<i16>) -> Self {
        Prompts::in_language(Language::default(), |phrase, rate| f(phrase, rate).into())
    }

    /// Asks `f` for each phrase that the language has, at 8 and at 16 kHz.
    pub fn in_language(language: Language, f: impl Fn(Phrase, Rate) -> Arc<[i16]>) -> Self {
        let of = |phrase: Phrase, rate| match phrase.is_said_in(language) {
            true => f(phrase, rate),
            false => Arc::default(),
        };
        let at = |rate| Phrase::all().map(|phrase| of(phrase, rate)).collect();
        Prompts { language, narrow: at(Rate::Narrow), wide: at(Rate::Wide) }
    }

    /// The samples of a phrase. Voices end below 8 kHz, so there is nothing above 16 kHz to keep.
    pub(crate) fn samples(&self, phrase: Phrase, kept: Kept) -> &[i16] {
        let all = match kept {
            Kept::Narrow => &self.narrow,
            Kept::Wide => &self.wide,
        };
        all.get(phrase.index()).map_or(&[], |samples| samples)
    }
}

/// The rates at which phrases are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Narrow,
    Wide,
}
