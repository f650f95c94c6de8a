use crate::{NOW, number, with_room};
use model::{RoomId, RoomSettings};
use store::{Actor, AddressKind, StoreError};

#[tokio::test]
async fn a_new_room_has_both_and_each_opens_its_own_door() {
    let (store, account, room) = with_room().await;
    let other = store.add_number(NOW, number("3001"), account.id, "", RoomSettings::default()).await.unwrap();
    let mine = store.addresses(room.id).await.unwrap();
    let theirs = store.addresses(other.id).await.unwrap();
    let tokens: Vec<String> =
        [&mine, &theirs].into_iter().flat_map(|a| [a.follow.clone(), a.control.clone()]).flatten().collect();
    assert_eq!(tokens.len(), 4);
    for (i, token) in tokens.iter().enumerate() {
        assert_eq!(token.len(), 32, "160 bits, five to a character");
        assert!(!tokens[..i].contains(token));
    }

    let (follow, control) = (mine.follow.unwrap(), mine.control.unwrap());
    assert_eq!(store.follow_access(&follow).await.unwrap().unwrap().room(), &room);
    let access = store.control_access(&control).await.unwrap().unwrap();
    assert_eq!((access.room(), access.actor()), (&room, Actor::ControlAddress));
    assert_eq!(access.follow().room(), &room);
    assert!(store.control_access(&follow).await.unwrap().is_none(), "following is not controlling");
    assert!(store.follow_access(&control).await.unwrap().is_none());
    assert_eq!(store.control_access(&theirs.control.unwrap()).await.unwrap().unwrap().room(), &other);
}

#[tokio::test]
async fn a_renewed_token_dies_and_the_other_kind_lives() {
    let (store, _, room) = with_room().await;
    let before = store.addresses(room.id).await.unwrap();
    let renewed = store.renew_address(NOW, room.id, AddressKind::Control).await.unwrap();
    assert_ne!(before.control.as_ref(), Some(&renewed));
    assert!(store.control_access(&before.control.unwrap()).await.unwrap().is_none());
    assert!(store.control_access(&renewed).await.unwrap().is_some());
    assert!(store.follow_access(before.follow.as_ref().unwrap()).await.unwrap().is_some());
    let after = store.addresses(room.id).await.unwrap();
    assert_eq!((after.follow, after.control), (before.follow, Some(renewed)));
}

#[tokio::test]
async fn one_that_is_deleted_opens_nothing_until_it_is_made_anew() {
    let (store, _, room) = with_room().await;
    let before = store.addresses(room.id).await.unwrap().follow.unwrap();
    store.delete_address(room.id, AddressKind::Follow).await.unwrap();
    store.delete_address(room.id, AddressKind::Follow).await.unwrap();
    assert!(store.follow_access(&before).await.unwrap().is_none());
    let left = store.addresses(room.id).await.unwrap();
    assert_eq!(left.token(AddressKind::Follow), None);
    assert!(left.token(AddressKind::Control).is_some());
    let renewed = store.renew_address(NOW, room.id, AddressKind::Follow).await.unwrap();
    assert!(store.follow_access(&renewed).await.unwrap().is_some());
}

#[tokio::test]
async fn what_is_no_token_opens_nothing() {
    let (store, _, room) = with_room().await;
    let token = store.addresses(room.id).await.unwrap().follow.unwrap();
    for wrong in ["", "%", &token[1..], &token.to_uppercase(), &format!("{token} "), &"x".repeat(100_000)] {
        assert!(store.follow_access(wrong).await.unwrap().is_none());
        assert!(store.control_access(wrong).await.unwrap().is_none());
    }
    let nowhere = RoomId(uuid::Uuid::nil());
    let error = store.renew_address(NOW, nowhere, AddressKind::Follow).await.unwrap_err();
    assert!(matches!(error, StoreError::NoRoom), "{error}");
    assert_eq!(store.addresses(nowhere).await.unwrap(), store::Addresses::default());
}

#[tokio::test]
async fn an_access_shows_the_settings_of_now() {
    let (store, _, room) = with_room().await;
    let token = store.addresses(room.id).await.unwrap().follow.unwrap();
    store.set_number(&room.number, |r| r.settings.enter_muted = true).await.unwrap();
    assert!(store.follow_access(&token).await.unwrap().unwrap().room().settings.enter_muted);
}
