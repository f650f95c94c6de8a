//! A room's recordings: hearing, downloading, deleting one.

use super::settings::owner_of;
use crate::server::render::{Host, failure, page, see_other};
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::RecordingId;
use model::live::UnixMs;
use serde::Deserialize;
use store::{OwnerAccess, Recording, RecordingState, StoreError};
use tower_http::services::ServeFile;

#[derive(Deserialize)]
pub(crate) struct How {
    /// Whatever it is: the browser is to keep it as a file.
    download: Option<String>,
}

/// The sound, whole or the part that is asked for.
pub(crate) async fn sound(
    State(host): State<Host>,
    Path((number, id)): Path<(String, String)>,
    Query(how): Query<How>,
    request: Request<Body>,
) -> Response {
    let (parts, body) = request.into_parts();
    let recording = match found(&host, &parts, &number, &id).await {
        Ok(Some((_, recording))) if recording.state != RecordingState::Running => recording,
        Ok(_) => return StatusCode::NOT_FOUND.into_response(),
        Err(error) => return failure(&error),
    };
    let mut file = ServeFile::new(host.panel.recordings.file(recording.id));
    let served = match file.try_call(Request::from_parts(parts, body)).await {
        Ok(served) => served,
        Err(error) => return failure(&StoreError::File { path: id, source: error }),
    };
    let mut answer = served.map(Body::new).into_response();
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("audio/ogg"));
    let disposition = format!("attachment; filename=\"{}\"", file_name(&number, recording.began));
    if how.download.is_some()
        && let Ok(disposition) = HeaderValue::from_str(&disposition)
    {
        answer.headers_mut().insert(CONTENT_DISPOSITION, disposition);
    }
    answer
}

pub(crate) async fn remove(
    State(host): State<Host>,
    Path((number, id)): Path<(String, String)>,
    parts: Parts,
) -> Response {
    let (owner, recording) = match found(&host, &parts, &number, &id).await {
        Ok(Some(found)) => found,
        Ok(None) => return page(&host, &parts).await,
        Err(error) => return failure(&error),
    };
    match host.panel.recordings.remove(&owner, recording.id).await {
        Ok(true) => {
            let (store, now) = (&host.panel.store, host.panel.live.now());
            let row = store.audit(now, owner.room().id, owner.actor(), "removeRecording", None, None);
            if let Err(error) = row.await {
                // The deed is done: it is the row that is missing.
                tracing::error!(%error, "an audit row was lost");
            }
            see_other(&format!("/rooms/{number}/history?removed"))
        }
        Ok(false) => see_other(&format!("/rooms/{number}/history")),
        Err(error) => failure(&error),
    }
}

/// The owner's right to the room, and one of its recordings. `None`: one of both is not there, or not theirs.
async fn found(
    host: &Host,
    parts: &Parts,
    number: &str,
    id: &str,
) -> Result<Option<(OwnerAccess, Recording)>, StoreError> {
    let (Some(owner), Ok(id)) = (owner_of(host, parts, number).await?, id.parse::<RecordingId>()) else {
        return Ok(None);
    };
    let recording = host.panel.store.recording(&owner, id).await?;
    Ok(recording.map(|recording| (owner, recording)))
}

/// A name for the browser's folder of downloads: the number's digits, and when it began.
fn file_name(number: &str, began: UnixMs) -> String {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    format!("{digits}-{}.ogg", written(began, "%Y-%m-%d-%H%M"))
}

/// A moment by the server's clock and in its time zone; `format` is that of strftime(3).
pub(crate) fn written(at: UnixMs, format: &str) -> String {
    let at = i64::try_from(at).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    at.map(|at| at.to_zoned_datetime(TimeZone::system()).strftime(format).to_string()).unwrap_or_default()
}
