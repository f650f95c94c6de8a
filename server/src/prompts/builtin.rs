//! The sounds inside the program, as `prompts/make.py` made them.

use engine::Phrase;
use model::Language;

// `FILES`: folder, stem, content; in order.
include!(concat!(env!("OUT_DIR"), "/prompts.rs"));

/// The folder of a language's voice, or of what is no voice.
pub(super) fn folder(language: Option<Language>) -> &'static str {
    language.map_or("sounds", Language::code)
}

/// A phrase's sound file.
pub(super) fn file(language: Option<Language>, phrase: Phrase) -> Option<&'static [u8]> {
    let (folder, stem) = (folder(language), phrase.file_stem());
    let place = FILES.binary_search_by(|(f, s, _)| (*f, *s).cmp(&(folder, &stem))).ok()?;
    FILES.get(place).map(|(_, _, bytes)| *bytes)
}

#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    FILES.iter().map(|(folder, stem, _)| (*folder, *stem))
}
