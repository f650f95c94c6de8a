//! Everything that is kept, behind one layer: accounts, sessions, numbers and their rooms, public addresses.
//!
//! One SQLite file. Several processes may have it open at once: the command line works beside a running server, and
//! what it saves is obeyed by the very next call. Time is passed in; randomness is the operating system's.
//!
//! Rights are types: an [`OwnerAccess`], [`FollowAccess`] or [`ControlAccess`] exists only if the store gave it to
//! somebody who may have it.

mod access;
mod account;
mod address;
mod announcement;
mod audit;
mod conference;
mod error;
mod number;
mod password;
mod random;
mod recording;
mod session;
mod setup;

pub use access::{ControlAccess, ControlPinAccess, FollowAccess, OperatorAccess, OwnerAccess};
pub use account::{Account, NewAccount};
pub use address::{AddressKind, Addresses};
pub use announcement::{Announcement, NewAnnouncement};
pub use audit::{Actor, AuditRow};
pub use error::StoreError;
pub use model::live::UnixMs;
pub use number::{Room, Saved};
pub use password::{Password, PasswordError};
pub use recording::{NewRecording, RecordedSound, Recording, RecordingState};
pub use session::SessionToken;
pub use setup::SetupToken;

use model::AnnouncementId;
use model::limits::PASSWORD_HASHES_AT_ONCE;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection, Sqlite, SqliteConnection, Transaction};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

static MIGRATOR: Migrator = sqlx::migrate!("../../../migrations");

/// How long a statement waits for another process's write before it fails.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// SQLite reads in parallel; more connections than this only cost memory.
const READERS: u32 = 4;

/// The database. Clones share its connections.
#[derive(Clone)]
pub struct Store {
    readers: SqlitePool,
    /// One connection: SQLite has one writer at a time anyway, and here they queue fairly instead of polling the lock.
    writer: SqlitePool,
    hashing: Arc<Semaphore>,
}

impl Store {
    /// Opens the database at `path`, makes it (and its folder) where there is none, and brings its schema up to date.
    /// What it makes is readable by its user only.
    ///
    /// # Errors
    /// [`StoreError::File`] where the file or folder cannot be made; [`StoreError::Newer`] where a newer version of
    /// the program made it; [`StoreError::Database`] where it is not a database, or another process holds it locked.
    pub async fn open(path: &Path) -> Result<Store, StoreError> {
        let file = path.to_owned();
        let created = tokio::task::spawn_blocking(move || create_private(&file)).await;
        let lock = created
            .unwrap_or_else(|stopped| Err(std::io::Error::other(stopped)))
            .map_err(|source| StoreError::File { path: path.display().to_string(), source })?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let writer = lasting_pool(1).connect_with(options.clone()).await?;
        migrate(&writer).await?;
        drop(lock);
        let readers = lasting_pool(READERS).connect_lazy_with(options.pragma("query_only", "1"));
        Ok(Store::over(readers, writer))
    }

    /// A database of its own that lives as long as this value: for tests.
    ///
    /// # Errors
    /// [`StoreError::Database`] where SQLite fails.
    pub async fn in_memory() -> Result<Store, StoreError> {
        let options = SqliteConnectOptions::new().in_memory(true).foreign_keys(true);
        let pool = lasting_pool(1).connect_with(options).await?;
        migrate(&pool).await?;
        Ok(Store::over(pool.clone(), pool))
    }

    fn over(readers: SqlitePool, writer: SqlitePool) -> Store {
        Store { readers, writer, hashing: Arc::new(Semaphore::new(PASSWORD_HASHES_AT_ONCE)) }
    }

    /// Closes all connections, those of the clones too; the last one writes the log back into the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Writes a copy of the database, as of one moment, to a new `file`, readable by its user only. Calls go on.
    ///
    /// # Errors
    /// [`StoreError::BackupExists`] where there is a file of this name; it is left as it is. [`StoreError::File`] or
    /// [`StoreError::Database`] where it cannot be written; then nothing is left of it.
    pub async fn backup(&self, file: &Path) -> Result<(), StoreError> {
        let failed = |source| StoreError::File { path: file.display().to_string(), source };
        let name = file.to_str().ok_or_else(|| failed(std::io::ErrorKind::InvalidFilename.into()))?;
        private_file().create_new(true).open(file).map_err(|source| match source.kind() {
            std::io::ErrorKind::AlreadyExists => StoreError::BackupExists(file.display().to_string()),
            _ => failed(source),
        })?;
        let written = self.vacuum_into(name).await;
        if written.is_err() {
            // The reason is in `written`; a second failure would say nothing more.
            let _ = std::fs::remove_file(file);
        }
        written
    }

    async fn vacuum_into(&self, name: &str) -> Result<(), StoreError> {
        // Not among the readers: to them, `query_only` forbids it.
        let mut connection = self.writer.acquire().await?;
        sqlx::query("VACUUM INTO ?").bind(name).execute(&mut *connection).await?;
        drop(connection);
        // SQLite does not sync what VACUUM INTO writes.
        let path = name.to_owned();
        let synced = tokio::task::spawn_blocking(move || std::fs::File::open(path)?.sync_all()).await;
        synced
            .unwrap_or_else(|stopped| Err(std::io::Error::other(stopped)))
            .map_err(|source| StoreError::File { path: name.to_owned(), source })
    }

    /// A transaction that will write. `IMMEDIATE` takes the write lock first: what it reads is still true when it
    /// writes, and it waits for its turn instead of failing half-way.
    async fn write(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }
}

/// The announcements that a copy made by [`Store::backup`] names. It stays as it is.
///
/// # Errors
/// [`StoreError::Database`] where it is none.
pub async fn announcements_in_backup(file: &Path) -> Result<Vec<AnnouncementId>, StoreError> {
    let options = SqliteConnectOptions::new().filename(file).read_only(true).immutable(true);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let ids = announcement::ids(&mut connection).await?;
    connection.close().await?;
    Ok(ids)
}

/// Connections that are kept: a database in memory dies with its last one.
fn lasting_pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new().max_connections(connections).idle_timeout(None).max_lifetime(None)
}

/// In one transaction: two processes that start at once would else both find a table missing, and both create it.
async fn migrate(pool: &SqlitePool) -> Result<(), StoreError> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let connection: &mut SqliteConnection = &mut transaction;
    // `run` would ask for more than a future that may move between threads can promise.
    MIGRATOR.run_direct(None, connection, false).await?;
    Ok(transaction.commit().await?)
}

/// Makes the database's file where there is none. PINs and addresses are in it: others on this machine have no business
/// there. SQLite gives the files beside it (`-wal`, `-shm`) the same mode.
///
/// Returns the locked folder: two processes open the database one after the other, because SQLite does not wait for
/// its turn when it turns on the WAL. The lock is not on the file: whoever closes that drops SQLite's own locks on it.
fn create_private(path: &Path) -> std::io::Result<std::fs::File> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)?;
    let lock = std::fs::File::open(folder)?;
    // Where a file system has no locks, one of two first starts at the same instant may be refused: nothing worse.
    let _ = lock.lock();
    match private_file().create_new(true).open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(lock),
    }
}

fn private_file() -> std::fs::OpenOptions {
    let mut options = std::fs::OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Times as SQLite keeps them; the year 292 million is far enough.
fn to_db(time: UnixMs) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX)
}

fn from_db(time: i64) -> UnixMs {
    UnixMs::try_from(time).unwrap_or(0)
}
