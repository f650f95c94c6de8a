//! `/rooms/{number}/history`: the recordings of the room's conferences.

use super::announcement::{length, size};
use super::{broken, for_owner};
use crate::api::recordings::written;
use crate::components::frame::Frame;
use crate::components::icon::Icon;
use crate::components::recording_alert::RecordingAlert;
use crate::components::room_head::{RoomHead, Tab, Tabs};
use crate::i18n::{Locale, td_string};
use crate::pages::app::visitor;
use crate::server::Panel;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use model::RecordingEnd;
use store::{RecordedSound, Recording, RecordingState, Room};

#[component]
pub(crate) fn History() -> impl IntoView {
    let panel = expect_context::<Panel>();
    for_owner(move |owner| {
        let page = async move {
            match panel.store.recordings(&owner).await {
                Ok(recordings) => {
                    let room = owner.room().clone();
                    view! {
                        <Frame title=room.number.grouped()>
                            <RoomHead room=room.clone() />
                            <Tabs number=room.number.to_string() here=Tab::History />
                            <RecordingAlert wanted=room.settings.recording />
                            <Notice />
                            <List room recordings />
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

#[component]
fn Notice() -> impl IntoView {
    let locale = visitor().locale();
    let removed = use_query_map().get_untracked().get("removed").is_some();
    removed.then(|| view! { <p class="notice good" role="status">{td_string!(locale, history.removed)}</p> })
}

#[component]
fn List(room: Room, recordings: Vec<Recording>) -> impl IntoView {
    let locale = visitor().locale();
    let number = room.number.to_string();
    let kept = expect_context::<Panel>().recordings.days();
    let kept =
        kept.map(|days| td_string!(locale, history.kept, time = td_string!(locale, lines.days, n = days)));
    let kept = kept.map(|kept| view! { <p class="help recordings-kept">{kept}</p> });
    let list = if recordings.is_empty() {
        view! { <Empty on=room.settings.recording /> }.into_any()
    } else {
        let rows = recordings.into_iter().map(|recording| {
            view! { <Row number=number.clone() recording /> }
        });
        view! {
            <ul class="recordings" data-recordings="">
                {rows.collect_view()}
            </ul>
        }
        .into_any()
    };
    view! {
        <section class="card" aria-label=td_string!(locale, history.title)>
            {list}
            {kept}
        </section>
    }
}

#[component]
fn Empty(on: bool) -> impl IntoView {
    let locale = visitor().locale();
    let words = if on { td_string!(locale, history.empty_on) } else { td_string!(locale, history.empty_off) };
    view! {
        <div class="empty" data-recordings="none">
            <Icon name="phone" />
            <h2>{td_string!(locale, history.empty_title)}</h2>
            <p>{words}</p>
        </div>
    }
}

#[component]
fn Row(number: String, recording: Recording) -> impl IntoView {
    let locale = visitor().locale();
    let when = written(recording.began, td_string!(locale, history.date_format));
    let exactly = written(recording.began, "%Y-%m-%dT%H:%M:%S%:z");
    let (facts, body) = match recording.state {
        RecordingState::Running => {
            let running = view! {
                <p class="recording-head">
                    <span class="chip rec">{td_string!(locale, history.running)}</span>
                    <span class="soft">{td_string!(locale, history.running_text)}</span>
                </p>
            };
            (String::new(), running.into_any())
        }
        RecordingState::Ended { end, sound } => {
            let path = format!("/rooms/{number}/recordings/{}", recording.id);
            (facts(locale, end, &sound), view! { <Sound path when=when.clone() /> }.into_any())
        }
    };
    view! {
        <li class="recording" data-recording=recording.id.to_string()>
            <p class="recording-head">
                <b>
                    <time datetime=exactly>{when}</time>
                </b>
                <span class="soft">{facts}</span>
            </p>
            {body}
        </li>
    }
}

/// To play it, to keep it, to delete it: which needs a second step, and no script.
#[component]
fn Sound(path: String, when: String) -> impl IntoView {
    let locale = visitor().locale();
    view! {
        <audio class="player" controls preload="none" src=path.clone() aria-label=when></audio>
        <div class="beside">
            <a class="button" href=format!("{path}?download=1") download="">
                {td_string!(locale, history.download)}
            </a>
            <details class="more">
                <summary>{td_string!(locale, history.delete)}</summary>
                <p class="notice warn">{td_string!(locale, history.warning)}</p>
                <form method="post" action=format!("{path}/delete")>
                    <button class="button danger">{td_string!(locale, history.delete_sure)}</button>
                </form>
            </details>
        </div>
    }
}

/// Length, size, and whatever is not as it should be.
fn facts(locale: Locale, end: RecordingEnd, sound: &RecordedSound) -> String {
    let gaps = (sound.gaps_ms > 0)
        .then(|| td_string!(locale, history.gaps, length = lasting(locale, sound.gaps_ms)));
    let end = match end {
        RecordingEnd::ConferenceOver => None,
        RecordingEnd::Limit => Some(td_string!(locale, history.end_limit)),
        RecordingEnd::Stopped => Some(td_string!(locale, history.end_stopped)),
        RecordingEnd::NoSpace => Some(td_string!(locale, history.end_no_space)),
        RecordingEnd::Failed => Some(td_string!(locale, history.end_failed)),
        RecordingEnd::Crash => Some(td_string!(locale, history.end_crash)),
    };
    let always = [lasting(locale, sound.length_ms), size(locale, sound.bytes)];
    let all: Vec<String> = always.into_iter().chain(gaps).chain(end.map(str::to_owned)).collect();
    all.join(" · ")
}

/// "14 s", "2 min 05 s", "1 h 02 min".
fn lasting(locale: Locale, ms: u64) -> String {
    match ms / 3_600_000 {
        0 => length(locale, ms),
        hours => {
            let minutes = format!("{:02}", ms / 60_000 % 60);
            td_string!(locale, history.hours, hours = hours, minutes = minutes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_as_it_should_be_is_said() {
        let said = |end, gaps_ms| {
            let sound = RecordedSound { length_ms: 3_725_000, bytes: 11_000_000, gaps_ms };
            facts(Locale::en, end, &sound).replace('\u{a0}', " ")
        };
        assert_eq!(said(RecordingEnd::ConferenceOver, 0), "1 h 02 min · 10.5 MB");
        assert_eq!(
            said(RecordingEnd::Limit, 2_000),
            "1 h 02 min · 10.5 MB · of which 2 s of sound was lost · stopped after seven hours"
        );
        assert_eq!(written(0, "%Y").len(), 4);
    }
}
