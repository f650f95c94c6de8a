//! The thread that writes recordings through to the disk, once a second. A slow disk keeps nobody else waiting.

use super::space::Space;
use super::track::SharedFile;
use crate::ledger::{Entry, Ledger};
use model::limits::RECORDING_SYNC_MS;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

pub(super) enum Job {
    /// A file was made.
    Watch(Arc<SharedFile>),
    /// All is written: what is to be said of it once it is on the disk.
    Finish { file: Arc<SharedFile>, entry: Entry },
}

pub(super) struct Syncer {
    pub(super) jobs: Receiver<Job>,
    pub(super) folder: PathBuf,
    pub(super) space: Arc<Space>,
    pub(super) ledger: Ledger,
}

impl Syncer {
    /// Runs until the last recorder has ended.
    pub(super) fn run(self) {
        let every = Duration::from_millis(RECORDING_SYNC_MS);
        let mut files: Vec<Weak<SharedFile>> = Vec::new();
        let mut next = Instant::now() + every;
        loop {
            match self.jobs.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(Job::Watch(file)) => {
                    files.push(Arc::downgrade(&file));
                    // The file's name is the folder's.
                    told(std::fs::File::open(&self.folder).and_then(|folder| folder.sync_all()));
                }
                Ok(Job::Finish { file, entry }) => {
                    told(file.sync());
                    self.ledger.write_blocking(entry);
                }
                Err(RecvTimeoutError::Timeout) => {
                    files.retain(|file| file.upgrade().map(|file| told(file.sync())).is_some());
                    self.space.look();
                    next = Instant::now() + every;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }
}

fn told(synced: std::io::Result<()>) {
    if let Err(error) = synced {
        tracing::error!(%error, "a recording cannot be written through to the disk");
    }
}
