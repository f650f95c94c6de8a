use crate::{NOW, newcomer, with_room};
use model::{ConferenceId, RecordingEnd, RecordingId, RoomId, RoomSettings};
use store::{NewRecording, RecordedSound, RecordingState, Store, StoreError};
use uuid::Uuid;

const SOUND: RecordedSound = RecordedSound { length_ms: 61_000, bytes: 183_000, gaps_ms: 40 };

/// The `n`th recording, an hour after the one before it, of a conference of its own.
fn new(room: RoomId, n: u64) -> NewRecording {
    let id = Uuid::from_u128(u128::from(n));
    let since = NOW + n * 3_600_000;
    NewRecording { id: RecordingId(id), room, conference: ConferenceId(id), since, began: since + 5_000 }
}

async fn kept(store: &Store, room: RoomId, n: u64) -> RecordingId {
    let new = new(room, n);
    store.recording_began(&new).await.unwrap();
    store.recording_ended(new.id, RecordingEnd::ConferenceOver, SOUND).await.unwrap();
    new.id
}

#[tokio::test]
async fn is_a_row_while_it_runs_and_after() {
    let (store, account, room) = with_room().await;
    let owner = store.room_for_owner(&account, &room.number).await.unwrap().unwrap();
    let new = new(room.id, 1);
    // In whichever order these two come.
    store.recording_began(&new).await.unwrap();
    store.conference_began(new.conference, room.id, new.since).await.unwrap();
    let running = store.recordings(&owner).await.unwrap();
    assert_eq!(
        (running[0].id, running[0].state, running[0].began),
        (new.id, RecordingState::Running, new.began)
    );
    assert_eq!(store.running_recordings().await.unwrap(), [new.id]);
    assert!(!store.remove_recording(&owner, new.id).await.unwrap(), "it runs");

    store.recording_ended(new.id, RecordingEnd::Limit, SOUND).await.unwrap();
    store.conference_ended(new.conference, NOW + 90_000_000).await.unwrap();
    let ended = store.recording(&owner, new.id).await.unwrap().unwrap();
    assert_eq!(ended.state, RecordingState::Ended { end: RecordingEnd::Limit, sound: SOUND });
    assert!(store.running_recordings().await.unwrap().is_empty());
    assert!(store.remove_recording(&owner, new.id).await.unwrap());
    assert!(!store.remove_recording(&owner, new.id).await.unwrap());
    assert!(store.recordings(&owner).await.unwrap().is_empty());
}

#[tokio::test]
async fn each_room_has_its_own() {
    let (store, account, room) = with_room().await;
    let other = store.create_account(NOW, newcomer("b@exemple.fr")).await.unwrap();
    let number = "3001".parse().unwrap();
    let theirs = store.add_number(NOW, number, other.id, "", RoomSettings::default()).await.unwrap();
    let owner = store.room_for_owner(&account, &room.number).await.unwrap().unwrap();
    let mine = [kept(&store, room.id, 1).await, kept(&store, room.id, 3).await];
    let foreign = kept(&store, theirs.id, 2).await;
    let ids: Vec<RecordingId> = store.recordings(&owner).await.unwrap().iter().map(|r| r.id).collect();
    assert_eq!(ids, [mine[1], mine[0]], "the latest first");
    assert_eq!(store.recording(&owner, foreign).await.unwrap(), None);
    assert!(!store.remove_recording(&owner, foreign).await.unwrap());
    assert_eq!(store.recording_ids().await.unwrap().len(), 3);
    let nowhere = store.recording_began(&new(RoomId(Uuid::nil()), 4)).await;
    assert!(matches!(nowhere, Err(StoreError::NoRoom)));
}

#[tokio::test]
async fn the_old_are_forgotten_but_not_while_they_run() {
    let (store, _, room) = with_room().await;
    let old = kept(&store, room.id, 1).await;
    let young = kept(&store, room.id, 3).await;
    let running = new(room.id, 0);
    store.recording_began(&running).await.unwrap();
    assert_eq!(store.forget_recordings(NOW + 2 * 3_600_000).await.unwrap(), [old]);
    let mut left = store.recording_ids().await.unwrap();
    left.sort();
    assert_eq!(left, [running.id, young]);
}

#[tokio::test]
async fn what_a_crash_left_is_ended_where_its_sound_ends() {
    let (store, _, room) = with_room().await;
    let (recorded, silent, stopped) = (new(room.id, 1), new(room.id, 2), new(room.id, 3));
    store.recording_began(&recorded).await.unwrap();
    store.conference_began(silent.conference, room.id, silent.since).await.unwrap();
    store.recording_ended(recorded.id, RecordingEnd::Crash, SOUND).await.unwrap();
    store.end_lost_conferences().await.unwrap();
    let ended = |conference| store.conference_end(conference);
    assert_eq!(ended(recorded.conference).await.unwrap(), Some(recorded.began + SOUND.length_ms));
    assert_eq!(ended(silent.conference).await.unwrap(), Some(silent.since));

    store.conference_began(stopped.conference, room.id, stopped.since).await.unwrap();
    assert_eq!(ended(stopped.conference).await.unwrap(), None);
    store.end_conferences(stopped.since + 7).await.unwrap();
    store.conference_ended(stopped.conference, stopped.since + 9).await.unwrap();
    assert_eq!(ended(stopped.conference).await.unwrap(), Some(stopped.since + 7));
}
