//! The store as its users see it: one module per aggregate, and one for what several processes do to one file.

#![allow(clippy::unwrap_used)] // also outside of the test functions

mod account;
mod address;
mod announcement;
mod audit;
mod file;
mod number;
mod recording;
mod session;
mod setup;

use model::{Language, PhoneNumber, RoomSettings};
use store::{Account, NewAccount, Room, Store};

/// A moment. The store has no clock: tests move it by adding.
const NOW: u64 = 1_790_000_000_000;
const PASSWORD: &str = "correct horse";

fn newcomer(email: &str) -> NewAccount {
    NewAccount {
        nic: None,
        email: email.parse().unwrap(),
        password: PASSWORD.parse().unwrap(),
        language: Language::Fr,
    }
}

fn number(s: &str) -> PhoneNumber {
    s.parse().unwrap()
}

async fn with_account() -> (Store, Account) {
    let store = Store::in_memory().await.unwrap();
    let account = store.create_account(NOW, newcomer("claire.dupont@exemple.fr")).await.unwrap();
    (store, account)
}

async fn with_room() -> (Store, Account, Room) {
    let (store, account) = with_account().await;
    let settings = RoomSettings::default();
    let room = store.add_number(NOW, number("3000"), account.id, "Réunion", settings).await.unwrap();
    (store, account, room)
}
