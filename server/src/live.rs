//! The live state of all rooms: the one place that stamps revisions, keeps the snapshots and feeds the watchers.

use crate::clock::Clock;
use crate::telephony::PinGuard;
use crate::telephony::media::MediaPool;
use axum::extract::ws::Utf8Bytes;
use model::live::{Message, UnixMs};
use model::{Action, Change, Delta, Live, PinAlert, Refusal, RoomId, limits};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::broadcast;

/// Live state of every room that had a call since the start.
pub(crate) struct LiveHub {
    clock: Clock,
    media: Arc<MediaPool>,
    pins: Arc<PinGuard>,
    rooms: Mutex<HashMap<RoomId, Arc<RoomFeed>>>,
}

struct RoomFeed {
    state: Mutex<Live>,
    /// A delta as JSON, serialised once, shared by all who watch. All roles see the same state.
    deltas: broadcast::Sender<Utf8Bytes>,
}

/// A watcher's place: first the snapshot, then what follows it.
pub(crate) struct Watch {
    pub(crate) snapshot: Utf8Bytes,
    pub(crate) deltas: broadcast::Receiver<Utf8Bytes>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many watch this room")]
pub(crate) struct TooManyWatchers;

impl LiveHub {
    pub(crate) fn new(clock: Clock, media: Arc<MediaPool>, pins: Arc<PinGuard>) -> LiveHub {
        LiveHub { clock, media, pins, rooms: Mutex::new(HashMap::new()) }
    }

    /// Takes over what the engine says of a room: a delta, in the order of the engine's events.
    pub(crate) fn apply(&self, room: RoomId, changes: Vec<Change>) {
        let feed = self.feed(room);
        // Under one lock, so that a watcher who joins now misses nothing and gets nothing twice.
        let mut state = feed.lock();
        let delta = Delta { revision: state.revision + 1, changes };
        if state.apply(&delta).is_err() {
            unreachable!("a delta made from the state follows it");
        }
        if feed.deltas.receiver_count() > 0 {
            // No receiver left since then is no error.
            let _ = feed.deltas.send(json(&Message::Delta(delta)));
        }
    }

    /// A snapshot and all deltas after it. A watcher that lags behind by more than the queue asks again.
    pub(crate) fn watch(&self, room: RoomId) -> Result<Watch, TooManyWatchers> {
        let feed = self.feed(room);
        let state = feed.lock();
        if feed.deltas.receiver_count() >= limits::WATCHERS_PER_ROOM {
            return Err(TooManyWatchers);
        }
        let deltas = feed.deltas.subscribe();
        let message = Message::Snapshot { now: self.clock.now_ms(), live: state.clone() };
        drop(state);
        Ok(Watch { snapshot: json(&message), deltas })
    }

    /// No new member gets in.
    pub(crate) fn is_locked(&self, room: RoomId) -> bool {
        self.feed(room).lock().conference.as_ref().is_some_and(|conference| conference.locked)
    }

    pub(crate) fn now_ms(&self) -> UnixMs {
        self.clock.now_ms()
    }

    fn feed(&self, room: RoomId) -> Arc<RoomFeed> {
        let mut rooms = self.rooms.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let feed = rooms.entry(room).or_insert_with(|| {
            let (deltas, _) = broadcast::channel(limits::WATCHER_QUEUE);
            Arc::new(RoomFeed { state: Mutex::new(Live::default()), deltas })
        });
        Arc::clone(feed)
    }
}

impl RoomFeed {
    fn lock(&self) -> MutexGuard<'_, Live> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn json(message: &Message) -> Utf8Bytes {
    // Plain data with string keys: there is nothing in it that JSON lacks.
    serde_json::to_string(message).unwrap_or_default().into()
}

impl app::LiveRooms for LiveHub {
    fn now(&self) -> UnixMs {
        self.clock.now_ms()
    }

    fn live(&self, room: RoomId) -> Live {
        self.feed(room).lock().clone()
    }

    fn act(&self, room: RoomId, action: Action) -> Result<(), Refusal> {
        let feed = self.feed(room);
        let live = feed.lock();
        if live.conference.is_none() {
            return Err(Refusal::NoConference);
        }
        if action.member().is_some_and(|id| live.member(id).is_none()) {
            return Err(Refusal::NoMember);
        }
        drop(live);
        self.media.act(room, action).map_err(|_| Refusal::Busy)
    }

    fn pin_alert(&self, room: RoomId) -> Option<PinAlert> {
        self.pins.alert(self.clock.now_ms(), room)
    }
}
