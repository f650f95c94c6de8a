//! The bar under a form of settings: it says what is not saved yet.

use crate::components::erased::{derived, effect};
use crate::i18n::{locale_of, td_string, unsaved};
use leptos::html;
use leptos::prelude::*;
use model::Language;
use std::cell::Cell;
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{Event, FormData, HtmlFormElement, UrlSearchParams};

/// Stands inside the form. Until the browser has taken over, "save" is always there to be pressed.
///
/// `dirty`: the server refused what was typed, so the form differs from what is kept although nobody has touched it.
#[island]
pub fn SaveBar(language: Language, saved: bool, dirty: bool) -> impl IntoView {
    let locale = locale_of(language);
    let bar = NodeRef::<html::Div>::new();
    // `None`: not taken over yet.
    let changes = RwSignal::new(None::<usize>);
    effect(move || {
        if let Some(form) = bar.get().and_then(|bar| bar.closest("form").ok().flatten()) {
            watch(&form.unchecked_into(), usize::from(dirty), changes);
        }
    });
    let clean = derived(move || changes.get() == Some(0));
    let words = derived(move || match changes.get() {
        Some(0) if saved => td_string!(locale, general.saved).to_owned(),
        None if saved => td_string!(locale, general.saved).to_owned(),
        None if !dirty => String::new(),
        Some(0) => td_string!(locale, general.unchanged).to_owned(),
        Some(n) => unsaved(locale, n),
        None => unsaved(locale, 1),
    });
    view! {
        <div class="save" data-clean=derived(move || if clean.get() { "true" } else { "false" }) node_ref=bar>
            <span class="soft" role="status">{words}</span>
            <span class="spacer"></span>
            <button type="reset" class="button" disabled=clean>
                {td_string!(locale, general.undo)}
            </button>
            <button type="submit" class="button primary" disabled=clean>
                {td_string!(locale, general.save)}
            </button>
        </div>
    }
}

/// Counts the form's changes at each input, and asks before they are lost with the page.
fn watch(form: &HtmlFormElement, at_least: usize, changes: RwSignal<Option<usize>>) {
    let before = fields(form);
    let leaving = Rc::new(Cell::new(false));
    changes.set(Some(at_least));

    let (watched, kept) = (form.clone(), Rc::clone(&leaving));
    let count = move |event: Event| match event.type_().as_str() {
        "submit" => kept.set(true),
        // The fields have their first values again only after the event.
        "reset" => changes.set(Some(at_least)),
        _ => changes.set(Some(differing(&before, &fields(&watched)).max(at_least))),
    };
    let count = Closure::<dyn FnMut(Event)>::new(count).into_js_value();
    for event in ["input", "change", "reset", "submit"] {
        // Only a name that is no event would be refused.
        let _ = form.add_event_listener_with_callback(event, count.unchecked_ref());
    }
    window_event_listener(leptos::ev::beforeunload, move |event| {
        if !leaving.get() && changes.get_untracked().is_some_and(|n| n > 0) {
            event.prevent_default();
        }
    });
}

/// Names and values, still encoded: they are only compared.
type Fields = Vec<(String, String)>;

/// What the form would send.
fn fields(form: &HtmlFormElement) -> Fields {
    let Ok(data) = FormData::new_with_form(form) else { return Fields::new() };
    let pairs = UrlSearchParams::new_with_str_sequence_sequence(&JsValue::from(data));
    let text = pairs.map(|pairs| String::from(pairs.to_string())).unwrap_or_default();
    parse(&text)
}

fn parse(urlencoded: &str) -> Fields {
    let pair = |pair: &str| pair.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned()));
    urlencoded.split('&').filter_map(pair).collect()
}

/// The number of fields that are not as they were. A box that is unticked is not among the fields at all.
fn differing(before: &Fields, after: &Fields) -> usize {
    let gone = before.iter().filter(|(name, _)| after.iter().all(|(other, _)| other != name)).count();
    gone + after.iter().filter(|field| !before.contains(field)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_fields_not_keystrokes() {
        let before = parse("pin=1234&language=fr&enter_muted=on");
        assert_eq!(differing(&before, &before), 0);
        assert_eq!(differing(&before, &parse("pin=99&language=fr&enter_muted=on")), 1);
        assert_eq!(differing(&before, &parse("pin=&language=en")), 3);
        assert_eq!(differing(&parse("pin=1"), &parse("pin=1&enter_muted=on")), 1);
    }
}
