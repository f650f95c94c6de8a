//! One line of a form: label, control, a sentence of help, and what is wrong with it.

use leptos::prelude::*;

/// The control inside carries `id`, and names [`described_by`] in `aria-describedby`.
#[component]
pub fn Field(
    id: &'static str,
    label: &'static str,
    help: Option<String>,
    error: Option<String>,
    /// What else there is to know, under the control.
    note: Option<String>,
    children: Children,
) -> impl IntoView {
    let help = help.map(|help| view! { <p class="help" id=format!("{id}-help")>{help}</p> });
    let note = note.map(|note| view! { <p class="help note">{note}</p> });
    let error = error.map(|error| view! { <p class="error" id=format!("{id}-error")>{error}</p> });
    view! {
        <div class="field">
            <label for=id>{label}</label>
            <div class="control">{children()} {error} {note} {help}</div>
        </div>
    }
}

/// The ids of a field's error and help, of those that it has.
pub fn described_by(id: &str, help: bool, error: bool) -> Option<String> {
    let ids = [error.then(|| format!("{id}-error")), help.then(|| format!("{id}-help"))];
    let ids: Vec<String> = ids.into_iter().flatten().collect();
    (!ids.is_empty()).then(|| ids.join(" "))
}

/// What a browser should know of a field of one line of text.
#[derive(Clone, Copy, Default)]
pub struct Kind {
    /// The input's type; empty is text.
    pub of: &'static str,
    pub autocomplete: Option<&'static str>,
    pub inputmode: Option<&'static str>,
    pub maxlength: Option<usize>,
    /// The page is opened to fill in this one.
    pub first: bool,
}

/// A field of one line of text.
#[component]
pub fn TextField(
    id: &'static str,
    label: &'static str,
    kind: Kind,
    #[prop(into)] value: String,
    help: Option<String>,
    error: Option<String>,
    #[prop(optional)] note: Option<Option<String>>,
) -> impl IntoView {
    let describe = described_by(id, help.is_some(), error.is_some());
    let invalid = error.is_some().then_some("true");
    view! {
        <Field id label help error note=note.flatten()>
            <input
                class="input"
                type=if kind.of.is_empty() { "text" } else { kind.of }
                id=id
                name=id
                value=value
                autocomplete=kind.autocomplete
                inputmode=kind.inputmode
                maxlength=kind.maxlength.map(|n| n.to_string())
                autofocus=kind.first
                aria-invalid=invalid
                aria-describedby=describe
            />
        </Field>
    }
}
