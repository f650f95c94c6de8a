//! The head of an owner's pages of one room: number, state, and the pages there are.

use crate::i18n::{online, td_string};
use crate::pages::app::visitor;
use crate::server::Panel;
use leptos::prelude::*;
use store::Room;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    General,
    Announcement,
    Live,
}

/// Number, description and how many are in, as of now.
#[component]
pub fn RoomHead(room: Room) -> impl IntoView {
    let locale = visitor().locale();
    let count = expect_context::<Panel>().live.live(room.id).members().len();
    let description = if room.description.is_empty() {
        td_string!(locale, room.unnamed).to_owned()
    } else {
        room.description.clone()
    };
    view! {
        <header class="head">
            <div class="head-line">
                <h1 class="number">{room.number.grouped()}</h1>
                <span class="chip" class:on=count != 0>{online(locale, count)}</span>
            </div>
            <p class="soft">{description}</p>
        </header>
    }
}

#[component]
pub fn Tabs(number: String, here: Tab) -> impl IntoView {
    let locale = visitor().locale();
    let tab = |tab: Tab, path: &str, words: &'static str| {
        let current = (tab == here).then_some("page");
        view! { <a href=format!("/rooms/{number}/{path}") aria-current=current>{words}</a> }
    };
    view! {
        <nav class="tabs" aria-label=td_string!(locale, nav.sections)>
            {tab(Tab::General, "general", td_string!(locale, nav.general))}
            {tab(Tab::Announcement, "announcement", td_string!(locale, nav.announcement))}
            {tab(Tab::Live, "live", td_string!(locale, nav.live))}
        </nav>
    }
}
