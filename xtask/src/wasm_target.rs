//! The compiler for the browser's half: the one in use if it has the target, another where it has not.

use std::process::Stdio;

use anyhow::{Context, Result};

use crate::process;
use crate::workspace::Workspace;

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// The rustup toolchain to build [`TARGET`] with; `None` stands for the active one.
///
/// The script gets the target from rustup, else from Debian's packages, and says what to do where neither
/// can be reached.
///
/// # Errors
/// If no toolchain could be made to have the target.
pub(crate) fn toolchain(workspace: &Workspace) -> Result<Option<String>> {
    let mut script = process::command(workspace.root.join("xtask/wasm-target.sh"));
    script.current_dir(&workspace.root).stdin(Stdio::null());
    let name = process::output(&mut script)
        .with_context(|| format!("no compiler for the browser's half ({TARGET})"))?;
    let name = name.trim();
    Ok((!name.is_empty()).then(|| name.to_owned()))
}
