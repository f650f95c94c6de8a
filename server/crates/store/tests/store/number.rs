use crate::{NOW, newcomer, number, with_account, with_room};
use model::limits::DESCRIPTION_CHARS;
use model::{AccountId, Language, RoomSettings};
use store::{Actor, StoreError};

fn strict() -> RoomSettings {
    RoomSettings {
        language: Language::En,
        pin: Some("4711".parse().unwrap()),
        control_pin: Some("0815".parse().unwrap()),
        enter_muted: true,
        anonymous_rejection: true,
        chimes: false,
        announce_file: true,
        recording: true,
    }
}

#[tokio::test]
async fn leads_a_call_to_its_room_with_its_settings() {
    let (store, account) = with_account().await;
    let made = store.add_number(NOW, number("+33328003000"), account.id, " Comité ", strict()).await.unwrap();
    assert_eq!(made.description, "Comité");
    assert_eq!((made.version, made.created, made.account), (1, NOW, account.id));
    assert_eq!(made.settings, strict());
    for dialled in ["+33328003000", "33328003000", "+33 3 28 00 30 00"] {
        let room = store.dial(&number(dialled)).await.unwrap();
        assert_eq!(room.as_ref(), Some(&made), "{dialled}");
    }
    for dialled in ["0328003000", "3332800300", "333280030000", "3000"] {
        assert_eq!(store.dial(&number(dialled)).await.unwrap(), None, "{dialled}");
    }
    assert!(
        !format!("{made:?}").contains("4711") && !format!("{made:?}").contains("0815"),
        "a PIN does not belong in a log"
    );
}

