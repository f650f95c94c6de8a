//! The live view, as all three of its pages show it.

use super::app::visitor;
use crate::api::act::ActError;
use crate::components::live_room::{LiveRoom, RoomCard};
use crate::i18n::td_string;
use crate::live::door::Door;
use crate::live::wire::Start;
use crate::server::Panel;
use crate::server::render::status;
use axum::http::StatusCode;
use leptos::prelude::*;
use store::Room;

/// `children` stand under the head.
#[component]
pub(crate) fn LiveView(
    room: Room,
    door: Door,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    let panel = expect_context::<Panel>();
    let language = visitor().language;
    let problem = use_context::<ActError>();
    match problem {
        Some(ActError::NotAllowed) => status(StatusCode::FORBIDDEN),
        Some(_) => status(StatusCode::CONFLICT),
        None => {}
    }
    let card = RoomCard {
        number: room.number.grouped(),
        description: room.description,
        pin: room.settings.pin.map(|pin| pin.as_str().to_owned()).unwrap_or_default(),
        dial: format!("sip:{}@{}", room.number, panel.sip_hint),
    };
    view! {
        <noscript>
            <p class="notice">{td_string!(visitor().locale(), live.no_script)}</p>
        </noscript>
        <LiveRoom language door card live=Start(panel.live.live(room.id)) now=panel.live.now() problem>
            {children.map(|children| children())}
        </LiveRoom>
    }
}
