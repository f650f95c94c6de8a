//! An account's numbers.

use super::capability;
use crate::server::render::{Host, failure, page_with, see_other};
use axum::Form;
use axum::extract::State;
use axum::http::request::Parts;
use axum::response::Response;
use leptos::prelude::provide_context;
use model::{Language, PhoneNumber, PhoneNumberError, RoomSettings};
use serde::Deserialize;
use store::{Account, Room, StoreError};

#[derive(Deserialize)]
pub(crate) struct NewNumber {
    #[serde(default)]
    number: String,
    #[serde(default)]
    description: String,
}

/// What the form shows when it comes back.
#[derive(Clone)]
pub(crate) struct NumberAgain {
    pub(crate) number: String,
    pub(crate) description: String,
    pub(crate) problem: NumberProblem,
}

#[derive(Clone, Copy)]
pub(crate) enum NumberProblem {
    Wrong(PhoneNumberError),
    Taken,
    TooMany,
    Description,
}

pub(crate) async fn add(State(host): State<Host>, parts: Parts, Form(form): Form<NewNumber>) -> Response {
    let account = match capability::account(&host.panel, &parts.headers).await {
        Ok(Some(account)) => account,
        Ok(None) => return see_other("/login?to=/rooms"),
        Err(error) => return failure(&error),
    };
    match create(&host, &account, &form).await {
        Ok(Ok(room)) => see_other(&format!("/rooms/{}/general", room.number)),
        Ok(Err(problem)) => {
            let again = NumberAgain { number: form.number, description: form.description, problem };
            page_with(&host, &parts, move || provide_context(again.clone())).await
        }
        Err(error) => failure(&error),
    }
}

async fn create(
    host: &Host,
    account: &Account,
    form: &NewNumber,
) -> Result<Result<Room, NumberProblem>, StoreError> {
    let number = match form.number.parse::<PhoneNumber>() {
        Ok(number) => number,
        Err(error) => return Ok(Err(NumberProblem::Wrong(error))),
    };
    let panel = &host.panel;
    let settings = RoomSettings { language: spoken_by_default(account), ..RoomSettings::default() };
    let added =
        panel.store.add_number(panel.live.now(), number, account.id, &form.description, settings).await;
    match added {
        Ok(room) => Ok(Ok(room)),
        Err(StoreError::NumberTaken) => Ok(Err(NumberProblem::Taken)),
        Err(StoreError::TooMany) => Ok(Err(NumberProblem::TooMany)),
        Err(StoreError::Description) => Ok(Err(NumberProblem::Description)),
        Err(error) => Err(error),
    }
}

/// A new room speaks as its owner reads.
fn spoken_by_default(account: &Account) -> Language {
    account.language
}
