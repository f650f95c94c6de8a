//! The rules of the house that no other tool knows: sizes of files, words that must not be there, and that
//! the languages have the same phrases.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

/// Lines of Rust in a file: more than the first is worth a look, more than the second is too many.
const MANY_LINES: usize = 400;
const MAX_LINES: usize = 600;

/// Folders that hold nothing written by hand.
const SKIPPED_FOLDERS: [&str; 6] =
    [".git", "target", "node_modules", "data", "end2end/out", "server/fuzz/corpus"];

/// Files whose text is read; others are pictures, sounds or locks.
const TEXT_ENDINGS: [&str; 12] =
    ["rs", "toml", "md", "sh", "mjs", "js", "css", "json", "sql", "xml", "svg", "run"];

/// Home and work folders of some machine. (In halves, so that this file does not find itself.)
const FORBIDDEN_EVERYWHERE: [&str; 3] = [concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/ho", "me/")];

const FORBIDDEN_IN_RUST: [&str; 3] =
    [concat!("to", "do!("), concat!("unimpl", "emented!("), concat!("allow(unsafe", "_code")];

#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Break the rules.
    pub(crate) faults: Vec<String>,
    /// Come near to it.
    pub(crate) advice: Vec<String>,
}

/// # Errors
/// If a file cannot be read; broken rules are in the result.
pub(crate) fn check(root: &Path) -> Result<Findings> {
    let mut findings = Findings::default();
    let mut locales = BTreeMap::new();
    for path in text_files(root)? {
        let file = root.join(&path);
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        check_words(&path, &text, &mut findings);
        if path.ends_with(".rs") {
            check_length(&path, &text, &mut findings);
        } else if path.ends_with("Cargo.toml") {
            check_manifest(&path, &text, &mut findings)?;
        } else if path.starts_with("app/locales/") && path.ends_with(".json") {
            locales.insert(path.clone(), phrases(&text).with_context(|| path.clone())?);
        }
    }
    check_locales(&locales, &mut findings);
    Ok(findings)
}

/// All files whose text is ours, by their path from `root`, in order.
fn text_files(root: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let shown = root.join(&folder);
        for entry in fs::read_dir(&shown).with_context(|| format!("cannot read {}", shown.display()))? {
            let entry = entry.with_context(|| format!("cannot read {}", shown.display()))?;
            let path = format!("{folder}{}", entry.file_name().to_string_lossy());
            let kind = entry.file_type().with_context(|| format!("cannot read {path}"))?;
            let is_text = || TEXT_ENDINGS.iter().any(|ending| is_named(&path, ending));
            if kind.is_dir() && !is_skipped(&path) {
                folders.push(path + "/");
            } else if kind.is_file() && is_text() && !path.ends_with("package-lock.json") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// `a.rs` for `rs`, and `.ci/run` for `run`.
fn is_named(path: &str, ending: &str) -> bool {
    path.strip_suffix(ending).is_some_and(|rest| rest.ends_with(['.', '/']))
}

fn is_skipped(folder: &str) -> bool {
    SKIPPED_FOLDERS.iter().any(|skipped| match *skipped {
        // At any depth.
        "target" | "node_modules" => folder.rsplit('/').next() == Some(skipped),
        _ => folder == *skipped,
    })
}

fn check_words(path: &str, text: &str, findings: &mut Findings) {
    let in_rust = if path.ends_with(".rs") { FORBIDDEN_IN_RUST.as_slice() } else { &[] };
    for (number, line) in text.lines().enumerate() {
        for word in FORBIDDEN_EVERYWHERE.iter().chain(in_rust) {
            if line.contains(word) {
                findings.faults.push(format!("{path}:{}: `{word}` must not be here", number + 1));
            }
        }
    }
}

fn check_length(path: &str, text: &str, findings: &mut Findings) {
    let lines = text.lines().count();
    if lines > MAX_LINES {
        findings.faults.push(format!("{path}: {lines} lines, more than {MAX_LINES}"));
    } else if lines > MANY_LINES {
        findings.advice.push(format!("{path}: {lines} lines, more than {MANY_LINES}"));
    }
}

/// Every crate takes over the workspace's lints, or itself denies `unsafe` where it stands outside.
fn check_manifest(path: &str, text: &str, findings: &mut Findings) -> Result<()> {
    let manifest: toml::Table = text.parse().with_context(|| format!("{path} is not TOML"))?;
    if !manifest.contains_key("package") {
        return Ok(());
    }
    let lints = manifest.get("lints");
    let inherited = lints.and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool);
    let level = lints.and_then(|lints| lints.get("rust")?.get("unsafe_code")?.as_str());
    if inherited != Some(true) && !matches!(level, Some("deny" | "forbid")) {
        findings.faults.push(format!("{path}: nothing denies unsafe code; add `[lints] workspace = true`"));
    }
    Ok(())
}

/// The names of all phrases, nested ones with dots. Plural forms count as one phrase: languages have
/// different ones (`_one`, `_few`, …, as leptos_i18n writes them).
fn phrases(json: &str) -> Result<BTreeSet<String>> {
    fn collect(value: &Value, name: &str, names: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                for (key, value) in members {
                    let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                    collect(value, &name, names);
                }
            }
            _ => {
                names.insert(without_plural_form(name).to_owned());
            }
        }
    }
    let mut names = BTreeSet::new();
    collect(&serde_json::from_str(json)?, "", &mut names);
    Ok(names)
}

