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
    History,
}

/// Number, description and how many are in, as of now.
#[component]
pub fn RoomHead(room: Room) -> impl IntoView {
    let locale = visitor().locale();
    let live = expect_context::<Panel>().live.live(room.id);
    let count = live.members().len();
    let recorded = live.conference.is_some_and(|conference| conference.recording);
    let recorded =
        recorded.then(|| view! { <span class="chip rec">{td_string!(locale, live.recorded)}</span> });
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
                {recorded}
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
            {tab(Tab::History, "history", td_string!(locale, nav.history))}
        </nav>
    }
}
