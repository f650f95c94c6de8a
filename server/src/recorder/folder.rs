//! The folder of recordings. Each file is named by its recording's id alone.

use model::RecordingId;
use std::collections::HashSet;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A file that no row knows may be of a recording that has just begun: only older ones are removed.
const YOUNG: Duration = Duration::from_secs(60 * 60);

pub(super) fn path(folder: &Path, id: RecordingId) -> PathBuf {
    folder.join(format!("{id}.ogg"))
}

/// Makes the folder, for its user only.
pub(super) fn make(folder: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Removes recordings' files; those that are not there are no error.
pub(super) fn remove(folder: &Path, ids: &[RecordingId]) {
    for id in ids {
        match std::fs::remove_file(path(folder, *id)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::error!(recording = %id, %error, "a recording's file cannot be removed");
            }
            _ => {}
        }
    }
}

/// Removes what is none of `known`: a crash may have come between a file and its row, and rooms are removed with their rows.
pub(super) fn sweep(folder: &Path, known: &[RecordingId]) -> std::io::Result<()> {
    let known: HashSet<PathBuf> = known.iter().map(|id| path(folder, *id)).collect();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        let old = about.modified()?.elapsed().is_ok_and(|age| age > YOUNG);
        if about.is_file() && old && !known.contains(&entry.path()) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
