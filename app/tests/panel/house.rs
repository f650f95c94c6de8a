//! What the tests stand on: two accounts, a room, its addresses, and conferences that note what they are told.

use app::{Announcements, LiveRooms, Panel, Receiving, Recordings, Site, TrunkLines, Upload, router};
use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, Request, StatusCode};
use model::live::{Conference, Live, Member, UnixMs};
use model::trunk::Lines;
use model::{
    Action, AnnouncementId, ConferenceId, Language, MemberId, PinAlert, RecordingId, Refusal, RoomId,
    RoomSettings, UploadProblem,
};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use store::{Account, NewAccount, OwnerAccess, Room, Store, StoreError};
use tower::ServiceExt;

pub(crate) const NOW: UnixMs = 1_800_000_000_000;
pub(crate) const PASSWORD: &str = "correct horse battery";

/// Conferences that note what they are told, and do it not.
#[derive(Default)]
pub(crate) struct Noted {
    pub(crate) live: Mutex<Live>,
    pub(crate) acts: Mutex<Vec<(RoomId, Action)>>,
    pub(crate) refusal: Mutex<Option<Refusal>>,
    pub(crate) pin_alert: Mutex<Option<PinAlert>>,
    pub(crate) lines: Mutex<Lines>,
    /// Names and bytes of what was uploaded.
    pub(crate) uploads: Mutex<Vec<(String, usize)>>,
    pub(crate) upload_problem: Mutex<Option<UploadProblem>>,
    /// As many are received as may be.
    pub(crate) receiving: Mutex<bool>,
    /// Recordings whose files were removed.
    pub(crate) removed: Mutex<Vec<RecordingId>>,
    pub(crate) space_low: Mutex<bool>,
    pub(crate) store: Mutex<Option<Store>>,
}

#[async_trait]
impl Announcements for Noted {
    fn receive(&self) -> Option<Receiving> {
        (!*self.receiving.lock().unwrap()).then(|| Receiving::new(()))
    }

    async fn replace(&self, _: &OwnerAccess, _: UnixMs, upload: Upload) -> Result<(), UploadProblem> {
        if let Some(problem) = *self.upload_problem.lock().unwrap() {
            return Err(problem);
        }
        self.uploads.lock().unwrap().push((upload.name.to_string(), upload.file.len()));
        Ok(())
    }

    async fn remove(&self, owner: &OwnerAccess) -> Result<(), StoreError> {
        let store = self.store.lock().unwrap().clone().unwrap();
        store.remove_announcement(owner).await.map(drop)
    }

    /// A file that is there.
    fn file(&self, _: AnnouncementId) -> PathBuf {
        concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml").into()
    }
}

#[async_trait]
impl Recordings for Noted {
    fn is_space_low(&self) -> bool {
        *self.space_low.lock().unwrap()
    }

    fn days(&self) -> Option<u64> {
        Some(30)
    }

    async fn remove(&self, owner: &OwnerAccess, id: RecordingId) -> Result<bool, StoreError> {
        let store = self.store.lock().unwrap().clone().unwrap();
        let removed = store.remove_recording(owner, id).await?;
        self.removed.lock().unwrap().extend(removed.then_some(id));
        Ok(removed)
    }

    /// A file that is there.
    fn file(&self, _: RecordingId) -> PathBuf {
        concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml").into()
    }
}

impl TrunkLines for Noted {
    fn lines(&self) -> Lines {
        self.lines.lock().unwrap().clone()
    }
}

impl LiveRooms for Noted {
    fn now(&self) -> UnixMs {
        NOW
    }

    fn live(&self, _: RoomId) -> Live {
        self.live.lock().unwrap().clone()
    }

    fn act(&self, room: RoomId, action: Action) -> Result<(), Refusal> {
        if let Some(refusal) = *self.refusal.lock().unwrap() {
            return Err(refusal);
        }
        self.acts.lock().unwrap().push((room, action));
        Ok(())
    }

    fn pin_alert(&self, _: RoomId) -> Option<PinAlert> {
        *self.pin_alert.lock().unwrap()
    }
}

