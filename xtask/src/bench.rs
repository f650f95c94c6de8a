//! `cargo xtask bench`: what a tick of the media engine costs, and what a call costs the whole server.

use anyhow::Result;

use crate::process;
use crate::workspace::Workspace;

/// With a filter, those scenes of the whole server alone that have it in their name.
///
/// # Errors
/// If a benchmark does not compile or fails.
pub(crate) fn run(workspace: &Workspace, filter: &[String]) -> Result<()> {
    if filter.is_empty() {
        process::run(workspace.cargo().args(["bench", "--package", "engine", "--bench", "tick"]))?;
    }
    let load = ["bench", "--package", "server", "--bench", "load", "--"];
    process::run(workspace.cargo().args(load).args(filter))
}
