//! What is known of a room's announcement. The sound itself is a file of the server's, named by the announcement's id.

use crate::number::{still_controlled, still_owned};
use crate::{ControlPinAccess, OwnerAccess, Room, Store, StoreError, UnixMs, from_db, random, to_db};
use model::{AccountId, AnnouncementId, FileName, RoomId};
use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    pub id: AnnouncementId,
    /// What its owner called the file.
    pub name: FileName,
    pub length_ms: u64,
    /// Of the file as it was uploaded.
    pub bytes: u64,
    /// The loudest of each of as many equal parts, 0 to 255.
    pub wave: Vec<u8>,
    pub uploaded: UnixMs,
    /// The owner at that time.
    pub by: AccountId,
}

/// An announcement before it is kept.
#[derive(Clone, Debug)]
pub struct NewAnnouncement {
    pub id: AnnouncementId,
    pub name: FileName,
    pub length_ms: u64,
    pub bytes: u64,
    pub wave: Vec<u8>,
}

impl Store {
    /// An id that no other announcement has.
    ///
    /// # Errors
    /// [`StoreError::Random`] where the operating system gives no randomness.
    pub fn new_announcement_id(&self, now: UnixMs) -> Result<AnnouncementId, StoreError> {
        Ok(AnnouncementId(random::id(now)?))
    }

    /// The room's announcement, whether or not its option is on.
    pub async fn announcement(&self, room: RoomId) -> Result<Option<Announcement>, StoreError> {
        let query = sqlx::query(
            "SELECT id, name, length_ms, bytes, wave, uploaded, account_id FROM announcements WHERE room_id = ?",
        );
        let Some(row) = query.bind(room.0).fetch_optional(&self.readers).await? else { return Ok(None) };
        Ok(Some(Announcement {
            id: AnnouncementId(row.try_get::<Uuid, _>("id")?),
            name: FileName::of(row.try_get("name")?),
            length_ms: from_db(row.try_get("length_ms")?),
            bytes: from_db(row.try_get("bytes")?),
            wave: row.try_get("wave")?,
            uploaded: from_db(row.try_get("uploaded")?),
            by: AccountId(row.try_get::<Uuid, _>("account_id")?),
        }))
    }

    /// Puts the room's announcement in the place of the one before, whose id is returned.
    ///
    /// # Errors
    /// [`StoreError::Stale`], and nothing is changed, where the number changed hands.
    pub async fn set_announcement(
        &self,
        access: &OwnerAccess,
        now: UnixMs,
        new: &NewAnnouncement,
    ) -> Result<Option<AnnouncementId>, StoreError> {
        let mut transaction = self.write().await?;
        let room = still_owned(&mut transaction, access).await?.ok_or(StoreError::Stale)?;
        let before = put(&mut transaction, &room, now, new).await?;
        transaction.commit().await?;
        Ok(before)
    }

    /// The same of what was spoken by telephone.
    ///
    /// # Errors
    /// [`StoreError::Stale`], and nothing is changed, where the control PIN was changed meanwhile.
    pub async fn set_spoken_announcement(
        &self,
        access: &ControlPinAccess,
        now: UnixMs,
        new: &NewAnnouncement,
    ) -> Result<Option<AnnouncementId>, StoreError> {
        let mut transaction = self.write().await?;
        let room = still_controlled(&mut transaction, access).await?.ok_or(StoreError::Stale)?;
        let before = put(&mut transaction, &room, now, new).await?;
        transaction.commit().await?;
        Ok(before)
    }

    /// Takes the room's announcement away; returns its id, if there was one.
    ///
    /// # Errors
    /// [`StoreError::Stale`], and nothing is changed, where the number changed hands.
    pub async fn remove_announcement(
        &self,
        access: &OwnerAccess,
    ) -> Result<Option<AnnouncementId>, StoreError> {
        let mut transaction = self.write().await?;
        still_owned(&mut transaction, access).await?.ok_or(StoreError::Stale)?;
        let before = take(&mut transaction, access.room().id).await?;
        transaction.commit().await?;
        Ok(before)
    }

    /// The announcements of all rooms.
    pub async fn announcement_ids(&self) -> Result<Vec<AnnouncementId>, StoreError> {
        ids(&mut *self.readers.acquire().await?).await
    }
}

pub(crate) async fn ids(connection: &mut SqliteConnection) -> Result<Vec<AnnouncementId>, StoreError> {
    let ids = sqlx::query_scalar::<_, Uuid>("SELECT id FROM announcements");
    Ok(ids.fetch_all(connection).await?.into_iter().map(AnnouncementId).collect())
}

async fn put(
    connection: &mut SqliteConnection,
    room: &Room,
    now: UnixMs,
    new: &NewAnnouncement,
) -> Result<Option<AnnouncementId>, StoreError> {
    let before = take(&mut *connection, room.id).await?;
    sqlx::query(
        "INSERT INTO announcements (room_id, id, name, length_ms, bytes, wave, uploaded, account_id) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(room.id.0)
    .bind(new.id.0)
    .bind(new.name.as_str())
    .bind(to_db(new.length_ms))
    .bind(to_db(new.bytes))
    .bind(&new.wave)
    .bind(to_db(now))
    .bind(room.account.0)
    .execute(connection)
    .await?;
    Ok(before)
}

async fn take(connection: &mut SqliteConnection, room: RoomId) -> Result<Option<AnnouncementId>, StoreError> {
    let taken = sqlx::query_scalar::<_, Uuid>("DELETE FROM announcements WHERE room_id = ? RETURNING id");
    Ok(taken.bind(room.0).fetch_optional(connection).await?.map(AnnouncementId))
}
