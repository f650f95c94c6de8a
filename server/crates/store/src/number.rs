//! Numbers, and the rooms they lead to. A number has one room; the schema has room numbers, of which all are 0.

use crate::{
    Account, AddressKind, ControlPinAccess, OwnerAccess, Store, StoreError, UnixMs, address, from_db, random,
    to_db,
};
use model::limits::{DESCRIPTION_CHARS, NUMBERS_PER_ACCOUNT};
use model::{AccountId, Language, PhoneNumber, Pin, RoomId, RoomSettings};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    pub id: RoomId,
    /// As its owner wrote it, with or without `+`.
    pub number: PhoneNumber,
    pub account: AccountId,
    pub description: String,
    pub settings: RoomSettings,
    /// Grows by one with each save.
    pub version: i64,
    pub created: UnixMs,
}

/// Settings were saved, and are obeyed by the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The room's version from now on.
    pub version: i64,
}

/// The columns of a room, then the rest of the statement.
macro_rules! select_room {
    ($rest:literal) => {
        concat!(
            "SELECT r.id, n.number, n.account_id, n.description, r.language, r.pin, r.control_pin, r.enter_muted, ",
            "r.anonymous_rejection, r.chimes, r.announce_file, r.recording, r.version, r.created FROM rooms r ",
            "JOIN numbers n ON n.digits = r.digits ",
            $rest
        )
    };
}
pub(crate) use select_room;

