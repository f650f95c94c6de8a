use crate::{NOW, PASSWORD, newcomer};
use store::{NewAccount, Store, StoreError};

#[tokio::test]
async fn makes_the_first_account_once() {
    let store = Store::in_memory().await.unwrap();
    let token = store.ensure_setup_token(NOW).await.unwrap().unwrap().0;
    assert_eq!(token.len(), 32, "160 bits, five to a character");
    assert!(store.setup_token_is_valid(&token).await.unwrap());

    let account = store.redeem_setup_token(NOW, &token, newcomer("a@exemple.fr")).await.unwrap().unwrap();
    assert_eq!(store.authenticate("a@exemple.fr", PASSWORD).await.unwrap(), Some(account));
    assert!(!store.setup_token_is_valid(&token).await.unwrap());
    assert_eq!(store.redeem_setup_token(NOW, &token, newcomer("b@exemple.fr")).await.unwrap(), None);
    assert_eq!(store.ensure_setup_token(NOW).await.unwrap(), None);
}

#[tokio::test]
async fn a_wrong_token_makes_nothing() {
    let store = Store::in_memory().await.unwrap();
    assert!(!store.setup_token_is_valid("").await.unwrap());
    let token = store.ensure_setup_token(NOW).await.unwrap().unwrap().0;
    for wrong in ["", "x", &token[1..], &token.to_uppercase()] {
        assert!(!store.setup_token_is_valid(wrong).await.unwrap());
        assert_eq!(store.redeem_setup_token(NOW, wrong, newcomer("a@exemple.fr")).await.unwrap(), None);
    }
    assert!(!store.has_accounts().await.unwrap());
    assert!(store.setup_token_is_valid(&token).await.unwrap());
}

#[tokio::test]
async fn a_second_start_makes_another_token_and_the_first_dies() {
    let store = Store::in_memory().await.unwrap();
    let first = store.ensure_setup_token(NOW).await.unwrap().unwrap().0;
    let second = store.ensure_setup_token(NOW).await.unwrap().unwrap().0;
    assert_ne!(first, second);
    assert!(!store.setup_token_is_valid(&first).await.unwrap());
    assert!(store.setup_token_is_valid(&second).await.unwrap());
}

#[tokio::test]
async fn an_account_made_by_hand_ends_it() {
    let store = Store::in_memory().await.unwrap();
    let token = store.ensure_setup_token(NOW).await.unwrap().unwrap().0;
    store.create_account(NOW, newcomer("a@exemple.fr")).await.unwrap();
    assert!(!store.setup_token_is_valid(&token).await.unwrap());
    assert_eq!(store.redeem_setup_token(NOW, &token, newcomer("b@exemple.fr")).await.unwrap(), None);
}

#[tokio::test]
async fn a_bad_handle_leaves_the_token_good() {
    let store = Store::in_memory().await.unwrap();
    let token = store.ensure_setup_token(NOW).await.unwrap().unwrap().0;
    let bad = NewAccount { nic: Some("no good".to_owned()), ..newcomer("a@exemple.fr") };
    let error = store.redeem_setup_token(NOW, &token, bad).await.unwrap_err();
    assert!(matches!(error, StoreError::NicShape), "{error}");
    assert!(store.redeem_setup_token(NOW, &token, newcomer("a@exemple.fr")).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_at_once_one_wins() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..5 {
        let path = folder.path().join(format!("{round}.db"));
        let (one, two) = (Store::open(&path).await.unwrap(), Store::open(&path).await.unwrap());
        let token = one.ensure_setup_token(NOW).await.unwrap().unwrap().0;
        let redeem = |store: Store, email: &'static str| {
            let token = token.clone();
            tokio::spawn(async move { store.redeem_setup_token(NOW, &token, newcomer(email)).await.unwrap() })
        };
        let (a, b) = (redeem(one.clone(), "a@exemple.fr"), redeem(two, "b@exemple.fr"));
        let made = [a.await.unwrap(), b.await.unwrap()];
        assert_eq!(made.iter().flatten().count(), 1, "{made:?}");
        for (email, made) in ["a@exemple.fr", "b@exemple.fr"].into_iter().zip(made) {
            assert_eq!(one.account_by_email(&email.parse().unwrap()).await.unwrap(), made);
        }
    }
}
