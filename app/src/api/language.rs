//! The language of who has no account: chosen at a page's foot, kept by the browser.

use super::session::{is_local, with_cookie};
use crate::server::cookie;
use crate::server::render::{Host, see_other};
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use model::Language;
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Choice {
    #[serde(default)]
    language: String,
    /// The page at whose foot it was chosen.
    #[serde(default)]
    to: String,
}

pub(crate) async fn choose(State(host): State<Host>, Form(choice): Form<Choice>) -> Response {
    let Ok(language) = choice.language.parse::<Language>() else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let to = if is_local(&choice.to) { &choice.to } else { "/" };
    with_cookie(see_other(to), cookie::keep_language(language, host.panel.secure_cookies))
}
