//! A room's announcement: uploading, hearing, removing it, and the option that lets callers hear it.

use super::settings::owner_of;
use crate::i18n::upload_problem;
use crate::server::Upload;
use crate::server::render::{Host, Visitor, failure, page, page_with, see_other};
use axum::Form;
use axum::body::Body;
use axum::extract::{Multipart, Path, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use leptos::prelude::provide_context;
use model::limits::ANNOUNCEMENT_BYTES;
use model::{FileName, UploadProblem};
use serde::Deserialize;
use store::{OwnerAccess, StoreError};
use tower_http::services::ServeFile;

/// The form's field that holds the file.
const FIELD: &str = "file";

/// The page's form, or its script, which wants words in place of a page.
pub(crate) async fn upload(
    State(host): State<Host>,
    Path(number): Path<String>,
    parts: Parts,
    form: Multipart,
) -> Response {
    let owner = match owner_of(&host, &parts, &number).await {
        Ok(Some(owner)) => owner,
        Ok(None) => return page(&host, &parts).await,
        Err(error) => return failure(&error),
    };
    let taken = take(&host, &owner, form).await;
    if taken.is_ok() {
        audit(&host, &owner, "uploadAnnouncement").await;
    }
    let by_script = parts.headers.get(ACCEPT).is_some_and(|wanted| wanted == "text/plain");
    match taken {
        Ok(()) if by_script => StatusCode::NO_CONTENT.into_response(),
        Ok(()) => see_other(&format!("/rooms/{number}/announcement?saved")),
        Err(problem) if by_script => match Visitor::of(&host.panel, &parts.headers).await {
            Ok(visitor) => {
                let words = upload_problem(visitor.locale(), problem);
                (StatusCode::UNPROCESSABLE_ENTITY, words).into_response()
            }
            Err(error) => failure(&error),
        },
        Err(problem) => page_with(&host, &parts, move || provide_context(problem)).await,
    }
}

async fn take(host: &Host, owner: &OwnerAccess, form: Multipart) -> Result<(), UploadProblem> {
    let announcements = &host.panel.announcements;
    let receiving = announcements.receive().ok_or(UploadProblem::Busy)?;
    let upload = read(form).await?;
    announcements.replace(owner, host.panel.live.now(), upload).await?;
    drop(receiving);
    Ok(())
}

/// What is too big is read to its end, and not kept: a browser listens to no answer before it has sent all.
async fn read(mut form: Multipart) -> Result<Upload, UploadProblem> {
    // Either it stopped in the middle, or it is longer than the route allows.
    let broken = |error: axum::extract::multipart::MultipartError| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => UploadProblem::TooBig,
        _ => UploadProblem::Missing,
    };
    let mut upload = Err(UploadProblem::Missing);
    while let Some(mut field) = form.next_field().await.map_err(broken)? {
        let is_file = field.name() == Some(FIELD);
        let name = FileName::of(field.file_name().unwrap_or_default());
        let (mut file, mut bytes) = (Vec::new(), 0);
        while let Some(chunk) = field.chunk().await.map_err(broken)? {
            bytes += chunk.len();
            if is_file && bytes <= ANNOUNCEMENT_BYTES {
                file.extend_from_slice(&chunk);
            }
        }
        match bytes {
            // A browser sends an empty file where none was chosen.
            0 => {}
            1..=ANNOUNCEMENT_BYTES if is_file => upload = Ok(Upload { name, file }),
            _ if is_file => upload = Err(UploadProblem::TooBig),
            _ => {}
        }
    }
    upload
}

pub(crate) async fn remove(State(host): State<Host>, Path(number): Path<String>, parts: Parts) -> Response {
    let owner = match owner_of(&host, &parts, &number).await {
        Ok(Some(owner)) => owner,
        Ok(None) => return page(&host, &parts).await,
        Err(error) => return failure(&error),
    };
    if let Err(error) = host.panel.announcements.remove(&owner).await {
        return failure(&error);
    }
    audit(&host, &owner, "removeAnnouncement").await;
    see_other(&format!("/rooms/{number}/announcement?removed"))
}

#[derive(Deserialize)]
pub(crate) struct Switch {
    on: bool,
}

pub(crate) async fn switch(
    State(host): State<Host>,
    Path(number): Path<String>,
    parts: Parts,
    Form(form): Form<Switch>,
) -> Response {
    let owner = match owner_of(&host, &parts, &number).await {
        Ok(Some(owner)) => owner,
        Ok(None) => return page(&host, &parts).await,
        Err(error) => return failure(&error),
    };
    if let Err(error) = host.panel.store.set_announce_file(&owner, form.on).await {
        return failure(&error);
    }
    audit(&host, &owner, "saveSettings").await;
    see_other(&format!("/rooms/{number}/announcement"))
}

/// The sound as callers hear it, whole or the part that is asked for.
pub(crate) async fn sound(
    State(host): State<Host>,
    Path(number): Path<String>,
    request: Request<Body>,
) -> Response {
    let (parts, body) = request.into_parts();
    let found = match owner_of(&host, &parts, &number).await {
        Ok(Some(owner)) => host.panel.store.announcement(owner.room().id).await,
        Ok(None) => Ok(None),
        Err(error) => Err(error),
    };
    let announcement = match found {
        Ok(Some(announcement)) => announcement,
        Ok(None) => return StatusCode::NOT_FOUND.into_response(),
        Err(error) => return failure(&error),
    };
    let mut file = ServeFile::new(host.panel.announcements.file(announcement.id));
    match file.try_call(Request::from_parts(parts, body)).await {
        Ok(served) => {
            let mut answer = served.map(Body::new).into_response();
            answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("audio/ogg"));
            answer
        }
        Err(error) => failure(&StoreError::File { path: announcement.id.to_string(), source: error }),
    }
}

/// The deed is done: it is the row that may be missing.
async fn audit(host: &Host, owner: &OwnerAccess, what: &'static str) {
    let (store, now) = (&host.panel.store, host.panel.live.now());
    if let Err(error) = store.audit(now, owner.room().id, owner.actor(), what, None, None).await {
        tracing::error!(%error, what, "an audit row was lost");
    }
}
