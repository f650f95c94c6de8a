//! Logging in and out.

use crate::server::cookie;
use crate::server::render::{Host, failure, page_with, see_other};
use axum::Form;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::response::Response;
use leptos::prelude::provide_context;
use serde::Deserialize;
use store::StoreError;

#[derive(Deserialize)]
pub(crate) struct Login {
    #[serde(default)]
    login: String,
    #[serde(default)]
    password: String,
    /// The page that asked for it.
    #[serde(default)]
    to: String,
}

/// What the form shows when it comes back: all but the password.
#[derive(Clone)]
pub(crate) struct LoginAgain {
    pub(crate) login: String,
    pub(crate) to: String,
    pub(crate) problem: LoginProblem,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoginProblem {
    NoLogin,
    NoPassword,
    Wrong,
}

pub(crate) async fn log_in(State(host): State<Host>, parts: Parts, Form(form): Form<Login>) -> Response {
    match check(&host, &form).await {
        Ok(Ok(token)) => {
            let to = if is_local(&form.to) { &form.to } else { "/rooms" };
            with_cookie(see_other(to), cookie::begin(&token, host.panel.secure_cookies))
        }
        Ok(Err(problem)) => {
            let again = LoginAgain { login: form.login, to: form.to, problem };
            page_with(&host, &parts, move || provide_context(again.clone())).await
        }
        Err(error) => failure(&error),
    }
}

pub(crate) async fn log_out(State(host): State<Host>, parts: Parts) -> Response {
    if let Some(token) = cookie::session_token(&parts.headers)
        && let Err(error) = host.panel.store.end_session(token).await
    {
        return failure(&error);
    }
    with_cookie(see_other("/login"), cookie::end(host.panel.secure_cookies))
}

async fn check(host: &Host, form: &Login) -> Result<Result<String, LoginProblem>, StoreError> {
    if form.login.trim().is_empty() {
        return Ok(Err(LoginProblem::NoLogin));
    }
    if form.password.is_empty() {
        return Ok(Err(LoginProblem::NoPassword));
    }
    let panel = &host.panel;
    let Some(account) = panel.store.authenticate(&form.login, &form.password).await? else {
        return Ok(Err(LoginProblem::Wrong));
    };
    let token = panel.store.create_session(panel.live.now(), account.id).await?;
    Ok(Ok(token.0))
}

/// A path of this site, and not `//elsewhere` or what browsers read as such.
pub(crate) fn is_local(path: &str) -> bool {
    path.starts_with('/') && !path.starts_with("//") && !path.contains(['\\', '\r', '\n', '\t'])
}

pub(crate) fn with_cookie<E>(mut response: Response, cookie: Result<axum::http::HeaderValue, E>) -> Response {
    // A token of the store's is letters and digits: it always fits a header.
    if let Ok(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::is_local;

    #[test]
    fn logging_in_leads_to_no_other_site() {
        assert!(is_local("/rooms/3000/live"));
        for elsewhere in
            ["", "rooms", "//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil"]
        {
            assert!(!is_local(elsewhere), "{elsewhere}");
        }
    }
}
