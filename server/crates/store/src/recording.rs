//! What is known of recordings. The sound itself is a file of the server's, named by the recording's id.

use crate::number::still_owned;
use crate::{OwnerAccess, Store, StoreError, UnixMs, conference, from_db, to_db};
use model::limits::HISTORY_ROWS;
use model::{ConferenceId, RecordingEnd, RecordingId, RoomId};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

/// A recording that begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewRecording {
    pub id: RecordingId,
    pub room: RoomId,
    pub conference: ConferenceId,
    /// When the conference began.
    pub since: UnixMs,
    /// When the recording did.
    pub began: UnixMs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recording {
    pub id: RecordingId,
    pub conference: ConferenceId,
    pub began: UnixMs,
    pub state: RecordingState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingState {
    Running,
    Ended { end: RecordingEnd, sound: RecordedSound },
}

/// What a file of sound holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordedSound {
    pub length_ms: u64,
    pub bytes: u64,
    /// Of its length, what is silence in the place of sound that was lost.
    pub gaps_ms: u64,
}

/// The columns of a recording, then the rest of the statement.
macro_rules! select_recording {
    ($rest:literal) => {
        concat!(
            "SELECT r.id, r.conference_id, r.began, r.state, r.length_ms, r.bytes, r.gaps_ms FROM recordings r ",
            "JOIN conferences c ON c.id = r.conference_id ",
            $rest
        )
    };
}

impl Store {
    /// A recording has begun; its conference is kept too, if it was not told yet.
    ///
    /// # Errors
    /// [`StoreError::NoRoom`] where the room was removed meanwhile.
    pub async fn recording_began(&self, new: &NewRecording) -> Result<(), StoreError> {
        let mut transaction = self.write().await?;
        conference::keep(&mut transaction, new.conference, new.room, new.since).await?;
        let insert = sqlx::query(
            "INSERT INTO recordings (id, conference_id, began, state) VALUES (?, ?, ?, 'running')",
        );
        let insert = insert.bind(new.id.0).bind(new.conference.0).bind(to_db(new.began));
        insert.execute(&mut *transaction).await?;
        Ok(transaction.commit().await?)
    }

    /// A recording is over: this is what its file holds.
    pub async fn recording_ended(
        &self,
        id: RecordingId,
        end: RecordingEnd,
        sound: RecordedSound,
    ) -> Result<(), StoreError> {
        let update = sqlx::query(
            "UPDATE recordings SET state = ?, length_ms = ?, bytes = ?, gaps_ms = ? WHERE id = ?",
        );
        let update = update.bind(end.code()).bind(to_db(sound.length_ms)).bind(to_db(sound.bytes));
        update.bind(to_db(sound.gaps_ms)).bind(id.0).execute(&self.writer).await?;
        Ok(())
    }

    /// Those that run: at the start, those that a crash has ended.
    pub async fn running_recordings(&self) -> Result<Vec<RecordingId>, StoreError> {
        let ids = sqlx::query_scalar::<_, Uuid>("SELECT id FROM recordings WHERE state = 'running'");
        Ok(ids.fetch_all(&self.readers).await?.into_iter().map(RecordingId).collect())
    }

    /// All that are kept, those that run too.
    pub async fn recording_ids(&self) -> Result<Vec<RecordingId>, StoreError> {
        let ids = sqlx::query_scalar::<_, Uuid>("SELECT id FROM recordings");
        Ok(ids.fetch_all(&self.readers).await?.into_iter().map(RecordingId).collect())
    }

    /// The recordings of the owner's room, the latest first, [`HISTORY_ROWS`] at most.
    pub async fn recordings(&self, access: &OwnerAccess) -> Result<Vec<Recording>, StoreError> {
        let query =
            sqlx::query(select_recording!("WHERE c.room_id = ? ORDER BY r.began DESC, r.id DESC LIMIT ?"));
        let limit = i64::try_from(HISTORY_ROWS).unwrap_or(i64::MAX);
        let rows = query.bind(access.room().id.0).bind(limit).fetch_all(&self.readers).await?;
        rows.iter().map(recording_from).collect()
    }

    /// One recording of the owner's room; `None` where there is none of this id, or it is of another room.
    pub async fn recording(
        &self,
        access: &OwnerAccess,
        id: RecordingId,
    ) -> Result<Option<Recording>, StoreError> {
        let query = sqlx::query(select_recording!("WHERE c.room_id = ? AND r.id = ?"));
        let row = query.bind(access.room().id.0).bind(id.0).fetch_optional(&self.readers).await?;
        row.as_ref().map(recording_from).transpose()
    }

    /// Forgets a recording of the owner's room. `false`: there is none of this id, or it runs. The file is for the caller to
    /// remove.
    ///
    /// # Errors
    /// [`StoreError::Stale`], and nothing is changed, where the number changed hands.
    pub async fn remove_recording(&self, access: &OwnerAccess, id: RecordingId) -> Result<bool, StoreError> {
        let mut transaction = self.write().await?;
        still_owned(&mut transaction, access).await?.ok_or(StoreError::Stale)?;
        let delete = sqlx::query(
            "DELETE FROM recordings WHERE id = ? AND state <> 'running' \
             AND conference_id IN (SELECT id FROM conferences WHERE room_id = ?)",
        );
        let delete = delete.bind(id.0).bind(access.room().id.0).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(delete.rows_affected() > 0)
    }

    /// Forgets all that began before `before` and do not run; returns them, for their files to be removed.
    pub async fn forget_recordings(&self, before: UnixMs) -> Result<Vec<RecordingId>, StoreError> {
        let delete = sqlx::query_scalar::<_, Uuid>(
            "DELETE FROM recordings WHERE began < ? AND state <> 'running' RETURNING id",
        );
        let ids = delete.bind(to_db(before)).fetch_all(&self.writer).await?;
        Ok(ids.into_iter().map(RecordingId).collect())
    }
}

fn recording_from(row: &SqliteRow) -> Result<Recording, StoreError> {
    let state = match row.try_get("state")? {
        "running" => RecordingState::Running,
        code => RecordingState::Ended {
            end: RecordingEnd::of_code(code).ok_or(StoreError::Damaged("a recording's state"))?,
            sound: RecordedSound {
                length_ms: from_db(row.try_get("length_ms")?),
                bytes: from_db(row.try_get("bytes")?),
                gaps_ms: from_db(row.try_get("gaps_ms")?),
            },
        },
    };
    Ok(Recording {
        id: RecordingId(row.try_get::<Uuid, _>("id")?),
        conference: ConferenceId(row.try_get::<Uuid, _>("conference_id")?),
        began: from_db(row.try_get("began")?),
        state,
    })
}
