//! One member: who, since when, talking or not, and what a moderator may do about it.

use super::icon::Icon;
use crate::i18n::{Locale, caller, caller_number, td_string};
use crate::live::board::Row;
use crate::live::elapsed::elapsed;
use leptos::html;
use leptos::prelude::*;
use model::MemberId;
use model::live::UnixMs;
use std::sync::Arc;

/// What all rows of a page share.
#[derive(Clone, Copy)]
pub struct Shared {
    pub locale: Locale,
    /// The server's time, by the second.
    pub clock: RwSignal<UnixMs>,
    /// The member for whom "expel" was pressed once.
    pub confirming: RwSignal<Option<MemberId>>,
}

/// `post_to`: where the buttons' form goes; `None` on a page that may only watch.
#[component]
pub fn MemberRow(shared: Shared, row: Arc<Row>, post_to: Option<String>) -> impl IntoView {
    let Shared { locale, clock, .. } = shared;
    let (talking, muted, deaf) = (row.talking.clone(), row.muted.clone(), row.deaf.clone());
    let since = row.since;
    let actions = post_to.map(|post_to| view! { <Actions shared row=row.clone() post_to /> });
    view! {
        <li
            class="member"
            data-member=row.id.to_string()
            data-talking=move || talking.get().to_string()
            data-muted=move || muted.get().to_string()
            data-deaf=move || deaf.get().to_string()
        >
            <span class="light" aria-hidden="true"></span>
            <span class="who">
                <b>{caller_number(locale, &row.number)}</b>
                <States locale row=row.clone() />
            </span>
            <span class="since">
                <span class="visually-hidden">{td_string!(locale, live.since)}" "</span>
                {move || elapsed(since, clock.get())}
            </span>
            <Meter level=row.level.clone() />
            {actions}
        </li>
    }
}

/// The name, and in words what the row's colours say.
#[component]
fn States(locale: Locale, row: Arc<Row>) -> impl IntoView {
    let (talking, muted, deaf) = (row.talking.clone(), row.muted.clone(), row.deaf.clone());
    let name = (!row.name.is_empty()).then(|| view! { <span class="name">{row.name.clone()}</span> });
    view! {
        <span class="states">
            {name}
            <span class="state talking" hidden=move || !talking.get()>
                {td_string!(locale, live.talking)}
            </span>
            <span class="state muted" hidden=move || !muted.get()>
                <Icon name="mic-off" />
                {td_string!(locale, live.muted)}
            </span>
            <span class="state deaf" hidden=move || !deaf.get()>
                <Icon name="ear-off" />
                {td_string!(locale, live.deaf)}
            </span>
        </span>
    }
}

/// The level, moved by transform alone: neither layout nor paint follows from it, twenty times a second.
#[component]
fn Meter(level: ArcRwSignal<u8>) -> impl IntoView {
    let bar = NodeRef::<html::I>::new();
    Effect::new(move || {
        if let Some(bar) = bar.get() {
            let scale = format!("scaleX({})", f32::from(level.get()) / 100.0);
            let _ = web_sys::HtmlElement::style(&bar).set_property("transform", &scale);
        }
    });
    view! { <span class="meter" aria-hidden="true"><i node_ref=bar></i></span> }
}

/// A form of its own, so that its buttons work before WebAssembly is there, and without it.
#[component]
fn Actions(shared: Shared, row: Arc<Row>, post_to: String) -> impl IntoView {
    let Shared { locale, confirming, .. } = shared;
    let id = row.id;
    let who = caller(locale, &row.number, &row.name);
    let sure = move || confirming.get() == Some(id);
    view! {
        <form class="acts" method="post" action=post_to>
            <input type="hidden" name="member" value=id.to_string() />
            <Toggle locale on=row.muted.clone() who=who.clone() kind=Kind::Mute />
            <Toggle locale on=row.deaf.clone() who=who.clone() kind=Kind::Deafen />
            <button
                class="button small danger"
                class:sure=sure
                name="action"
                value="expel"
                data-action="expel"
                aria-label=move || {
                    let action = if sure() {
                        td_string!(locale, live.expel_sure)
                    } else {
                        td_string!(locale, live.expel)
                    };
                    td_string!(locale, live.of, action = action, who = who.clone())
                }
                on:blur=move |_| {
                    if confirming.get_untracked() == Some(id) {
                        confirming.set(None);
                    }
                }
            >
                {move || {
                    if sure() { td_string!(locale, live.expel_sure) } else { td_string!(locale, live.expel) }
                }}
            </button>
        </form>
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Mute,
    Deafen,
}

impl Kind {
    /// The action that leads out of the state `on`.
    fn action(self, on: bool) -> &'static str {
        match (self, on) {
            (Kind::Mute, false) => "mute",
            (Kind::Mute, true) => "unmute",
            (Kind::Deafen, false) => "deafen",
            (Kind::Deafen, true) => "undeafen",
        }
    }

    fn words(self, locale: Locale, on: bool) -> &'static str {
        match (self, on) {
            (Kind::Mute, false) => td_string!(locale, live.mute),
            (Kind::Mute, true) => td_string!(locale, live.unmute),
            (Kind::Deafen, false) => td_string!(locale, live.deafen),
            (Kind::Deafen, true) => td_string!(locale, live.undeafen),
        }
    }

    fn icon(self, on: bool) -> &'static str {
        match (self, on) {
            (Kind::Mute, false) => "mic",
            (Kind::Mute, true) => "mic-off",
            (Kind::Deafen, false) => "ear",
            (Kind::Deafen, true) => "ear-off",
        }
    }
}

/// One button that is the same before and after, so that the focus stays where it was.
#[component]
fn Toggle(locale: Locale, on: ArcRwSignal<bool>, who: String, kind: Kind) -> impl IntoView {
    let on = Signal::derive(move || on.get());
    let action = move || kind.action(on.get());
    let words = move || kind.words(locale, on.get());
    view! {
        <button
            class="button small"
            class:on=move || on.get()
            name="action"
            value=action
            data-action=action
            aria-label=move || td_string!(locale, live.of, action = words(), who = who.clone())
        >
            <Icon name=Signal::derive(move || kind.icon(on.get())) />
            <span>{words}</span>
        </button>
    }
}
