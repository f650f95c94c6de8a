//! Small pictures beside words. They stand in one file of `public/`, so that a list of 200 members repeats no path.

use leptos::prelude::*;

/// The picture of `name` in `/icons.svg`. It says nothing that the words beside it do not say.
#[component]
pub fn Icon(name: &'static str) -> impl IntoView {
    view! {
        <svg class="icon" aria-hidden="true" focusable="false">
            <use_ href=format!("/icons.svg#{name}")></use_>
        </svg>
    }
}
