use crate::{NOW, newcomer, with_room};
use model::{AnnouncementId, FileName, RoomSettings};
use store::{Actor, NewAnnouncement, Store, StoreError};

fn new(store: &Store, name: &str) -> NewAnnouncement {
    let id = store.new_announcement_id(NOW).unwrap();
    NewAnnouncement { id, name: FileName::of(name), length_ms: 14_000, bytes: 224_000, wave: vec![0, 255] }
}

#[tokio::test]
async fn is_kept_replaced_and_removed() {
    let (store, account, room) = with_room().await;
    let owner = store.room_for_owner(&account, &room.number).await.unwrap().unwrap();
    assert_eq!(store.announcement(room.id).await.unwrap(), None);
    let first = new(&store, "accueil.mp3");
    assert_eq!(store.set_announcement(&owner, NOW, &first).await.unwrap(), None);
    let kept = store.announcement(room.id).await.unwrap().unwrap();
    assert_eq!((kept.id, kept.name.as_str(), kept.by), (first.id, "accueil.mp3", account.id));
    assert_eq!((kept.length_ms, kept.bytes, kept.uploaded), (14_000, 224_000, NOW));
    assert_eq!(kept.wave, [0, 255]);

    let second = new(&store, "été.wav");
    assert_ne!(first.id, second.id);
    assert_eq!(store.set_announcement(&owner, NOW + 1, &second).await.unwrap(), Some(first.id));
    assert_eq!(store.announcement_ids().await.unwrap(), [second.id]);
    assert_eq!(store.remove_announcement(&owner).await.unwrap(), Some(second.id));
    assert_eq!(store.remove_announcement(&owner).await.unwrap(), None);
    assert_eq!(store.announcement_ids().await.unwrap(), [] as [AnnouncementId; 0]);
}

#[tokio::test]
async fn each_room_has_its_own() {
    let (store, account, room) = with_room().await;
    let other = store.create_account(NOW, newcomer("b@exemple.fr")).await.unwrap();
    let number = "3001".parse().unwrap();
    let theirs = store.add_number(NOW, number, other.id, "", RoomSettings::default()).await.unwrap();
    let owner = store.room_for_owner(&account, &room.number).await.unwrap().unwrap();
    store.set_announcement(&owner, NOW, &new(&store, "a.wav")).await.unwrap();
    assert_eq!(store.announcement(theirs.id).await.unwrap(), None);
    assert!(store.room_for_owner(&other, &room.number).await.unwrap().is_none());
}

#[tokio::test]
async fn the_option_is_turned_on_and_off_by_itself() {
    let (store, account, room) = with_room().await;
    let owner = store.room_for_owner(&account, &room.number).await.unwrap().unwrap();
    assert_eq!(store.set_announce_file(&owner, true).await.unwrap().version, 2);
    // The page that was open before has an old version, and says so.
    let stale = store.save_settings(&owner, 1, "", &RoomSettings::default()).await;
    assert!(matches!(stale, Err(StoreError::Stale)));
    let now = store.dial(&room.number).await.unwrap().unwrap();
    assert!(now.settings.announce_file && now.description == room.description);
    assert_eq!(store.set_announce_file(&owner, true).await.unwrap().version, 2);
    assert_eq!(store.set_announce_file(&owner, false).await.unwrap().version, 3);
}

#[tokio::test]
async fn is_spoken_by_whoever_types_the_control_pin() {
    let (store, account, room) = with_room().await;
    let (pin, other) = ("0815".parse().unwrap(), "0816".parse().unwrap());
    let typed = async |pin| store.room_by_control_pin(room.id, pin).await.unwrap();
    assert!(typed(&pin).await.is_none(), "there is none yet");
    store.set_number(&room.number, |r| r.settings.control_pin = "0815".parse().ok()).await.unwrap();
    assert!(typed(&other).await.is_none());
    let access = typed(&pin).await.unwrap();
    assert_eq!((access.room().id, access.actor()), (room.id, Actor::Phone));
    let first = new(&store, "téléphone");
    assert_eq!(store.set_spoken_announcement(&access, NOW, &first).await.unwrap(), None);
    let kept = store.announcement(room.id).await.unwrap().unwrap();
    assert_eq!((kept.id, kept.by), (first.id, account.id));
    store.audit(NOW, room.id, access.actor(), "recordAnnouncement", None, Some("+331")).await.unwrap();
    assert_eq!(store.audit_rows(room.id, 1).await.unwrap()[0].actor, Actor::Phone);
    // The right ends with the control PIN.
    store.set_number(&room.number, |r| r.settings.control_pin = "0816".parse().ok()).await.unwrap();
    let late = store.set_spoken_announcement(&access, NOW, &new(&store, "late")).await;
    assert!(matches!(late, Err(StoreError::Stale)));
    assert_eq!(store.announcement_ids().await.unwrap(), [first.id]);
}