impl Store {
    /// Gives the account a number, with a room and both its addresses.
    ///
    /// # Errors
    /// [`StoreError::NumberTaken`], with or without `+`; [`StoreError::TooMany`]; [`StoreError::NoAccount`];
    /// [`StoreError::Description`]; [`StoreError::SamePins`].
    pub async fn add_number(
        &self,
        now: UnixMs,
        number: PhoneNumber,
        account: AccountId,
        description: &str,
        settings: RoomSettings,
    ) -> Result<Room, StoreError> {
        let description = parse_description(description)?;
        check(&settings)?;
        let id = RoomId(random::id(now)?);
        let mut transaction = self.write().await?;
        may_be_added(&mut transaction, &number, account).await?;
        sqlx::query(
            "INSERT INTO numbers (digits, number, account_id, description, created) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(digits(&number))
        .bind(number.as_str())
        .bind(account.0)
        .bind(&description)
        .bind(to_db(now))
        .execute(&mut *transaction)
        .await?;
        sqlx::query(
            "INSERT INTO rooms (id, digits, language, pin, control_pin, enter_muted, anonymous_rejection, \
             chimes, announce_file, recording, created) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(id.0)
        .bind(digits(&number))
        .bind(settings.language.code())
        .bind(settings.pin.as_ref().map(Pin::as_str))
        .bind(settings.control_pin.as_ref().map(Pin::as_str))
        .bind(settings.enter_muted)
        .bind(settings.anonymous_rejection)
        .bind(settings.chimes)
        .bind(settings.announce_file)
        .bind(settings.recording)
        .bind(to_db(now))
        .execute(&mut *transaction)
        .await?;
        for kind in AddressKind::ALL {
            address::renew(&mut transaction, now, id, kind).await?;
        }
        transaction.commit().await?;
        Ok(Room { id, number, account, description, settings, version: 1, created: now })
    }

    /// The rooms of one account, by number.
    pub async fn rooms_of(&self, account: AccountId) -> Result<Vec<Room>, StoreError> {
        let query = sqlx::query(select_room!("WHERE n.account_id = ? ORDER BY n.digits, r.room_number"));
        let rows = query.bind(account.0).fetch_all(&self.readers).await?;
        rows.iter().map(room_from).collect()
    }

    /// The rooms of all accounts, by number.
    pub async fn all_rooms(&self) -> Result<Vec<Room>, StoreError> {
        let query = sqlx::query(select_room!("ORDER BY n.digits, r.room_number"));
        let rows = query.fetch_all(&self.readers).await?;
        rows.iter().map(room_from).collect()
    }

    /// The languages in which any room speaks.
    pub async fn languages_spoken(&self) -> Result<Vec<Language>, StoreError> {
        let query = sqlx::query_scalar("SELECT DISTINCT language FROM rooms ORDER BY language");
        let codes: Vec<String> = query.fetch_all(&self.readers).await?;
        let parse = |code: String| code.parse().map_err(|_| StoreError::Damaged("a room's language"));
        codes.into_iter().map(parse).collect()
    }

    /// What a call to `number` leads to. A leading `+` makes no difference: trunks write it, or not.
    pub async fn dial(&self, number: &PhoneNumber) -> Result<Option<Room>, StoreError> {
        let mut connection = self.readers.acquire().await?;
        room_of_number(&mut connection, number).await
    }

    /// The account's right to a room of its own; `None` where the number is unknown or somebody else's.
    pub async fn room_for_owner(
        &self,
        account: &Account,
        number: &PhoneNumber,
    ) -> Result<Option<OwnerAccess>, StoreError> {
        Ok(self.dial(number).await?.and_then(|room| OwnerAccess::new(room, account)))
    }

    /// The right of a member of this room's who typed `pin` to speak the announcement, if it is the control PIN.
    pub async fn room_by_control_pin(
        &self,
        room: RoomId,
        pin: &Pin,
    ) -> Result<Option<ControlPinAccess>, StoreError> {
        let room = room_of_id(&mut *self.readers.acquire().await?, room).await?;
        Ok(room.and_then(|room| ControlPinAccess::new(room, pin)))
    }

    /// Saves what a page shows. `expected_version`: that of the room when the page read it.
    ///
    /// # Errors
    /// [`StoreError::Stale`], and nothing is saved, where somebody else saved meanwhile or the number changed hands;
    /// [`StoreError::Description`]; [`StoreError::SamePins`].
    pub async fn save_settings(
        &self,
        access: &OwnerAccess,
        expected_version: i64,
        description: &str,
        settings: &RoomSettings,
    ) -> Result<Saved, StoreError> {
        let description = parse_description(description)?;
        check(settings)?;
        let mut transaction = self.write().await?;
        let current = still_owned(&mut transaction, access).await?;
        let current = current.filter(|room| room.version == expected_version);
        let Some(mut room) = current else { return Err(StoreError::Stale) };
        room.description = description;
        room.settings = settings.clone();
        let version = update(&mut transaction, &room).await?;
        transaction.commit().await?;
        Ok(Saved { version })
    }

    /// Turns the room's announcement on or off, whatever else is saved meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Stale`] where the number changed hands.
    pub async fn set_announce_file(&self, access: &OwnerAccess, on: bool) -> Result<Saved, StoreError> {
        let mut transaction = self.write().await?;
        let mut room = still_owned(&mut transaction, access).await?.ok_or(StoreError::Stale)?;
        if room.settings.announce_file == on {
            return Ok(Saved { version: room.version });
        }
        room.settings.announce_file = on;
        let version = update(&mut transaction, &room).await?;
        transaction.commit().await?;
        Ok(Saved { version })
    }

    /// Changes a room's description and settings by hand: whatever else `change` changes is not kept. `None` where the
    /// number is unknown.
    ///
    /// # Errors
    /// [`StoreError::Description`] or [`StoreError::SamePins`], and nothing is saved.
    pub async fn set_number(
        &self,
        number: &PhoneNumber,
        change: impl FnOnce(&mut Room) + Send,
    ) -> Result<Option<Room>, StoreError> {
        let mut transaction = self.write().await?;
        let Some(before) = room_of_number(&mut transaction, number).await? else { return Ok(None) };
        let mut wanted = before.clone();
        change(&mut wanted);
        let description = parse_description(&wanted.description)?;
        check(&wanted.settings)?;
        let mut room = Room { description, settings: wanted.settings, ..before };
        room.version = update(&mut transaction, &room).await?;
        transaction.commit().await?;
        Ok(Some(room))
    }
}

/// The number as it is looked up.
fn digits(number: &PhoneNumber) -> &str {
    number.as_str().trim_start_matches('+')
}

async fn may_be_added(
    connection: &mut SqliteConnection,
    number: &PhoneNumber,
    account: AccountId,
) -> Result<(), StoreError> {
    let exists = sqlx::query_scalar::<_, bool>("SELECT EXISTS (SELECT 1 FROM accounts WHERE id = ?)");
    if !exists.bind(account.0).fetch_one(&mut *connection).await? {
        return Err(StoreError::NoAccount);
    }
    let taken = sqlx::query_scalar::<_, bool>("SELECT EXISTS (SELECT 1 FROM numbers WHERE digits = ?)");
    if taken.bind(digits(number)).fetch_one(&mut *connection).await? {
        return Err(StoreError::NumberTaken);
    }
    let count = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM numbers WHERE account_id = ?");
    let count = count.bind(account.0).fetch_one(connection).await?;
    if usize::try_from(count).unwrap_or(usize::MAX) >= NUMBERS_PER_ACCOUNT {
        return Err(StoreError::TooMany);
    }
    Ok(())
}

/// The room as it is now, if it is still the account's that was given the right.
pub(crate) async fn still_owned(
    connection: &mut SqliteConnection,
    access: &OwnerAccess,
) -> Result<Option<Room>, StoreError> {
    let room = room_of_number(connection, &access.room().number).await?;
    Ok(room.filter(|room| room.id == access.room().id && room.account == access.account()))
}

async fn room_of_number(
    connection: &mut SqliteConnection,
    number: &PhoneNumber,
) -> Result<Option<Room>, StoreError> {
    let query = sqlx::query(select_room!("WHERE r.digits = ? AND r.room_number = 0")).bind(digits(number));
    query.fetch_optional(connection).await?.as_ref().map(room_from).transpose()
}

/// The room as it is now, if its control PIN is still the one that was typed.
pub(crate) async fn still_controlled(
    connection: &mut SqliteConnection,
    access: &ControlPinAccess,
) -> Result<Option<Room>, StoreError> {
    let room = room_of_id(connection, access.room().id).await?;
    Ok(room.filter(|room| room.settings.control_pin == access.room().settings.control_pin))
}

async fn room_of_id(connection: &mut SqliteConnection, room: RoomId) -> Result<Option<Room>, StoreError> {
    let query = sqlx::query(select_room!("WHERE r.id = ?")).bind(room.0);
    query.fetch_optional(connection).await?.as_ref().map(room_from).transpose()
}

/// Writes the description and the settings, and returns the version that they have then.
async fn update(connection: &mut SqliteConnection, room: &Room) -> Result<i64, StoreError> {
    let version = sqlx::query_scalar::<_, i64>(
        "UPDATE rooms SET language = ?, pin = ?, control_pin = ?, enter_muted = ?, anonymous_rejection = ?, \
         chimes = ?, announce_file = ?, recording = ?, version = version + 1 WHERE id = ? RETURNING version",
    )
    .bind(room.settings.language.code())
    .bind(room.settings.pin.as_ref().map(Pin::as_str))
    .bind(room.settings.control_pin.as_ref().map(Pin::as_str))
    .bind(room.settings.enter_muted)
    .bind(room.settings.anonymous_rejection)
    .bind(room.settings.chimes)
    .bind(room.settings.announce_file)
    .bind(room.settings.recording)
    .bind(room.id.0)
    .fetch_one(&mut *connection)
    .await?;
    sqlx::query("UPDATE numbers SET description = ? WHERE digits = ?")
        .bind(&room.description)
        .bind(digits(&room.number))
        .execute(connection)
        .await?;
    Ok(version)
}

pub(crate) fn room_from(row: &SqliteRow) -> Result<Room, StoreError> {
    let number: String = row.try_get("number")?;
    let language: String = row.try_get("language")?;
    let pin = |column| match row.try_get::<Option<String>, _>(column)? {
        Some(digits) => Ok(Some(digits.parse().map_err(|_| StoreError::Damaged("a room's PIN"))?)),
        None => Ok::<_, StoreError>(None),
    };
    Ok(Room {
        id: RoomId(row.try_get::<Uuid, _>("id")?),
        number: number.parse().map_err(|_| StoreError::Damaged("a number"))?,
        account: AccountId(row.try_get::<Uuid, _>("account_id")?),
        description: row.try_get("description")?,
        settings: RoomSettings {
            language: language.parse().map_err(|_| StoreError::Damaged("a room's language"))?,
            pin: pin("pin")?,
            control_pin: pin("control_pin")?,
            enter_muted: row.try_get("enter_muted")?,
            anonymous_rejection: row.try_get("anonymous_rejection")?,
            chimes: row.try_get("chimes")?,
            announce_file: row.try_get("announce_file")?,
            recording: row.try_get("recording")?,
        },
        version: row.try_get("version")?,
        created: from_db(row.try_get("created")?),
    })
}

fn check(settings: &RoomSettings) -> Result<(), StoreError> {
    if settings.pins_differ() { Ok(()) } else { Err(StoreError::SamePins) }
}

fn parse_description(s: &str) -> Result<String, StoreError> {
    let s = s.trim();
    if s.chars().count() > DESCRIPTION_CHARS || s.chars().any(char::is_control) {
        return Err(StoreError::Description);
    }
    Ok(s.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NewAccount;

    #[tokio::test]
    async fn an_account_has_its_fill_of_numbers_at_some_point() {
        let store = Store::in_memory().await.unwrap();
        let new = NewAccount {
            nic: None,
            email: "a@b".parse().unwrap(),
            password: "correct horse".parse().unwrap(),
            language: Language::Fr,
        };
        let account = store.create_account(1, new).await.unwrap();
        sqlx::query(
            "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ?) INSERT INTO numbers \
             (digits, number, account_id, description, created) SELECT i + 100000, i + 100000, ?, '', 0 FROM n",
        )
        .bind(i64::try_from(NUMBERS_PER_ACCOUNT - 1).unwrap())
        .bind(account.id.0)
        .execute(&store.writer)
        .await
        .unwrap();
        let add = |number: &str| {
            store.add_number(1, number.parse().unwrap(), account.id, "", RoomSettings::default())
        };
        assert!(add("3000").await.is_ok());
        assert!(matches!(add("3001").await, Err(StoreError::TooMany)));
        assert!(matches!(add("3000").await, Err(StoreError::NumberTaken)));
    }
}
