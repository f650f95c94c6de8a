//! Chooses a sound file and sends it, with its progress. Without script it is a file field and a button.

use crate::components::erased::{derived, effect};
use crate::i18n::{Locale, locale_of, td_string};
use leptos::html;
use leptos::prelude::*;
use model::Language;
use model::limits::ANNOUNCEMENT_BYTES;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Blob, Event, FormData, ProgressEvent, XmlHttpRequest};

/// What the browser offers first; the server looks at what is in a file, not at its name.
const KINDS: &str = "audio/*,.wav,.mp3,.ogg,.oga,.opus,.flac,.aif,.aiff,.au,.m4a,.webm";

#[derive(Clone, PartialEq)]
pub enum State {
    /// The browser has not taken over yet.
    Plain,
    Ready,
    /// Percent.
    Sending(u32),
    /// All is sent; the server listens to it.
    Reading,
    Refused(String),
}

/// Stands inside the form that is sent without script. `action`: where to.
#[island]
pub fn UploadField(language: Language, action: String) -> impl IntoView {
    let locale = locale_of(language);
    let field = NodeRef::<html::Input>::new();
    let state = RwSignal::new(State::Plain);
    effect(move || state.set(State::Ready));
    let chosen = move |_: Event| {
        let Some(field) = field.get_untracked() else { return };
        let Some(file) = field.files().and_then(|files| files.get(0)) else { return };
        // Chosen again after it was changed, the same file is another one.
        let problem = if file.size() > ANNOUNCEMENT_BYTES as f64 {
            Some(td_string!(locale, announcement.too_big))
        } else {
            send(&action, &file, &file.name(), state, td_string!(locale, refused.unreachable))
                .err()
                .map(|_| td_string!(locale, refused.unreachable))
        };
        field.set_value("");
        if let Some(words) = problem {
            state.set(State::Refused(words.to_owned()));
        }
    };
    let busy = derived(move || matches!(state.get(), State::Sending(_) | State::Reading));
    view! {
        <input
            class="drop"
            type="file"
            id="file"
            name="file"
            accept=KINDS
            aria-describedby="file-help"
            disabled=busy
            node_ref=field
            on:change=chosen
        />
        <button class="button" hidden=derived(move || state.get() != State::Plain)>
            {td_string!(locale, announcement.send)}
        </button>
        <Progress locale state />
    }
}

/// How far it is, or why it was refused.
#[component]
pub fn Progress(locale: Locale, state: RwSignal<State>) -> impl IntoView {
    let percent = move || match state.get() {
        State::Sending(percent) => Some(percent),
        State::Reading => Some(100),
        _ => None,
    };
    let words = move || match state.get() {
        State::Sending(percent) => format!("{} {percent} %", td_string!(locale, announcement.sending)),
        State::Reading => td_string!(locale, announcement.reading).to_owned(),
        _ => String::new(),
    };
    let refused = move || match state.get() {
        State::Refused(words) => words,
        _ => String::new(),
    };
    view! {
        <progress
            class="sending"
            max="100"
            value=move || percent().unwrap_or(0)
            hidden=move || percent().is_none()
            aria-label=td_string!(locale, announcement.sending)
        ></progress>
        <span class="soft" role="status">{words}</span>
        <span class="refused" role="alert">{refused}</span>
    }
}

/// Sends the file; the page is opened anew when it is taken.
pub(super) fn send(
    action: &str,
    file: &Blob,
    name: &str,
    state: RwSignal<State>,
    unreachable: &'static str,
) -> Result<(), wasm_bindgen::JsValue> {
    let (request, form) = (XmlHttpRequest::new()?, FormData::new()?);
    form.append_with_blob_and_filename("file", file, name)?;
    request.open("POST", action)?;
    request.set_request_header("accept", "text/plain")?;

    let progress = Closure::<dyn FnMut(ProgressEvent)>::new(move |event: ProgressEvent| {
        let share = event.loaded() / event.total().max(1.0);
        state.set(if share < 1.0 { State::Sending((share * 100.0) as u32) } else { State::Reading });
    });
    request.upload()?.set_onprogress(Some(progress.into_js_value().unchecked_ref()));

    let (answered, done) = (request.clone(), format!("{action}?saved"));
    let end = Closure::<dyn FnMut()>::new(move || match answered.status() {
        Ok(204) => {
            // Only a frame without rights could not be led on.
            let _ = window().location().set_href(&done);
        }
        Ok(422) => {
            let words = answered.response_text().ok().flatten();
            state.set(State::Refused(words.unwrap_or_else(|| unreachable.to_owned())));
        }
        _ => state.set(State::Refused(unreachable.to_owned())),
    });
    request.set_onloadend(Some(end.into_js_value().unchecked_ref()));
    state.set(State::Sending(0));
    request.send_with_opt_form_data(Some(&form))
}
