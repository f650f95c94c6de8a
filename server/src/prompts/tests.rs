//! The texts are complete, each has its sound, and each sound is fit for a telephone.

use super::*;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn table(name: &str) -> toml::Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("prompts").join(name);
    fs::read_to_string(path).unwrap().parse().unwrap()
}

/// Folder and phrase of everything that can be said.
fn everything() -> impl Iterator<Item = (Option<Language>, Phrase)> {
    let languages = [None].into_iter().chain(Language::ALL.map(Some));
    languages.flat_map(|language| {
        let said = move |phrase: &Phrase| match language {
            Some(language) => phrase.is_voice() && phrase.is_said_in(language),
            None => !phrase.is_voice(),
        };
        Phrase::all().filter(said).map(move |phrase| (language, phrase))
    })
}

/// RMS over the 10 ms that are less than 25 dB below the loudest ones, as `make.py` measures it.
fn active_level_dbfs(samples: &[i16], rate: Rate) -> f64 {
    let block = rate.hz() as usize / 100;
    let power = |block: &[i16]| block.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / block.len() as f64;
    let powers: Vec<f64> = samples.chunks_exact(block).map(power).collect();
    let gate = powers.iter().copied().fold(0.0, f64::max) * 10_f64.powf(-2.5);
    let active: Vec<f64> = powers.into_iter().filter(|power| *power > gate).collect();
    10.0 * (active.iter().sum::<f64>() / active.len() as f64 / 32_768_f64.powi(2)).log10()
}

#[test]
fn every_phrase_has_a_sound_and_every_sound_a_phrase() {
    let wanted: BTreeSet<(&str, String)> = everything()
        .map(|(language, phrase)| (builtin::folder(language), phrase.file_stem().into_owned()))
        .collect();
    let there: BTreeSet<(&str, String)> =
        builtin::names().map(|(folder, stem)| (folder, stem.to_owned())).collect();
    assert_eq!(wanted, there);
}

#[test]
fn every_phrase_has_a_text_in_every_language() {
    let (phrases, numbers) = (table("phrases.toml"), table("numbers.toml"));
    for (language, phrase) in everything() {
        let Some(language) = language else { continue };
        let stem = phrase.file_stem();
        let texts = &numbers[language.code()];
        let text = match phrase {
            Phrase::Number(_) => number_text(texts, &stem),
            Phrase::Place(_) => {
                let place = stem.trim_start_matches("participant-").parse::<usize>().unwrap() - 2;
                texts["ordinals"].get(place)
            }
            _ => phrases.get(&*stem).and_then(|texts| texts.get(language.code())),
        };
        let text = text.and_then(toml::Value::as_str).unwrap_or_default();
        assert!(!text.trim().is_empty(), "{language}: no text for {stem}");
    }
}

/// The text of `number-21-minutes`.
fn number_text<'a>(texts: &'a toml::Value, stem: &str) -> Option<&'a toml::Value> {
    let mut words = stem.split('-').skip(1);
    let value: usize = words.next()?.parse().ok()?;
    match (value, words.next()) {
        (0..100, None) => texts.get("below_100")?.get(value),
        (0..100, Some("minutes")) => texts.get("minutes")?.get(value.to_string()),
        (100..1_000, None) => texts.get("hundreds")?.get(value / 100 - 1),
        (100..1_000, Some("and")) => texts.get("hundreds_and")?.get(value / 100 - 1),
        (_, None) => texts.get("thousands")?.get(value / 1_000 - 1),
        (_, Some("and")) => texts.get("thousands_and")?.get(value / 1_000 - 1),
        _ => None,
    }
}

#[test]
fn texts_that_nothing_says_are_not_kept() {
    let stems: BTreeSet<String> = Phrase::all().map(|phrase| phrase.file_stem().into_owned()).collect();
    for stem in table("phrases.toml").keys() {
        assert!(stems.contains(stem), "{stem}");
    }
}

#[test]
fn every_sound_is_as_loud_as_a_caller_and_does_not_last_long() {
    for (language, phrase) in everything() {
        let file = builtin::file(language, phrase).unwrap();
        let name = format!("{}/{}", builtin::folder(language), phrase.file_stem());
        for rate in [Rate::Narrow, Rate::Wide] {
            let samples = sound_file::decode(file, rate).unwrap();
            let seconds = samples.len() as f64 / f64::from(rate.hz());
            let longest = if phrase == Phrase::HoldMusic { 30.0 } else { 15.0 };
            assert!((0.2..longest).contains(&seconds), "{name}: {seconds} s");
            assert!(samples.iter().all(|s| s.unsigned_abs() < 29_000), "{name} is near clipping");
            // What a narrow telephone does not carry is missing from the level there.
            let level = active_level_dbfs(&samples, rate);
            let tolerance = if rate == Rate::Wide { 2.0 } else { 4.0 };
            assert!((level + 20.0).abs() < tolerance, "{name} at {rate:?}: {level} dBFS");
        }
    }
}

