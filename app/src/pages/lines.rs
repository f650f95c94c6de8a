//! `/trunks`: the lines on which calls come in, for the operator.

use super::app::visitor;
use super::not_found::NotFound;
use super::rooms::or_log_in;
use crate::components::frame::Frame;
use crate::components::icon::Icon;
use crate::i18n::{Locale, td_string};
use crate::server::Panel;
use leptos::prelude::*;
use model::live::UnixMs;
use model::trunk::{Failure, Lines, Reach, RegistrationState, Strangers, TrunkState};

#[component]
pub(crate) fn TrunkLines() -> impl IntoView {
    let visitor = visitor();
    if visitor.account.is_none() {
        or_log_in();
        return ().into_any();
    }
    // To others there is no such page: whose lines these are is the operator's business.
    if visitor.operator.is_none() {
        return view! { <NotFound /> }.into_any();
    }
    let (panel, locale) = (expect_context::<Panel>(), visitor.locale());
    let (lines, now) = (panel.lines.lines(), panel.live.now());
    let trunks = if lines.trunks.is_empty() {
        view! { <Empty /> }.into_any()
    } else {
        lines.trunks.iter().map(|trunk| trunk_card(locale, trunk, now)).collect_view().into_any()
    };
    view! {
        <Frame title=td_string!(locale, lines.title)>
            <header class="head">
                <h1>{td_string!(locale, lines.title)}</h1>
                <p class="soft">{td_string!(locale, lines.lead)}</p>
            </header>
            {trunks}
            {others(locale, &lines, now)}
        </Frame>
    }
    .into_any()
}

#[component]
fn Empty() -> impl IntoView {
    let locale = visitor().locale();
    view! {
        <section class="card empty">
            <Icon name="phone" />
            <h2>{td_string!(locale, lines.empty_title)}</h2>
            <p>{td_string!(locale, lines.empty_text)}</p>
        </section>
    }
}

/// How a state is shown: in colour, and in words beside it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tone {
    Plain,
    Good,
    Bad,
}

/// A state: its word, and a sentence on when and why.
struct Said {
    tone: Tone,
    word: &'static str,
    sentence: Option<String>,
}

impl Said {
    fn new(tone: Tone, word: &'static str) -> Said {
        Said { tone, word, sentence: None }
    }

    fn because(self, sentence: String) -> Said {
        Said { sentence: Some(sentence), ..self }
    }

    fn view(self) -> impl IntoView {
        let class = match self.tone {
            Tone::Plain => "chip",
            Tone::Good => "chip on",
            Tone::Bad => "chip bad",
        };
        view! {
            <p class="line-state">
                <span class=class>{self.word}</span>
                {self.sentence.map(|sentence| view! { <span class="soft">{sentence}</span> })}
            </p>
        }
    }
}

fn trunk_card(locale: Locale, trunk: &TrunkState, now: UnixMs) -> impl IntoView + use<> {
    let registers = trunk.registration.as_ref().map(|registration| {
        let account = td_string!(locale, lines.registers, account = registration.account.clone());
        view! {
            <p>{account}</p>
            {registered(locale, &registration.state, now).view()}
        }
    });
    let peers = (!trunk.peers.is_empty()).then(|| {
        let peers = td_string!(locale, lines.peers, peers = trunk.peers.join(", "));
        view! { <p>{peers}</p> }
    });
    let reach = trunk.reach.as_ref().map(|reach| reached(locale, reach, now).view());
    let last = match trunk.last_call {
        Some(at) => td_string!(locale, lines.last_call, ago = lasting(locale, at, now)),
        None => td_string!(locale, lines.no_call).to_owned(),
    };
    view! {
        <section class="card line" data-trunk=trunk.name.clone()>
            <h2>{trunk.name.clone()}</h2>
            {registers}
            {peers}
            {reach}
            {counts(locale, trunk.taken, trunk.refused)}
            <p class="soft">{last}</p>
        </section>
    }
}

fn others(locale: Locale, lines: &Lines, now: UnixMs) -> impl IntoView + use<> {
    let rule = match lines.strangers {
        Strangers::Nearby => td_string!(locale, lines.nearby),
        Strangers::Refused => td_string!(locale, lines.only_trunks),
        Strangers::Guests => td_string!(locale, lines.guests),
    };
    let count = lines.phones as u32;
    let phones = (count > 0).then(|| view! { <p>{td_string!(locale, lines.phones, count = count)}</p> });
    let last = lines.last_refused.map(|at| {
        let last = td_string!(locale, lines.last_refused, ago = lasting(locale, at, now));
        view! { <p class="soft">{last}</p> }
    });
    view! {
        <section class="card line" data-others>
            <h2>{td_string!(locale, lines.others)}</h2>
            {phones}
            <p>{rule}</p>
            {counts(locale, lines.other_taken, lines.other_refused)}
            {last}
        </section>
    }
}

