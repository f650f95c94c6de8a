//! Passwords: their rule, and their argon2id hashes.

use crate::{Store, StoreError, random};
use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use model::limits::PASSWORD_CHARS;
use std::fmt;
use std::str::FromStr;

/// A password of an allowed length, as its owner typed it.
#[derive(Clone)]
pub struct Password(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    #[error("a password has at least {} characters", PASSWORD_CHARS.start())]
    TooShort,
    #[error("a password has at most {} characters", PASSWORD_CHARS.end())]
    TooLong,
}

impl Password {
    /// A password of 100 random bits, in four groups that can be read out: `k3m9x-0c2vq-…`.
    ///
    /// # Errors
    /// [`StoreError::Random`] where the operating system gives no randomness.
    pub fn generate() -> Result<Password, StoreError> {
        let token = random::token::<13>()?;
        Ok(Password(format!("{}-{}-{}-{}", &token[..5], &token[5..10], &token[10..15], &token[15..20])))
    }

    /// The password itself, to show it once to the person it was made for.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for Password {
    type Err = PasswordError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let chars = s.chars().count();
        if chars < *PASSWORD_CHARS.start() {
            return Err(PasswordError::TooShort);
        }
        if chars > *PASSWORD_CHARS.end() {
            return Err(PasswordError::TooLong);
        }
        Ok(Password(s.to_owned()))
    }
}

/// A password does not belong in a log.
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// The hash of nobody's password, with the costs of all others: an unknown login takes as long as a known one.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$d6ZbIAfDMQ5GjhhFZXQnBg$hgUTqeJa2K5ZgSEQWzCYdy7FUYWvK4IcDYp9aF0sBa4";

impl Store {
    pub(crate) async fn hash_password(&self, password: Password) -> Result<String, StoreError> {
        let salt = random::bytes::<16>()?;
        self.hashing(move || {
            let hash: PasswordHash =
                Argon2::default().hash_password_with_salt(password.0.as_bytes(), &salt)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// `hash`: that of the account, or `None` where there is none; then the answer is no, and takes as long.
    pub(crate) async fn verify_password(
        &self,
        hash: Option<String>,
        password: &str,
    ) -> Result<bool, StoreError> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| NOBODY.to_owned());
        let password = password.to_owned();
        self.hashing(move || {
            let right = Argon2::default().verify_password(password.as_bytes(), &PasswordHash::new(&hash)?);
            match right {
                Ok(()) => Ok(known),
                Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
                Err(error) => Err(error),
            }
        })
        .await
    }

    /// On a blocking thread, a few at once: a hash takes 19 MiB and tens of milliseconds of a core that also mixes.
    async fn hashing<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, argon2::password_hash::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        // Nobody closes the semaphore. The permit goes along, so that a request that is given up does not free it early.
        let permit = self.hashing.clone().acquire_owned().await.ok();
        let task = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(permit);
            result
        });
        let result = task.await.map_err(|error| StoreError::Hash(error.to_string()))?;
        result.map_err(|error| StoreError::Hash(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_counted_in_characters() {
        assert_eq!("é".repeat(9).parse::<Password>().unwrap_err(), PasswordError::TooShort);
        assert!("é".repeat(10).parse::<Password>().is_ok());
        assert!("é".repeat(200).parse::<Password>().is_ok());
        assert_eq!("é".repeat(201).parse::<Password>().unwrap_err(), PasswordError::TooLong);
    }

    #[test]
    fn a_generated_password_is_allowed_and_new_each_time() {
        let (one, two) = (Password::generate().unwrap(), Password::generate().unwrap());
        assert!(one.reveal().parse::<Password>().is_ok());
        assert_eq!(one.reveal().split('-').map(str::len).collect::<Vec<_>>(), [5, 5, 5, 5]);
        assert_ne!(one.reveal(), two.reveal());
        assert_eq!(format!("{one:?}"), "Password(…)");
    }

    #[tokio::test]
    async fn nobodys_hash_costs_what_all_others_cost() {
        let store = Store::in_memory().await.unwrap();
        let hash = store.hash_password("correct horse".parse().unwrap()).await.unwrap();
        let shape = |phc: &str| {
            let hash = PasswordHash::new(phc).unwrap();
            let lengths = (hash.salt.unwrap().len(), hash.hash.unwrap().len());
            (hash.algorithm.to_string(), hash.version, hash.params.to_string(), lengths)
        };
        assert_eq!(shape(NOBODY), shape(&hash));
        assert!(!store.verify_password(None, "correct horse").await.unwrap());
    }

    #[tokio::test]
    async fn the_same_password_has_another_hash_each_time() {
        let store = Store::in_memory().await.unwrap();
        let password: Password = "correct horse".parse().unwrap();
        let one = store.hash_password(password.clone()).await.unwrap();
        let two = store.hash_password(password).await.unwrap();
        assert_ne!(one, two);
        assert!(store.verify_password(Some(one), "correct horse").await.unwrap());
        assert!(!store.verify_password(Some(two), "correct horsf").await.unwrap());
    }
}
