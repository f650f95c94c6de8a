//! What an owner has to know of those who try PINs.

use crate::i18n::td_string;
use crate::pages::app::visitor;
use crate::server::Panel;
use leptos::prelude::*;
use model::RoomId;

/// Nothing, unless many wrong PINs were typed in the last hour.
#[component]
pub fn PinAlert(room: RoomId) -> impl IntoView {
    let locale = visitor().locale();
    expect_context::<Panel>().live.pin_alert(room).map(|alert| {
        let text = td_string!(locale, room.wrong_pins, count = alert.wrong, callers = alert.callers);
        view! { <p class="notice warn" role="alert">{text}</p> }
    })
}
