//! Who may do what to which room: found out once, at the door, and passed on as a value.

use crate::live::door::Door;
use crate::server::{Panel, cookie};
use axum::http::HeaderMap;
use model::{Action, PhoneNumber};
use store::{Account, ControlAccess, OwnerAccess, StoreError};

/// The account that is logged in.
pub(crate) async fn account(panel: &Panel, headers: &HeaderMap) -> Result<Option<Account>, StoreError> {
    match cookie::session_token(headers) {
        Some(token) => panel.store.session(panel.live.now(), token).await,
        None => Ok(None),
    }
}

/// The owner's right to the room behind `number`, as a path has it. `None`: nobody is logged in, or the number is
/// unknown or somebody else's; which of these is nobody's business.
pub(crate) async fn owner(
    panel: &Panel,
    account: Option<&Account>,
    number: &str,
) -> Result<Option<OwnerAccess>, StoreError> {
    match (account, number.parse::<PhoneNumber>()) {
        (Some(account), Ok(number)) => panel.store.room_for_owner(account, &number).await,
        _ => Ok(None),
    }
}

/// May moderate one room.
pub(crate) struct Moderator(ControlAccess);

impl Moderator {
    pub(crate) async fn at(
        panel: &Panel,
        headers: &HeaderMap,
        door: &Door,
    ) -> Result<Option<Moderator>, StoreError> {
        let access = match door {
            Door::Follow(_) => None,
            Door::Control(token) => panel.store.control_access(token).await?,
            Door::Owner(number) => {
                let account = account(panel, headers).await?;
                owner(panel, account.as_ref(), number).await?.map(|owner| owner.control())
            }
        };
        Ok(access.map(Moderator))
    }

    /// Hands the order to the engine, and keeps a row of it.
    pub(crate) async fn act(&self, panel: &Panel, action: Action) -> Result<(), model::Refusal> {
        let room = self.0.room().id;
        // Looked at before: who is expelled may be gone after.
        let caller =
            action.member().and_then(|id| panel.live.live(room).member(id).map(|m| m.number.clone()));
        panel.live.act(room, action)?;
        let (now, actor, what) = (panel.live.now(), self.0.actor(), name(action));
        let row = panel.store.audit(now, room, actor, what, action.member(), caller.as_deref());
        if let Err(error) = row.await {
            // The order is done: it is the row that is missing, not the deed.
            tracing::error!(%error, what, "an audit row was lost");
        }
        Ok(())
    }
}

fn name(action: Action) -> &'static str {
    match action {
        Action::Lock => "lock",
        Action::Unlock => "unlock",
        Action::Mute(_) => "mute",
        Action::Unmute(_) => "unmute",
        Action::Deafen(_) => "deafen",
        Action::Undeafen(_) => "undeafen",
        Action::Energy { .. } => "energy",
        Action::Expel(_) => "expel",
    }
}