fn without_plural_form(name: &str) -> &str {
    let forms = ["_zero", "_one", "_two", "_few", "_many", "_other"];
    let stem = forms.iter().find_map(|form| name.strip_suffix(form));
    stem.map_or(name, |stem| stem.strip_suffix("_ordinal").unwrap_or(stem))
}

fn check_locales(locales: &BTreeMap<String, BTreeSet<String>>, findings: &mut Findings) {
    let all: BTreeSet<&String> = locales.values().flatten().collect();
    for (path, names) in locales {
        for name in &all {
            if !names.contains(*name) {
                findings.faults.push(format!("{path}: no phrase `{name}`, which another language has"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(files: &[(&str, &str)]) -> Findings {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let file = root.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        check(root.path()).unwrap()
    }

    #[test]
    fn a_clean_house_has_no_findings() {
        let findings = repository(&[
            ("a/Cargo.toml", "[package]\nname = \"a\"\n[lints]\nworkspace = true\n"),
            ("a/src/lib.rs", "//! Nothing.\n"),
            ("app/locales/fr.json", r#"{"members": {"n_one": "un", "n_many": "beaucoup"}}"#),
            ("app/locales/en.json", r#"{"members": {"n_one": "one", "n_other": "many"}}"#),
        ]);
        assert!(findings.faults.is_empty() && findings.advice.is_empty(), "{findings:?}");
    }

    #[test]
    fn long_files_are_told() {
        let findings = repository(&[
            ("a.rs", &"\n".repeat(601)),
            ("b.rs", &"\n".repeat(401)),
            ("c.md", &"\n".repeat(999)),
        ]);
        assert_eq!(findings.faults, ["a.rs: 601 lines, more than 600"]);
        assert_eq!(findings.advice, ["b.rs: 401 lines, more than 400"]);
    }

    #[test]
    fn forbidden_words_are_told_with_their_line() {
        let place = format!("first\ncd {}x\n", FORBIDDEN_EVERYWHERE[0]);
        let unfinished = format!("fn a() {{ {}) }}", FORBIDDEN_IN_RUST[0]);
        let findings = repository(&[
            (".ci/run", &place),
            ("a.rs", &unfinished),
            ("a.md", &unfinished),
            ("x/node_modules/a.md", &place),
        ]);
        assert_eq!(findings.faults.len(), 2, "{findings:?}");
        assert!(findings.faults[0].starts_with(".ci/run:2: "), "{findings:?}");
        assert!(findings.faults[1].starts_with("a.rs:1: "), "{findings:?}");
    }

    #[test]
    fn a_crate_that_allows_unsafe_is_told() {
        let findings = repository(&[
            ("a/Cargo.toml", "[package]\nname = \"a\"\n"),
            ("b/Cargo.toml", "[package]\nname = \"b\"\n[lints.rust]\nunsafe_code = \"forbid\"\n"),
            ("Cargo.toml", "[workspace]\n"),
        ]);
        assert_eq!(findings.faults.len(), 1, "{findings:?}");
        assert!(findings.faults[0].starts_with("a/Cargo.toml: "), "{findings:?}");
    }

    #[test]
    fn a_phrase_that_a_language_lacks_is_told() {
        let findings = repository(&[
            ("app/locales/fr.json", r#"{"a": "x", "b": {"c": "x"}}"#),
            ("app/locales/en.json", r#"{"a": "x", "b": {}}"#),
        ]);
        assert_eq!(findings.faults, ["app/locales/en.json: no phrase `b.c`, which another language has"]);
    }
}
