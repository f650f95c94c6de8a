//! `/login`

use super::app::visitor;
use crate::api::session::{LoginAgain, LoginProblem};
use crate::components::field::{Kind, TextField};
use crate::components::frame::Frame;
use crate::i18n::td_string;
use crate::server::render::{redirect, status};
use axum::http::StatusCode;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

#[component]
pub(crate) fn Login() -> impl IntoView {
    let visitor = visitor();
    let locale = visitor.locale();
    let again = use_context::<LoginAgain>();
    if visitor.account.is_some() && again.is_none() {
        redirect("/rooms");
    }
    if again.is_some() {
        status(StatusCode::UNPROCESSABLE_ENTITY);
    }
    let query = use_query_map().get_untracked();
    let problem = again.as_ref().map(|again| again.problem);
    let to = again.as_ref().map(|again| again.to.clone()).or_else(|| query.get("to")).unwrap_or_default();
    let welcome = query.get("welcome").is_some() && again.is_none();
    let welcome = welcome
        .then(|| view! { <p class="notice good" role="status">{td_string!(locale, login.welcome)}</p> });
    let wrong = (problem == Some(LoginProblem::Wrong))
        .then(|| view! { <p class="notice danger" role="alert">{td_string!(locale, login.wrong)}</p> });
    let at =
        move |wanted: LoginProblem, words: &'static str| (problem == Some(wanted)).then(|| words.to_owned());
    let known = again.as_ref().is_some_and(|again| !again.login.is_empty());
    let name = Kind { autocomplete: Some("username"), first: !known, ..Kind::default() };
    let secret =
        Kind { of: "password", autocomplete: Some("current-password"), first: known, ..Kind::default() };
    view! {
        <Frame title=td_string!(locale, login.title) narrow=true>
            <form class="card stacked" method="post" action="/login" novalidate>
                <header class="stacked-head">
                    <h1>{td_string!(locale, login.title)}</h1>
                    <p class="soft">{td_string!(locale, login.lead)}</p>
                </header>
                {welcome}
                {wrong}
                <input type="hidden" name="to" value=to />
                <TextField
                    id="login"
                    label=td_string!(locale, login.login)
                    kind=name
                    value=again.map(|again| again.login).unwrap_or_default()
                    help=None
                    error=at(LoginProblem::NoLogin, td_string!(locale, login.login_missing))
                />
                <TextField
                    id="password"
                    label=td_string!(locale, login.password)
                    kind=secret
                    value=""
                    help=None
                    error=at(LoginProblem::NoPassword, td_string!(locale, login.password_missing))
                />
                <button class="button primary wide">{td_string!(locale, login.submit)}</button>
            </form>
        </Frame>
    }
}
