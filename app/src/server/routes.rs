//! Which path leads where. Pages answer GET; forms POST to the page that holds them.

use super::render::{Host, page};
use super::{Panel, Site, headers};
use crate::api::{act, addresses, announcement, language, recordings, rooms, session, settings, setup};
use any_spawner::Executor;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use leptos::prelude::provide_context;
use model::limits::{HTTP_BODY_BYTES, UPLOAD_BODY_BYTES, UPLOAD_MS};
use std::time::Duration;
use tower_http::timeout::TimeoutLayer;

/// All pages, their forms and their server functions. Whatever path is none of these is the polite 404.
///
/// The server adds what is not a page: `/pkg/…`, the public files, the WebSockets, `/healthz`.
pub fn router(panel: Panel, site: Site) -> Router {
    // Pages are rendered as tasks of tokio. An error says that this is settled already.
    let _ = Executor::init_tokio();
    let late = TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, Duration::from_millis(UPLOAD_MS));
    let longer = DefaultBodyLimit::max(UPLOAD_BODY_BYTES);
    let upload: MethodRouter<Host> = post(announcement::upload).layer((late, longer));
    Router::new()
        .route("/login", get(show).post(session::log_in))
        .route("/logout", post(session::log_out))
        .route("/language", post(language::choose))
        .route("/setup", get(show).post(setup::set_up))
        .route("/setup/{token}", get(show).post(setup::set_up))
        .route("/rooms", get(show).post(rooms::add))
        .route("/rooms/{number}/general", get(show).post(settings::save))
        .route("/rooms/{number}/addresses", post(addresses::change))
        .route("/rooms/{number}/announcement", get(show).merge(upload))
        .route("/rooms/{number}/announcement/option", post(announcement::switch))
        .route("/rooms/{number}/announcement/remove", post(announcement::remove))
        .route("/rooms/{number}/announcement/sound", get(announcement::sound))
        .route("/rooms/{number}/history", get(show))
        .route("/rooms/{number}/recordings/{id}", get(recordings::sound))
        .route("/rooms/{number}/recordings/{id}/delete", post(recordings::remove))
        .route("/rooms/{number}/live", get(show).post(act::by_owner_form))
        .route("/control/{token}", get(show).post(act::by_control_form))
        .route("/panel/{*function}", post(server_function))
        .fallback(get(show))
        .layer(DefaultBodyLimit::max(HTTP_BODY_BYTES))
        .layer(from_fn(headers::guard))
        .with_state(Host { panel, site })
}

async fn show(State(host): State<Host>, request: Request) -> Response {
    page(&host, &request.into_parts().0).await
}

async fn server_function(State(host): State<Host>, request: Request) -> Response {
    let panel = host.panel;
    let provide = move || provide_context(panel.clone());
    leptos_axum::handle_server_fns_with_context(provide, request).await.into_response()
}
