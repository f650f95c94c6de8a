//! Sends a moderator's order from the browser.

use super::door::Door;
use crate::api::act::ActError;
use leptos::prelude::window;
use model::Action;
use serde::Serialize;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, RequestInit, Response};

/// What [`act`](crate::api::act::act) takes.
#[derive(Serialize)]
struct Order<'a> {
    door: &'a Door,
    action: Action,
}

/// Calls [`act`](crate::api::act::act), as its own client would; that one brings code for every kind of call with it, a fiftieth
/// of all that the browser has to load.
///
/// # Errors
/// [`ActError`]; nothing was done then.
pub async fn send(door: &Door, action: Action) -> Result<(), ActError> {
    let body = serde_json::to_string(&Order { door, action }).map_err(|_| ActError::Unreachable)?;
    match post(&body).await {
        Ok((true, _)) => Ok(()),
        Ok((false, said)) => Err(serde_json::from_str(&said).unwrap_or(ActError::Unreachable)),
        Err(_) => Err(ActError::Unreachable),
    }
}

/// Whether it was done, and what the server said.
async fn post(body: &str) -> Result<(bool, String), JsValue> {
    let headers = Headers::new()?;
    headers.set("content-type", "application/json")?;
    headers.set("accept", "application/json")?;
    let request = RequestInit::new();
    request.set_method("POST");
    request.set_headers(&headers);
    request.set_body(&JsValue::from_str(body));
    let answered = window().fetch_with_str_and_init("/panel/act", &request);
    let response: Response = JsFuture::from(answered).await?.unchecked_into();
    let said = JsFuture::from(response.text()?).await?;
    Ok((response.ok(), said.as_string().unwrap_or_default()))
}