fn counts(locale: Locale, taken: u64, refused: u64) -> impl IntoView + use<> {
    view! {
        <dl class="counts">
            <div>
                <dt>{td_string!(locale, lines.taken)}</dt>
                <dd data-taken>{taken}</dd>
            </div>
            <div>
                <dt>{td_string!(locale, lines.refused)}</dt>
                <dd data-refused>{refused}</dd>
            </div>
        </dl>
    }
}

fn registered(locale: Locale, state: &RegistrationState, now: UnixMs) -> Said {
    match state {
        RegistrationState::Unregistered => Said::new(Tone::Plain, td_string!(locale, lines.unregistered)),
        RegistrationState::Registering => Said::new(Tone::Plain, td_string!(locale, lines.registering)),
        RegistrationState::Registered { since, until } => {
            let (since, left) = (lasting(locale, *since, now), lasting(locale, now, *until));
            Said::new(Tone::Good, td_string!(locale, lines.registered)).because(td_string!(
                locale,
                lines.registered_text,
                since = since,
                left = left
            ))
        }
        RegistrationState::Failed { at, failure, next_try } => {
            let (ago, left) = (lasting(locale, *at, now), lasting(locale, now, *next_try));
            let why = why(locale, failure);
            Said::new(Tone::Bad, td_string!(locale, lines.failed)).because(td_string!(
                locale,
                lines.failed_text,
                ago = ago,
                why = why,
                left = left
            ))
        }
    }
}

fn reached(locale: Locale, reach: &Reach, now: UnixMs) -> Said {
    match reach {
        Reach::Unknown => Said::new(Tone::Plain, td_string!(locale, lines.reach_unknown)),
        Reach::Answers { at } => {
            let ago = lasting(locale, *at, now);
            Said::new(Tone::Good, td_string!(locale, lines.answers)).because(td_string!(
                locale,
                lines.answers_text,
                ago = ago
            ))
        }
        Reach::Silent { since, failure } => {
            let (ago, why) = (lasting(locale, *since, now), why(locale, failure));
            Said::new(Tone::Bad, td_string!(locale, lines.silent)).because(td_string!(
                locale,
                lines.silent_text,
                ago = ago,
                why = why
            ))
        }
    }
}

fn why(locale: Locale, failure: &Failure) -> String {
    match failure {
        Failure::NoAddress(name) => td_string!(locale, lines.no_address, name = name.clone()),
        Failure::NoAnswer => td_string!(locale, lines.no_answer).to_owned(),
        Failure::UnknownChallenge => td_string!(locale, lines.unknown_challenge).to_owned(),
        Failure::Refused { status, words } => {
            td_string!(locale, lines.answered_no, status = *status, words = words.clone())
        }
    }
}

/// The time between two moments, in the largest unit that fits: to the minute is exact enough for a line.
pub(crate) fn lasting(locale: Locale, from: UnixMs, to: UnixMs) -> String {
    let seconds = to.saturating_sub(from) / 1_000;
    match seconds {
        0..=119 => td_string!(locale, lines.seconds, n = seconds),
        120..=7_199 => td_string!(locale, lines.minutes, n = seconds / 60),
        7_200..=172_799 => td_string!(locale, lines.hours, n = seconds / 3_600),
        _ => td_string!(locale, lines.days, n = seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_in_the_largest_unit_that_fits() {
        let of = |seconds: u64| lasting(Locale::fr, 1_000, 1_000 + seconds * 1_000);
        assert_eq!(
            [of(0), of(119), of(120), of(7_200), of(172_800)],
            ["0 s", "119 s", "2 min", "2 h", "2 j"]
        );
        assert_eq!(lasting(Locale::en, 5_000, 1_000), "0 s");
    }

    #[test]
    fn reasons_are_sentences() {
        let refused = Failure::Refused { status: 403, words: "Forbidden".to_owned() };
        assert_eq!(why(Locale::en, &refused), "the answer was “403 Forbidden”.");
        let unknown = Failure::NoAddress("sip.exemple.fr".to_owned());
        assert_eq!(why(Locale::fr, &unknown), "le nom sip.exemple.fr n’a pas d’adresse.");
    }
}
