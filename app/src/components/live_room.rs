//! The live page of a room. The server renders it with the state already in it; the browser takes over from there.

use super::icon::Icon;
use super::member_row::{MemberRow, Shared};
use super::timeline::Timeline;
use crate::api::act::ActError;
use crate::components::erased::{derived, effect};
use crate::i18n::{Locale, caller, locale_of, online, refused, td_string};
use crate::live::board::{Board, News};
use crate::live::door::Door;
use crate::live::elapsed::{elapsed, time_of_day};
use crate::live::lanes::{Lanes, PageMs};
use crate::live::link::{Heard, Link, OutOfStep, follow};
use crate::live::order;
use crate::live::wire::Start;
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use model::live::{Live, Message, UnixMs};
use model::{Action, Language, MemberId};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use wasm_bindgen::JsCast;

/// Milliseconds between two steps of the clocks and of the timeline.
const CLOCK_MS: u64 = 500;

/// What the page says of the room and does not change while it is open.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RoomCard {
    /// Digits in groups, as a person reads them.
    pub number: String,
    pub description: String,
    /// Empty: none, or not for this page.
    pub pin: String,
    /// What to dial from a SIP phone.
    pub dial: String,
}

/// `now`: the server's clock when it rendered the page. `problem`: why an order that came by a plain form was refused.
/// `children` stand under the head.
#[island]
pub fn LiveRoom(
    language: Language,
    door: Door,
    card: RoomCard,
    live: Start,
    now: UnixMs,
    problem: Option<ActError>,
    children: Children,
) -> impl IntoView {
    let locale = locale_of(language);
    let page = Page::new(locale, &live.0, now, problem);
    let post_to = door.may_act().then(|| door.page_path());
    let title = format!("{} · {}", card.number, td_string!(locale, brand));
    effect({
        let path = door.socket_path();
        move || page.take_over(&path, title.clone())
    });
    let on_submit = move |event: SubmitEvent| page.submitted(&event, &door);
    let rows = {
        let (shared, post_to) = (page.shared, post_to.clone());
        move |row| view! { <MemberRow shared row post_to=post_to.clone() /> }
    };
    let lost = derived(move || page.link.get() == Link::Lost);
    view! {
        <div class="live" data-live=derived(move || page.link.get().as_str()) on:submit=on_submit>
            <Head page card=card.clone() post_to />
            {children()}
            <p class="notice warn" role="status" hidden=derived(move || !lost.get())>
                {derived(move || td_string!(locale, live.lost, time = page.lost_at.get()))}
            </p>
            <p class="notice danger" role="alert" hidden=derived(move || page.problem.get().is_none())>
                {derived(move || page.problem.get().map_or("", |problem| words(locale, problem)))}
            </p>
            <section class="card" aria-label=td_string!(locale, live.members)>
                <ul class="members" data-members="">
                    <For each=move || page.board.rows.get() key=|row| row.id children=rows />
                </ul>
                <Empty page card />
            </section>
            <Timeline locale lanes=page.lanes now=page.now />
            <p class="visually-hidden" aria-live="polite">
                {derived(move || page.board.news.get().map_or(String::new(), |news| told(locale, &news)))}
            </p>
        </div>
    }
}

/// The room, its state and its clock; for moderators the lock.
#[component]
fn Head(page: Page, card: RoomCard, post_to: Option<String>) -> impl IntoView {
    let locale = page.shared.locale;
    let count = derived(move || page.board.rows.with(Vec::len));
    let chip = derived(move || match page.board.session.get() {
        Some(s) => format!("{} · {}", online(locale, count.get()), elapsed(s.since, page.shared.clock.get())),
        None => online(locale, 0),
    });
    let pin = (!card.pin.is_empty()).then(|| td_string!(locale, live.pin, pin = card.pin.clone()));
    let description = (!card.description.is_empty()).then_some(card.description);
    let under: Vec<String> = [description, pin].into_iter().flatten().collect();
    let under = (!under.is_empty()).then(|| view! { <p class="soft">{under.join(" · ")}</p> });
    let lock = post_to.map(|post_to| view! { <Lock page post_to /> });
    view! {
        <header class="head">
            <div class="head-line">
                <h1 class="number">{card.number}</h1>
                <span class="chip" class:on=derived(move || page.board.session.with(Option::is_some))>
                    {chip}
                </span>
                <span class="chip rec" data-recording="" hidden=derived(move || !page.recorded())>
                    {td_string!(locale, live.recorded)}
                </span>
                <span class="chip lock" hidden=derived(move || !page.locked())>
                    <Icon name="lock" />
                    {td_string!(locale, live.locked)}
                </span>
            </div>
            {under}
            {lock}
        </header>
    }
}

/// As with a member's buttons, the style sheet shows the words that go with `data-locked`.
#[component]
fn Lock(page: Page, post_to: String) -> impl IntoView {
    let locale = page.shared.locale;
    let action = derived(move || if page.locked() { "unlock" } else { "lock" });
    let locked = derived(move || if page.locked() { "true" } else { "false" });
    view! {
        <form class="lock-form" method="post" action=post_to data-locked=locked>
            <button
                class="button"
                name="action"
                value=action
                data-action=action
                title=td_string!(locale, live.lock_help)
                disabled=derived(move || page.board.session.with(Option::is_none))
            >
                <span class="no">
                    <Icon name="lock" />
                    {td_string!(locale, live.lock)}
                </span>
                <span class="yes">
                    <Icon name="unlock" />
                    {td_string!(locale, live.unlock)}
                </span>
            </button>
        </form>
    }
}

