//! Makes the texts of `locales/` into code: a text that is missing, or lacks a value, does not compile.
//!
//! By the parts that `leptos_i18n_build` is made of: as a whole it compiles all of ICU's data tooling first.

use leptos_i18n_parser::parse_locales::options::{Config, ParseOptions};
use leptos_i18n_parser::parse_locales::parse_locales;
use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=locales");
    let here = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let config = Config::new("fr")?
        .add_locales(["en", "de", "es", "it", "ru"])?
        // Texts are taken as strings, those with values in them too.
        .parse_options(ParseOptions::new().interpolate_display(true));
    let texts = parse_locales(Some(here), config)?;
    let code = leptos_i18n_codegen::gen_code(&texts, None, true, None, false)?;
    std::fs::write(out.join("i18n.rs"), code.to_string())?;
    Ok(())
}
