//! The server's half: routes, forms, and the frame in which pages are rendered.

pub(crate) mod cookie;
pub(crate) mod headers;
mod language;
pub(crate) mod render;
mod routes;

pub use routes::router;

use crate::api::capability;
use async_trait::async_trait;
use axum::http::HeaderMap;
use model::RoomId;
use std::path::PathBuf;
use std::sync::Arc;
use store::{OwnerAccess, StoreError};

/// The conferences that go on, as the panel needs them.
pub trait LiveRooms: Send + Sync + 'static {
    /// Unix time in milliseconds.
    fn now(&self) -> model::live::UnixMs;

    /// The room as it is now.
    fn live(&self, room: RoomId) -> model::Live;

    /// Hands an order to the engine. It is done when the live state shows it.
    ///
    /// # Errors
    /// [`model::Refusal`]; nothing is done then.
    fn act(&self, room: RoomId, action: model::Action) -> Result<(), model::Refusal>;

    /// Wrong PINs of the last hour, if they are many.
    fn pin_alert(&self, room: RoomId) -> Option<model::PinAlert>;
}

/// The lines on which calls come in, as the operator's page shows them.
pub trait TrunkLines: Send + Sync + 'static {
    fn lines(&self) -> model::trunk::Lines;
}

/// A file that was sent to become an announcement.
pub struct Upload {
    pub name: model::FileName,
    pub file: Vec<u8>,
}

/// The right to hold one upload in memory; others wait until it is dropped.
pub struct Receiving(#[expect(dead_code, reason = "it is held, then dropped")] Box<dyn Send + Sync>);

impl Receiving {
    pub fn new(turn: impl Send + Sync + 'static) -> Receiving {
        Receiving(Box::new(turn))
    }
}

/// The sounds of the owners'. What is known of them stands in the store.
#[async_trait]
pub trait Announcements: Send + Sync + 'static {
    /// `None`: as many are being received as may be at once.
    fn receive(&self) -> Option<Receiving>;

    /// Makes the file the room's announcement, in place of the one before.
    ///
    /// # Errors
    /// Why it cannot be; the one before stays then.
    async fn replace(
        &self,
        owner: &OwnerAccess,
        now: model::live::UnixMs,
        upload: Upload,
    ) -> Result<(), model::UploadProblem>;

    /// # Errors
    /// [`StoreError`]; it stays then.
    async fn remove(&self, owner: &OwnerAccess) -> Result<(), StoreError>;

    /// The sound, in a form that browsers play.
    fn file(&self, id: model::AnnouncementId) -> PathBuf;
}

/// The recordings of conferences. What is known of them stands in the store.
#[async_trait]
pub trait Recordings: Send + Sync + 'static {
    /// The disk is too full for another one.
    fn is_space_low(&self) -> bool;

    /// How long they are kept; `None`: until they are deleted.
    fn days(&self) -> Option<u64>;

    /// Removes the row and the file. `false`: there is no such recording, or it runs.
    ///
    /// # Errors
    /// [`StoreError`]; it stays then.
    async fn remove(&self, owner: &OwnerAccess, id: model::RecordingId) -> Result<bool, StoreError>;

    /// The sound, as Ogg Opus.
    fn file(&self, id: model::RecordingId) -> PathBuf;
}

/// What the panel stands on. Clones share it.
#[derive(Clone)]
pub struct Panel {
    pub store: store::Store,
    pub live: Arc<dyn LiveRooms>,
    pub lines: Arc<dyn TrunkLines>,
    pub announcements: Arc<dyn Announcements>,
    pub recordings: Arc<dyn Recordings>,
    /// The base of printed addresses, without a slash at its end; `None`: the host that the request names.
    pub public_url: Option<String>,
    /// `host:port` that a SIP phone dials, after `sip:number@`.
    pub sip_hint: String,
    /// The panel is reached by HTTPS: its cookies go no other way.
    pub secure_cookies: bool,
}

/// The files that pages ask for. The server serves them; their names hold a hash of what is in them.
#[derive(Clone, Copy, Debug)]
pub struct Site {
    /// `/pkg/{output_name}.js` and `/pkg/{output_name}_bg.wasm`.
    pub output_name: &'static str,
    /// The style sheet's path.
    pub style_path: &'static str,
}

/// The owner's right to the room behind `number`, for a connection that carries the session's cookie.
///
/// `None`: nobody is logged in, or the number is unknown or somebody else's.
///
/// # Errors
/// [`StoreError`] where the store fails.
pub async fn room_by_session(
    panel: &Panel,
    headers: &HeaderMap,
    number: &str,
) -> Result<Option<OwnerAccess>, StoreError> {
    let account = capability::account(panel, headers).await?;
    capability::owner(panel, account.as_ref(), number).await
}
