use crate::{NOW, number, with_room};
use model::limits::CALLER_CHARS;
use model::{MemberId, RoomId, RoomSettings};
use store::{Actor, AuditRow, StoreError};

#[tokio::test]
async fn tells_who_did_what_the_last_one_first() {
    let (store, account, room) = with_room().await;
    let other = store.add_number(NOW, number("3001"), account.id, "", RoomSettings::default()).await.unwrap();
    let owner = Actor::Account(account.id);
    store.audit(NOW, room.id, owner, "lock", None, None).await.unwrap();
    store.audit(NOW + 1, other.id, owner, "unlock", None, None).await.unwrap();
    let muted = Some(MemberId(7));
    store.audit(NOW + 2, room.id, Actor::ControlAddress, "mute", muted, Some("+33612345678")).await.unwrap();
    store.audit(NOW + 3, room.id, Actor::Cli, "renewAddresses", None, None).await.unwrap();

    let row =
        |at, actor, what: &str| AuditRow { at, actor, what: what.to_owned(), member: None, caller: None };
    let expected = [
        row(NOW + 3, Actor::Cli, "renewAddresses"),
        AuditRow {
            member: muted,
            caller: Some("+33612345678".to_owned()),
            ..row(NOW + 2, Actor::ControlAddress, "mute")
        },
        row(NOW, owner, "lock"),
    ];
    assert_eq!(store.audit_rows(room.id, 10).await.unwrap(), expected);
    assert_eq!(store.audit_rows(room.id, 2).await.unwrap(), expected[..2]);
    assert_eq!(store.audit_rows(room.id, 0).await.unwrap(), []);
}

#[tokio::test]
async fn cuts_what_a_caller_made_too_long() {
    let (store, _, room) = with_room().await;
    let caller = "é".repeat(CALLER_CHARS + 1);
    store.audit(NOW, room.id, Actor::Cli, "mute", None, Some(&caller)).await.unwrap();
    let rows = store.audit_rows(room.id, 1).await.unwrap();
    assert_eq!(rows[0].caller.as_deref(), Some("é".repeat(CALLER_CHARS).as_str()));
}

#[tokio::test]
async fn is_of_rooms_only() {
    let (store, ..) = with_room().await;
    let result = store.audit(NOW, RoomId(uuid::Uuid::nil()), Actor::Cli, "lock", None, None).await;
    assert!(matches!(result, Err(StoreError::NoRoom)));
}
