//! The first start: whoever reads the one-time link from the server's own output makes the first account.

use crate::account::{any_account, insert_account};
use crate::{Account, NewAccount, Store, StoreError, UnixMs, random, to_db};
use std::fmt;

/// The secret of the set-up link: 160 bits in 32 characters, `0-9a-z`. Only its hash is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct SetupToken(pub String);

/// It does not belong in a log; the link is printed on purpose.
impl fmt::Debug for SetupToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SetupToken(…)")
    }
}

impl Store {
    /// A new set-up token if there is no account yet; the one before it is dead. `None` if there is an account.
    pub async fn ensure_setup_token(&self, now: UnixMs) -> Result<Option<SetupToken>, StoreError> {
        let mut transaction = self.write().await?;
        if any_account(&mut transaction).await? {
            return Ok(None);
        }
        let token = random::token::<20>()?;
        sqlx::query("DELETE FROM setup_tokens").execute(&mut *transaction).await?;
        sqlx::query("INSERT INTO setup_tokens (token_hash, created) VALUES (?, ?)")
            .bind(random::token_hash(&token))
            .bind(to_db(now))
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(Some(SetupToken(token)))
    }

    pub async fn setup_token_is_valid(&self, token: &str) -> Result<bool, StoreError> {
        let valid = sqlx::query_scalar::<_, bool>(
            "SELECT EXISTS (SELECT 1 FROM setup_tokens WHERE token_hash = ?) \
             AND NOT EXISTS (SELECT 1 FROM accounts)",
        );
        Ok(valid.bind(random::token_hash(token)).fetch_one(&self.readers).await?)
    }

    /// Makes the first account. `None` where the token is wrong or used, or another account was first.
    ///
    /// # Errors
    /// [`StoreError::NicShape`]; the token stays good.
    pub async fn redeem_setup_token(
        &self,
        now: UnixMs,
        token: &str,
        new: NewAccount,
    ) -> Result<Option<Account>, StoreError> {
        // Before the costly hash: anybody may ask.
        if !self.setup_token_is_valid(token).await? {
            return Ok(None);
        }
        let hash = self.hash_password(new.password.clone()).await?;
        let mut transaction = self.write().await?;
        let redeem =
            sqlx::query("DELETE FROM setup_tokens WHERE token_hash = ?").bind(random::token_hash(token));
        let redeemed = redeem.execute(&mut *transaction).await?.rows_affected() == 1;
        if !redeemed || any_account(&mut transaction).await? {
            return Ok(None);
        }
        let account = insert_account(&mut transaction, now, new, hash).await?;
        transaction.commit().await?;
        Ok(Some(account))
    }
}
