//! What is kept of conferences while they happen: rows, in the order of the events, written by one task. Whoever has
//! something to write waits only where thousands of rows wait already.

use model::limits::LEDGER_QUEUE;
use model::live::UnixMs;
use model::{Change, ConferenceId, RecordingEnd, RecordingId, RoomId};
use std::collections::HashMap;
use store::{NewRecording, RecordedSound, Store, StoreError};
use tokio::sync::{mpsc, oneshot};

#[derive(Debug)]
pub(crate) enum Entry {
    ConferenceBegan {
        id: ConferenceId,
        room: RoomId,
        began: UnixMs,
    },
    ConferenceEnded {
        id: ConferenceId,
        ended: UnixMs,
    },
    RecordingBegan(NewRecording),
    RecordingEnded {
        id: RecordingId,
        end: RecordingEnd,
        sound: RecordedSound,
    },
    /// The server stops: whatever goes on has ended. Answered when it is written.
    Stop {
        now: UnixMs,
        done: oneshot::Sender<()>,
    },
}

/// Clones write into the same ledger.
#[derive(Clone)]
pub(crate) struct Ledger(mpsc::Sender<Entry>);

impl Ledger {
    pub(crate) fn open(store: Store) -> Ledger {
        let (sender, mut entries) = mpsc::channel(LEDGER_QUEUE);
        tokio::spawn(async move {
            while let Some(entry) = entries.recv().await {
                let what = format!("{entry:?}");
                if let Err(error) = write(&store, entry).await {
                    tracing::error!(%error, what, "a row of the history was lost");
                }
            }
        });
        Ledger(sender)
    }

    pub(crate) async fn write(&self, entry: Entry) {
        // Nobody reads only when the program ends.
        let _ = self.0.send(entry).await;
    }

    /// The same from a thread that may wait.
    pub(crate) fn write_blocking(&self, entry: Entry) {
        let _ = self.0.blocking_send(entry);
    }

    /// Returns when all is written.
    pub(crate) async fn stop(&self, now: UnixMs) {
        let (done, written) = oneshot::channel();
        self.write(Entry::Stop { now, done }).await;
        let _ = written.await;
    }
}

async fn write(store: &Store, entry: Entry) -> Result<(), StoreError> {
    match entry {
        Entry::ConferenceBegan { id, room, began } => store.conference_began(id, room, began).await,
        Entry::ConferenceEnded { id, ended } => store.conference_ended(id, ended).await,
        Entry::RecordingBegan(new) => store.recording_began(&new).await,
        Entry::RecordingEnded { id, end, sound } => store.recording_ended(id, end, sound).await,
        Entry::Stop { now, done } => {
            let ended = store.end_conferences(now).await;
            // Who asked may have gone.
            let _ = done.send(());
            ended
        }
    }
}

/// Reads the begin and the end of conferences out of what the pages are told.
pub(crate) struct Chronicle {
    ledger: Ledger,
    going_on: HashMap<RoomId, ConferenceId>,
}

impl Chronicle {
    pub(crate) fn new(ledger: Ledger) -> Chronicle {
        Chronicle { ledger, going_on: HashMap::new() }
    }

    /// Changes of a room, in their order.
    pub(crate) async fn note(&mut self, room: RoomId, changes: &[Change], now: UnixMs) {
        for change in changes {
            match change {
                Change::Began { id, since } => {
                    self.going_on.insert(room, *id);
                    self.ledger.write(Entry::ConferenceBegan { id: *id, room, began: *since }).await;
                }
                Change::Ended => {
                    if let Some(id) = self.going_on.remove(&room) {
                        self.ledger.write(Entry::ConferenceEnded { id, ended: now }).await;
                    }
                }
                _ => {}
            }
        }
    }
}
