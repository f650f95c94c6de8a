//! Announcements: sounds of the owners', which callers hear before all else. Known to the store, kept as files.

mod cache;
mod convert;
mod converter;
mod files;
mod spoken;
mod verdict;

pub(crate) use convert::run as convert;
pub(crate) use spoken::{Made, Spoken};

use app::{Receiving, Upload};
use async_trait::async_trait;
use cache::Cache;
use converter::{Converted, Converter};
use engine::{Announcement, Rate};
use files::Files;
use model::limits::UPLOADS_AT_ONCE;
use model::{AnnouncementId, FileName, RoomId, UploadProblem};
use std::path::PathBuf;
use std::sync::Arc;
use store::{NewAnnouncement, OwnerAccess, Store, StoreError, UnixMs};
use tokio::sync::Semaphore;

/// Takes announcements, keeps them, and hands them to calls.
pub(crate) struct Announcements {
    store: Store,
    files: Files,
    converter: Converter,
    receiving: Arc<Semaphore>,
    cache: Cache,
}

impl Announcements {
    /// `folder` holds the sounds, and nothing else. What no room has any more is removed from it.
    ///
    /// # Errors
    /// Where the store fails, or the folder cannot be made or read.
    pub(crate) async fn open(store: Store, folder: PathBuf) -> anyhow::Result<Announcements> {
        let files = Files::open(folder, store.announcement_ids().await?).await?;
        Ok(Announcements {
            store,
            files,
            converter: Converter::new(),
            receiving: Arc::new(Semaphore::new(UPLOADS_AT_ONCE)),
            cache: Cache::default(),
        })
    }

    /// The room's announcement, if it has one. Where it cannot be read, the call goes on without it.
    pub(crate) async fn sound(&self, room: RoomId) -> Option<Arc<Announcement>> {
        let known = match self.store.announcement(room).await {
            Ok(known) => known?,
            Err(error) => {
                tracing::error!(%error, "an announcement cannot be looked up");
                return None;
            }
        };
        if let Some(sound) = self.cache.get(known.id) {
            return Some(sound);
        }
        let file = self.files.path(known.id);
        let read = tokio::task::spawn_blocking(move || read(&file)).await;
        match read.unwrap_or_else(|stopped| Err(stopped.into())) {
            Ok((sound, bytes)) => Some(self.cache.put(known.id, sound, bytes)),
            Err(error) => {
                tracing::error!(%error, announcement = %known.id, "an announcement cannot be read");
                None
            }
        }
    }

    async fn keep(&self, owner: &OwnerAccess, now: UnixMs, upload: Upload) -> Result<(), UploadProblem> {
        let converted = self.converter.convert(&upload.file).await?;
        let new = self.write(now, upload.name, upload.file.len() as u64, converted).await?;
        let replaced = self.store.set_announcement(owner, now, &new).await;
        self.replaced(new.id, replaced).await
    }

    /// Writes the sound's file, which no room names yet.
    async fn write(
        &self,
        now: UnixMs,
        name: FileName,
        bytes: u64,
        converted: Converted,
    ) -> Result<NewAnnouncement, UploadProblem> {
        let id = self.store.new_announcement_id(now).map_err(|error| failed(&error))?;
        self.files.write(id, converted.file).await.map_err(|error| failed(&error))?;
        Ok(NewAnnouncement { id, name, length_ms: converted.length_ms, bytes, wave: converted.wave })
    }

    /// The room names it now, and not the one before; or it could not be.
    async fn replaced(
        &self,
        id: AnnouncementId,
        replaced: Result<Option<AnnouncementId>, StoreError>,
    ) -> Result<(), UploadProblem> {
        match replaced {
            Ok(before) => {
                self.forget(before).await;
                Ok(())
            }
            Err(error) => {
                self.forget(Some(id)).await;
                Err(failed(&error))
            }
        }
    }

    async fn forget(&self, id: Option<AnnouncementId>) {
        if let Some(id) = id {
            self.cache.forget(id);
            self.files.remove(id).await;
        }
    }
}

#[async_trait]
impl app::Announcements for Announcements {
    fn receive(&self) -> Option<Receiving> {
        let turn = Arc::clone(&self.receiving).try_acquire_owned().ok()?;
        Some(Receiving::new(turn))
    }

    async fn replace(&self, owner: &OwnerAccess, now: UnixMs, upload: Upload) -> Result<(), UploadProblem> {
        self.keep(owner, now, upload).await
    }

    async fn remove(&self, owner: &OwnerAccess) -> Result<(), StoreError> {
        let before = self.store.remove_announcement(owner).await?;
        self.forget(before).await;
        Ok(())
    }

    fn file(&self, id: AnnouncementId) -> PathBuf {
        self.files.path(id)
    }
}

fn failed(error: &dyn std::fmt::Display) -> UploadProblem {
    tracing::error!(%error, "an announcement cannot be kept");
    UploadProblem::Failed
}

/// Whether a call could play this file.
///
/// # Errors
/// Why it could not.
pub(crate) fn check(path: &std::path::Path) -> anyhow::Result<()> {
    read(path).map(drop)
}

fn read(path: &std::path::Path) -> anyhow::Result<(Announcement, usize)> {
    sound_of(std::fs::read(path)?.into())
}

/// The sound in a file of ours, and how many bytes it takes.
fn sound_of(file: Arc<[u8]>) -> anyhow::Result<(Announcement, usize)> {
    let at = |rate| crate::sound_file::decode(Arc::clone(&file), rate);
    let (narrow, wide) = (at(Rate::Narrow)?, at(Rate::Wide)?);
    let bytes = (narrow.len() + wide.len()) * size_of::<i16>();
    Ok((Announcement::new(narrow.into(), wide.into()), bytes))
}
