//! The programs that the build and the end-to-end tests need: from Debian where we may install, else told by name.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::process::{self, find};
use crate::workspace::Workspace;

/// A program, and the Debian package that brings it.
struct Tool {
    program: &'static str,
    package: &'static str,
}

/// What builds libopus, beside the C compiler that Rust links with. Debian's cmake comes without make.
const FOR_BUILDING: [Tool; 2] =
    [Tool { program: "cmake", package: "cmake" }, Tool { program: "make", package: "make" }];

/// A browser, telephones that are not ours, a maker of tones, a decoder of Opus, and an address translator with networks to put it between.
const FROM_DEBIAN: [Tool; 7] = [
    Tool { program: "chromium", package: "chromium" },
    Tool { program: "sipp", package: "sip-tester" },
    Tool { program: "baresip", package: "baresip" },
    Tool { program: "sox", package: "sox" },
    Tool { program: "opusdec", package: "opus-tools" },
    Tool { program: "nft", package: "nftables" },
    Tool { program: "ip", package: "iproute2" },
];

/// Node may come from anywhere: people have versions of their own.
const BY_HAND: [Tool; 2] =
    [Tool { program: "node", package: "nodejs" }, Tool { program: "npm", package: "npm" }];

/// Sees to it that the server can be compiled.
///
/// # Errors
/// If a program is missing and cannot be installed from here; the error says what to install.
pub(crate) fn install_for_building() -> Result<()> {
    install_missing("the build needs", &FOR_BUILDING)
}

/// Sees to it that everything for the end-to-end tests is there, and the packages of `end2end/`.
///
/// # Errors
/// As [`install_for_building`].
pub(crate) fn install(workspace: &Workspace) -> Result<()> {
    install_missing("the end-to-end tests need", &FROM_DEBIAN)?;
    let missing = packages_of(&BY_HAND, |program| find(program).is_some());
    if !missing.is_empty() {
        bail!("install Node.js 20 or later with npm (Debian: apt-get install {})", missing.join(" "));
    }
    let mut npm = process::command("npm");
    npm.args(["ci", "--prefix", "end2end", "--prefer-offline", "--no-audit", "--no-fund"]);
    process::run(npm.current_dir(&workspace.root))
}

fn packages_of(tools: &[Tool], is_there: impl Fn(&str) -> bool) -> Vec<&'static str> {
    tools.iter().filter(|tool| !is_there(tool.program)).map(|tool| tool.package).collect()
}

/// `who_needs` begins the sentence that names them.
fn install_missing(who_needs: &str, tools: &[Tool]) -> Result<()> {
    // The tools of a network are for root, and often in its path alone.
    let for_root = |program: &str| Path::new("/usr/sbin").join(program).is_file();
    let missing = packages_of(tools, |program| find(program).is_some() || for_root(program));
    if missing.is_empty() { Ok(()) } else { install_from_debian(who_needs, &missing) }
}

fn install_from_debian(who_needs: &str, packages: &[&str]) -> Result<()> {
    let by_hand = format!("{who_needs} these Debian packages: {}", packages.join(" "));
    if find("apt-get").is_none() {
        bail!("{by_hand}; there is no apt-get here, so install their like by hand");
    }
    let is_root = process::output(process::command("id").arg("-u"))?.trim() == "0";
    if !is_root && find("sudo").is_none() {
        bail!("{by_hand}; run as root: apt-get install {}", packages.join(" "));
    }
    // Old lists name files that are gone; without a network the install below tells.
    if let Err(error) = process::run(apt_get(is_root).args(["update", "-qq"])) {
        eprintln!("xtask: {error:#}; going on with the lists at hand");
    }
    let mut install = apt_get(is_root);
    install.args(["install", "-y", "-qq", "--no-install-recommends"]).args(packages);
    process::run(&mut install).map_err(|error| error.context(by_hand))
}

fn apt_get(is_root: bool) -> Command {
    let mut command = process::command(if is_root { "env" } else { "sudo" });
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_missing_is_installed() {
        assert_eq!(packages_of(&FROM_DEBIAN, |program| program != "sipp"), ["sip-tester"]);
        assert!(packages_of(&FROM_DEBIAN, |_| true).is_empty());
        assert_eq!(packages_of(&FOR_BUILDING, |program| program != "cmake"), ["cmake"]);
        assert_eq!(packages_of(&FOR_BUILDING, |_| false), ["cmake", "make"]);
    }
}
