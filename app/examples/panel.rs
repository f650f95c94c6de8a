//! The panel with made-up callers: to look at its pages without telephony.
//!
//! `cargo xtask build` first, then `cargo run -p app --features ssr --example panel -- target/site/debug`.
//! It listens on 127.0.0.1:3090 and prints what to open. `--crowd N` fills the room, `--empty` leaves it empty, and
//! `--language de` is that of the account.

use app::{
    Announcements, LiveRooms, Panel, Receiving, Recordings, Site, TrunkLines, Upload, room_by_session, router,
};
use async_trait::async_trait;
use axum::extract::ws::{Message as Frame, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use model::live::{Change, Delta, Live, Member, Message, UnixMs};
use model::trunk::{Lines, Reach, Registration, RegistrationState, Strangers, TrunkState};
use model::{
    Action, AnnouncementId, ConferenceId, Language, MemberId, PinAlert, RecordingId, Refusal, RoomId,
    RoomSettings, UploadProblem,
};
use std::error::Error;
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use store::{NewAccount, OwnerAccess, Store, StoreError};
use tokio::sync::broadcast;

const EMAIL: &str = "claire@exemple.fr";
const PASSWORD: &str = "une phrase de passe";
const PEOPLE: [(&str, &str); 5] = [
    ("0612345678", "Karim Benali"),
    ("0320441002", "Claire Delattre"),
    ("0170363942", ""),
    ("+4930901820", "Jana Weiß"),
    ("", ""),
];

/// One room in which people talk in turns, and listen to orders.
struct Stage {
    room: OnceLock<RoomId>,
    live: Mutex<Live>,
    deltas: broadcast::Sender<Message>,
}

impl Stage {
    fn lock(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn change(&self, changes: Vec<Change>) {
        let mut live = self.lock();
        let delta = Delta { revision: live.revision + 1, changes };
        if live.apply(&delta).is_ok() {
            // Nobody may be looking.
            let _ = self.deltas.send(Message::Delta(delta));
        }
    }

    /// Twenty times a second: one talks for some seconds, then the next who is not muted.
    fn play(&self, tick: u64) {
        let members = self.lock().members().to_vec();
        let turn = (tick / 70) as usize;
        let pause = tick % 70 > 58;
        let mut changes = Vec::new();
        for (i, member) in members.iter().enumerate() {
            let talking = !pause && !member.muted && i == turn % members.len();
            let wave = (tick as f64 * 0.9).sin() * 18.0 + (tick as f64 * 0.37).cos() * 12.0;
            let level = if talking {
                (58.0 + wave) as u8
            } else {
                u8::from(!member.muted) * ((tick + i as u64) % 5) as u8
            };
            if talking != member.talking {
                changes.push(Change::Talking { id: member.id, talking });
            }
            if level != member.level {
                changes.push(Change::Level { id: member.id, level });
            }
        }
        if !changes.is_empty() {
            self.change(changes);
        }
    }
}

impl LiveRooms for Stage {
    fn now(&self) -> UnixMs {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as UnixMs)
    }

    fn live(&self, room: RoomId) -> Live {
        if self.room.get() == Some(&room) { self.lock().clone() } else { Live::default() }
    }

    fn act(&self, room: RoomId, action: Action) -> Result<(), Refusal> {
        if self.live(room).conference.is_none() {
            return Err(Refusal::NoConference);
        }
        if action.member().is_some_and(|id| self.lock().member(id).is_none()) {
            return Err(Refusal::NoMember);
        }
        self.change(vec![match action {
            Action::Lock => Change::Locked { locked: true },
            Action::Unlock => Change::Locked { locked: false },
            Action::Mute(id) => Change::Muted { id, muted: true },
            Action::Unmute(id) => Change::Muted { id, muted: false },
            Action::Deafen(id) => Change::Deaf { id, deaf: true },
            Action::Undeafen(id) => Change::Deaf { id, deaf: false },
            Action::Energy { member: id, energy } => Change::Energy { id, energy },
            Action::Expel(id) => Change::Left { id },
        }]);
        Ok(())
    }

    fn pin_alert(&self, room: RoomId) -> Option<PinAlert> {
        (self.room.get() == Some(&room)).then_some(PinAlert { wrong: 12, callers: 3 })
    }
}

impl TrunkLines for Stage {
    fn lines(&self) -> Lines {
        let now = self.now();
        let state = RegistrationState::Registered { since: now - 7_300_000, until: now + 400_000 };
        let registration = Some(Registration { account: "0033328003000@sip.exemple.fr".into(), state });
        let provider = TrunkState {
            name: "operateur".into(),
            peers: Vec::new(),
            registration,
            reach: Some(Reach::Answers { at: now - 12_000 }),
            taken: 412,
            refused: 3,
            last_call: Some(now - 95_000),
        };
        Lines {
            trunks: vec![provider],
            strangers: Strangers::Refused,
            other_refused: 1_873,
            ..Lines::default()
        }
    }
}

/// There is nothing to hear on the stage.
#[async_trait]
impl Announcements for Stage {
    fn receive(&self) -> Option<Receiving> {
        Some(Receiving::new(()))
    }

    async fn replace(&self, _: &OwnerAccess, _: UnixMs, _: Upload) -> Result<(), UploadProblem> {
        Err(UploadProblem::NotSound)
    }

    async fn remove(&self, _: &OwnerAccess) -> Result<(), StoreError> {
        Ok(())
    }

    fn file(&self, _: AnnouncementId) -> PathBuf {
        PathBuf::new()
    }
}

/// Nor anything that was recorded.
#[async_trait]
impl Recordings for Stage {
    fn is_space_low(&self) -> bool {
        false
    }

    fn days(&self) -> Option<u64> {
        None
    }

    async fn remove(&self, _: &OwnerAccess, _: RecordingId) -> Result<bool, StoreError> {
        Ok(false)
    }

    fn file(&self, _: RecordingId) -> PathBuf {
        PathBuf::new()
    }
}

#[derive(Clone)]
struct Watch {
    panel: Panel,
    stage: Arc<Stage>,
    site: Arc<FilePath>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let folder = PathBuf::from(args.first().ok_or("the folder of the site is missing")?);
    let value_of = |flag: &str| args.iter().position(|a| a == flag).and_then(|i| args.get(i + 1));
    let crowd = value_of("--crowd").map_or(Ok(PEOPLE.len()), |n| n.parse())?;
    let site = site(&folder)?;

    let (deltas, _) = broadcast::channel(64);
    let stage = Arc::new(Stage { room: OnceLock::new(), live: Mutex::default(), deltas });
    let panel = Panel {
        store: Store::in_memory().await?,
        live: stage.clone(),
        lines: stage.clone(),
        announcements: stage.clone(),
        recordings: stage.clone(),
        public_url: None,
        sip_hint: "127.0.0.1:5060".into(),
        secure_cookies: false,
    };
    let language = value_of("--language").map_or(Ok(Language::Fr), |code| code.parse())?;
    furnish(&panel, &stage, language).await?;
    if !args.iter().any(|a| a == "--empty") {
        fill(&stage, crowd)?;
    }
    let watch = Watch { panel: panel.clone(), stage: stage.clone(), site: folder.into() };
    let files = axum::Router::new()
        .route("/ws/follow/{token}", get(by_token))
        .route("/ws/control/{token}", get(by_token))
        .route("/ws/rooms/{number}", get(by_session))
        .route("/pkg/{file}", get(pkg))
        .route("/favicon.svg", get(public))
        .route("/icons.svg", get(public))
        .with_state(watch);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3090").await?;
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_millis(50));
        for tick in 0.. {
            ticks.tick().await;
            stage.play(tick);
        }
    });
    Ok(axum::serve(listener, router(panel, site).merge(files)).await?)
}

