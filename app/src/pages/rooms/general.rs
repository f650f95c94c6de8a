//! `/rooms/{number}/general`: what the owner sets.

use super::{broken, for_owner};
use crate::api::settings::{ControlPinError, Invalid, SettingsAgain, SettingsProblem, Typed};
use crate::components::address_card::AddressCard;
use crate::components::field::{Field, Kind, TextField, described_by};
use crate::components::frame::Frame;
use crate::components::pin_alert::PinAlert;
use crate::components::pin_field::PinField;
use crate::components::recording_alert::RecordingAlert;
use crate::components::room_head::{RoomHead, Tab, Tabs};
use crate::components::save_bar::SaveBar;
use crate::i18n::{Locale, td_string, wrong_pin};
use crate::pages::app::visitor;
use crate::pages::setup::LanguageSelect;
use crate::server::Panel;
use crate::server::render::status;
use axum::http::StatusCode;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use model::Pin;
use model::limits::{DESCRIPTION_CHARS, PIN_DIGITS};
use store::Room;

#[component]
pub(crate) fn General() -> impl IntoView {
    let panel = expect_context::<Panel>();
    for_owner(move |owner| {
        let room = owner.room().clone();
        let addresses = async move {
            match panel.store.addresses(room.id).await {
                Ok(addresses) => {
                    let number = room.number.to_string();
                    view! {
                        <Frame title=room.number.grouped()>
                            <RoomHead room=room.clone() />
                            <Tabs number=number.clone() here=Tab::General />
                            <PinAlert room=room.id />
                            <RecordingAlert wanted=room.settings.recording />
                            <Settings room />
                            <AddressCard number addresses />
                        </Frame>
                    }
                    .into_any()
                }
                Err(error) => broken(&error),
            }
        };
        view! { <Suspense>{Suspend::new(addresses)}</Suspense> }
    })
}

/// What the form shows beside the values: what was wrong with them, and what others saved meanwhile.
struct Shown {
    typed: Typed,
    invalid: Invalid,
    stale: bool,
}

impl Shown {
    fn new(room: &Room, again: Option<SettingsAgain>) -> Shown {
        match again {
            Some(SettingsAgain { typed, problem: SettingsProblem::Invalid(invalid) }) => {
                Shown { typed, invalid, stale: false }
            }
            // What was typed, on the version that was just read: saving again is then a choice, not an accident.
            Some(SettingsAgain { typed, problem: SettingsProblem::Stale }) => {
                let typed = Typed { version: room.version, ..typed };
                Shown { typed, invalid: Invalid::default(), stale: true }
            }
            None => Shown { typed: stored(room), invalid: Invalid::default(), stale: false },
        }
    }

    /// What is stored, where somebody else changed it.
    fn note(&self, locale: Locale, mine: &str, theirs: &str) -> Option<String> {
        let shown = if theirs.is_empty() { td_string!(locale, general.none) } else { theirs };
        (self.stale && mine.trim() != theirs).then(|| td_string!(locale, general.stored, value = shown))
    }

    /// The same of a switch, which a form sends only where it is on.
    fn switch_note(&self, locale: Locale, mine: &Option<String>, theirs: &Option<String>) -> Option<String> {
        let words = |on: &Option<String>| match on {
            Some(_) => td_string!(locale, general.yes),
            None => td_string!(locale, general.no),
        };
        self.note(locale, words(mine), words(theirs))
    }
}

fn digits(pin: &Option<Pin>) -> String {
    pin.as_ref().map(|pin| pin.as_str().to_owned()).unwrap_or_default()
}

fn stored(room: &Room) -> Typed {
    Typed {
        version: room.version,
        description: room.description.clone(),
        language: room.settings.language.code().to_owned(),
        pin: digits(&room.settings.pin),
        control_pin: digits(&room.settings.control_pin),
        enter_muted: room.settings.enter_muted.then(|| "on".to_owned()),
        anonymous_rejection: room.settings.anonymous_rejection.then(|| "on".to_owned()),
        chimes: room.settings.chimes.then(|| "on".to_owned()),
        announce_file: room.settings.announce_file.then(|| "on".to_owned()),
        recording: room.settings.recording.then(|| "on".to_owned()),
    }
}

#[component]
fn Settings(room: Room) -> impl IntoView {
    let visitor = visitor();
    let (language, locale) = (visitor.language, visitor.locale());
    let again = use_context::<SettingsAgain>();
    let refused = again.is_some();
    let shown = Shown::new(&room, again);
    if refused {
        let conflict = if shown.stale { StatusCode::CONFLICT } else { StatusCode::UNPROCESSABLE_ENTITY };
        status(conflict);
    }
    let notice = refused.then(|| {
        let (class, words) = if shown.stale {
            ("notice warn", td_string!(locale, general.stale))
        } else {
            ("notice danger", td_string!(locale, general.invalid))
        };
        view! { <p class=class role="alert">{words}</p> }
    });
    let saved = !refused && use_query_map().get_untracked().get("saved").is_some();
    let action = format!("/rooms/{}/general", room.number);
    let version = shown.typed.version.to_string();
    view! {
        <form class="settings" method="post" action=action novalidate autocomplete="off">
            <input type="hidden" name="version" value=version />
            {notice}
            <section class="card" aria-label=td_string!(locale, general.title)>
                {fields(locale, language, &room, &shown)}
            </section>
            <SaveBar language saved dirty=refused />
        </form>
    }
}

