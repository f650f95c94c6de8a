//! The web side: the panel's pages, the files they need, the live sockets, and what an operator's probes ask.

mod assets;
mod live;

use crate::live::LiveHub;
use app::Panel;
use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::get;
use model::limits;
use std::sync::Arc;

/// What the routes of this folder need.
#[derive(Clone)]
struct Web {
    panel: Panel,
    live: Arc<LiveHub>,
}

pub(crate) fn router(panel: Panel, live: Arc<LiveHub>) -> Router {
    let pages = app::router(panel.clone(), assets::SITE);
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .merge(live::router())
        .with_state(Web { panel, live })
        .merge(assets::router())
        .merge(pages)
        .layer(DefaultBodyLimit::max(limits::HTTP_BODY_BYTES))
}

/// Ready: the database answers.
async fn ready(State(web): State<Web>) -> (StatusCode, &'static str) {
    match web.panel.store.has_accounts().await {
        Ok(_) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::error!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
        }
    }
}
