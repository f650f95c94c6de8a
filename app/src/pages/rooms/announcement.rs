//! `/rooms/{number}/announcement`: the sound that callers hear before all else.

use super::{broken, for_owner};
use crate::components::frame::Frame;
use crate::components::microphone::MicrophoneField;
use crate::components::room_head::{RoomHead, Tab, Tabs};
use crate::components::upload::UploadField;
use crate::i18n::{Locale, td_string, upload_problem};
use crate::pages::app::{announce_policy, visitor};
use crate::pages::lines::lasting;
use crate::server::Panel;
use crate::server::headers::Page;
use crate::server::render::status;
use axum::http::StatusCode;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use model::UploadProblem;
use store::{Announcement as Stored, Room};

#[component]
pub(crate) fn Announcement() -> impl IntoView {
    let panel = expect_context::<Panel>();
    announce_policy(Page::Records);
    for_owner(move |owner| {
        let room = owner.room().clone();
        let page = async move {
            match panel.store.announcement(room.id).await {
                Ok(stored) => {
                    let number = room.number.to_string();
                    view! {
                        <Frame title=room.number.grouped()>
                            <RoomHead room=room.clone() />
                            <Tabs number=number.clone() here=Tab::Announcement />
                            <Notice />
                            <HeardOrNot room=room.clone() present=stored.is_some() />
                            <section class="card" aria-label=td_string!(visitor().locale(), announcement.title)>
                                <Current number=number.clone() stored />
                                <New number />
                            </section>
                        </Frame>
                    }
                    .into_any()
                }
                Err(error) => broken(&error),
            }
        };
        view! { <Suspense>{Suspend::new(page)}</Suspense> }
    })
}

/// What has just been done, or was not.
#[component]
fn Notice() -> impl IntoView {
    let locale = visitor().locale();
    if let Some(problem) = use_context::<UploadProblem>() {
        status(StatusCode::UNPROCESSABLE_ENTITY);
        let words = upload_problem(locale, problem);
        return view! { <p class="notice danger" role="alert">{words}</p> }.into_any();
    }
    let query = use_query_map().get_untracked();
    let words = match (query.get("saved"), query.get("removed")) {
        (Some(_), _) => td_string!(locale, announcement.saved),
        (_, Some(_)) => td_string!(locale, announcement.removed),
        _ => return ().into_any(),
    };
    view! { <p class="notice good" role="status">{words}</p> }.into_any()
}

/// Whether callers hear it: a room's option, which is turned on and off right here.
#[component]
fn HeardOrNot(room: Room, present: bool) -> impl IntoView {
    let locale = visitor().locale();
    let on = room.settings.announce_file;
    let (class, words) = match (on, present) {
        (true, true) => ("notice", td_string!(locale, announcement.on)),
        (true, false) => ("notice", td_string!(locale, announcement.on_without)),
        (false, true) => ("notice warn", td_string!(locale, announcement.off)),
        (false, false) => ("notice", td_string!(locale, announcement.off_without)),
    };
    let button =
        if on { td_string!(locale, announcement.turn_off) } else { td_string!(locale, announcement.turn_on) };
    view! {
        <form
            class="beside"
            method="post"
            action=format!("/rooms/{}/announcement/option", room.number)
            data-announce=if on { "true" } else { "false" }
        >
            <p class=format!("{class} grow")>{words}</p>
            <input type="hidden" name="on" value=if on { "false" } else { "true" } />
            <button class="button">{button}</button>
        </form>
    }
}