/// The names that `cargo xtask build` gave its files.
fn site(folder: &FilePath) -> Result<Site, Box<dyn Error>> {
    let manifest = std::fs::read_to_string(folder.join("manifest.txt"))?;
    let value = |key: &str| -> Result<&'static str, Box<dyn Error>> {
        let line = manifest.lines().find_map(|line| line.strip_prefix(key));
        Ok(String::leak(line.ok_or("the manifest lacks a line")?.trim().to_owned()))
    };
    Ok(Site { output_name: value("output_name ")?, style_path: value("style_path ")? })
}

async fn furnish(panel: &Panel, stage: &Stage, language: Language) -> Result<(), Box<dyn Error>> {
    let store = &panel.store;
    let new = NewAccount { nic: None, email: EMAIL.parse()?, password: PASSWORD.parse()?, language };
    let account = store.create_account(stage.now(), new).await?;
    let settings = RoomSettings { pin: Some("4711".parse()?), ..RoomSettings::default() };
    let about = "Point hebdomadaire, équipe de Lille";
    let room = store.add_number(stage.now(), "0328003000".parse()?, account.id, about, settings).await?;
    let free = RoomSettings::default();
    store.add_number(stage.now(), "3000".parse()?, account.id, "", free.clone()).await?;
    store.add_number(stage.now(), "+33187654321".parse()?, account.id, "Comité de direction", free).await?;
    let addresses = store.addresses(room.id).await?;
    // Nobody set it before.
    let _ = stage.room.set(room.id);
    println!("http://127.0.0.1:3090/login   {EMAIL} / {PASSWORD}");
    for (kind, token) in [("follow", addresses.follow), ("control", addresses.control)] {
        println!("http://127.0.0.1:3090/{kind}/{}", token.unwrap_or_default());
    }
    Ok(())
}

