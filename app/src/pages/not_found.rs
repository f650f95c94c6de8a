//! Paths that lead nowhere.

use super::app::locale;
use crate::components::frame::{Entrance, Frame};
use crate::components::icon::Icon;
use crate::i18n::td_string;
use crate::server::render::status;
use axum::http::StatusCode;
use leptos::prelude::*;

#[component]
pub(crate) fn NotFound() -> impl IntoView {
    let locale = locale();
    let (title, text) = (td_string!(locale, not_found.title), td_string!(locale, not_found.text));
    view! { <Nothing title text home=true /> }
}

/// A follow or control token that is not, or no longer, good.
#[component]
pub(crate) fn UnknownAddress(entrance: Entrance) -> impl IntoView {
    let locale = locale();
    let title = td_string!(locale, not_found.address_title);
    view! { <Nothing title text=td_string!(locale, not_found.address_text) entrance /> }
}

/// A number that is not this account's.
#[component]
pub(crate) fn UnknownRoom() -> impl IntoView {
    let locale = locale();
    let title = td_string!(locale, room.not_found_title);
    view! { <Nothing title text=td_string!(locale, room.not_found_text) home=true /> }
}

/// The store failed while the page was made.
#[component]
pub(crate) fn Failure() -> impl IntoView {
    let locale = locale();
    status(StatusCode::INTERNAL_SERVER_ERROR);
    let (title, text) = (td_string!(locale, failure.title), td_string!(locale, failure.text));
    view! { <Sorry title text home=true entrance=Entrance::Account /> }
}

#[component]
fn Nothing(
    title: &'static str,
    text: &'static str,
    #[prop(default = Entrance::Account)] entrance: Entrance,
    #[prop(optional)] home: bool,
) -> impl IntoView {
    status(StatusCode::NOT_FOUND);
    view! { <Sorry title text home entrance /> }
}

#[component]
fn Sorry(title: &'static str, text: &'static str, home: bool, entrance: Entrance) -> impl IntoView {
    let home = home.then(|| {
        view! { <a class="button" href="/">{td_string!(locale(), not_found.home)}</a> }
    });
    view! {
        <Frame title entrance narrow=true>
            <section class="card sorry">
                <Icon name="unplugged" />
                <h1>{title}</h1>
                <p class="soft">{text}</p>
                {home}
            </section>
        </Frame>
    }
}
