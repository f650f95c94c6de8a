//! A moderator's orders: by the live page's script, or by its plain forms.

use crate::live::door::Door;
use leptos::prelude::*;
use leptos::server_fn::codec::{Json, JsonEncoding};
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use model::{Action, MemberId, Refusal};
use serde::{Deserialize, Serialize};

/// Why an order was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActError {
    Refused(Refusal),
    /// The address or the session gives no right to it, or no longer.
    NotAllowed,
    /// It did not arrive, or could not be looked at.
    Unreachable,
}

impl FromServerFnError for ActError {
    type Encoder = JsonEncoding;

    /// Whatever goes wrong on the way means the same to who pressed the button.
    fn from_server_fn_error(_: ServerFnErrorErr) -> Self {
        ActError::Unreachable
    }
}

/// The action that a button names; those on a member need one.
pub fn parse(action: &str, member: Option<MemberId>) -> Option<Action> {
    Some(match action {
        "lock" => Action::Lock,
        "unlock" => Action::Unlock,
        "mute" => Action::Mute(member?),
        "unmute" => Action::Unmute(member?),
        "deafen" => Action::Deafen(member?),
        "undeafen" => Action::Undeafen(member?),
        "expel" => Action::Expel(member?),
        _ => return None,
    })
}

/// Done when the live state shows it: `Ok` says only that the engine has it.
///
/// # Errors
/// [`ActError`]; nothing was done then.
#[server(prefix = "/panel", endpoint = "act", input = Json)]
pub async fn act(door: Door, action: Action) -> Result<(), ActError> {
    let (Some(panel), Some(parts)) =
        (use_context::<crate::server::Panel>(), use_context::<axum::http::request::Parts>())
    else {
        return Err(ActError::Unreachable);
    };
    perform(&panel, &parts.headers, &door, action).await
}

/// The order itself: capability, engine, audit row.
#[cfg(feature = "ssr")]
pub(crate) async fn perform(
    panel: &crate::server::Panel,
    headers: &axum::http::HeaderMap,
    door: &Door,
    action: Action,
) -> Result<(), ActError> {
    use super::capability::Moderator;
    let moderator = Moderator::at(panel, headers, door).await.map_err(|error| {
        tracing::error!(%error, "the store could not say who may act");
        ActError::Unreachable
    })?;
    let moderator = moderator.ok_or(ActError::NotAllowed)?;
    moderator.act(panel, action).await.map_err(ActError::Refused)
}

#[cfg(feature = "ssr")]
pub(crate) use forms::{by_control_form, by_owner_form};

#[cfg(feature = "ssr")]
mod forms {
    use super::{ActError, parse, perform};
    use crate::live::door::Door;
    use crate::server::render::{Host, page_with, see_other};
    use axum::Form;
    use axum::extract::{Path, State};
    use axum::http::request::Parts;
    use axum::response::Response;
    use leptos::prelude::provide_context;
    use model::MemberId;
    use serde::Deserialize;

    #[derive(Deserialize)]
    pub(crate) struct Pressed {
        action: String,
        member: Option<MemberId>,
    }

    /// A control page's button, without script.
    pub(crate) async fn by_control_form(
        State(host): State<Host>,
        Path(token): Path<String>,
        parts: Parts,
        Form(pressed): Form<Pressed>,
    ) -> Response {
        by_form(&host, &parts, Door::Control(token), &pressed).await
    }

    /// A button of the owner's live page, without script.
    pub(crate) async fn by_owner_form(
        State(host): State<Host>,
        Path(number): Path<String>,
        parts: Parts,
        Form(pressed): Form<Pressed>,
    ) -> Response {
        by_form(&host, &parts, Door::Owner(number), &pressed).await
    }

    async fn by_form(host: &Host, parts: &Parts, door: Door, pressed: &Pressed) -> Response {
        let done = match parse(&pressed.action, pressed.member) {
            Some(action) => perform(&host.panel, &parts.headers, &door, action).await,
            None => Err(ActError::Unreachable),
        };
        match done {
            Ok(()) => see_other(&door.page_path()),
            Err(error) => page_with(host, parts, move || provide_context(error)).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_on_a_member_needs_one() {
        assert_eq!(parse("mute", Some(MemberId(3))), Some(Action::Mute(MemberId(3))));
        assert_eq!(parse("expel", None), None);
        assert_eq!(parse("lock", None), Some(Action::Lock));
        assert_eq!(parse("sing", Some(MemberId(3))), None);
    }
}