#[component]
fn Current(number: String, stored: Option<Stored>) -> impl IntoView {
    let locale = visitor().locale();
    let body = match stored {
        None => {
            view! { <p class="soft" data-announcement="none">{td_string!(locale, announcement.none)}</p> }
                .into_any()
        }
        Some(stored) => {
            let now = expect_context::<Panel>().live.now();
            let ago = lasting(locale, stored.uploaded, now);
            let facts = [
                length(locale, stored.length_ms),
                size(locale, stored.bytes),
                td_string!(locale, announcement.uploaded, ago = ago),
            ];
            // Another sound has another address: no browser plays the old one from its cache.
            let source = format!("/rooms/{number}/announcement/sound?{}", stored.id);
            let name = stored.name.to_string();
            view! {
                <p data-announcement="present">
                    <b class="file-name">{name.clone()}</b>
                    " "
                    <span class="soft">{facts.join(" · ")}</span>
                </p>
                <Wave heights=stored.wave />
                <audio class="player" controls preload="metadata" src=source aria-label=name></audio>
                <form method="post" action=format!("/rooms/{number}/announcement/remove")>
                    <button class="button danger">{td_string!(locale, announcement.remove)}</button>
                </form>
            }
            .into_any()
        }
    };
    view! {
        <div class="field">
            <span class="label">{td_string!(locale, announcement.current)}</span>
            <div class="control">{body}</div>
        </div>
    }
}

/// The sound's outline: a bar for each part.
#[component]
fn Wave(heights: Vec<u8>) -> impl IntoView {
    let bars = heights.iter().enumerate().map(|(n, height)| {
        let half = 1.0 + f32::from(*height) / 255.0 * 19.0;
        format!("M{} {:.1}V{:.1}", n * 5 + 2, 22.0 - half, 22.0 + half)
    });
    let (path, width) = (bars.collect::<String>(), heights.len() * 5);
    view! {
        <svg class="wave" viewBox=format!("0 0 {width} 44") preserveAspectRatio="none" aria-hidden="true">
            <path d=path></path>
        </svg>
    }
}

#[component]
fn New(number: String) -> impl IntoView {
    let visitor = visitor();
    let (language, locale) = (visitor.language, visitor.locale());
    let action = format!("/rooms/{number}/announcement");
    let page = action.clone();
    view! {
        <div class="field">
            <label for="file">{td_string!(locale, announcement.new)}</label>
            <form class="control" method="post" enctype="multipart/form-data" action=page.clone()>
                <UploadField language action />
                <p class="help" id="file-help">{td_string!(locale, announcement.kinds)}</p>
            </form>
        </div>
        <MicrophoneField language action=page />
        <div class="field">
            <span class="label">{td_string!(locale, announcement.telephone)}</span>
            <p class="control soft">{td_string!(locale, announcement.by_telephone)}</p>
        </div>
    }
}

/// "14 s", or "2 min 05 s".
pub(super) fn length(locale: Locale, ms: u64) -> String {
    let seconds = ms.div_ceil(1_000);
    match seconds / 60 {
        0 => td_string!(locale, lines.seconds, n = seconds),
        minutes => {
            let rest = format!("{:02}", seconds % 60);
            td_string!(locale, announcement.minutes, minutes = minutes, seconds = rest)
        }
    }
}

/// In the unit that gives a number of one to three digits, near enough.
pub(super) fn size(locale: Locale, bytes: u64) -> String {
    match bytes.div_ceil(1_024) {
        kilobytes @ 0..=1_023 => td_string!(locale, announcement.kilobytes, n = kilobytes),
        kilobytes => {
            let tenths = format!("{:.1}", kilobytes as f64 / 1_024.0);
            // Of our languages English alone writes a point.
            let tenths = if locale == Locale::en { tenths } else { tenths.replace('.', ",") };
            td_string!(locale, announcement.megabytes, n = tenths)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_sizes_are_read_at_a_glance() {
        let plain = |text: String| text.replace('\u{a0}', " ");
        assert_eq!(plain(length(Locale::fr, 13_200)), "14 s");
        assert_eq!(plain(length(Locale::en, 125_000)), "2 min 05 s");
        assert_eq!(plain(size(Locale::fr, 224 * 1_024)), "224 Ko");
        assert_eq!(plain(size(Locale::fr, 1_600_000)), "1,5 Mo");
        assert_eq!(plain(size(Locale::en, 1_600_000)), "1.5 MB");
        assert_eq!(plain(size(Locale::ru, 1_600_000)), "1,5 МБ");
    }
}
