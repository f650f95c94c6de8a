//! Who owns numbers.

use crate::{OperatorAccess, Password, Store, StoreError, UnixMs, from_db, random, to_db};
use model::limits::NIC_CHARS;
use model::{AccountId, EmailAddress, Language};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    /// The handle by which the API knows the account: lower case, never with an `@`.
    pub nic: String,
    pub email: EmailAddress,
    /// That of the panel.
    pub language: Language,
    pub created: UnixMs,
}

#[derive(Clone, Debug)]
pub struct NewAccount {
    /// `None`: one is made from the e-mail address.
    pub nic: Option<String>,
    pub email: EmailAddress,
    pub password: Password,
    pub language: Language,
}

/// The columns of an account, then the rest of the statement.
macro_rules! select_account {
    ($rest:literal) => {
        concat!("SELECT a.id, a.nic, a.email, a.language, a.created, a.password_hash FROM accounts a ", $rest)
    };
}

impl Store {
    /// Makes an account. The link of the first start, if it was not used yet, is dead from then on.
    ///
    /// # Errors
    /// [`StoreError::EmailTaken`], [`StoreError::NicTaken`], [`StoreError::NicShape`].
    pub async fn create_account(&self, now: UnixMs, new: NewAccount) -> Result<Account, StoreError> {
        let hash = self.hash_password(new.password.clone()).await?;
        let mut transaction = self.write().await?;
        let account = insert_account(&mut transaction, now, new, hash).await?;
        transaction.commit().await?;
        Ok(account)
    }

    /// The account whose e-mail address or NIC handle is `login`, if `password` is its password.
    ///
    /// Takes as long for an unknown login as for a wrong password.
    pub async fn authenticate(&self, login: &str, password: &str) -> Result<Option<Account>, StoreError> {
        let found = match login.trim().parse::<EmailAddress>() {
            Ok(email) => self.find_account(select_account!("WHERE a.email = ?"), email.as_str()).await?,
            Err(_) => match parse_nic(login) {
                Ok(nic) => self.find_account(select_account!("WHERE a.nic = ?"), &nic).await?,
                Err(_) => None,
            },
        };
        let (account, hash) = found.unzip();
        let right = self.verify_password(hash, password).await?;
        Ok(account.filter(|_| right))
    }

    pub async fn account_by_email(&self, email: &EmailAddress) -> Result<Option<Account>, StoreError> {
        let found = self.find_account(select_account!("WHERE a.email = ?"), email.as_str()).await?;
        Ok(found.map(|(account, _)| account))
    }

    pub async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        let row = sqlx::query(select_account!("WHERE a.id = ?")).bind(id.0).fetch_optional(&self.readers);
        row.await?.as_ref().map(account_from).transpose()
    }

    /// The operator's right, for the account that was made first: its maker had the link that the server printed, or
    /// the command line. All others own numbers, and the server is not theirs.
    pub async fn operator(&self, account: &Account) -> Result<Option<OperatorAccess>, StoreError> {
        let first = sqlx::query_scalar::<_, Uuid>("SELECT id FROM accounts ORDER BY created, id LIMIT 1");
        let first = first.fetch_optional(&self.readers).await?;
        Ok((first == Some(account.id.0)).then(OperatorAccess::new))
    }

    pub async fn has_accounts(&self) -> Result<bool, StoreError> {
        let mut connection = self.readers.acquire().await?;
        any_account(&mut connection).await
    }

    /// Sets a new password and ends all sessions of the account: whoever changes it because it leaked means just that.
    ///
    /// # Errors
    /// [`StoreError::NoAccount`].
    pub async fn set_password(&self, id: AccountId, password: Password) -> Result<(), StoreError> {
        let hash = self.hash_password(password).await?;
        let mut transaction = self.write().await?;
        let update = sqlx::query("UPDATE accounts SET password_hash = ? WHERE id = ?").bind(hash).bind(id.0);
        if update.execute(&mut *transaction).await?.rows_affected() == 0 {
            return Err(StoreError::NoAccount);
        }
        let end = sqlx::query("DELETE FROM sessions WHERE account_id = ?").bind(id.0);
        end.execute(&mut *transaction).await?;
        Ok(transaction.commit().await?)
    }

    async fn find_account(
        &self,
        query: &'static str,
        key: &str,
    ) -> Result<Option<(Account, String)>, StoreError> {
        let row = sqlx::query(query).bind(key).fetch_optional(&self.readers).await?;
        row.map(|row| Ok((account_from(&row)?, row.try_get("password_hash")?))).transpose()
    }
}

