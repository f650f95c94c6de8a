//! A room's public addresses.

use super::settings::owner_of;
use crate::server::render::{Host, failure, page, see_other};
use axum::Form;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::response::Response;
use serde::Deserialize;
use store::AddressKind;

#[derive(Deserialize)]
pub(crate) struct Change {
    kind: Kind,
    change: How,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Follow,
    Control,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum How {
    /// Makes the address, or makes it anew.
    Renew,
    Delete,
}

pub(crate) async fn change(
    State(host): State<Host>,
    Path(number): Path<String>,
    parts: Parts,
    Form(form): Form<Change>,
) -> Response {
    let owner = match owner_of(&host, &parts, &number).await {
        Ok(Some(owner)) => owner,
        // There is no page at this path: it answers as any unknown one.
        Ok(None) => return page(&host, &parts).await,
        Err(error) => return failure(&error),
    };
    let kind = match form.kind {
        Kind::Follow => AddressKind::Follow,
        Kind::Control => AddressKind::Control,
    };
    let (store, room) = (&host.panel.store, owner.room().id);
    let done = match form.change {
        How::Renew => store.renew_address(host.panel.live.now(), room, kind).await.map(drop),
        How::Delete => store.delete_address(room, kind).await,
    };
    match done {
        Ok(()) => see_other(&format!("/rooms/{number}/general#addresses")),
        Err(error) => failure(&error),
    }
}
