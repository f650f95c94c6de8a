//! Who is logged in.

use crate::account::account_from;
use crate::{Account, Store, StoreError, UnixMs, from_db, random, to_db};
use model::AccountId;
use model::limits::{SESSION_MS, SESSIONS_PER_ACCOUNT};
use sqlx::Row;
use std::fmt;

/// The least time between two writes that put a session's end off.
const SLIDE_MS: u64 = 60 * 60 * 1_000;

/// The secret of a session, for the browser's cookie: 256 bits in 52 characters, `0-9a-z`. Only its hash is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken(pub String);

/// It does not belong in a log.
impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

impl Store {
    /// Begins a session, and forgets those that have ended. Past the limit the account's oldest is ended.
    pub async fn create_session(&self, now: UnixMs, account: AccountId) -> Result<SessionToken, StoreError> {
        let token = random::token::<32>()?;
        let mut transaction = self.write().await?;
        let ended = sqlx::query("DELETE FROM sessions WHERE expires <= ?").bind(to_db(now));
        ended.execute(&mut *transaction).await?;
        sqlx::query(
            "DELETE FROM sessions WHERE token_hash IN (SELECT token_hash FROM sessions WHERE account_id = ? \
             ORDER BY expires DESC LIMIT -1 OFFSET ?)",
        )
        .bind(account.0)
        .bind(i64::try_from(SESSIONS_PER_ACCOUNT - 1).unwrap_or(i64::MAX))
        .execute(&mut *transaction)
        .await?;
        let insert = sqlx::query(
            "INSERT INTO sessions (token_hash, account_id, created, expires) SELECT ?, id, ?, ? FROM accounts WHERE id = ?",
        )
        .bind(random::token_hash(&token))
        .bind(to_db(now))
        .bind(to_db(now + SESSION_MS))
        .bind(account.0);
        if insert.execute(&mut *transaction).await?.rows_affected() == 0 {
            return Err(StoreError::NoAccount);
        }
        transaction.commit().await?;
        Ok(SessionToken(token))
    }

    /// The account that is logged in by `token`. A session that is used does not end; one that is not, ends after
    /// [`SESSION_MS`].
    pub async fn session(&self, now: UnixMs, token: &str) -> Result<Option<Account>, StoreError> {
        let hash = random::token_hash(token);
        let row = sqlx::query(
            "SELECT a.id, a.nic, a.email, a.language, a.created, s.expires FROM sessions s \
             JOIN accounts a ON a.id = s.account_id WHERE s.token_hash = ? AND s.expires > ?",
        )
        .bind(&hash)
        .bind(to_db(now))
        .fetch_optional(&self.readers)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let wanted = now + SESSION_MS;
        if from_db(row.try_get("expires")?) + SLIDE_MS <= wanted {
            let slide = sqlx::query("UPDATE sessions SET expires = ? WHERE token_hash = ?");
            slide.bind(to_db(wanted)).bind(&hash).execute(&self.writer).await?;
        }
        account_from(&row).map(Some)
    }

    pub async fn end_session(&self, token: &str) -> Result<(), StoreError> {
        let end = sqlx::query("DELETE FROM sessions WHERE token_hash = ?").bind(random::token_hash(token));
        end.execute(&self.writer).await?;
        Ok(())
    }
}
