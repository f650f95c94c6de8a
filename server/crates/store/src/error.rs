//! Why the store refused or failed, in words that may be shown to a person.

use crate::PasswordError;
use model::limits;
use sqlx::migrate::MigrateError;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("there is already an account with this e-mail address")]
    EmailTaken,
    #[error("there is already an account with this NIC handle")]
    NicTaken,
    #[error(
        "a NIC handle has {} to {} characters: a to z, 0 to 9, and hyphens between them",
        limits::NIC_CHARS.start(),
        limits::NIC_CHARS.end()
    )]
    NicShape,
    #[error("there is no such account")]
    NoAccount,
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error("this number is in use already")]
    NumberTaken,
    #[error("an account has at most {} numbers", limits::NUMBERS_PER_ACCOUNT)]
    TooMany,
    #[error("a description has at most {} characters, in one line", limits::DESCRIPTION_CHARS)]
    Description,
    #[error("the control PIN must differ from the PIN")]
    SamePins,
    #[error("there is no such room")]
    NoRoom,
    #[error("these settings were changed meanwhile; look at them again before saving")]
    Stale,
    #[error("there is already a file {0}; it was left as it is")]
    BackupExists(String),
    #[error("the file {path} cannot be used: {source}")]
    File { path: String, source: std::io::Error },
    #[error("the database was made by a newer version of this program; use that one, or a backup")]
    Newer,
    #[error("the database could not be brought up to date: {0}")]
    Migration(MigrateError),
    #[error("the database holds a value that is not understood: {0}")]
    Damaged(&'static str),
    #[error("the operating system gave no randomness: {0}")]
    Random(#[from] rand::rngs::SysError),
    #[error("a password could not be hashed: {0}")]
    Hash(String),
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            // A migration that was applied and that this program does not know.
            MigrateError::VersionMissing(_) => StoreError::Newer,
            MigrateError::Execute(error) => StoreError::Database(error),
            other => StoreError::Migration(other),
        }
    }
}
