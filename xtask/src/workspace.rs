//! Where things lie: the repository's root and the target directory, as cargo knows them.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process;

/// Which of the two builds: a quick one to work with, or the one that is given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    Dev,
    Release,
}

impl Profile {
    pub(crate) fn from_release_flag(release: bool) -> Self {
        if release { Self::Release } else { Self::Dev }
    }

    /// The folder of the target directory that cargo puts the server's program into.
    pub(crate) fn server_folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }

    /// The cargo profile of the browser's half: small code rather than fast code, as the root
    /// Cargo.toml says.
    pub(crate) fn wasm_profile(self) -> &'static str {
        match self {
            Self::Dev => "wasm-dev",
            Self::Release => "wasm-release",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Workspace {
    /// The repository.
    pub(crate) root: PathBuf,
    /// Everything that is built, `CARGO_TARGET_DIR` if that is set.
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// # Errors
    /// If we are not started inside the repository.
    pub(crate) fn find() -> Result<Self> {
        let mut metadata = process::command("cargo");
        metadata.args(["metadata", "--no-deps", "--format-version", "1"]);
        let metadata: Value = serde_json::from_str(&process::output(&mut metadata)?)
            .context("`cargo metadata` wrote something that is not JSON")?;
        let folder = |key: &str| {
            metadata[key]
                .as_str()
                .map(PathBuf::from)
                .with_context(|| format!("`cargo metadata` gives no {key}"))
        };
        Ok(Self { root: folder("workspace_root")?, target: folder("target_directory")? })
    }

    /// `cargo` with the repository's root as its folder.
    pub(crate) fn cargo(&self) -> Command {
        let mut cargo = process::command("cargo");
        cargo.current_dir(&self.root);
        cargo
    }

    /// What the browser loads, made ready to be put into the program.
    pub(crate) fn site(&self, profile: Profile) -> PathBuf {
        self.target.join("site").join(profile.server_folder())
    }

    /// The program.
    pub(crate) fn server(&self, profile: Profile) -> PathBuf {
        self.target.join(profile.server_folder()).join("conference")
    }
}