pub(crate) struct House {
    pub(crate) panel: Panel,
    pub(crate) live: Arc<Noted>,
    pub(crate) owner: Account,
    pub(crate) room: Room,
    /// Tokens of the room's addresses.
    pub(crate) follow: String,
    pub(crate) control: String,
    /// `Cookie` values of the owner and of somebody else who has an account too.
    pub(crate) owner_cookie: String,
    pub(crate) other_cookie: String,
}

impl House {
    pub(crate) async fn new() -> House {
        let (store, live) = (Store::in_memory().await.unwrap(), Arc::new(Noted::default()));
        // The first account is the operator's.
        let owner = account(&store, NOW, "claire@exemple.fr").await;
        let other = account(&store, NOW + 1, "other@exemple.fr").await;
        let number = "0328003000".parse().unwrap();
        let settings = RoomSettings { pin: Some("4711".parse().unwrap()), ..RoomSettings::default() };
        let room = store.add_number(NOW, number, owner.id, "Équipe de Lille", settings).await.unwrap();
        let addresses = store.addresses(room.id).await.unwrap();
        let (owner_cookie, other_cookie) = (cookie(&store, &owner).await, cookie(&store, &other).await);
        *live.store.lock().unwrap() = Some(store.clone());
        let panel = Panel {
            store,
            live: live.clone(),
            lines: live.clone(),
            announcements: live.clone(),
            recordings: live.clone(),
            public_url: Some("https://conf.exemple.fr".into()),
            sip_hint: "conf.exemple.fr:5060".into(),
            secure_cookies: false,
        };
        let (follow, control) = (addresses.follow.unwrap(), addresses.control.unwrap());
        House { panel, live, owner, room, follow, control, owner_cookie, other_cookie }
    }

    /// Two members: the first talks, the second is muted.
    pub(crate) fn fill(&self) {
        let member = |id: u64, number: &str, talking: bool, muted: bool| Member {
            id: MemberId(id),
            number: number.into(),
            name: String::new(),
            since: NOW - 65_000,
            talking,
            muted,
            deaf: false,
            level: 0,
            energy: model::Energy::default(),
            quality: None,
        };
        let id: ConferenceId = serde_json::from_str(r#""018f0000-0000-7000-8000-000000000001""#).unwrap();
        let members = vec![member(7, "0612345678", true, false), member(8, "", false, true)];
        let conference =
            Some(Conference { id, since: NOW - 70_000, locked: false, recording: true, members });
        *self.live.live.lock().unwrap() = Live { revision: 3, conference };
    }

    pub(crate) fn acts(&self) -> Vec<(RoomId, Action)> {
        self.live.acts.lock().unwrap().clone()
    }

    fn app(&self) -> Router {
        router(self.panel.clone(), Site { output_name: "conference.test", style_path: "/pkg/style.test.css" })
    }

    pub(crate) async fn get(&self, path: &str, cookie: Option<&str>) -> Answer {
        self.send(request("GET", path, cookie).body(Body::empty()).unwrap()).await
    }

    /// A plain form, as a browser without script sends it.
    pub(crate) async fn post(&self, path: &str, cookie: Option<&str>, form: &str) -> Answer {
        let request = request("POST", path, cookie).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(form.to_owned())).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.app().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }
}

pub(crate) fn request(method: &str, path: &str, cookie: Option<&str>) -> axum::http::request::Builder {
    let request = Request::builder().method(method).uri(path).header("host", "conf.exemple.fr");
    match cookie {
        Some(cookie) => request.header(COOKIE, cookie),
        None => request,
    }
}

async fn account(store: &Store, created: UnixMs, email: &str) -> Account {
    let (email, password) = (email.parse().unwrap(), PASSWORD.parse().unwrap());
    let new = NewAccount { nic: None, email, password, language: Language::Fr };
    store.create_account(created, new).await.unwrap()
}

async fn cookie(store: &Store, account: &Account) -> String {
    format!("conference_session={}", store.create_session(NOW, account.id).await.unwrap().0)
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn location(&self) -> &str {
        self.header(LOCATION.as_str())
    }

    /// The value that the answer's cookie would be sent back with.
    pub(crate) fn cookie(&self) -> &str {
        self.header(SET_COOKIE.as_str()).split(';').next().unwrap()
    }

    pub(crate) fn has(&self, text: &str) -> bool {
        self.body.contains(text)
    }
}
