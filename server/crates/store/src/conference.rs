//! Conferences, from their first member to their last: rows as they happen.

use crate::{Store, StoreError, UnixMs, from_db, to_db};
use model::{ConferenceId, RoomId};
use sqlx::SqliteConnection;

impl Store {
    /// A conference has begun. Told twice, it is kept once.
    ///
    /// # Errors
    /// [`StoreError::NoRoom`] where the room was removed meanwhile.
    pub async fn conference_began(
        &self,
        conference: ConferenceId,
        room: RoomId,
        began: UnixMs,
    ) -> Result<(), StoreError> {
        let mut transaction = self.write().await?;
        keep(&mut transaction, conference, room, began).await?;
        Ok(transaction.commit().await?)
    }

    /// Its last member has left. Of a conference that is not known, nothing is kept.
    pub async fn conference_ended(&self, conference: ConferenceId, ended: UnixMs) -> Result<(), StoreError> {
        let update = sqlx::query("UPDATE conferences SET ended = ? WHERE id = ? AND ended IS NULL");
        update.bind(to_db(ended)).bind(conference.0).execute(&self.writer).await?;
        Ok(())
    }

    /// When it ended; `None` while it goes on, or where it is not known.
    pub async fn conference_end(&self, conference: ConferenceId) -> Result<Option<UnixMs>, StoreError> {
        let query = sqlx::query_scalar::<_, Option<i64>>("SELECT ended FROM conferences WHERE id = ?");
        let ended = query.bind(conference.0).fetch_optional(&self.readers).await?;
        Ok(ended.flatten().map(from_db))
    }

    /// Ends all that go on, when the server stops.
    pub async fn end_conferences(&self, ended: UnixMs) -> Result<(), StoreError> {
        let update = sqlx::query("UPDATE conferences SET ended = max(began, ?) WHERE ended IS NULL");
        update.bind(to_db(ended)).execute(&self.writer).await?;
        Ok(())
    }

    /// Ends all that a crash has ended, at the last moment that is known of them: where a recording ends, or else where the
    /// conference began. To be called at the start, after the recordings were closed.
    pub async fn end_lost_conferences(&self) -> Result<(), StoreError> {
        let update = sqlx::query(
            "UPDATE conferences SET ended = max(began, coalesce((SELECT max(r.began + r.length_ms) \
             FROM recordings r WHERE r.conference_id = conferences.id), 0)) WHERE ended IS NULL",
        );
        update.execute(&self.writer).await?;
        Ok(())
    }
}

pub(crate) async fn keep(
    connection: &mut SqliteConnection,
    conference: ConferenceId,
    room: RoomId,
    began: UnixMs,
) -> Result<(), StoreError> {
    let exists = sqlx::query_scalar::<_, bool>("SELECT EXISTS (SELECT 1 FROM rooms WHERE id = ?)");
    if !exists.bind(room.0).fetch_one(&mut *connection).await? {
        return Err(StoreError::NoRoom);
    }
    let insert = sqlx::query(
        "INSERT INTO conferences (id, room_id, began) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING",
    );
    insert.bind(conference.0).bind(room.0).bind(to_db(began)).execute(connection).await?;
    Ok(())
}
