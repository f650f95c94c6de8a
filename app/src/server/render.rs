//! Renders a page: who asks, in which language, and what the form that was sent held.

use super::{Panel, Site, language};
use crate::api::capability;
use crate::i18n::{Locale, locale_of};
use crate::pages::app::Shell;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::LOCATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use model::Language;
use store::{Account, OperatorAccess, StoreError};

/// What every handler is given.
#[derive(Clone)]
pub(crate) struct Host {
    pub(crate) panel: Panel,
    pub(crate) site: Site,
}

/// Who asks for a page.
#[derive(Clone)]
pub(crate) struct Visitor {
    pub(crate) account: Option<Account>,
    /// The account is the operator's.
    pub(crate) operator: Option<OperatorAccess>,
    pub(crate) language: Language,
    /// The base of addresses that are shown, without a slash at its end.
    pub(crate) base_url: String,
}

impl Visitor {
    pub(crate) async fn of(panel: &Panel, headers: &HeaderMap) -> Result<Visitor, StoreError> {
        let account = capability::account(panel, headers).await?;
        let language = account.as_ref().map_or_else(|| language::of_stranger(headers), |a| a.language);
        let operator = match &account {
            Some(account) => panel.store.operator(account).await?,
            None => None,
        };
        Ok(Visitor { account, operator, language, base_url: base_url(panel, headers) })
    }

    pub(crate) fn locale(&self) -> Locale {
        locale_of(self.language)
    }
}

fn base_url(panel: &Panel, headers: &HeaderMap) -> String {
    if let Some(url) = &panel.public_url {
        return url.trim_end_matches('/').to_owned();
    }
    let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    format!("{}://{host}", if panel.secure_cookies { "https" } else { "http" })
}

/// The page at the request's path.
pub(crate) async fn page(host: &Host, parts: &Parts) -> Response {
    page_with(host, parts, || ()).await
}

/// The same with what `context` provides to it: a form that could not be taken as it was typed.
pub(crate) async fn page_with(
    host: &Host,
    parts: &Parts,
    context: impl Fn() + Clone + Send + Sync + 'static,
) -> Response {
    let visitor = match Visitor::of(&host.panel, &parts.headers).await {
        Ok(visitor) => visitor,
        Err(error) => return failure(&error),
    };
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = parts.uri.clone();
    *request.headers_mut() = parts.headers.clone();
    let (panel, site) = (host.panel.clone(), host.site);
    let provide = move || {
        provide_context(panel.clone());
        provide_context(visitor.clone());
        context();
    };
    leptos_axum::render_app_async_with_context(provide, move || view! { <Shell site /> })(request).await
}

/// After a form was taken: the browser asks for `path` anew, so that a reload sends nothing twice.
pub(crate) fn see_other(path: &str) -> Response {
    match HeaderValue::from_str(path) {
        Ok(path) => (StatusCode::SEE_OTHER, [(LOCATION, path)]).into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

/// The store failed: said in the log, and to the visitor without its reasons.
pub(crate) fn failure(error: &StoreError) -> Response {
    tracing::error!(%error, "the store failed");
    let html = include_str!("failure.html");
    (StatusCode::INTERNAL_SERVER_ERROR, axum::response::Html(html)).into_response()
}

/// From within a page: the answer's status.
pub(crate) fn status(status: StatusCode) {
    if let Some(options) = use_context::<ResponseOptions>() {
        options.set_status(status);
    }
}

/// From within a page: sends the browser elsewhere.
pub(crate) fn redirect(path: &str) {
    if let (Some(options), Ok(path)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(path)) {
        options.set_status(StatusCode::SEE_OTHER);
        options.insert_header(LOCATION, path);
    }
}
