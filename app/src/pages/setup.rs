//! `/setup/{token}` and `/setup?token=…`: the first account.

use super::app::visitor;
use super::not_found::Failure;
use crate::api::setup::{EmailProblem, SetupAgain, SetupProblems};
use crate::components::field::{Field, Kind, TextField};
use crate::components::frame::Frame;
use crate::i18n::{Locale, td_string, wrong_email};
use crate::server::Panel;
use crate::server::render::status;
use axum::http::StatusCode;
use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};
use model::Language;
use model::limits::PASSWORD_CHARS;
use store::PasswordError;

#[component]
pub(crate) fn Setup() -> impl IntoView {
    let token = use_params_map().get_untracked().get("token");
    let token = token.or_else(|| use_query_map().get_untracked().get("token")).unwrap_or_default();
    let panel = expect_context::<Panel>();
    let page = async move {
        match panel.store.setup_token_is_valid(&token).await {
            Ok(true) => view! { <SetupForm token /> }.into_any(),
            Ok(false) => view! { <Used /> }.into_any(),
            Err(error) => {
                tracing::error!(%error, "the store failed");
                view! { <Failure /> }.into_any()
            }
        }
    };
    view! { <Suspense>{Suspend::new(page)}</Suspense> }
}

#[component]
fn Used() -> impl IntoView {
    let locale = visitor().locale();
    status(StatusCode::NOT_FOUND);
    view! {
        <Frame title=td_string!(locale, setup.used_title) narrow=true>
            <section class="card sorry">
                <h1>{td_string!(locale, setup.used_title)}</h1>
                <p class="soft">{td_string!(locale, setup.used_text)}</p>
                <a class="button" href="/login">{td_string!(locale, setup.used_login)}</a>
            </section>
        </Frame>
    }
}

#[component]
fn SetupForm(token: String) -> impl IntoView {
    let visitor = visitor();
    let locale = visitor.locale();
    let again = use_context::<SetupAgain>();
    if again.is_some() {
        status(StatusCode::UNPROCESSABLE_ENTITY);
    }
    let problems = again.as_ref().map(|again| again.problems).unwrap_or_default();
    let SetupProblems { email, password, differs } = problems;
    let chosen = again.as_ref().map_or(visitor.language, |again| again.language);
    let shortest = *PASSWORD_CHARS.start() as u32;
    let new = Kind { of: "password", autocomplete: Some("new-password"), ..Kind::default() };
    let mail = Kind { of: "email", autocomplete: Some("username"), first: true, ..Kind::default() };
    view! {
        <Frame title=td_string!(locale, setup.title) narrow=true>
            <form class="card stacked" method="post" action=format!("/setup/{token}") novalidate>
                <header class="stacked-head">
                    <h1>{td_string!(locale, setup.title)}</h1>
                    <p class="soft">{td_string!(locale, setup.lead)}</p>
                </header>
                <TextField
                    id="email"
                    label=td_string!(locale, setup.email)
                    kind=mail
                    value=again.map(|again| again.email).unwrap_or_default()
                    help=Some(td_string!(locale, setup.email_help).to_owned())
                    error=email.map(|problem| email_words(locale, problem).to_owned())
                />
                <TextField
                    id="password"
                    label=td_string!(locale, setup.password)
                    kind=new
                    value=""
                    help=Some(td_string!(locale, setup.password_help, shortest = shortest))
                    error=password.map(|problem| password_words(locale, problem))
                />
                <TextField
                    id="again"
                    label=td_string!(locale, setup.again)
                    kind=new
                    value=""
                    help=None
                    error=differs.then(|| td_string!(locale, setup.password_differs).to_owned())
                />
                <Field id="language" label=td_string!(locale, setup.language) help=None error=None note=None>
                    <LanguageSelect chosen />
                </Field>
                <button class="button primary wide">{td_string!(locale, setup.submit)}</button>
            </form>
        </Frame>
    }
}

/// Each language by its name in itself.
#[component]
pub(crate) fn LanguageSelect(chosen: Language) -> impl IntoView {
    let options = Language::ALL.into_iter().map(|language| {
        let selected = language == chosen;
        view! { <option value=language.code() selected=selected>{language.own_name()}</option> }
    });
    view! { <select class="input" id="language" name="language">{options.collect_view()}</select> }
}

fn email_words(locale: Locale, problem: EmailProblem) -> &'static str {
    match problem {
        EmailProblem::Wrong(error) => wrong_email(locale, error),
        EmailProblem::Taken => td_string!(locale, setup.email_taken),
    }
}

fn password_words(locale: Locale, problem: PasswordError) -> String {
    match problem {
        PasswordError::TooShort => {
            td_string!(locale, setup.password_short, shortest = *PASSWORD_CHARS.start() as u32)
        }
        PasswordError::TooLong => {
            td_string!(locale, setup.password_long, longest = *PASSWORD_CHARS.end() as u32)
        }
    }
}
