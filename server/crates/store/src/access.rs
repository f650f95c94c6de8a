//! Rights as types. A value exists only if the store gave it: no code can act on a room by knowing its number.

use crate::{Account, Actor, Room};
use model::{AccountId, Pin};

/// May see a room's live state.
#[derive(Clone, Debug)]
pub struct FollowAccess {
    room: Room,
}

/// May see a room's live state, and moderate it.
#[derive(Clone, Debug)]
pub struct ControlAccess {
    room: Room,
    actor: Actor,
}

/// May see and change a room's settings and addresses, and all that a moderator may.
#[derive(Clone, Debug)]
pub struct OwnerAccess {
    room: Room,
    account: AccountId,
}

/// May speak a room's announcement: has typed its control PIN in a call.
#[derive(Clone, Debug)]
pub struct ControlPinAccess {
    room: Room,
}

/// May see what concerns the whole server: the lines on which calls come in.
#[derive(Clone, Debug)]
pub struct OperatorAccess(());

impl OperatorAccess {
    pub(crate) fn new() -> Self {
        OperatorAccess(())
    }
}

impl FollowAccess {
    pub(crate) fn new(room: Room) -> Self {
        FollowAccess { room }
    }

    pub fn room(&self) -> &Room {
        &self.room
    }
}

impl ControlAccess {
    pub(crate) fn new(room: Room) -> Self {
        ControlAccess { room, actor: Actor::ControlAddress }
    }

    pub fn room(&self) -> &Room {
        &self.room
    }

    /// Who moderates, for the audit.
    pub fn actor(&self) -> Actor {
        self.actor
    }

    /// The lesser right that this one holds.
    pub fn follow(&self) -> FollowAccess {
        FollowAccess { room: self.room.clone() }
    }
}

impl ControlPinAccess {
    /// `None` where it is not, or not any more, the room's control PIN.
    pub(crate) fn new(room: Room, typed: &Pin) -> Option<Self> {
        let known = room.settings.control_pin.as_ref().is_some_and(|pin| pin.matches(typed.as_str()));
        known.then_some(ControlPinAccess { room })
    }

    pub fn room(&self) -> &Room {
        &self.room
    }

    /// Who acts, for the audit.
    pub fn actor(&self) -> Actor {
        Actor::Phone
    }
}

impl OwnerAccess {
    /// `None` where the room is somebody else's.
    pub(crate) fn new(room: Room, account: &Account) -> Option<Self> {
        (room.account == account.id).then_some(OwnerAccess { account: account.id, room })
    }

    pub fn room(&self) -> &Room {
        &self.room
    }

    pub fn account(&self) -> AccountId {
        self.account
    }

    /// Who acts, for the audit.
    pub fn actor(&self) -> Actor {
        Actor::Account(self.account)
    }

    /// The lesser rights that this one holds.
    pub fn control(&self) -> ControlAccess {
        ControlAccess { room: self.room.clone(), actor: self.actor() }
    }

    pub fn follow(&self) -> FollowAccess {
        FollowAccess { room: self.room.clone() }
    }
}
