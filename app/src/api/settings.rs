//! A room's settings.

use super::capability;
use crate::server::render::{Host, failure, page, page_with, see_other};
use axum::Form;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::response::Response;
use leptos::prelude::provide_context;
use model::limits::DESCRIPTION_CHARS;
use model::{LanguageError, Pin, PinError, RoomSettings};
use serde::Deserialize;
use store::{OwnerAccess, StoreError};

/// The form as it was typed.
#[derive(Clone, Default, Deserialize)]
pub(crate) struct Typed {
    /// That of the room when the page was rendered.
    #[serde(default)]
    pub(crate) version: i64,
    #[serde(default)]
    pub(crate) description: String,
    #[serde(default)]
    pub(crate) language: String,
    #[serde(default)]
    pub(crate) pin: String,
    /// A browser sends an unticked box not at all.
    #[serde(default)]
    pub(crate) enter_muted: Option<String>,
    #[serde(default)]
    pub(crate) anonymous_rejection: Option<String>,
    #[serde(default)]
    pub(crate) chimes: Option<String>,
    #[serde(default)]
    pub(crate) announce_file: Option<String>,
    #[serde(default)]
    pub(crate) recording: Option<String>,
}

/// The form, back with what is wrong with it.
#[derive(Clone)]
pub(crate) struct SettingsAgain {
    pub(crate) typed: Typed,
    pub(crate) problem: SettingsProblem,
}

#[derive(Clone)]
pub(crate) enum SettingsProblem {
    Invalid(Invalid),
    /// Somebody else saved since the page was rendered.
    Stale,
}

#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub(crate) struct Invalid {
    pub(crate) description: bool,
    pub(crate) language: Option<LanguageError>,
    pub(crate) pin: Option<PinError>,
}

impl Typed {
    /// The settings, if all of the form is right; else what is wrong with each field.
    fn parse(&self) -> Result<RoomSettings, Invalid> {
        let long = self.description.trim().chars().count() > DESCRIPTION_CHARS;
        let description = long || self.description.trim().chars().any(char::is_control);
        match (self.language.parse(), Pin::parse_optional(&self.pin), description) {
            (Ok(language), Ok(pin), false) => {
                let enter_muted = self.enter_muted.is_some();
                let anonymous_rejection = self.anonymous_rejection.is_some();
                let (chimes, announce_file) = (self.chimes.is_some(), self.announce_file.is_some());
                let recording = self.recording.is_some();
                Ok(RoomSettings {
                    language,
                    pin,
                    enter_muted,
                    anonymous_rejection,
                    chimes,
                    announce_file,
                    recording,
                })
            }
            (language, pin, description) => {
                Err(Invalid { description, language: language.err(), pin: pin.err() })
            }
        }
    }
}

pub(crate) async fn save(
    State(host): State<Host>,
    Path(number): Path<String>,
    parts: Parts,
    Form(typed): Form<Typed>,
) -> Response {
    let owner = match owner_of(&host, &parts, &number).await {
        Ok(Some(owner)) => owner,
        // The page itself says why: log in first, or no such number.
        Ok(None) => return page(&host, &parts).await,
        Err(error) => return failure(&error),
    };
    let problem = match typed.parse() {
        Ok(settings) => {
            let store = &host.panel.store;
            match store.save_settings(&owner, typed.version, &typed.description, &settings).await {
                Ok(_) => return see_other(&format!("/rooms/{number}/general?saved")),
                Err(StoreError::Stale) => SettingsProblem::Stale,
                Err(StoreError::Description) => {
                    SettingsProblem::Invalid(Invalid { description: true, ..Invalid::default() })
                }
                Err(error) => return failure(&error),
            }
        }
        Err(invalid) => SettingsProblem::Invalid(invalid),
    };
    let again = SettingsAgain { typed, problem };
    page_with(&host, &parts, move || provide_context(again.clone())).await
}

pub(crate) async fn owner_of(
    host: &Host,
    parts: &Parts,
    number: &str,
) -> Result<Option<OwnerAccess>, StoreError> {
    let account = capability::account(&host.panel, &parts.headers).await?;
    capability::owner(&host.panel, account.as_ref(), number).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(language: &str, pin: &str, description: &str) -> Typed {
        let (language, pin, description) = (language.to_owned(), pin.to_owned(), description.to_owned());
        Typed { language, pin, description, ..Typed::default() }
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let wrong = typed("xx", "12a", &"é".repeat(DESCRIPTION_CHARS + 1)).parse().unwrap_err();
        assert_eq!(
            wrong,
            Invalid { description: true, language: Some(LanguageError), pin: Some(PinError::NotDigits) }
        );
    }

    #[test]
    fn empty_and_zero_are_no_pin() {
        assert_eq!(typed("fr", "0", "").parse().unwrap().pin, None);
        assert_eq!(typed("en", " ", "").parse().unwrap().pin, None);
        assert!(typed("en", "0123", &"é".repeat(DESCRIPTION_CHARS)).parse().unwrap().pin.is_some());
    }
}
