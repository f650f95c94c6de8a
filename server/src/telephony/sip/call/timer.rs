//! Session timers (RFC 4028), sans-IO: who refreshes the session, how often, and when it is over.

use crate::telephony::sip::response::Answer;
use model::limits::{SESSION_INTERVAL_MAX_S, SESSION_INTERVAL_MIN_S};
use rsipstack::sip::{Header, Request, Response, StatusCode};
use std::time::Duration;
use tokio::time::Instant;

/// What we ask for of a caller that knows timers and asks for none (RFC 4028 section 4 recommends it).
const OUR_INTERVAL_S: u32 = 1_800;
/// RFC 4028 section 10: the session ends so long before its interval, or a third of it.
const END_BEFORE_S: u32 = 32;

/// Who refreshes the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refresher {
    We,
    They,
}

/// What was agreed upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Agreed {
    interval_s: u32,
    refresher: Refresher,
    /// They know timers: our answer may require them to.
    known: bool,
}

/// The interval asked for is too short: 422 (RFC 4028 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a session interval of less than {SESSION_INTERVAL_MIN_S} s")]
pub(super) struct TooShort;

impl From<&TooShort> for Answer {
    fn from(_: &TooShort) -> Answer {
        let least = Header::MinSE(SESSION_INTERVAL_MIN_S.to_string().into());
        Answer::new(StatusCode::SessionIntervalTooSmall).with(least)
    }
}

/// `Session-Expires` of a request or response: seconds, and whether the sender of the request refreshes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Expires {
    interval_s: u32,
    by_sender: Option<bool>,
}

impl Expires {
    /// RFC 4028 section 4. `None` where there is none, or none that can be read.
    fn read<'a>(mut headers: impl Iterator<Item = &'a Header>) -> Option<Expires> {
        let value = headers.find_map(|header| match header {
            Header::SessionExpires(value) => Some(value.value()),
            _ => None,
        })?;
        let mut parts = value.split(';');
        let interval_s = parts.next()?.trim().parse().ok()?;
        let refresher = parts.find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("refresher").then(|| value.trim().to_ascii_lowercase())
        });
        let by_sender = match refresher.as_deref() {
            Some("uac") => Some(true),
            Some("uas") => Some(false),
            _ => None,
        };
        Some(Expires { interval_s, by_sender })
    }
}

/// What an INVITE or UPDATE of theirs leads to (RFC 4028 section 9). `before` is who refreshes up to now. `None`: the
/// session lasts until somebody ends it.
pub(super) fn agree(request: &Request, before: Option<Refresher>) -> Result<Option<Agreed>, TooShort> {
    let known = request.headers.iter().any(|header| match header {
        Header::Supported(names) => has_timer(names.value()),
        Header::Require(names) => has_timer(names.value()),
        _ => false,
    });
    let least_s = min_se(request.headers.iter());
    let Some(asked) = Expires::read(request.headers.iter()) else {
        let refresher = before.unwrap_or(Refresher::We);
        let interval_s = OUR_INTERVAL_S.max(least_s).min(SESSION_INTERVAL_MAX_S);
        return Ok(known.then_some(Agreed { interval_s, refresher, known }));
    };
    if asked.interval_s < SESSION_INTERVAL_MIN_S {
        // A proxy has asked, for a phone that could do nothing with a 422: there is no timer then.
        return if known { Err(TooShort) } else { Ok(None) };
    }
    let refresher = match (known, asked.by_sender) {
        (false, _) | (true, Some(false)) => Refresher::We,
        (true, Some(true)) => Refresher::They,
        (true, None) => before.unwrap_or(Refresher::They),
    };
    let interval_s = asked.interval_s.min(SESSION_INTERVAL_MAX_S.max(least_s));
    Ok(Some(Agreed { interval_s, refresher, known }))
}

fn has_timer(names: &str) -> bool {
    names.split(',').any(|name| name.trim().eq_ignore_ascii_case("timer"))
}

fn min_se<'a>(mut headers: impl Iterator<Item = &'a Header>) -> u32 {
    let value = headers.find_map(|header| match header {
        Header::MinSE(value) => value.value().split(';').next()?.trim().parse().ok(),
        _ => None,
    });
    value.unwrap_or(0).clamp(SESSION_INTERVAL_MIN_S, SESSION_INTERVAL_MAX_S)
}

impl Agreed {
    pub(super) fn is_shorter(self, than_s: u32) -> bool {
        self.interval_s < than_s
    }

