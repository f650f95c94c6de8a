//! An address that one can copy.

use crate::components::erased::{derived, effect};
use crate::i18n::{locale_of, td_string};
use leptos::html;
use leptos::prelude::*;
use model::Language;
use std::time::Duration;
use wasm_bindgen::JsCast;

/// A read-only field with its button. Without WebAssembly the field can still be selected by hand.
#[island]
pub fn CopyField(language: Language, label: String, text: String) -> impl IntoView {
    let locale = locale_of(language);
    let field = NodeRef::<html::Input>::new();
    let copied = RwSignal::new(false);
    let ready = RwSignal::new(false);
    effect(move || ready.set(true));
    let copy = move |_| {
        let Some(field) = field.get_untracked() else { return };
        field.select();
        // The newer clipboard interface is missing on plain-HTTP pages, where a server on the local network is met.
        let document = document().unchecked_into::<web_sys::HtmlDocument>();
        if document.exec_command("copy").unwrap_or(false) {
            copied.set(true);
            set_timeout(move || copied.set(false), Duration::from_secs(2));
        }
    };
    let select = move |_| {
        if let Some(field) = field.get_untracked() {
            field.select();
        }
    };
    view! {
        <span class="copy">
            <input
                class="input address"
                type="text"
                readonly=true
                aria-label=label
                value=text
                node_ref=field
                on:focus=select
            />
            <button type="button" class="button" disabled=derived(move || !ready.get()) on:click=copy>
                <span aria-live="polite">
                    {move || {
                        if copied.get() {
                            td_string!(locale, addresses.copied)
                        } else {
                            td_string!(locale, addresses.copy)
                        }
                    }}
                </span>
            </button>
        </span>
    }
}