/// What stands where nobody is in.
#[component]
fn Empty(page: Page, card: RoomCard) -> impl IntoView {
    let locale = page.shared.locale;
    view! {
        <div class="empty" hidden=derived(move || page.board.rows.with(|rows| !rows.is_empty()))>
            <Icon name="phone" />
            <h2>{td_string!(locale, live.empty_title)}</h2>
            <p>{td_string!(locale, live.empty_text, number = card.number)}</p>
            <p class="soft">{td_string!(locale, live.empty_dial)} " " <code>{card.dial}</code></p>
        </div>
    }
}

/// The page's state. Copies are handles to the same.
#[derive(Clone, Copy)]
struct Page {
    shared: Shared,
    board: Board,
    lanes: Lanes,
    link: RwSignal<Link>,
    /// The server's time when the connection broke, in words.
    lost_at: RwSignal<String>,
    problem: RwSignal<Option<ActError>>,
    now: RwSignal<PageMs>,
    /// This browser's clock when the page was opened, Unix milliseconds.
    opened: StoredValue<f64>,
    /// Milliseconds by which the server's clock is ahead of this browser's.
    ahead: StoredValue<f64>,
}

impl Page {
    fn new(locale: Locale, live: &Live, now: UnixMs, problem: Option<ActError>) -> Page {
        let board = Board::new(live);
        Page {
            shared: Shared { locale, clock: RwSignal::new(now), confirming: RwSignal::new(None) },
            board,
            lanes: Lanes::new(&board.rows.get_untracked()),
            link: RwSignal::new(Link::Connecting),
            lost_at: RwSignal::new(String::new()),
            problem: RwSignal::new(problem),
            now: RwSignal::new(0),
            opened: StoredValue::new(0.0),
            ahead: StoredValue::new(0.0),
        }
    }

    /// In the browser: clocks start, and the line is opened.
    fn take_over(self, socket_path: &str, title: String) {
        self.opened.set_value(js_sys::Date::now());
        self.ahead.set_value(self.shared.clock.get_untracked() as f64 - js_sys::Date::now());
        set_interval(move || self.tick(), Duration::from_millis(CLOCK_MS));
        effect(move || {
            let count = self.board.rows.with(Vec::len);
            let title = if count == 0 { title.clone() } else { format!("({count}) {title}") };
            document().set_title(&title);
        });
        follow(socket_path, move |heard| match heard {
            Heard::Message(message) => self.hear(&message),
            Heard::Lost => {
                self.lose();
                Ok(())
            }
        });
    }

    fn tick(self) {
        self.now.set(self.since_opened());
        self.lanes.reach(self.since_opened());
        let now = (js_sys::Date::now() + self.ahead.get_value()) as UnixMs;
        // By the second: two hundred rows show it.
        if now / 1_000 != self.shared.clock.get_untracked() / 1_000 {
            self.shared.clock.set(now);
        }
    }

    fn locked(self) -> bool {
        self.board.session.get().is_some_and(|session| session.locked)
    }

    fn recorded(self) -> bool {
        self.board.session.get().is_some_and(|session| session.recording)
    }

    fn since_opened(self) -> PageMs {
        (js_sys::Date::now() - self.opened.get_value()) as PageMs
    }

    fn hear(self, message: &Message) -> Result<(), OutOfStep> {
        if let Message::Snapshot { now, .. } = message {
            self.ahead.set_value(*now as f64 - js_sys::Date::now());
        }
        self.board.receive(message).map_err(|_| OutOfStep)?;
        self.board.rows.with_untracked(|rows| self.lanes.observe(rows, self.since_opened()));
        if self.link.get_untracked() != Link::Connected {
            self.link.set(Link::Connected);
        }
        Ok(())
    }

    fn lose(self) {
        if self.link.get_untracked() == Link::Lost {
            return;
        }
        let local = js_sys::Date::new_0();
        let of_day = [local.get_hours(), local.get_minutes(), local.get_seconds()];
        self.lost_at.set(time_of_day(of_day));
        self.lanes.blind(self.since_opened());
        self.link.set(Link::Lost);
    }

    /// One listener for all buttons of all rows: each says in its form what it wants.
    fn submitted(self, event: &SubmitEvent, door: &Door) {
        event.prevent_default();
        let Some(action) = wanted(event) else { return };
        let confirming = self.shared.confirming;
        if let Action::Expel(id) = action
            && confirming.get_untracked() != Some(id)
        {
            confirming.set(Some(id));
            return;
        }
        confirming.set(None);
        let door = door.clone();
        spawn_local(async move { self.problem.set(order::send(&door, action).await.err()) });
    }
}

/// The action of the button that was pressed.
fn wanted(event: &SubmitEvent) -> Option<Action> {
    let button = event.submitter()?.dyn_into::<web_sys::HtmlButtonElement>().ok()?;
    let member = button.form()?.query_selector("input[name=member]").ok().flatten();
    let member = member.and_then(|input| input.dyn_into::<web_sys::HtmlInputElement>().ok());
    let member = member.and_then(|input| input.value().parse::<MemberId>().ok());
    crate::api::act::parse(&button.value(), member)
}

fn words(locale: Locale, problem: ActError) -> &'static str {
    match problem {
        ActError::Refused(refusal) => refused(locale, refusal),
        ActError::NotAllowed => td_string!(locale, refused.not_allowed),
        ActError::Unreachable => td_string!(locale, refused.unreachable),
    }
}

fn told(locale: Locale, news: &News) -> String {
    match news {
        News::Joined(row) => td_string!(locale, live.joined, who = caller(locale, &row.number, &row.name)),
        News::Left(row) => td_string!(locale, live.left, who = caller(locale, &row.number, &row.name)),
    }
}
