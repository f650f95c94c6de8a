//! Who did what to a room, and when.

use crate::{Store, StoreError, UnixMs, from_db, to_db};
use model::limits::{AUDIT_ROWS_PER_ROOM, CALLER_CHARS};
use model::{AccountId, MemberId, RoomId};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

/// Who acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    Account(AccountId),
    /// Whoever opened the room's control address.
    ControlAddress,
    /// Whoever has a shell on the server.
    Cli,
    /// Whoever typed the room's control PIN in a call.
    Phone,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    pub at: UnixMs,
    pub actor: Actor,
    /// What was done, by the action's name: `mute`, `lock`.
    pub what: String,
    /// Whom it was done to, and that member's calling number.
    pub member: Option<MemberId>,
    pub caller: Option<String>,
}

/// How often, in rows, the oldest are looked for and forgotten.
const PRUNE_EVERY: i64 = 256;

impl Store {
    /// Keeps a row. Past [`AUDIT_ROWS_PER_ROOM`] (and a few) a room's oldest are forgotten.
    pub async fn audit(
        &self,
        now: UnixMs,
        room: RoomId,
        actor: Actor,
        what: &str,
        member: Option<MemberId>,
        caller: Option<&str>,
    ) -> Result<(), StoreError> {
        let (actor, account) = match actor {
            Actor::Account(account) => ("account", Some(account.0)),
            Actor::ControlAddress => ("control", None),
            Actor::Cli => ("cli", None),
            Actor::Phone => ("phone", None),
        };
        let mut transaction = self.write().await?;
        let insert = sqlx::query(
            "INSERT INTO audit (at, room_id, actor, account_id, what, member, caller) \
             SELECT ?, id, ?, ?, ?, ?, ? FROM rooms WHERE id = ?",
        );
        let insert = insert
            .bind(to_db(now))
            .bind(actor)
            .bind(account)
            .bind(cut(what))
            .bind(member.map(|id| to_db(id.0)))
            .bind(caller.map(cut))
            .bind(room.0);
        let inserted = insert.execute(&mut *transaction).await?;
        if inserted.rows_affected() == 0 {
            return Err(StoreError::NoRoom);
        }
        if inserted.last_insert_rowid() % PRUNE_EVERY == 0 {
            let prune = sqlx::query(
                "DELETE FROM audit WHERE room_id = ?1 AND id <= \
                 (SELECT id FROM audit WHERE room_id = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
            );
            let kept = i64::try_from(AUDIT_ROWS_PER_ROOM).unwrap_or(i64::MAX);
            prune.bind(room.0).bind(kept).execute(&mut *transaction).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// The latest rows of a room, the last one first.
    pub async fn audit_rows(&self, room: RoomId, limit: usize) -> Result<Vec<AuditRow>, StoreError> {
        let query = sqlx::query(
            "SELECT at, actor, account_id, what, member, caller FROM audit WHERE room_id = ? \
             ORDER BY id DESC LIMIT ?",
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = query.bind(room.0).bind(limit).fetch_all(&self.readers).await?;
        rows.iter().map(row_from).collect()
    }
}

fn row_from(row: &SqliteRow) -> Result<AuditRow, StoreError> {
    let account: Option<Uuid> = row.try_get("account_id")?;
    let actor = match (row.try_get("actor")?, account) {
        ("account", Some(account)) => Actor::Account(AccountId(account)),
        ("control", None) => Actor::ControlAddress,
        ("cli", None) => Actor::Cli,
        ("phone", None) => Actor::Phone,
        _ => return Err(StoreError::Damaged("an audit row's actor")),
    };
    let member: Option<i64> = row.try_get("member")?;
    Ok(AuditRow {
        at: from_db(row.try_get("at")?),
        actor,
        what: row.try_get("what")?,
        member: member.map(|id| MemberId(from_db(id))),
        caller: row.try_get("caller")?,
    })
}

fn cut(s: &str) -> &str {
    s.char_indices().nth(CALLER_CHARS).map_or(s, |(end, _)| &s[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NewAccount, Room};
    use model::{Language, RoomSettings};

    async fn room(store: &Store, number: &str, email: &str) -> Room {
        let new = NewAccount {
            nic: None,
            email: email.parse().unwrap(),
            password: "correct horse".parse().unwrap(),
            language: Language::Fr,
        };
        let account = store.create_account(1, new).await.unwrap();
        store.add_number(1, number.parse().unwrap(), account.id, "", RoomSettings::default()).await.unwrap()
    }

    #[tokio::test]
    async fn forgets_the_oldest_of_this_room_only() {
        let store = Store::in_memory().await.unwrap();
        let (busy, quiet) = (room(&store, "3000", "a@b").await, room(&store, "3001", "b@b").await);
        store.audit(1, quiet.id, Actor::Cli, "lock", None, None).await.unwrap();
        let full = i64::try_from(AUDIT_ROWS_PER_ROOM).unwrap();
        sqlx::query(
            "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ?) \
             INSERT INTO audit (at, room_id, actor, what) SELECT i, ?, 'cli', 'lock' FROM n",
        )
        .bind(full)
        .bind(busy.id.0)
        .execute(&store.writer)
        .await
        .unwrap();
        for at in 0..u64::try_from(PRUNE_EVERY).unwrap() {
            store.audit(20_000 + at, busy.id, Actor::Cli, "unlock", None, None).await.unwrap();
        }
        let rows = store.audit_rows(busy.id, usize::MAX).await.unwrap();
        let limits = AUDIT_ROWS_PER_ROOM..AUDIT_ROWS_PER_ROOM + usize::try_from(PRUNE_EVERY).unwrap();
        assert!(limits.contains(&rows.len()), "{}", rows.len());
        assert_eq!(rows[0].at, 20_000 + 255);
        assert!(rows.last().unwrap().at > 1);
        assert_eq!(store.audit_rows(quiet.id, 10).await.unwrap().len(), 1);
    }
}
