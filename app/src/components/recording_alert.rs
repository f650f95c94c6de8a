//! What an owner has to know of recordings that cannot be made.

use crate::i18n::td_string;
use crate::pages::app::visitor;
use crate::server::Panel;
use leptos::prelude::*;

/// Nothing, unless the room's conferences are to be recorded and there is no space for it.
#[component]
pub fn RecordingAlert(wanted: bool) -> impl IntoView {
    let locale = visitor().locale();
    let full = wanted && expect_context::<Panel>().recordings.is_space_low();
    full.then(|| view! { <p class="notice danger" role="alert">{td_string!(locale, room.no_space)}</p> })
}