#[test]
fn the_greeting_is_over_before_one_wants_to_talk() {
    for language in Language::ALL {
        let file = builtin::file(Some(language), Phrase::Welcome).unwrap();
        let samples = sound_file::decode(file, Rate::Wide).unwrap();
        assert!(samples.len() < 2 * Rate::Wide.hz() as usize, "{language}: {} samples", samples.len());
    }
}

#[test]
fn the_demo_has_four_voices_with_something_to_say() {
    let voices = demo_voices().unwrap();
    assert_eq!(voices.len(), 4);
    assert!(voices.iter().flatten().all(|clip| clip.len() > Rate::Narrow.hz() as usize));
}

#[test]
fn languages_share_what_is_no_voice_and_nothing_else() {
    let shelf = Shelf::default();
    let get = |language, phrase| shelf.samples(language, phrase, Rate::Narrow);
    let chime = |language| get(language, Phrase::EnterChime);
    assert!(Arc::ptr_eq(&chime(Language::Fr), &chime(Language::Ru)));
    assert_ne!(get(Language::Fr, Phrase::Goodbye), get(Language::Ru, Phrase::Goodbye));
}

#[test]
fn an_operators_file_is_said_instead_and_a_wrong_one_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let put = |path: &str, content: &[u8]| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    let goodbye = builtin::file(Some(Language::Fr), Phrase::Goodbye).unwrap();
    let flac = include_bytes!("../sound_file/tests/tone.flac").as_slice();
    put("fr/welcome.opus", goodbye);
    put("fr/locked.flac", flac);
    put("fr/LICENSE.txt", b"CC-BY");
    put("fr/.hidden", b"x");
    put("sounds/tone.opus", goodbye);
    put("fr/alone.wav", b"RIFF, but not really");
    put("fr/full.ogg", goodbye);
    put("fr/goodbye.mp3", goodbye);
    put("fr/locked.opus", goodbye);
    put("fr/minutes-few.opus", goodbye);
    put("fr/tone.opus", goodbye);
    put("fr/hello.opus", goodbye);
    put("xx/welcome.opus", goodbye);

    let (found, faults) = Replacements::read(folder.path());
    let told = faults.iter().map(|fault| {
        let told = fault.to_string();
        told.strip_prefix(&format!("{}/", folder.path().display())).unwrap().to_owned()
    });
    let told: Vec<String> =
        told.map(|told| told.split(": ").take(2).collect::<Vec<_>>().join(": ")).collect();
    assert_eq!(
        told,
        [
            "fr/alone.wav: the sound file cannot be read",
            "fr/goodbye.mp3: a sound file ends in .wav, .flac, .ogg or .opus",
            "fr/hello.opus: no phrase is called so in this folder",
            "fr/locked.opus: the phrase is replaced by another file already",
            "fr/minutes-few.opus: no phrase is called so in this folder",
            "fr/tone.opus: no phrase is called so in this folder",
            "xx: no folder is called so; there are fr, en, de, es, it, ru and sounds",
        ]
    );
    assert_eq!(found.count(), 4);

    // A file that goes after the start is no silence either.
    fs::remove_file(folder.path().join("fr/full.ogg")).unwrap();
    let shelf = Shelf { replacements: found, ..Shelf::default() };
    let said = |language, phrase| shelf.samples(language, phrase, Rate::Wide);
    let built_in = |language, phrase| Shelf::default().samples(language, phrase, Rate::Wide);
    assert_eq!(said(Language::Fr, Phrase::Welcome), built_in(Language::Fr, Phrase::Goodbye));
    assert_eq!(said(Language::En, Phrase::Welcome), built_in(Language::En, Phrase::Welcome));
    assert_eq!(said(Language::Ru, Phrase::Tone), built_in(Language::Fr, Phrase::Goodbye));
    assert_eq!(said(Language::Fr, Phrase::Full), built_in(Language::Fr, Phrase::Full));
    assert_eq!(said(Language::Fr, Phrase::Locked)[..], sound_file::decode(flac, Rate::Wide).unwrap());
}

#[test]
fn a_folder_that_is_not_there_is_told() {
    let (found, faults) = Replacements::read(Path::new("/nonexistent/prompts"));
    assert_eq!((found.count(), faults.len()), (0, 1));
}