fn fill(stage: &Stage, crowd: usize) -> Result<(), Box<dyn Error>> {
    let id: ConferenceId = serde_json::from_str(r#""018f0000-0000-7000-8000-000000000001""#)?;
    let began = stage.now() - 767_000;
    let mut changes = vec![Change::Began { id, since: began }, Change::Recording { recording: true }];
    for i in 0..crowd {
        let (number, name) = PEOPLE[i % PEOPLE.len()];
        let member = Member {
            id: MemberId(i as u64 + 1),
            number: number.into(),
            name: name.into(),
            since: began + i as u64 * 41_000,
            talking: false,
            muted: i % PEOPLE.len() == 2,
            deaf: i % PEOPLE.len() == 4,
            level: 0,
            energy: model::Energy::default(),
            quality: None,
        };
        changes.push(Change::Joined { member });
    }
    stage.change(changes);
    Ok(())
}

async fn by_token(
    State(watch): State<Watch>,
    Path(token): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let store = &watch.panel.store;
    let follow = store.follow_access(&token).await.ok().flatten().is_some();
    if follow || store.control_access(&token).await.ok().flatten().is_some() {
        return upgrade.on_upgrade(move |socket| send(watch.stage, socket));
    }
    StatusCode::NOT_FOUND.into_response()
}

async fn by_session(
    State(watch): State<Watch>,
    Path(number): Path<String>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    match room_by_session(&watch.panel, &headers, &number).await {
        Ok(Some(owner)) if watch.stage.room.get() == Some(&owner.room().id) => {
            upgrade.on_upgrade(move |socket| send(watch.stage, socket))
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn send(stage: Arc<Stage>, mut socket: WebSocket) {
    let mut deltas = stage.deltas.subscribe();
    let snapshot = Message::Snapshot { now: stage.now(), live: stage.lock().clone() };
    let mut next = Ok(snapshot);
    while let Ok(message) = next {
        let Ok(text) = serde_json::to_string(&message) else { return };
        if socket.send(Frame::text(text)).await.is_err() {
            return;
        }
        next = deltas.recv().await;
    }
}

async fn pkg(State(watch): State<Watch>, Path(file): Path<String>) -> Response {
    serve(&watch.site.join("pkg").join(file))
}

async fn public(State(watch): State<Watch>, uri: axum::http::Uri) -> Response {
    serve(&watch.site.join(uri.path().trim_start_matches('/')))
}

fn serve(file: &FilePath) -> Response {
    let kind = match file.extension().and_then(|e| e.to_str()) {
        Some("js") => "text/javascript",
        Some("wasm") => "application/wasm",
        Some("css") => "text/css",
        _ => "image/svg+xml",
    };
    match std::fs::read(file) {
        Ok(bytes) => ([(CONTENT_TYPE, kind)], bytes).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}
