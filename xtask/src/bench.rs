//! `cargo xtask bench`: what a tick of the media engine costs, and what a call costs the whole server.

use anyhow::Result;

use crate::process;
use crate::workspace::Workspace;

/// # Errors
/// If a benchmark does not compile or fails.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    process::run(workspace.cargo().args(["bench", "--package", "engine", "--bench", "tick"]))?;
    process::run(workspace.cargo().args(["bench", "--package", "server", "--bench", "load"]))
}
