//! The public addresses of a room: whoever knows the token may follow, or control.

use crate::number::{room_from, select_room};
use crate::{ControlAccess, FollowAccess, Room, Store, StoreError, UnixMs, random, to_db};
use model::RoomId;
use sqlx::{Row, SqliteConnection};

/// What an address allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressKind {
    /// To see who is in and who talks.
    Follow,
    /// To moderate too.
    Control,
}

impl AddressKind {
    pub const ALL: [AddressKind; 2] = [AddressKind::Follow, AddressKind::Control];

    /// The first part of the address's path, and the kind's name in the database.
    pub fn name(self) -> &'static str {
        match self {
            AddressKind::Follow => "follow",
            AddressKind::Control => "control",
        }
    }
}

/// The tokens of a room's addresses: 160 bits in 32 characters, `0-9a-z`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Addresses {
    pub follow: Option<String>,
    pub control: Option<String>,
}

impl Addresses {
    pub fn token(&self, kind: AddressKind) -> Option<&str> {
        match kind {
            AddressKind::Follow => self.follow.as_deref(),
            AddressKind::Control => self.control.as_deref(),
        }
    }
}

/// Tokens do not belong in a log.
impl std::fmt::Debug for Addresses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (follow, control) = (self.follow.is_some(), self.control.is_some());
        f.debug_struct("Addresses").field("follow", &follow).field("control", &control).finish()
    }
}

impl Store {
    /// The right that the follow address with this token gives. A control token is none: it opens its own address.
    pub async fn follow_access(&self, token: &str) -> Result<Option<FollowAccess>, StoreError> {
        Ok(self.room_of_token(AddressKind::Follow, token).await?.map(FollowAccess::new))
    }

    /// The right that the control address with this token gives.
    pub async fn control_access(&self, token: &str) -> Result<Option<ControlAccess>, StoreError> {
        Ok(self.room_of_token(AddressKind::Control, token).await?.map(ControlAccess::new))
    }

    pub async fn addresses(&self, room: RoomId) -> Result<Addresses, StoreError> {
        let query = sqlx::query("SELECT kind, token FROM addresses WHERE room_id = ?").bind(room.0);
        let mut addresses = Addresses::default();
        for row in query.fetch_all(&self.readers).await? {
            let token = row.try_get("token")?;
            match row.try_get("kind")? {
                "follow" => addresses.follow = token,
                "control" => addresses.control = token,
                _ => return Err(StoreError::Damaged("an address's kind")),
            }
        }
        Ok(addresses)
    }

    /// Makes an address, or makes it anew: the token before it opens nothing any more.
    ///
    /// # Errors
    /// [`StoreError::NoRoom`].
    pub async fn renew_address(
        &self,
        now: UnixMs,
        room: RoomId,
        kind: AddressKind,
    ) -> Result<String, StoreError> {
        let mut connection = self.writer.acquire().await?;
        renew(&mut connection, now, room, kind).await
    }

    /// Takes an address away, if there is one.
    pub async fn delete_address(&self, room: RoomId, kind: AddressKind) -> Result<(), StoreError> {
        let query = sqlx::query("DELETE FROM addresses WHERE room_id = ? AND kind = ?");
        query.bind(room.0).bind(kind.name()).execute(&self.writer).await?;
        Ok(())
    }

    async fn room_of_token(&self, kind: AddressKind, token: &str) -> Result<Option<Room>, StoreError> {
        let query = sqlx::query(select_room!(
            "JOIN addresses t ON t.room_id = r.id WHERE t.token_hash = ? AND t.kind = ?"
        ));
        let query = query.bind(random::token_hash(token)).bind(kind.name());
        query.fetch_optional(&self.readers).await?.as_ref().map(room_from).transpose()
    }
}

pub(crate) async fn renew(
    connection: &mut SqliteConnection,
    now: UnixMs,
    room: RoomId,
    kind: AddressKind,
) -> Result<String, StoreError> {
    let token = random::token::<20>()?;
    let query = sqlx::query(
        "INSERT INTO addresses (token_hash, token, room_id, kind, created) \
         SELECT ?, ?, id, ?, ? FROM rooms WHERE id = ? \
         ON CONFLICT (room_id, kind) DO UPDATE SET \
         token_hash = excluded.token_hash, token = excluded.token, created = excluded.created",
    );
    let query =
        query.bind(random::token_hash(&token)).bind(&token).bind(kind.name()).bind(to_db(now)).bind(room.0);
    if query.execute(connection).await?.rows_affected() == 0 {
        return Err(StoreError::NoRoom);
    }
    Ok(token)
}
