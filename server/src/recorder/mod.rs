//! Recordings of conferences: from the media threads' queues into files, and what becomes of the files.

mod folder;
mod queue;
mod recover;
mod space;
mod sync;
#[cfg(test)]
mod tests;
mod thread;
mod track;

pub(crate) use queue::{Source, Tap, queue};
pub(crate) use space::free_bytes;

use crate::ledger::Ledger;
use anyhow::Context;
use async_trait::async_trait;
use engine::Take;
use model::limits::RECORDING_SWEEP_MS;
use model::{RecordingEnd, RecordingId};
use space::Space;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use store::{OwnerAccess, RecordedSound, Store, StoreError, UnixMs};
use sync::{Job, Syncer};
use thread::{Ended, RecorderThread};
use track::TrackError;
use uuid::Uuid;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// What the operator says of recordings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordingSettings {
    pub(crate) folder: PathBuf,
    /// Bytes free on the disk below which no recording begins.
    pub(crate) free_bytes: u64,
    /// How long they are kept; `None`: until their owner deletes them.
    pub(crate) days: Option<u64>,
}

/// Has the engine stop a recording. It may be asked for more than once.
type Stop = Box<dyn Fn(&Take, RecordingEnd) + Send + Sync>;

/// What all recorder threads use.
struct Shared {
    folder: PathBuf,
    space: Arc<Space>,
    ledger: Ledger,
    stop: Stop,
}

impl Shared {
    fn path(&self, id: RecordingId) -> PathBuf {
        folder::path(&self.folder, id)
    }

    /// Why a recording ends that cannot be written.
    fn reason(&self, error: &TrackError) -> RecordingEnd {
        match error {
            TrackError::File(error) if error.kind() == std::io::ErrorKind::StorageFull => {
                RecordingEnd::NoSpace
            }
            TrackError::File(_) | TrackError::Opus(_) => RecordingEnd::Failed,
        }
    }
}

/// Records, and keeps what was recorded.
pub(crate) struct Recorder {
    store: Store,
    shared: Arc<Shared>,
    days: Option<u64>,
    /// To each of the threads: which one has a recording, only it knows.
    ended: Vec<mpsc::Sender<Ended>>,
}

impl Recorder {
    /// Closes what a crash left open, then starts a recorder for each media thread.
    ///
    /// # Errors
    /// Where the store fails, or the folder cannot be made or read.
    pub(crate) async fn start(
        settings: &RecordingSettings,
        store: Store,
        ledger: Ledger,
        sources: Vec<Source>,
        stop: impl Fn(&Take, RecordingEnd) + Send + Sync + 'static,
    ) -> anyhow::Result<(Arc<Recorder>, Vec<JoinHandle<()>>)> {
        folder::make(&settings.folder).context("making the folder of recordings")?;
        close_lost(settings, &store).await?;
        let folder = settings.folder.clone();
        let space = Arc::new(Space::new(folder.clone(), settings.free_bytes));
        let shared =
            Shared { folder: folder.clone(), space: Arc::clone(&space), ledger, stop: Box::new(stop) };
        let shared = Arc::new(shared);
        let (jobs, receiver) = mpsc::channel::<Job>();
        let syncer = Syncer { jobs: receiver, folder, space, ledger: shared.ledger.clone() };
        let (mut threads, mut ended) = (Vec::new(), Vec::new());
        for (index, source) in sources.into_iter().enumerate() {
            let (sender, receiver) = mpsc::channel();
            let thread = RecorderThread::new(Arc::clone(&shared), source, receiver, jobs.clone());
            let builder = std::thread::Builder::new().name(format!("recorder-{index}"));
            threads.push(builder.spawn(move || thread.run())?);
            ended.push(sender);
        }
        drop(jobs);
        let builder = std::thread::Builder::new().name("recorder-sync".to_owned());
        threads.push(builder.spawn(move || syncer.run())?);
        Ok((Arc::new(Recorder { store, shared, days: settings.days, ended }), threads))
    }

    /// A new recording's id; `None` where the disk is too full for one.
    pub(crate) fn new_recording(&self) -> Option<RecordingId> {
        (!self.shared.space.is_low()).then(|| RecordingId(Uuid::now_v7()))
    }

    /// The engine is done with a recording, which has so many ticks.
    pub(crate) fn ended(&self, recording: RecordingId, ticks: u64, end: RecordingEnd) {
        for thread in &self.ended {
            // A thread that has ended has closed all that it had.
            let _ = thread.send(Ended { recording, ticks, end });
        }
    }

    /// Removes what is too old, now and then every hour, for as long as the server runs.
    pub(crate) async fn keep_tidy(self: Arc<Self>, now: impl Fn() -> UnixMs + Send) {
        let mut hours = tokio::time::interval(Duration::from_millis(RECORDING_SWEEP_MS));
        loop {
            hours.tick().await;
            if let Err(error) = self.tidy(now()).await {
                tracing::error!(%error, "old recordings cannot be removed");
            }
        }
    }

    async fn tidy(&self, now: UnixMs) -> anyhow::Result<()> {
        if let Some(days) = self.days {
            let old = self.store.forget_recordings(now.saturating_sub(days * DAY_MS)).await?;
            if !old.is_empty() {
                tracing::info!(count = old.len(), days, "old recordings are removed");
            }
            self.remove_files(old).await;
        }
        let known = self.store.recording_ids().await?;
        let folder = self.shared.folder.clone();
        tokio::task::spawn_blocking(move || folder::sweep(&folder, &known)).await??;
        Ok(())
    }

    async fn remove_files(&self, ids: Vec<RecordingId>) {
        let folder = self.shared.folder.clone();
        let removed = tokio::task::spawn_blocking(move || folder::remove(&folder, &ids)).await;
        if let Err(error) = removed {
            tracing::error!(%error, "recordings' files cannot be removed");
        }
    }
}

/// Closes the recordings and the conferences that a crash ended.
async fn close_lost(settings: &RecordingSettings, store: &Store) -> anyhow::Result<()> {
    for id in store.running_recordings().await? {
        let path = folder::path(&settings.folder, id);
        let (end, sound) = match tokio::task::spawn_blocking(move || recover::close(&path)).await? {
            Ok(sound) => (RecordingEnd::Crash, sound),
            Err(error) => {
                tracing::error!(recording = %id, %error, "a recording that was cut off cannot be read");
                (RecordingEnd::Failed, RecordedSound::default())
            }
        };
        tracing::info!(recording = %id, length_ms = sound.length_ms, "a recording that was cut off is closed");
        store.recording_ended(id, end, sound).await?;
    }
    Ok(store.end_lost_conferences().await?)
}

#[async_trait]
impl app::Recordings for Recorder {
    fn is_space_low(&self) -> bool {
        self.shared.space.is_low()
    }

    fn days(&self) -> Option<u64> {
        self.days
    }

    async fn remove(&self, owner: &OwnerAccess, id: RecordingId) -> Result<bool, StoreError> {
        let removed = self.store.remove_recording(owner, id).await?;
        if removed {
            self.remove_files(vec![id]).await;
        }
        Ok(removed)
    }

    fn file(&self, id: RecordingId) -> PathBuf {
        self.shared.path(id)
    }
}
