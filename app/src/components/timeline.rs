//! Who has talked since the page was opened: one lane per member.

use crate::components::erased::{derived, effect};
use crate::i18n::{Locale, caller, td_string};
use crate::live::elapsed::seconds;
use crate::live::lanes::{Bar, Lane, Lanes, PageMs};
use leptos::html;
use leptos::prelude::*;
use std::sync::Arc;

/// A bar that has no end yet reaches up to `now`.
#[component]
pub fn Timeline(locale: Locale, lanes: Lanes, now: RwSignal<PageMs>) -> impl IntoView {
    let plot = NodeRef::<html::Div>::new();
    // Styles are set by program alone: a style in the page's text is what its content security policy forbids.
    effect(move || {
        if let Some(plot) = plot.get() {
            let style = web_sys::HtmlElement::style(&plot);
            let _ = style.set_property("--now", &now.get().to_string());
            let _ = style.set_property("--span", &lanes.span_ms.get().to_string());
        }
    });
    let mark =
        move |halves: u32| derived(move || seconds(u64::from(lanes.span_ms.get() / 2 * halves) / 1_000));
    view! {
        <section
            class="card timeline"
            aria-labelledby="timeline"
            hidden=derived(move || lanes.lanes.with(Vec::is_empty))
        >
            <header class="card-head">
                <h2 id="timeline">{td_string!(locale, live.timeline)}</h2>
                <span class="soft">{td_string!(locale, live.timeline_lead)}</span>
            </header>
            <div class="lanes" node_ref=plot>
                <For each=move || lanes.lanes.get() key=|lane| lane.id let:lane>
                    <LaneView locale lane />
                </For>
            </div>
            <div class="axis" aria-hidden="true">
                <span>{mark(0)}</span>
                <span>{mark(1)}</span>
                <span>{mark(2)}</span>
            </div>
        </section>
    }
}

#[component]
fn LaneView(locale: Locale, lane: Arc<Lane>) -> impl IntoView {
    let who = caller(locale, &lane.number, &lane.name);
    let (gone, bars) = (lane.gone.clone(), lane.bars.clone());
    view! {
        <div class="lane" data-gone=derived(move || if gone.get() { "true" } else { "false" })>
            <span class="lane-who">
                {who} <span class="visually-hidden gone">", "{td_string!(locale, live.gone)}</span>
            </span>
            <span class="track">
                <For each=move || bars.get() key=Bar::key let:bar>
                    <i
                        class="talk"
                        style=("--from", bar.from.to_string())
                        style=("--to", bar.to.map(|to| to.to_string()))
                    ></i>
                </For>
            </span>
        </div>
    }
}
