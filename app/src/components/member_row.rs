//! One member: who, since when, talking or not, and what a moderator may do about it.
//!
//! The row's `data-…` say what is; the style sheet shows the words and pictures that go with it. So a change touches
//! one attribute, and a room of two hundred stays light.

use super::icon::Icon;
use crate::components::erased::{derived, effect};
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

/// An attribute that is one of two words. Of one type for all of them: each type of closure is code of its own.
fn either(flag: &ArcRwSignal<bool>, no: &'static str, yes: &'static str) -> Signal<&'static str> {
    let flag = flag.clone();
    derived(move || if flag.get() { yes } else { no })
}

/// `post_to`: where the buttons' form goes; `None` on a page that may only watch.
#[component]
pub fn MemberRow(shared: Shared, row: Arc<Row>, post_to: Option<String>) -> impl IntoView {
    let Shared { locale, clock, confirming } = shared;
    let (id, since) = (row.id, row.since);
    let sure = derived(move || if confirming.get() == Some(id) { "true" } else { "false" });
    let name = (!row.name.is_empty()).then(|| view! { <span class="name">{row.name.clone()}</span> });
    let actions = post_to.map(|post_to| view! { <Actions shared row=row.clone() post_to /> });
    view! {
        <li
            class="member"
            data-member=id.to_string()
            data-talking=either(&row.talking, "false", "true")
            data-muted=either(&row.muted, "false", "true")
            data-deaf=either(&row.deaf, "false", "true")
            data-sure=sure
        >
            <span class="light" aria-hidden="true"></span>
            <span class="who">
                <b>{caller_number(locale, &row.number)}</b>
                <span class="states">
                    {name} <span class="state talking">{td_string!(locale, live.talking)}</span>
                    <span class="state muted">
                        <Icon name="mic-off" />
                        {td_string!(locale, live.muted)}
                    </span>
                    <span class="state deaf">
                        <Icon name="ear-off" />
                        {td_string!(locale, live.deaf)}
                    </span>
                </span>
            </span>
            <span class="since">
                <span class="visually-hidden">{td_string!(locale, live.since)}" "</span>
                {derived(move || elapsed(since, clock.get()))}
            </span>
            <Meter level=row.level.clone() />
            {actions}
        </li>
    }
}

/// The level, moved by transform alone: neither layout nor paint follows from it, twenty times a second.
#[component]
fn Meter(level: ArcRwSignal<u8>) -> impl IntoView {
    let bar = NodeRef::<html::I>::new();
    effect(move || {
        if let Some(bar) = bar.get() {
            let level = level.get().min(100);
            let scale = format!("scaleX({}.{:02})", level / 100, level % 100);
            let _ = web_sys::HtmlElement::style(&bar).set_property("transform", &scale);
        }
    });
    view! { <span class="meter" aria-hidden="true"><i node_ref=bar></i></span> }
}

/// A form of its own, so that its buttons work before WebAssembly is there, and without it. Each button is the same
/// before and after, so that the focus stays where it was.
#[component]
fn Actions(shared: Shared, row: Arc<Row>, post_to: String) -> impl IntoView {
    let Shared { locale, confirming, .. } = shared;
    let id = row.id;
    let who = caller(locale, &row.number, &row.name);
    let mute = either(&row.muted, "mute", "unmute");
    let deafen = either(&row.deaf, "deafen", "undeafen");
    let calm = move |_| {
        if confirming.get_untracked() == Some(id) {
            confirming.set(None);
        }
    };
    view! {
        <form class="acts" method="post" action=post_to>
            <input type="hidden" name="member" value=id.to_string() />
            <button class="button small mute" name="action" value=mute data-action=mute>
                <span class="no">
                    <Icon name="mic" />
                    {td_string!(locale, live.mute)}
                </span>
                <span class="yes">
                    <Icon name="mic-off" />
                    {td_string!(locale, live.unmute)}
                </span>
                <Of who=who.clone() />
            </button>
            <button class="button small deafen" name="action" value=deafen data-action=deafen>
                <span class="no">
                    <Icon name="ear" />
                    {td_string!(locale, live.deafen)}
                </span>
                <span class="yes">
                    <Icon name="ear-off" />
                    {td_string!(locale, live.undeafen)}
                </span>
                <Of who=who.clone() />
            </button>
            <button class="button small danger" name="action" value="expel" data-action="expel" on:blur=calm>
                <span class="no">{td_string!(locale, live.expel)}</span>
                <span class="yes">{td_string!(locale, live.expel_sure)}</span>
                <Of who />
            </button>
        </form>
    }
}

/// Whom a button is about, for those who do not see in which row it stands.
#[component]
fn Of(who: String) -> impl IntoView {
    view! { <span class="visually-hidden">" "{who}</span> }
}
