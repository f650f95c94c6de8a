//! The live sockets: a snapshot, then its deltas, for as long as the page's right to see them lasts.

use super::Web;
use crate::live::{LiveHub, Watch};
use axum::Router;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use model::{RoomId, limits};
use std::sync::Arc;
use std::time::Duration;
use store::StoreError;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// How soon a page notices that its address was deleted or its session ended.
const RECHECK: Duration = Duration::from_secs(1);
/// A connection that takes nothing for so long is given up.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) fn router() -> Router<Web> {
    Router::new()
        .route("/ws/follow/{token}", get(follow))
        .route("/ws/control/{token}", get(control))
        .route("/ws/rooms/{number}", get(room))
}

/// What gave the right to watch; asked again while the socket is open.
enum Right {
    Follow(String),
    Control(String),
    Owner { headers: HeaderMap, number: String },
}

impl Right {
    async fn room(&self, web: &Web) -> Result<Option<RoomId>, StoreError> {
        let store = &web.panel.store;
        Ok(match self {
            Right::Follow(token) => store.follow_access(token).await?.map(|a| a.room().id),
            Right::Control(token) => store.control_access(token).await?.map(|a| a.room().id),
            Right::Owner { headers, number } => {
                app::room_by_session(&web.panel, headers, number).await?.map(|a| a.room().id)
            }
        })
    }
}

async fn follow(web: State<Web>, Path(token): Path<String>, upgrade: WebSocketUpgrade) -> Response {
    open(web, Right::Follow(token), upgrade).await
}

async fn control(web: State<Web>, Path(token): Path<String>, upgrade: WebSocketUpgrade) -> Response {
    open(web, Right::Control(token), upgrade).await
}

async fn room(
    web: State<Web>,
    Path(number): Path<String>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !same_origin(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    open(web, Right::Owner { headers, number }, upgrade).await
}

/// A session cookie goes with every request of the browser, also those that a foreign page makes; WebSockets know no
/// other guard against that than this header (RFC 6455 section 10.2).
fn same_origin(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("origin"), text("host")) {
        (Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, of)| of == host),
        // No browser, so no foreign page.
        (None, _) => true,
        (Some(_), None) => false,
    }
}

async fn open(State(web): State<Web>, right: Right, upgrade: WebSocketUpgrade) -> Response {
    match right.room(&web).await {
        Ok(Some(room)) => upgrade
            .max_message_size(limits::WATCHER_MESSAGE_BYTES)
            .on_upgrade(move |socket| watch(web, right, room, socket)),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => {
            tracing::error!(%error, "a live socket cannot be opened");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

/// Why a socket ends.
enum End {
    Gone,
    NoRight,
    Crowded,
}

async fn watch(web: Web, right: Right, room: RoomId, mut socket: WebSocket) {
    let frame = match feed(&web, &right, room, &mut socket).await {
        End::Gone => return,
        End::NoRight => {
            CloseFrame { code: close_code::POLICY, reason: "this address is no longer valid".into() }
        }
        End::Crowded => CloseFrame { code: close_code::AGAIN, reason: "too many watch this room".into() },
    };
    // The page may be gone already.
    let _ = tokio::time::timeout(SEND_TIMEOUT, socket.send(Message::Close(Some(frame)))).await;
}

async fn feed(web: &Web, right: &Right, room: RoomId, socket: &mut WebSocket) -> End {
    let mut watch = match fresh(&web.live, room, socket).await {
        Ok(watch) => watch,
        Err(end) => return end,
    };
    let mut recheck = interval_at(Instant::now() + RECHECK, RECHECK);
    recheck.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            delta = watch.deltas.recv() => match delta {
                Ok(text) => if !send(socket, Message::Text(text)).await { return End::Gone },
                Err(RecvError::Lagged(_)) => match fresh(&web.live, room, socket).await {
                    Ok(again) => watch = again,
                    Err(end) => return end,
                },
                Err(RecvError::Closed) => return End::Gone,
            },
            said = socket.recv() => match said {
                // Pings are answered by the library; a watcher has nothing else to say.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Text(_) | Message::Binary(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return End::Gone,
            },
            _ = recheck.tick() => {
                // A database that fails for a moment takes no page down.
                if matches!(right.room(web).await, Ok(found) if found != Some(room)) {
                    return End::NoRight;
                }
            },
        }
    }
}

async fn fresh(live: &Arc<LiveHub>, room: RoomId, socket: &mut WebSocket) -> Result<Watch, End> {
    let watch = live.watch(room).map_err(|_| End::Crowded)?;
    let sent = send(socket, Message::Text(watch.snapshot.clone())).await;
    sent.then_some(watch).ok_or(End::Gone)
}

async fn send(socket: &mut WebSocket, message: Message) -> bool {
    matches!(tokio::time::timeout(SEND_TIMEOUT, socket.send(message)).await, Ok(Ok(())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_may_use_the_session() {
        let origin = |origin: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert("host", "conf.example.org".parse().unwrap());
            if let Some(origin) = origin {
                headers.insert("origin", origin.parse().unwrap());
            }
            same_origin(&headers)
        };
        assert!(origin(None));
        assert!(origin(Some("https://conf.example.org")));
        assert!(!origin(Some("https://evil.example.org")));
        assert!(!origin(Some("null")));
    }
}
