use crate::{NOW, newcomer, with_account};
use model::AccountId;
use model::limits::{SESSION_MS, SESSIONS_PER_ACCOUNT};
use store::StoreError;

const HOUR_MS: u64 = 3_600_000;

#[tokio::test]
async fn knows_its_account_until_it_is_ended() {
    let (store, account) = with_account().await;
    let other = store.create_account(NOW, newcomer("b@exemple.fr")).await.unwrap();
    let (mine, theirs) = (
        store.create_session(NOW, account.id).await.unwrap(),
        store.create_session(NOW, other.id).await.unwrap(),
    );
    assert_ne!(mine, theirs);
    assert_eq!(mine.0.len(), 52, "256 bits, five to a character");
    assert_eq!(format!("{mine:?}"), "SessionToken(…)");
    assert_eq!(store.session(NOW, &mine.0).await.unwrap(), Some(account));
    store.end_session(&mine.0).await.unwrap();
    store.end_session(&mine.0).await.unwrap();
    assert_eq!(store.session(NOW, &mine.0).await.unwrap(), None);
    assert_eq!(store.session(NOW, &theirs.0).await.unwrap(), Some(other));
    for token in ["", "x", &theirs.0[1..], &theirs.0.to_uppercase()] {
        assert_eq!(store.session(NOW, token).await.unwrap(), None, "{token}");
    }
}

#[tokio::test]
async fn ends_by_itself_thirty_days_after_its_last_use() {
    let (store, account) = with_account().await;
    let token = store.create_session(NOW, account.id).await.unwrap().0;
    let mut now = NOW;
    for _ in 0..3 {
        now += SESSION_MS - 1;
        assert!(store.session(now, &token).await.unwrap().is_some());
    }
    assert!(store.session(now + SESSION_MS, &token).await.unwrap().is_none());
}

#[tokio::test]
async fn is_put_off_once_an_hour_at_most() {
    let (store, account) = with_account().await;
    let token = store.create_session(NOW, account.id).await.unwrap().0;
    // Used within the hour: nothing is written, and so the end stays where it was.
    assert!(store.session(NOW + HOUR_MS - 1, &token).await.unwrap().is_some());
    assert!(store.session(NOW + SESSION_MS, &token).await.unwrap().is_none());
    assert!(store.session(NOW + HOUR_MS, &token).await.unwrap().is_some());
    assert!(store.session(NOW + SESSION_MS, &token).await.unwrap().is_some());
}

#[tokio::test]
async fn one_too_many_ends_the_oldest() {
    let (store, account) = with_account().await;
    let mut tokens = Vec::new();
    for i in 0..=SESSIONS_PER_ACCOUNT as u64 {
        tokens.push(store.create_session(NOW + i, account.id).await.unwrap().0);
    }
    let later = NOW + 1_000;
    assert!(store.session(later, &tokens[0]).await.unwrap().is_none());
    for token in &tokens[1..] {
        assert!(store.session(later, token).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn is_for_accounts_only() {
    let (store, _) = with_account().await;
    let error = store.create_session(NOW, AccountId(uuid::Uuid::nil())).await.unwrap_err();
    assert!(matches!(error, StoreError::NoAccount), "{error}");
}
