//! Embeds the voices, and the site that `cargo xtask build` made: every file as it is and as its compressed neighbours.
//!
//! Without `CONFERENCE_SITE` the table is empty: `cargo check`, `clippy` and `test` need no browser's half.
//! The pages then come without style and script, and their forms still work.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=CONFERENCE_SITE");
    let table = match env::var_os("CONFERENCE_SITE") {
        None => table("", "", ""),
        Some(site) => embed(Path::new(&site))?,
    };
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    fs::write(out.join("site.rs"), table)?;
    fs::write(out.join("prompts.rs"), prompts(Path::new("prompts"))?)?;
    Ok(())
}

/// The table that `prompts/builtin.rs` includes: folder, stem and content of each sound, in order.
fn prompts(root: &Path) -> Result<String, Box<dyn Error>> {
    let mut files = Vec::new();
    for folder in ["de", "en", "es", "fr", "it", "ru", "sounds"] {
        println!("cargo:rerun-if-changed={}", root.join(folder).display());
        for entry in fs::read_dir(root.join(folder))? {
            let path = entry?.path();
            let stem =
                path.file_stem().and_then(|stem| stem.to_str()).ok_or("a sound's name is not UTF-8")?;
            if path.extension().is_some_and(|extension| extension == "opus") {
                files.push((folder, stem.to_owned(), fs::canonicalize(&path)?));
            }
        }
    }
    files.sort();
    let mut table = String::from("static FILES: &[(&str, &str, &[u8])] = &[\n");
    for (folder, stem, path) in files {
        writeln!(table, "    ({folder:?}, {stem:?}, {}),", include(&path))?;
    }
    Ok(table + "];\n")
}

/// The manifest's lines are `inputs H`, `output_name N`, `style_path /P`, and `file /P H` for each file,
/// where `H` is a hash of the content. As it names all contents, nothing else needs to be watched.
fn embed(site: &Path) -> Result<String, Box<dyn Error>> {
    let path = site.join("manifest.txt");
    println!("cargo:rerun-if-changed={}", path.display());
    let manifest = fs::read_to_string(&path).map_err(|error| {
        format!("CONFERENCE_SITE has no site, use `cargo xtask build`: {}: {error}", path.display())
    })?;
    let value = |key: &str| {
        let found = manifest.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
        found.ok_or_else(|| format!("{} has no line `{key}`", path.display()))
    };
    let mut files = String::new();
    for line in manifest.lines().filter_map(|line| line.strip_prefix("file ")) {
        let (served_at, hash) =
            line.split_once(' ').ok_or_else(|| format!("not a file and a hash: {line}"))?;
        let file = site.join(served_at.trim_start_matches('/'));
        let neighbour = |ending: &str| {
            let neighbour = PathBuf::from(format!("{}.{ending}", file.display()));
            if neighbour.exists() { format!("Some({})", include(&neighbour)) } else { "None".to_owned() }
        };
        writeln!(
            files,
            "    File {{ path: {served_at:?}, hash: {hash:?}, plain: {}, brotli: {}, gzip: {} }},",
            include(&file),
            neighbour("br"),
            neighbour("gz")
        )?;
    }
    Ok(table(value("output_name")?, value("style_path")?, &files))
}

fn include(file: &Path) -> String {
    format!("include_bytes!({:?})", file.display().to_string())
}

/// What `http/assets.rs` includes; it holds the type `File`.
fn table(output_name: &str, style_path: &str, files: &str) -> String {
    format!(
        "const OUTPUT_NAME: &str = {output_name:?};\nconst STYLE_PATH: &str = {style_path:?};\n\
         static FILES: &[File] = &[\n{files}];\n"
    )
}
