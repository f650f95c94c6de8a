//! `conference backup`: a copy of the database as of one moment, while calls go on.

use clap::Args;
use std::path::PathBuf;
use store::Store;

#[derive(Args)]
pub(crate) struct BackupCommand {
    /// The file to write; it must not exist yet
    file: PathBuf,
}

impl BackupCommand {
    pub(crate) async fn run(self, store: &Store) -> anyhow::Result<()> {
        store.backup(&self.file).await?;
        println!("the database is copied to {}", self.file.display());
        Ok(())
    }
}
