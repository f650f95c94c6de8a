//! The browser's half of the panel: the crate `app`, compiled to WebAssembly, with its JavaScript glue.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

use crate::hash::short_hash;
use crate::wasm_target::{self, TARGET};
use crate::workspace::{Profile, Workspace};

/// The name before the hash. The server's page derives the addresses of both files from it.
const NAME: &str = "conference";

/// Files of `/pkg/`, by their path inside it, and the name that the page needs to find them.
pub(crate) struct Bundle {
    pub(crate) output_name: String,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

/// `cargo` set up to compile `app` for the browser; the caller adds `build` or `clippy` arguments.
///
/// # Errors
/// If there is no compiler for it, see [`wasm_target::toolchain`].
pub(crate) fn cargo_for_browser(workspace: &Workspace, subcommand: &str) -> Result<Command> {
    let toolchain = wasm_target::toolchain(workspace)?;
    let mut cargo = workspace.cargo();
    if let Some(toolchain) = toolchain {
        cargo.env("RUSTUP_TOOLCHAIN", toolchain);
    }
    cargo.args([subcommand, "--package", "app", "--lib", "--no-default-features", "--features", "hydrate"]);
    cargo.args(["--target", TARGET]);
    Ok(cargo)
}

/// Compiles `app`; gives the path of the raw WebAssembly.
///
/// # Errors
/// If it does not compile.
pub(crate) fn compile(workspace: &Workspace, profile: Profile) -> Result<PathBuf> {
    check_versions(&workspace.root.join("Cargo.lock"))?;
    let mut cargo = cargo_for_browser(workspace, "build")?;
    cargo.args(["--profile", profile.wasm_profile()]);
    crate::process::run(&mut cargo)?;
    Ok(workspace.target.join(TARGET).join(profile.wasm_profile()).join("app.wasm"))
}

/// Makes of the raw WebAssembly what a browser loads, every file named by its content.
///
/// # Errors
/// If wasm-bindgen refuses the file, or `scratch` cannot be written.
pub(crate) fn bind(raw: &Path, scratch: &Path) -> Result<Bundle> {
    if scratch.exists() {
        fs::remove_dir_all(scratch).with_context(|| format!("cannot empty {}", scratch.display()))?;
    }
    Bindgen::new()
        .input_path(raw)
        .out_name(NAME)
        .web(true)?
        .typescript(false)
        // `strip` in the cargo profile would take `target_features` too, which wasm-bindgen needs.
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(scratch)
        .with_context(|| format!("wasm-bindgen cannot use {}", raw.display()))?;
    let mut generated = BTreeMap::new();
    read_folder(scratch, "", &mut generated)?;
    fs::remove_dir_all(scratch).with_context(|| format!("cannot remove {}", scratch.display()))?;
    name_by_content(generated)
}

/// Gives all files a name that changes with their content, so that browsers may keep them for ever.
/// (wasm-bindgen itself takes what follows a dot in the name for an ending, and cuts it off.)
fn name_by_content(generated: BTreeMap<String, Vec<u8>>) -> Result<Bundle> {
    let hash = short_hash(generated.iter().flat_map(|(path, bytes)| [path.as_bytes(), bytes.as_slice()]));
    let output_name = format!("{NAME}.{hash}");
    let mut files = BTreeMap::new();
    for (path, bytes) in generated {
        let (path, bytes) = if path == format!("{NAME}.js") {
            let text = String::from_utf8(bytes).context("wasm-bindgen's JavaScript is not UTF-8")?;
            let text = text
                .replace(&format!("{NAME}_bg.wasm"), &format!("{output_name}_bg.wasm"))
                .replace("./snippets/", &format!("./snippets.{hash}/"));
            (format!("{output_name}.js"), text.into_bytes())
        } else if path == format!("{NAME}_bg.wasm") {
            (format!("{output_name}_bg.wasm"), bytes)
        } else if let Some(rest) = path.strip_prefix("snippets/") {
            // The folder names in there come from crate versions, not from what the files hold.
            (format!("snippets.{hash}/{rest}"), bytes)
        } else {
            bail!("wasm-bindgen made a file that is not expected: {path}");
        };
        files.insert(path, bytes);
    }
    Ok(Bundle { output_name, files })
}

/// Reads all files below `folder`, into paths with `/` that begin with `prefix`.
pub(crate) fn read_folder(folder: &Path, prefix: &str, into: &mut BTreeMap<String, Vec<u8>>) -> Result<()> {
    let unreadable = || format!("cannot read {}", folder.display());
    for entry in fs::read_dir(folder).with_context(unreadable)? {
        let entry = entry.with_context(unreadable)?;
        let name = entry.file_name();
        let name = name.to_str().with_context(|| format!("{name:?} is not UTF-8"))?;
        let path = format!("{prefix}{name}");
        if entry.path().is_dir() {
            read_folder(&entry.path(), &format!("{path}/"), into)?;
        } else {
            let bytes =
                fs::read(entry.path()).with_context(|| format!("cannot read {}", entry.path().display()))?;
            into.insert(path, bytes);
        }
    }
    Ok(())
}

/// The library in the page and the one in here speak a format that changes with every version.
fn check_versions(lock: &Path) -> Result<()> {
    let text = fs::read_to_string(lock).with_context(|| format!("cannot read {}", lock.display()))?;
    let in_page = locked_versions(&text, "wasm-bindgen")?;
    let in_here = locked_versions(&text, "wasm-bindgen-cli-support")?;
    if in_page.len() != 1 || in_page != in_here {
        bail!(
            "Cargo.lock has wasm-bindgen {} but wasm-bindgen-cli-support {}; give both the same exact version \
             in the root Cargo.toml",
            in_page.join(" and "),
            in_here.join(" and ")
        );
    }
    Ok(())
}

fn locked_versions(lock: &str, name: &str) -> Result<Vec<String>> {
    let lock: toml::Table = lock.parse().context("Cargo.lock is not TOML")?;
    let packages =
        lock.get("package").and_then(toml::Value::as_array).context("Cargo.lock has no packages")?;
    let named =
        packages.iter().filter(|package| package.get("name").and_then(toml::Value::as_str) == Some(name));
    Ok(named.filter_map(|package| Some(package.get("version")?.as_str()?.to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generated(js: &str, wasm: &[u8]) -> BTreeMap<String, Vec<u8>> {
        BTreeMap::from([
            ("conference.js".to_owned(), js.as_bytes().to_vec()),
            ("conference_bg.wasm".to_owned(), wasm.to_vec()),
            ("snippets/app-0123/inline0.js".to_owned(), b"export {}".to_vec()),
        ])
    }

    #[test]
    fn names_follow_the_content_and_the_glue_follows_the_names() {
        let js = "import './snippets/app-0123/inline0.js'; new URL('conference_bg.wasm', import.meta.url)";
        let one = name_by_content(generated(js, b"one")).unwrap();
        let two = name_by_content(generated(js, b"two")).unwrap();
        assert_ne!(one.output_name, two.output_name);

        let hash = one.output_name.strip_prefix("conference.").unwrap();
        let glue = String::from_utf8(one.files[&format!("{}.js", one.output_name)].clone()).unwrap();
        assert!(glue.contains(&format!("'{}_bg.wasm'", one.output_name)), "{glue}");
        assert!(glue.contains(&format!("'./snippets.{hash}/app-0123/inline0.js'")), "{glue}");
        assert!(one.files.contains_key(&format!("{}_bg.wasm", one.output_name)));
        assert!(one.files.contains_key(&format!("snippets.{hash}/app-0123/inline0.js")));
    }

    #[test]
    fn an_unknown_file_is_an_error() {
        let mut files = generated("", b"");
        files.insert("conference.d.ts".to_owned(), Vec::new());
        assert!(name_by_content(files).is_err());
    }

    #[test]
    fn versions_that_differ_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let lock = folder.path().join("Cargo.lock");
        let packages = |page: &str, here: &str| {
            format!(
                "[[package]]\nname = \"wasm-bindgen\"\nversion = \"{page}\"\n\
                 [[package]]\nname = \"wasm-bindgen-cli-support\"\nversion = \"{here}\"\n"
            )
        };
        fs::write(&lock, packages("0.2.1", "0.2.1")).unwrap();
        check_versions(&lock).unwrap();
        fs::write(&lock, packages("0.2.1", "0.2.2")).unwrap();
        let error = check_versions(&lock).unwrap_err().to_string();
        assert!(error.contains("wasm-bindgen 0.2.1 but wasm-bindgen-cli-support 0.2.2"), "{error}");
    }
}