    /// For a 200 of ours. There `uas` are we.
    pub(super) fn headers(self) -> Vec<Header> {
        let refresher = if self.refresher == Refresher::We { "uas" } else { "uac" };
        let mut headers =
            vec![Header::SessionExpires(format!("{};refresher={refresher}", self.interval_s).into())];
        if self.known {
            headers.push(Header::Require("timer".into()));
        }
        headers
    }

    /// For a refresh of ours. There `uac` are we.
    pub(super) fn refreshing_headers(self) -> Vec<Header> {
        vec![
            Header::Supported("timer".into()),
            Header::SessionExpires(format!("{};refresher=uac", self.interval_s).into()),
        ]
    }
}

/// What became of a refresh of ours (RFC 4028 sections 7.2 and 10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refreshed {
    /// What holds from now on.
    Agreed(Option<Agreed>),
    /// 422: they want at least this interval, in seconds.
    TooShort { least_s: u32 },
    /// 491: both began a change at once.
    Glare,
    /// The method is not served.
    NotServed,
    /// Nobody is there any more.
    Over,
    /// Any other refusal: the session lasts until its end, unless a later refresh succeeds.
    Refused,
}

impl Refreshed {
    /// `response` is the final one to our refresh, which asked for `asked`.
    pub(super) fn read(response: &Response, asked: Agreed) -> Refreshed {
        match response.status_code.code() {
            200..=299 => {
                let expires = Expires::read(response.headers.iter());
                Refreshed::Agreed(expires.map(|expires| Agreed {
                    interval_s: expires.interval_s.clamp(SESSION_INTERVAL_MIN_S, SESSION_INTERVAL_MAX_S),
                    refresher: if expires.by_sender == Some(false) { Refresher::They } else { Refresher::We },
                    ..asked
                }))
            }
            422 => Refreshed::TooShort { least_s: min_se(response.headers.iter()).max(asked.interval_s) },
            491 => Refreshed::Glare,
            405 | 501 => Refreshed::NotServed,
            408 | 481 => Refreshed::Over,
            _ => Refreshed::Refused,
        }
    }
}

/// The clock of one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// Nothing was agreed upon.
    Off,
    Waiting {
        agreed: Agreed,
        end_at: Instant,
    },
    /// It is our turn to refresh; `None` while a refresh is on its way.
    Refreshing {
        agreed: Agreed,
        refresh_at: Option<Instant>,
        end_at: Instant,
    },
}

/// What it is time for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Refresh(Agreed),
    /// The session was not refreshed in time: BYE.
    End,
}

impl Timer {
    /// The session was begun or refreshed.
    pub(super) fn start(agreed: Option<Agreed>, now: Instant) -> Timer {
        let Some(agreed) = agreed else { return Timer::Off };
        let lasts_s = agreed.interval_s - END_BEFORE_S.min(agreed.interval_s / 3);
        let end_at = now + Duration::from_secs(lasts_s.into());
        match agreed.refresher {
            Refresher::They => Timer::Waiting { agreed, end_at },
            Refresher::We => {
                let refresh_at = Some(now + Duration::from_secs(agreed.interval_s.into()) / 2);
                Timer::Refreshing { agreed, refresh_at, end_at }
            }
        }
    }

    pub(super) fn refresher(&self) -> Option<Refresher> {
        match self {
            Timer::Off => None,
            Timer::Waiting { .. } => Some(Refresher::They),
            Timer::Refreshing { .. } => Some(Refresher::We),
        }
    }

    /// When to call [`Timer::due`].
    pub(super) fn next(&self) -> Option<Instant> {
        match *self {
            Timer::Off => None,
            Timer::Waiting { end_at, .. } => Some(end_at),
            Timer::Refreshing { refresh_at, end_at, .. } => {
                Some(refresh_at.map_or(end_at, |at| at.min(end_at)))
            }
        }
    }

    pub(super) fn due(&mut self, now: Instant) -> Due {
        match self {
            Timer::Waiting { end_at, .. } | Timer::Refreshing { end_at, .. } if now >= *end_at => Due::End,
            Timer::Refreshing { agreed, refresh_at, .. } if refresh_at.is_some_and(|at| now >= at) => {
                *refresh_at = None;
                Due::Refresh(*agreed)
            }
            _ => Due::Nothing,
        }
    }

    /// A refresh did not come about: the next one is tried then, with an interval of at least `least_s` seconds.
    pub(super) fn retry(&mut self, at: Instant, least_s: u32) {
        if let Timer::Refreshing { agreed, refresh_at, .. } = self {
            agreed.interval_s = agreed.interval_s.max(least_s);
            *refresh_at = Some(at);
        }
    }
}

#[cfg(test)]
mod tests;
