//! How much is free on the disk of the recordings.

use model::limits::RECORDING_LAST_PART;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// As it was looked at last.
pub(super) struct Space {
    folder: PathBuf,
    /// Bytes free below which no recording begins.
    wanted: u64,
    free: AtomicU64,
}

impl Space {
    pub(super) fn new(folder: PathBuf, wanted: u64) -> Space {
        let space = Space { folder, wanted, free: AtomicU64::new(u64::MAX) };
        space.look();
        space
    }

    /// Asks the system, and says in the log what has changed.
    pub(super) fn look(&self) {
        let was_low = self.is_low();
        match free_bytes(&self.folder) {
            Ok(free) => self.free.store(free, Ordering::Relaxed),
            Err(error) => tracing::warn!(%error, "how much is free for recordings is not known"),
        }
        match (was_low, self.is_low()) {
            (false, true) => {
                let (free_mb, wanted_mb) = (self.free() / 1_000_000, self.wanted / 1_000_000);
                tracing::error!(free_mb, wanted_mb, "the disk is nearly full: no recording begins");
            }
            (true, false) => tracing::info!("there is space for recordings again"),
            _ => {}
        }
    }

    fn free(&self) -> u64 {
        self.free.load(Ordering::Relaxed)
    }

    /// No recording begins.
    pub(super) fn is_low(&self) -> bool {
        self.free() < self.wanted
    }

    /// Those that run are ended, while their last pages still find a place.
    pub(super) fn is_out(&self) -> bool {
        self.free() < self.wanted / RECORDING_LAST_PART
    }
}

/// Bytes that whoever is not root may still write to the disk of `folder`.
pub(crate) fn free_bytes(folder: &Path) -> std::io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_ones_go_on_where_no_new_one_begins() {
        let folder = tempfile::tempdir().unwrap();
        let space = Space::new(folder.path().to_owned(), 0);
        assert!(!space.is_low() && free_bytes(folder.path()).unwrap() > 0);
        let space = Space { wanted: 1_000, ..space };
        for (free, low, out) in
            [(1_000, false, false), (999, true, false), (250, true, false), (249, true, true)]
        {
            space.free.store(free, Ordering::Relaxed);
            assert_eq!((space.is_low(), space.is_out()), (low, out), "{free}");
        }
    }
}