fn fields(locale: Locale, language: model::Language, room: &Room, shown: &Shown) -> impl IntoView + use<> {
    let kept = stored(room);
    let Typed { description, language: spoken, pin, enter_muted, anonymous_rejection, .. } =
        shown.typed.clone();
    let Typed { chimes, announce_file, recording, control_pin, .. } = shown.typed.clone();
    let control_error = shown.invalid.control_pin.map(|error| wrong_control_pin(locale, error).to_owned());
    let control_kind = Kind {
        autocomplete: Some("off"),
        inputmode: Some("numeric"),
        maxlength: Some(*PIN_DIGITS.end()),
        ..Kind::default()
    };
    let pin_error = shown.invalid.pin.map(|error| wrong_pin(locale, error).to_owned());
    let pin_note = shown.note(locale, &pin, &kept.pin);
    let described = described_by("pin", true, pin_error.is_some()).unwrap_or_default();
    let chosen = spoken.parse().unwrap_or(room.settings.language);
    let language_error =
        shown.invalid.language.as_ref().map(|_| td_string!(locale, wrong.language).to_owned());
    let language_note = shown.note(locale, chosen.own_name(), room.settings.language.own_name());
    let long = shown.invalid.description;
    let long = long.then(|| td_string!(locale, wrong.description_length, longest = DESCRIPTION_CHARS as u32));
    let muted_note = shown.switch_note(locale, &enter_muted, &kept.enter_muted);
    let chimes_note = shown.switch_note(locale, &chimes, &kept.chimes);
    let rejection_note = shown.switch_note(locale, &anonymous_rejection, &kept.anonymous_rejection);
    let announce_note = shown.switch_note(locale, &announce_file, &kept.announce_file);
    let recording_note = shown.switch_note(locale, &recording, &kept.recording);
    let free = Kind { autocomplete: Some("off"), maxlength: Some(DESCRIPTION_CHARS), ..Kind::default() };
    let help = |words: &'static str| Some(words.to_owned());
    view! {
        <TextField
            id="description"
            label=td_string!(locale, general.description)
            kind=free
            note=shown.note(locale, &description, &kept.description)
            value=description
            help=help(td_string!(locale, general.description_help))
            error=long
        />
        <Field
            id="language"
            label=td_string!(locale, general.language)
            help=help(td_string!(locale, general.language_help))
            error=language_error
            note=language_note
        >
            <LanguageSelect chosen />
        </Field>
        <Field
            id="pin"
            label=td_string!(locale, general.pin)
            help=help(td_string!(locale, general.pin_help))
            note=pin_note
            error=pin_error.clone()
        >
            <PinField language value=pin described_by=described invalid=pin_error.is_some() />
        </Field>
        <TextField
            id="control_pin"
            label=td_string!(locale, general.control_pin)
            kind=control_kind
            note=shown.note(locale, &control_pin, &kept.control_pin)
            value=control_pin
            help=help(td_string!(locale, general.control_pin_help))
            error=control_error
        />
        <SwitchField
            id="enter_muted"
            label=td_string!(locale, general.enter_muted)
            help=td_string!(locale, general.enter_muted_help)
            note=muted_note
            on=enter_muted.is_some()
        />
        <SwitchField
            id="chimes"
            label=td_string!(locale, general.chimes)
            help=td_string!(locale, general.chimes_help)
            note=chimes_note
            on=chimes.is_some()
        />
        <SwitchField
            id="anonymous_rejection"
            label=td_string!(locale, general.anonymous_rejection)
            help=td_string!(locale, general.anonymous_rejection_help)
            note=rejection_note
            on=anonymous_rejection.is_some()
        />
        <SwitchField
            id="announce_file"
            label=td_string!(locale, general.announce_file)
            help=td_string!(locale, general.announce_file_help)
            note=announce_note
            on=announce_file.is_some()
        />
        <SwitchField
            id="recording"
            label=td_string!(locale, general.recording)
            help=td_string!(locale, general.recording_help)
            note=recording_note
            on=recording.is_some()
        />
    }
}

fn wrong_control_pin(locale: Locale, error: ControlPinError) -> &'static str {
    match error {
        ControlPinError::Pin(error) => wrong_pin(locale, error),
        ControlPinError::SameAsPin => td_string!(locale, wrong.pins_same),
    }
}

/// A line with a switch.
#[component]
fn SwitchField(
    id: &'static str,
    label: &'static str,
    help: &'static str,
    note: Option<String>,
    on: bool,
) -> impl IntoView {
    view! {
        <Field id label help=Some(help.to_owned()) error=None note>
            <input
                class="switch"
                type="checkbox"
                role="switch"
                id=id
                name=id
                checked=on
                aria-describedby=format!("{id}-help")
            />
        </Field>
    }
}
