//! `cargo xtask run`: the server, built from the sources as they are.

use std::convert::Infallible;
use std::os::unix::process::CommandExt;
use std::path::Path;

use anyhow::{Context, Result};

use crate::process;
use crate::server;
use crate::workspace::{Profile, Workspace};

/// Builds, then becomes the server: Ctrl-C and every other signal reach it, and its end is ours.
///
/// # Errors
/// If it does not build or cannot be started.
pub(crate) fn run(workspace: &Workspace, profile: Profile, args: &[String]) -> Result<Infallible> {
    let built = server::build(workspace, profile)?;
    let mut conference = process::command(&built.program);
    conference.arg("serve").args(arguments(&workspace.root, args));
    let error = conference.exec();
    Err(error).with_context(|| format!("cannot start {}", built.program.display()))
}

/// The user's own arguments, after `--data` where these do not say it.
fn arguments(root: &Path, args: &[String]) -> Vec<String> {
    let says_data = args.iter().any(|arg| arg == "--data" || arg.starts_with("--data="));
    let mut all = Vec::new();
    if !says_data {
        all.extend(["--data".to_owned(), root.join("data").display().to_string()]);
    }
    all.extend(args.iter().cloned());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_folder_is_said_once() {
        let own = |args: &[&str]| {
            let args: Vec<_> = args.iter().map(|&arg| arg.to_owned()).collect();
            arguments(Path::new("/repo"), &args)
        };
        assert_eq!(own(&["--http", "[::]:80"]), ["--data", "/repo/data", "--http", "[::]:80"]);
        assert_eq!(own(&["--data", "x"]), ["--data", "x"]);
        assert_eq!(own(&["--data=x"]), ["--data=x"]);
    }
}
