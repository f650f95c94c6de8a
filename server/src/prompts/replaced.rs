//! Recordings that an operator puts in the place of built-in phrases: a folder with one folder for each language.
//!
//! `{language}/{phrase}.{wav,flac,ogg,opus}` for voices, `sounds/{phrase}.…` for what is none. All of it is read when the
//! server starts, so that a wrong file is told then, and not when a caller should hear it.

use super::builtin;
use crate::sound_file::{self, SoundFileError};
use engine::{Phrase, Rate};
use model::Language;
use model::limits::{PROMPT_BYTES, PROMPT_FILES};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// What a sound file may end in.
const EXTENSIONS: [&str; 4] = ["wav", "flac", "ogg", "opus"];
/// Files that may lie beside them: licences, notes.
const NOTES: [&str; 3] = ["txt", "md", "toml"];

/// Why a file does not replace anything.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}", path.display())]
pub(crate) struct ReplacementError {
    path: PathBuf,
    fault: Fault,
}

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Read(#[from] io::Error),
    #[error("no folder is called so; there are fr, en, de, es, it, ru and sounds")]
    Folder,
    #[error("no phrase is called so in this folder")]
    Phrase,
    #[error("the phrase is replaced by another file already")]
    Twice,
    #[error("a sound file ends in .wav, .flac, .ogg or .opus")]
    Extension,
    #[error("it has more than {PROMPT_BYTES} bytes")]
    TooLarge,
    #[error("the folder has more than {PROMPT_FILES} files; the others are not read")]
    TooMany,
    #[error(transparent)]
    Sound(#[from] SoundFileError),
    #[error("the decoder gave up on it")]
    Panicked,
}

/// The files that can be used, by language (`None`: no voice) and phrase.
#[derive(Debug, Default)]
pub(crate) struct Replacements(HashMap<(Option<Language>, Phrase), PathBuf>);

impl Replacements {
    /// Reads a folder, and tells what in it is wrong.
    pub(crate) fn read(folder: &Path) -> (Replacements, Vec<ReplacementError>) {
        let (mut found, mut faults) = (Replacements::default(), Vec::new());
        for path in entries(folder, &mut faults) {
            let named = |language: &Option<Language>| {
                path.file_name().is_some_and(|n| n == builtin::folder(*language))
            };
            let language = [None].into_iter().chain(Language::ALL.map(Some)).find(named);
            match language {
                Some(language) => found.read_language(language, &path, &mut faults),
                None if is_note(&path) => {}
                None => faults.push(ReplacementError { path, fault: Fault::Folder }),
            }
        }
        (found, faults)
    }

    fn read_language(
        &mut self,
        language: Option<Language>,
        folder: &Path,
        faults: &mut Vec<ReplacementError>,
    ) {
        let phrases: HashMap<_, Phrase> = Phrase::all()
            .filter(|phrase| match language {
                Some(language) => phrase.is_voice() && phrase.is_said_in(language),
                None => !phrase.is_voice(),
            })
            .map(|phrase| (phrase.file_stem(), phrase))
            .collect();
        for path in entries(folder, faults).into_iter().filter(|path| !is_note(path)) {
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            let usable = match phrases.get(stem) {
                _ if !ends_in(&path, &EXTENSIONS) => Err(Fault::Extension),
                None => Err(Fault::Phrase),
                Some(phrase) if self.0.contains_key(&(language, *phrase)) => Err(Fault::Twice),
                Some(phrase) => decode(&path, Rate::Wide).map(|_| *phrase),
            };
            match usable {
                Ok(phrase) => drop(self.0.insert((language, phrase), path)),
                Err(fault) => faults.push(ReplacementError { path, fault }),
            }
        }
    }

    /// How many phrases are replaced.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// `None` if the phrase is not replaced.
    pub(super) fn decode(
        &self,
        language: Option<Language>,
        phrase: Phrase,
        rate: Rate,
    ) -> Option<Result<Vec<i16>, ReplacementError>> {
        let path = self.0.get(&(language, phrase))?;
        Some(decode(path, rate).map_err(|fault| ReplacementError { path: path.clone(), fault }))
    }
}

/// What lies in a folder, by name, without what is hidden.
fn entries(folder: &Path, faults: &mut Vec<ReplacementError>) -> Vec<PathBuf> {
    let mut tell = |fault| faults.push(ReplacementError { path: folder.to_owned(), fault });
    let mut paths = Vec::new();
    match fs::read_dir(folder) {
        Ok(entries) => {
            for entry in entries {
                match entry {
                    Ok(entry) if entry.file_name().as_encoded_bytes().starts_with(b".") => {}
                    Ok(_) if paths.len() >= PROMPT_FILES => {
                        tell(Fault::TooMany);
                        break;
                    }
                    Ok(entry) => paths.push(entry.path()),
                    Err(error) => tell(error.into()),
                }
            }
        }
        Err(error) => tell(error.into()),
    }
    paths.sort();
    paths
}

fn ends_in(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    extensions.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

fn is_note(path: &Path) -> bool {
    ends_in(path, &NOTES)
}

fn decode(path: &Path, rate: Rate) -> Result<Vec<i16>, Fault> {
    let mut bytes = Vec::new();
    File::open(path)?.take(PROMPT_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > PROMPT_BYTES {
        return Err(Fault::TooLarge);
    }
    // symphonia's demuxers are known to panic on some broken files.
    let decoded = catch_unwind(AssertUnwindSafe(|| sound_file::decode(bytes, rate)));
    Ok(decoded.map_err(|_| Fault::Panicked)??)
}
