//! `/rooms`: the account's numbers.

pub(crate) mod announcement;
pub(crate) mod general;
pub(crate) mod history;
pub(crate) mod live;

use super::app::visitor;
use super::not_found::{Failure, UnknownRoom};
use crate::api::capability;
use crate::api::rooms::{NumberAgain, NumberProblem};
use crate::components::field::{Kind, TextField};
use crate::components::frame::Frame;
use crate::components::icon::Icon;
use crate::i18n::{Locale, online, td_string, wrong_number};
use crate::server::Panel;
use crate::server::render::{redirect, status};
use axum::http::StatusCode;
use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_params_map};
use model::limits::DESCRIPTION_CHARS;
use store::{OwnerAccess, Room as StoredRoom, StoreError};

/// `/rooms/{number}` leads to its first tab.
#[component]
pub(crate) fn Room() -> impl IntoView {
    let number = use_params_map().get_untracked().get("number").unwrap_or_default();
    redirect(&format!("/rooms/{number}/general"));
}

/// A page for who is logged in; others are sent to log in, and come back.
pub(crate) fn or_log_in() {
    let path = use_location().pathname.get_untracked();
    redirect(&format!("/login?to={path}"));
}

/// Shows `page` to the owner of the number in the path, and to others why not.
pub(crate) fn for_owner<V: IntoView + 'static>(
    page: impl FnOnce(OwnerAccess) -> V + Send + 'static,
) -> AnyView {
    let number = use_params_map().get_untracked().get("number").unwrap_or_default();
    let (panel, account) = (expect_context::<Panel>(), visitor().account);
    if account.is_none() {
        or_log_in();
        return ().into_any();
    }
    let page = async move {
        match capability::owner(&panel, account.as_ref(), &number).await {
            Ok(Some(owner)) => page(owner).into_any(),
            Ok(None) => view! { <UnknownRoom /> }.into_any(),
            Err(error) => broken(&error),
        }
    };
    view! { <Suspense>{Suspend::new(page)}</Suspense> }.into_any()
}

pub(crate) fn broken(error: &StoreError) -> AnyView {
    tracing::error!(%error, "the store failed");
    view! { <Failure /> }.into_any()
}

#[component]
pub(crate) fn Rooms() -> impl IntoView {
    let panel = expect_context::<Panel>();
    let Some(account) = visitor().account else {
        or_log_in();
        return ().into_any();
    };
    let page = async move {
        match panel.store.rooms_of(account.id).await {
            Ok(rooms) => view! { <List rooms email=account.email.to_string() /> }.into_any(),
            Err(error) => broken(&error),
        }
    };
    view! { <Suspense>{Suspend::new(page)}</Suspense> }.into_any()
}

#[component]
fn List(rooms: Vec<StoredRoom>, email: String) -> impl IntoView {
    let locale = visitor().locale();
    let count = rooms.len() as u32;
    let lead =
        (count != 0).then(|| view! { <p class="soft">{td_string!(locale, rooms.lead, count = count)}</p> });
    let list = if rooms.is_empty() {
        view! { <Empty email /> }.into_any()
    } else {
        let cards = rooms.into_iter().map(|room| view! { <RoomCard room /> }).collect_view();
        view! {
            <ul class="rooms card">{cards}</ul>
        }
        .into_any()
    };
    view! {
        <Frame title=td_string!(locale, rooms.title)>
            <header class="head">
                <h1>{td_string!(locale, rooms.title)}</h1>
                {lead}
            </header>
            {list}
            <AddNumber />
        </Frame>
    }
}

#[component]
fn RoomCard(room: StoredRoom) -> impl IntoView {
    let locale = visitor().locale();
    let live = expect_context::<Panel>().live.live(room.id);
    let count = live.members().len();
    let number = room.number.grouped();
    let href = format!("/rooms/{}/{}", room.number, if count == 0 { "general" } else { "live" });
    let pin = if room.settings.pin.is_some() {
        td_string!(locale, rooms.with_pin)
    } else {
        td_string!(locale, rooms.without_pin)
    };
    let unnamed = room.description.is_empty();
    let description = if unnamed { td_string!(locale, room.unnamed).to_owned() } else { room.description };
    view! {
        <li>
            <a class="room" href=href>
                <b class="number">{number}</b>
                <span class="room-text" class:soft=unnamed>{description}</span>
                <span class="room-facts soft">{pin}</span>
                <span class="chip" class:on=count != 0>{online(locale, count)}</span>
                <Icon name="right" />
            </a>
        </li>
    }
}

#[component]
fn Empty(email: String) -> impl IntoView {
    let locale = visitor().locale();
    view! {
        <section class="card empty">
            <Icon name="phone" />
            <h2>{td_string!(locale, rooms.empty_title)}</h2>
            <p>{td_string!(locale, rooms.empty_text)}</p>
            <p><code>{format!("conference number add 3000 --account {email}")}</code></p>
        </section>
    }
}

#[component]
fn AddNumber() -> impl IntoView {
    let locale = visitor().locale();
    let again = use_context::<NumberAgain>();
    if again.is_some() {
        status(StatusCode::UNPROCESSABLE_ENTITY);
    }
    let problem = again.as_ref().map(|again| again.problem);
    let (number, description) = again.map(|again| (again.number, again.description)).unwrap_or_default();
    let long = matches!(problem, Some(NumberProblem::Description));
    let about_number = problem.filter(|_| !long).map(|problem| number_words(locale, problem).to_owned());
    let about_description =
        long.then(|| td_string!(locale, wrong.description_length, longest = DESCRIPTION_CHARS as u32));
    let dialled = Kind { inputmode: Some("tel"), autocomplete: Some("off"), ..Kind::default() };
    let free = Kind { autocomplete: Some("off"), maxlength: Some(DESCRIPTION_CHARS), ..Kind::default() };
    view! {
        <form class="card" method="post" action="/rooms" novalidate>
            <header class="card-head">
                <h2>{td_string!(locale, rooms.add_title)}</h2>
            </header>
            <TextField
                id="number"
                label=td_string!(locale, rooms.number)
                kind=dialled
                value=number
                help=Some(td_string!(locale, rooms.number_help).to_owned())
                error=about_number
            />
            <TextField
                id="description"
                label=td_string!(locale, rooms.description)
                kind=free
                value=description
                help=Some(td_string!(locale, rooms.description_help).to_owned())
                error=about_description
            />
            <div class="card-foot">
                <button class="button primary">{td_string!(locale, rooms.submit)}</button>
            </div>
        </form>
    }
}

fn number_words(locale: Locale, problem: NumberProblem) -> &'static str {
    match problem {
        NumberProblem::Wrong(error) => wrong_number(locale, error),
        NumberProblem::Taken => td_string!(locale, rooms.taken),
        NumberProblem::TooMany => td_string!(locale, rooms.too_many),
        // Said at its own field.
        NumberProblem::Description => "",
    }
}
