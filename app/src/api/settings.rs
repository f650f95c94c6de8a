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
    #[serde(default)]
    pub(crate) control_pin: String,
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
    pub(crate) control_pin: Option<ControlPinError>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ControlPinError {
    Pin(PinError),
    /// Whoever may come in may not do all.
    SameAsPin,
}

impl Typed {
    /// The settings, if all of the form is right; else what is wrong with each field.
    fn parse(&self) -> Result<RoomSettings, Invalid> {
        let long = self.description.trim().chars().count() > DESCRIPTION_CHARS;
        let description = long || self.description.trim().chars().any(char::is_control);
        let (pin, control_pin) = (Pin::parse_optional(&self.pin), self.control_pin());
        match (self.language.parse(), pin, control_pin, description) {
            (Ok(language), Ok(pin), Ok(control_pin), false) => Ok(RoomSettings {
                language,
                pin,
                control_pin,
                enter_muted: self.enter_muted.is_some(),
                anonymous_rejection: self.anonymous_rejection.is_some(),
                chimes: self.chimes.is_some(),
                announce_file: self.announce_file.is_some(),
                recording: self.recording.is_some(),
            }),
            (language, pin, control_pin, description) => Err(Invalid {
                description,
                language: language.err(),
                pin: pin.err(),
                control_pin: control_pin.err(),
            }),
        }
    }

    fn control_pin(&self) -> Result<Option<Pin>, ControlPinError> {
        let control = Pin::parse_optional(&self.control_pin).map_err(ControlPinError::Pin)?;
        let same = control.as_ref().is_some_and(|control| control.as_str() == self.pin.trim());
        if same { Err(ControlPinError::SameAsPin) } else { Ok(control) }
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
            Invalid {
                description: true,
                language: Some(LanguageError),
                pin: Some(PinError::NotDigits),
                control_pin: None
            }
        );
    }

    #[test]
    fn empty_and_zero_are_no_pin() {
        assert_eq!(typed("fr", "0", "").parse().unwrap().pin, None);
        assert_eq!(typed("en", " ", "").parse().unwrap().pin, None);
        assert!(typed("en", "0123", &"é".repeat(DESCRIPTION_CHARS)).parse().unwrap().pin.is_some());
    }
    #[test]
    fn the_control_pin_is_another_one() {
        let with = |pin: &str, control: &str| {
            Typed { control_pin: control.to_owned(), ..typed("fr", pin, "") }.parse().map(|s| s.control_pin)
        };
        assert_eq!(with("1234", "0815").unwrap(), "0815".parse().ok());
        assert_eq!((with("", "").unwrap(), with("0", " 0 ").unwrap()), (None, None));
        for (pin, control, error) in [
            ("1234", " 1234", ControlPinError::SameAsPin),
            ("1234", "12a4", ControlPinError::Pin(PinError::NotDigits)),
        ] {
            assert_eq!(with(pin, control).unwrap_err().control_pin, Some(error));
        }
    }
}
