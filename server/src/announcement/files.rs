//! The folder of sounds. Each file is named by its announcement's id, is written once, and never changed.

use model::AnnouncementId;
use std::collections::HashSet;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

pub(super) struct Files {
    folder: PathBuf,
}

impl Files {
    /// Makes the folder, and removes from it what is none of `known`: a crash may have come between a file and its row.
    pub(super) async fn open(folder: PathBuf, known: Vec<AnnouncementId>) -> std::io::Result<Files> {
        let files = Files { folder };
        let known: HashSet<PathBuf> = known.into_iter().map(|id| files.path(id)).collect();
        let folder = files.folder.clone();
        blocking(move || sweep(&folder, &known)).await?;
        Ok(files)
    }

    pub(super) fn path(&self, id: AnnouncementId) -> PathBuf {
        self.folder.join(format!("{id}.ogg"))
    }

    /// Whole and on the disk, or not there.
    pub(super) async fn write(&self, id: AnnouncementId, file: Vec<u8>) -> std::io::Result<()> {
        let (folder, path) = (self.folder.clone(), self.path(id));
        blocking(move || {
            let mut written = NamedTempFile::new_in(&folder)?;
            written.write_all(&file)?;
            written.as_file().sync_all()?;
            written.persist(path)?;
            std::fs::File::open(folder)?.sync_all()
        })
        .await
    }

    /// A file that stays behind is removed at the next start.
    pub(super) async fn remove(&self, id: AnnouncementId) {
        let path = self.path(id);
        if let Err(error) = blocking(move || std::fs::remove_file(path)).await {
            tracing::warn!(%error, announcement = %id, "a sound that is used no more stays in its folder");
        }
    }
}

fn sweep(folder: &Path, known: &HashSet<PathBuf>) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() && !known.contains(&entry.path()) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|stopped| Err(std::io::Error::other(stopped)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[tokio::test]
    async fn files_are_kept_while_they_are_known() {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("announcements");
        let files = Files::open(folder.clone(), Vec::new()).await.unwrap();
        let (kept, lost) = (AnnouncementId(Uuid::from_u128(1)), AnnouncementId(Uuid::from_u128(2)));
        files.write(kept, b"one".to_vec()).await.unwrap();
        files.write(lost, b"two".to_vec()).await.unwrap();
        std::fs::write(folder.join(".tmpcrash"), "half").unwrap();
        let files = Files::open(folder.clone(), vec![kept]).await.unwrap();
        assert_eq!(std::fs::read(files.path(kept)).unwrap(), b"one");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
        files.remove(kept).await;
        files.remove(kept).await;
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    }
}
