//! The first account, by the link that the first start prints.

use crate::server::render::{Host, failure, page_with, see_other};
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::request::Parts;
use axum::response::Response;
use leptos::prelude::provide_context;
use model::{EmailAddress, EmailError, Language};
use serde::Deserialize;
use store::{NewAccount, Password, PasswordError, StoreError};

#[derive(Deserialize)]
pub(crate) struct Setup {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    again: String,
    #[serde(default)]
    language: String,
}

#[derive(Deserialize)]
pub(crate) struct Token {
    #[serde(default)]
    pub(crate) token: String,
}

/// What the form shows when it comes back: all but the passwords.
#[derive(Clone)]
pub(crate) struct SetupAgain {
    pub(crate) email: String,
    pub(crate) language: Language,
    pub(crate) problems: SetupProblems,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct SetupProblems {
    pub(crate) email: Option<EmailProblem>,
    pub(crate) password: Option<PasswordError>,
    pub(crate) differs: bool,
}

#[derive(Clone, Copy)]
pub(crate) enum EmailProblem {
    Wrong(EmailError),
    Taken,
}

/// The token stands in the path or in the query.
pub(crate) async fn set_up(
    State(host): State<Host>,
    path: Option<Path<String>>,
    Query(query): Query<Token>,
    parts: Parts,
    Form(form): Form<Setup>,
) -> Response {
    let token = path.map_or(query.token, |Path(token)| token);
    let language = form.language.parse().unwrap_or_default();
    let problems = match parse(&form, language) {
        Ok(new) => match create(&host, &token, new).await {
            // A link that is used shows its own page: the form's is rendered, and finds that out.
            Ok(created) => return see_other(if created { "/login?welcome" } else { "/setup" }),
            Err(StoreError::EmailTaken) => {
                SetupProblems { email: Some(EmailProblem::Taken), ..SetupProblems::default() }
            }
            Err(error) => return failure(&error),
        },
        Err(problems) => problems,
    };
    let again = SetupAgain { email: form.email, language, problems };
    page_with(&host, &parts, move || provide_context(again.clone())).await
}

async fn create(host: &Host, token: &str, new: NewAccount) -> Result<bool, StoreError> {
    let panel = &host.panel;
    Ok(panel.store.redeem_setup_token(panel.live.now(), token, new).await?.is_some())
}

fn parse(form: &Setup, language: Language) -> Result<NewAccount, SetupProblems> {
    let email = form.email.parse::<EmailAddress>();
    let password = form.password.parse::<Password>();
    match (email, password, form.password == form.again) {
        (Ok(email), Ok(password), true) => Ok(NewAccount { nic: None, email, password, language }),
        (email, password, same) => Err(SetupProblems {
            email: email.err().map(EmailProblem::Wrong),
            differs: !same && password.is_ok(),
            password: password.err(),
        }),
    }
}