pub(crate) fn account_from(row: &SqliteRow) -> Result<Account, StoreError> {
    let email: String = row.try_get("email")?;
    let language: String = row.try_get("language")?;
    Ok(Account {
        id: AccountId(row.try_get::<Uuid, _>("id")?),
        nic: row.try_get("nic")?,
        email: email.parse().map_err(|_| StoreError::Damaged("an account's e-mail address"))?,
        language: language.parse().map_err(|_| StoreError::Damaged("an account's language"))?,
        created: from_db(row.try_get("created")?),
    })
}

pub(crate) async fn any_account(connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    let any = sqlx::query_scalar::<_, bool>("SELECT EXISTS (SELECT 1 FROM accounts)");
    Ok(any.fetch_one(connection).await?)
}

/// Inside a transaction that holds the write lock: what is free when it looks is free when it inserts.
pub(crate) async fn insert_account(
    connection: &mut SqliteConnection,
    now: UnixMs,
    new: NewAccount,
    password_hash: String,
) -> Result<Account, StoreError> {
    let email_taken = sqlx::query_scalar::<_, bool>("SELECT EXISTS (SELECT 1 FROM accounts WHERE email = ?)");
    if email_taken.bind(new.email.as_str()).fetch_one(&mut *connection).await? {
        return Err(StoreError::EmailTaken);
    }
    let nic = match &new.nic {
        Some(wanted) => {
            let nic = parse_nic(wanted)?;
            if nic_taken(connection, &nic).await? {
                return Err(StoreError::NicTaken);
            }
            nic
        }
        None => free_nic(connection, &new.email).await?,
    };
    let account = Account {
        id: AccountId(random::id(now)?),
        nic,
        email: new.email,
        language: new.language,
        created: now,
    };
    sqlx::query(
        "INSERT INTO accounts (id, nic, email, password_hash, language, created) VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(account.id.0)
    .bind(&account.nic)
    .bind(account.email.as_str())
    .bind(password_hash)
    .bind(account.language.code())
    .bind(to_db(now))
    .execute(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM setup_tokens").execute(connection).await?;
    Ok(account)
}

async fn nic_taken(connection: &mut SqliteConnection, nic: &str) -> Result<bool, StoreError> {
    let taken =
        sqlx::query_scalar::<_, bool>("SELECT EXISTS (SELECT 1 FROM accounts WHERE nic = ?)").bind(nic);
    Ok(taken.fetch_one(connection).await?)
}

/// A million handles per pair of initials: a few draws find a free one.
async fn free_nic(connection: &mut SqliteConnection, email: &EmailAddress) -> Result<String, StoreError> {
    for _ in 0..32 {
        let nic = nic_for(email, random::below_a_million()?);
        if !nic_taken(connection, &nic).await? {
            return Ok(nic);
        }
    }
    Err(StoreError::NicTaken)
}

/// Initials, digits, and where it is from: `cd004711-conf` for claire.dupont@….
fn nic_for(email: &EmailAddress, number: u32) -> String {
    let local = email.as_str().split('@').next().unwrap_or_default();
    let letters = |word: &str| word.chars().filter(char::is_ascii_lowercase).collect::<String>();
    let words: Vec<String> =
        local.split(|c: char| !c.is_alphanumeric()).map(letters).filter(|word| !word.is_empty()).collect();
    let initials: String = match words.as_slice() {
        [] => String::new(),
        [only] => only.chars().take(2).collect(),
        [first, .., last] => first.chars().take(1).chain(last.chars().take(1)).collect(),
    };
    format!("{initials:x<2}{number:06}-conf")
}

/// In lower case; the shape keeps it apart from an e-mail address, and fit for a URL's path.
fn parse_nic(s: &str) -> Result<String, StoreError> {
    let nic = s.trim().to_ascii_lowercase();
    let fits = NIC_CHARS.contains(&nic.len())
        && nic.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !nic.starts_with('-')
        && !nic.ends_with('-');
    if fits { Ok(nic) } else { Err(StoreError::NicShape) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_made_from_initials() {
        let nic = |s: &str| nic_for(&s.parse().unwrap(), 4711);
        assert_eq!(nic("Claire.Dupont@exemple.fr"), "cd004711-conf");
        assert_eq!(nic("jean-marie.le.goff@exemple.fr"), "jg004711-conf");
        assert_eq!(nic("claire@exemple.fr"), "cl004711-conf");
        assert_eq!(nic("x@exemple.fr"), "xx004711-conf");
        assert_eq!(nic("елена@exemple.ru"), "xx004711-conf");
        assert!(parse_nic(&nic("42@exemple.fr")).is_ok());
    }

    #[test]
    fn handles_are_fit_for_a_path_and_no_e_mail_address() {
        assert_eq!(parse_nic(" AB12345-ovh ").unwrap(), "ab12345-ovh");
        for s in ["", "a", "-ab", "ab-", "a b", "a@b", "é1", "a/b", &"a".repeat(33)] {
            assert!(matches!(parse_nic(s), Err(StoreError::NicShape)), "{s:?}");
        }
    }
}
