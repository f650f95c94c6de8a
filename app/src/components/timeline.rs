//! Who has talked since the page was opened: one lane per member.

use crate::i18n::{Locale, caller, td_string};
use crate::live::elapsed::seconds;
use crate::live::lanes::{Bar, Lane, Lanes};
use leptos::html;
use leptos::prelude::*;
use std::sync::Arc;

/// `now_s`: seconds since the page was opened; a bar that has no end yet reaches up to it.
#[component]
pub fn Timeline(locale: Locale, lanes: Lanes, now_s: RwSignal<f64>) -> impl IntoView {
    let plot = NodeRef::<html::Div>::new();
    // Styles are set by program alone: a style in the page's text is what its content security policy forbids.
    Effect::new(move || {
        if let Some(plot) = plot.get() {
            let style = web_sys::HtmlElement::style(&plot);
            let _ = style.set_property("--now", &now_s.get().to_string());
            let _ = style.set_property("--span", &lanes.span_s.get().to_string());
        }
    });
    let mark = move |part: f64| seconds((lanes.span_s.get() * part) as u64);
    view! {
        <section class="card timeline" aria-labelledby="timeline">
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
                <span>{move || mark(0.0)}</span>
                <span>{move || mark(0.5)}</span>
                <span>{move || mark(1.0)}</span>
            </div>
        </section>
    }
}

#[component]
fn LaneView(locale: Locale, lane: Arc<Lane>) -> impl IntoView {
    let who = caller(locale, &lane.number, &lane.name);
    let (gone, bars) = (lane.gone.clone(), lane.bars.clone());
    let title = {
        let gone = gone.clone();
        move || gone.get().then_some(td_string!(locale, live.gone))
    };
    view! {
        <div class="lane" data-gone=move || gone.get().to_string() title=title>
            <span class="lane-who">{who}</span>
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
