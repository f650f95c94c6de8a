use crate::{NOW, PASSWORD, newcomer, with_account};
use model::{AccountId, Language};
use store::{NewAccount, Store, StoreError};

#[tokio::test]
async fn the_first_account_is_the_operators() {
    let store = Store::in_memory().await.unwrap();
    let first = store.create_account(NOW, newcomer("z@exemple.fr")).await.unwrap();
    let second = store.create_account(NOW + 1, newcomer("a@exemple.fr")).await.unwrap();
    assert!(store.operator(&first).await.unwrap().is_some());
    assert!(store.operator(&second).await.unwrap().is_none());
}

#[tokio::test]
async fn is_found_by_address_and_by_identifier() {
    let (store, account) = with_account().await;
    assert_eq!(account.email.as_str(), "claire.dupont@exemple.fr");
    assert_eq!(account.language, Language::Fr);
    assert_eq!(account.created, NOW);
    assert!(account.nic.starts_with("cd") && account.nic.ends_with("-conf"), "{}", account.nic);
    assert_eq!(store.account(account.id).await.unwrap().as_ref(), Some(&account));
    assert_eq!(store.account_by_email(&account.email).await.unwrap().as_ref(), Some(&account));
    assert_eq!(store.account_by_email(&"x@exemple.fr".parse().unwrap()).await.unwrap(), None);
    assert_eq!(store.account(AccountId(uuid::Uuid::nil())).await.unwrap(), None);
}

#[tokio::test]
async fn the_first_one_ends_the_first_start() {
    let store = Store::in_memory().await.unwrap();
    assert!(!store.has_accounts().await.unwrap());
    store.create_account(NOW, newcomer("a@exemple.fr")).await.unwrap();
    assert!(store.has_accounts().await.unwrap());
}

#[tokio::test]
async fn logs_in_by_address_or_handle_and_the_right_password_only() {
    let (store, account) = with_account().await;
    for login in
        ["claire.dupont@exemple.fr", " Claire.Dupont@EXEMPLE.fr ", &account.nic, &account.nic.to_uppercase()]
    {
        let found = store.authenticate(login, PASSWORD).await.unwrap();
        assert_eq!(found.as_ref(), Some(&account), "{login}");
        assert_eq!(store.authenticate(login, "correct horsf").await.unwrap(), None, "{login}");
    }
    for login in ["", "nobody@exemple.fr", "zz000000-conf", "' OR 1=1 --", "\0"] {
        assert_eq!(store.authenticate(login, PASSWORD).await.unwrap(), None, "{login:?}");
    }
    assert_eq!(store.authenticate(&account.nic, "").await.unwrap(), None);
    assert_eq!(store.authenticate(&account.nic, &"x".repeat(70_000)).await.unwrap(), None);
}

#[tokio::test]
async fn address_and_handle_are_each_given_once() {
    let (store, account) = with_account().await;
    let with_nic = |email: &str, nic: &str| NewAccount { nic: Some(nic.to_owned()), ..newcomer(email) };
    let error = store.create_account(NOW, newcomer("CLAIRE.dupont@exemple.fr")).await.unwrap_err();
    assert!(matches!(error, StoreError::EmailTaken), "{error}");
    let taken = with_nic("b@exemple.fr", &account.nic.to_uppercase());
    let error = store.create_account(NOW, taken).await.unwrap_err();
    assert!(matches!(error, StoreError::NicTaken), "{error}");
    let error = store.create_account(NOW, with_nic("b@exemple.fr", "b@exemple.fr")).await.unwrap_err();
    assert!(matches!(error, StoreError::NicShape), "{error}");
    assert_eq!(store.account_by_email(&"b@exemple.fr".parse().unwrap()).await.unwrap(), None);
    let made = store.create_account(NOW, with_nic("b@exemple.fr", "BB12345-ovh")).await.unwrap();
    assert_eq!(made.nic, "bb12345-ovh");
}

#[tokio::test]
async fn two_of_the_same_initials_have_two_handles() {
    let (store, account) = with_account().await;
    let other = store.create_account(NOW, newcomer("chloe.durand@exemple.fr")).await.unwrap();
    assert_eq!(account.nic[..2], other.nic[..2]);
    assert_ne!(account.nic, other.nic);
}

#[tokio::test]
async fn a_new_password_replaces_the_old_one_and_ends_the_sessions() {
    let (store, account) = with_account().await;
    let session = store.create_session(NOW, account.id).await.unwrap();
    store.set_password(account.id, "battery staple".parse().unwrap()).await.unwrap();
    assert_eq!(store.authenticate(&account.nic, PASSWORD).await.unwrap(), None);
    assert!(store.authenticate(&account.nic, "battery staple").await.unwrap().is_some());
    assert_eq!(store.session(NOW, &session.0).await.unwrap(), None);

    let nobody = AccountId(uuid::Uuid::nil());
    let error = store.set_password(nobody, PASSWORD.parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, StoreError::NoAccount), "{error}");
}