#[tokio::test]
async fn is_given_once_with_or_without_plus() {
    let (store, account, _) = with_room().await;
    let other = store.create_account(NOW, newcomer("b@exemple.fr")).await.unwrap();
    for taken in ["3000", "+3000"] {
        let result = store.add_number(NOW, number(taken), other.id, "", RoomSettings::default()).await;
        assert!(matches!(result, Err(StoreError::NumberTaken)), "{taken}");
    }
    let nobody = AccountId(uuid::Uuid::nil());
    let result = store.add_number(NOW, number("3001"), nobody, "", RoomSettings::default()).await;
    assert!(matches!(result, Err(StoreError::NoAccount)));
    assert_eq!(store.dial(&number("3001")).await.unwrap(), None);
    assert_eq!(store.rooms_of(account.id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn rooms_are_listed_by_owner_and_all_together() {
    let (store, account, first) = with_room().await;
    let other = store.create_account(NOW, newcomer("b@exemple.fr")).await.unwrap();
    let theirs = store.add_number(NOW, number("2999"), other.id, "", strict()).await.unwrap();
    let second = store.add_number(NOW, number("3001"), account.id, "", strict()).await.unwrap();
    assert_eq!(store.rooms_of(account.id).await.unwrap(), [first.clone(), second.clone()]);
    assert_eq!(store.rooms_of(other.id).await.unwrap(), std::slice::from_ref(&theirs));
    assert_eq!(store.all_rooms().await.unwrap(), [theirs, first, second]);
    assert_eq!(store.languages_spoken().await.unwrap(), [Language::En, Language::Fr]);
}

#[tokio::test]
async fn only_the_owner_has_the_owners_right() {
    let (store, account, room) = with_room().await;
    let other = store.create_account(NOW, newcomer("b@exemple.fr")).await.unwrap();
    let access = store.room_for_owner(&account, &number("3000")).await.unwrap().unwrap();
    assert_eq!(access.room(), &room);
    assert_eq!(access.actor(), Actor::Account(account.id));
    assert_eq!(access.control().room(), &room);
    assert_eq!(access.control().actor(), Actor::Account(account.id));
    assert_eq!(access.control().follow().room(), access.follow().room());
    assert!(store.room_for_owner(&other, &number("3000")).await.unwrap().is_none());
    assert!(store.room_for_owner(&account, &number("3001")).await.unwrap().is_none());
}

#[tokio::test]
async fn what_is_saved_is_what_the_next_call_gets() {
    let (store, account, room) = with_room().await;
    let access = store.room_for_owner(&account, &room.number).await.unwrap().unwrap();
    let saved = store.save_settings(&access, 1, " Bureau ", &strict()).await.unwrap();
    assert_eq!(saved.version, 2);
    let dialled = store.dial(&room.number).await.unwrap().unwrap();
    assert_eq!((dialled.description.as_str(), dialled.version), ("Bureau", 2));
    assert_eq!(dialled.settings, strict());
    assert_eq!((dialled.id, dialled.created), (room.id, room.created));

    let saved = store.save_settings(&access, 2, "", &RoomSettings::default()).await.unwrap();
    assert_eq!(saved.version, 3);
    assert_eq!(store.dial(&room.number).await.unwrap().unwrap().settings, RoomSettings::default());
}

#[tokio::test]
async fn the_second_of_two_tabs_is_told_so_and_saves_nothing() {
    let (store, account, room) = with_room().await;
    let access = store.room_for_owner(&account, &room.number).await.unwrap().unwrap();
    store.save_settings(&access, 1, "first", &strict()).await.unwrap();
    for version in [1, 3, 0, -1] {
        let result = store.save_settings(&access, version, "second", &RoomSettings::default()).await;
        assert!(matches!(result, Err(StoreError::Stale)), "{version}");
    }
    let kept = store.dial(&room.number).await.unwrap().unwrap();
    assert_eq!((kept.description.as_str(), kept.version, kept.settings), ("first", 2, strict()));
}

#[tokio::test]
async fn a_change_by_hand_counts_as_a_save_and_keeps_who_and_where() {
    let (store, account, room) = with_room().await;
    let change = |r: &mut store::Room| {
        r.settings = strict();
        r.description = "by hand".to_owned();
        r.number = number("9999");
        r.account = AccountId(uuid::Uuid::nil());
        r.version = 99;
    };
    let set = store.set_number(&number("+3000"), change).await.unwrap().unwrap();
    assert_eq!((set.version, &set.number, set.account), (2, &room.number, account.id));
    assert_eq!(store.dial(&room.number).await.unwrap(), Some(set));

    let access = store.room_for_owner(&account, &room.number).await.unwrap().unwrap();
    let result = store.save_settings(&access, 1, "", &RoomSettings::default()).await;
    assert!(matches!(result, Err(StoreError::Stale)));
    assert_eq!(store.set_number(&number("3001"), |_| ()).await.unwrap(), None);
}

#[tokio::test]
async fn a_description_is_one_short_line() {
    let (store, account, room) = with_room().await;
    let access = store.room_for_owner(&account, &room.number).await.unwrap().unwrap();
    let longest = "é".repeat(DESCRIPTION_CHARS);
    store.save_settings(&access, 1, &longest, &room.settings).await.unwrap();
    for bad in [format!("{longest}é"), "two\nlines".to_owned()] {
        let saved = store.save_settings(&access, 2, &bad, &room.settings).await;
        assert!(matches!(saved, Err(StoreError::Description)), "{bad}");
        let set = store.set_number(&room.number, |r| r.description.clone_from(&bad)).await;
        assert!(matches!(set, Err(StoreError::Description)), "{bad}");
        let added = store.add_number(NOW, number("3001"), account.id, &bad, strict()).await;
        assert!(matches!(added, Err(StoreError::Description)), "{bad}");
    }
    assert_eq!(store.dial(&room.number).await.unwrap().unwrap().description, longest);
}

#[tokio::test]
async fn the_control_pin_is_not_the_pin() {
    let (store, account, room) = with_room().await;
    let same = RoomSettings { pin: "0815".parse().ok(), ..strict() };
    let access = store.room_for_owner(&account, &room.number).await.unwrap().unwrap();
    assert!(matches!(store.save_settings(&access, 1, "", &same).await, Err(StoreError::SamePins)));
    let added = store.add_number(NOW, number("3001"), account.id, "", same.clone()).await;
    assert!(matches!(added, Err(StoreError::SamePins)));
    let set = store.set_number(&room.number, |r| r.settings = same).await;
    assert!(matches!(set, Err(StoreError::SamePins)));
    let open = RoomSettings { pin: None, control_pin: None, ..strict() };
    store.save_settings(&access, 1, "", &open).await.unwrap();
}
