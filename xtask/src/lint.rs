//! `cargo xtask lint`: form, clippy over both halves, and the rules of the house.

use anyhow::{Result, bail};

use crate::assets::Site;
use crate::frontend;
use crate::house;
use crate::process;
use crate::workspace::{Profile, Workspace};

/// # Errors
/// At the first of the tools that finds something.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    process::run(workspace.cargo().args(["fmt", "--all", "--check"]))?;
    house_rules(workspace)?;
    // This program by itself, with the features that it was just built with; together with the rest
    // its dependencies would be compiled a second time.
    for packages in [["--package", "xtask"].as_slice(), &["--workspace", "--exclude", "xtask"]] {
        let mut clippy = workspace.cargo();
        clippy.arg("clippy").args(packages).args(["--all-targets", "--", "--deny", "warnings"]);
        process::run(&mut clippy)?;
    }
    browser_half(workspace)
}

/// The profile is that of the release build, which shares its macros with this one.
fn browser_half(workspace: &Workspace) -> Result<()> {
    let toolchain_has_clippy = crate::wasm_target::toolchain(workspace)?.is_none();
    // The compiler made of Debian's packages comes without clippy.
    let subcommand = if toolchain_has_clippy { "clippy" } else { "check" };
    let mut cargo = frontend::cargo_for_browser(workspace, subcommand)?;
    cargo.args(["--profile", Profile::Release.wasm_profile()]);
    if toolchain_has_clippy {
        cargo.args(["--", "--deny", "warnings"]);
    }
    process::run(&mut cargo)
}

fn house_rules(workspace: &Workspace) -> Result<()> {
    let findings = house::check(&workspace.root)?;
    for advice in &findings.advice {
        eprintln!("warning: {advice}");
    }
    for fault in &findings.faults {
        eprintln!("error: {fault}");
    }
    if !findings.faults.is_empty() {
        bail!("{} rules of the house are broken", findings.faults.len());
    }
    if let Some(site) = Site::open(&workspace.site(Profile::Release)) {
        site.check_weight()?;
    }
    Ok(())
}
