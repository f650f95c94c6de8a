//! The server's half: the program `conference`, with the site inside.

use std::path::PathBuf;

use anyhow::Result;

use crate::assets::{self, Site};
use crate::process;
use crate::workspace::{Profile, Workspace};

/// What [`build`] leaves.
pub(crate) struct Built {
    pub(crate) program: PathBuf,
    pub(crate) site: Site,
}

/// Builds both halves, the second around the first.
///
/// # Errors
/// If either does not compile.
pub(crate) fn build(workspace: &Workspace, profile: Profile) -> Result<Built> {
    let site = assets::build(workspace, profile)?;
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--package", "server", "--bin", "conference"]);
    cargo.args((profile == Profile::Release).then_some("--release"));
    // Read by server/build.rs.
    cargo.env("CONFERENCE_SITE", &site.folder);
    process::run(&mut cargo)?;
    Ok(Built { program: workspace.server(profile), site })
}
