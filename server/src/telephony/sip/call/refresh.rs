//! Our refreshes of the session (RFC 4028 section 7.4): UPDATE where they serve it, else a re-INVITE that says again what
//! was said.

use super::Call;
use super::timer::{Agreed, Refreshed};
use crate::telephony::sip::response::{allow, sdp_type};
use rsipstack::sip::{Method, Response};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// A refresh that was refused is tried again so much later.
const AGAIN: Duration = Duration::from_secs(10);
/// RFC 3261 section 14.1: who did not make the Call-ID waits at most so long after 491.
const GLARE_MS: std::ops::Range<u64> = 0..2_000;

pub(super) enum Refresh {
    Idle,
    Running { method: Method, asked: Agreed, response: JoinHandle<Option<Response>> },
}

impl Refresh {
    /// The final response; `None` if there is none. Waits for ever while nothing is on its way.
    pub(super) async fn response(&mut self) -> Option<Response> {
        match self {
            Refresh::Idle => std::future::pending().await,
            Refresh::Running { response, .. } => response.await.ok().flatten(),
        }
    }
}

/// Whether the call goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goes {
    On,
    /// Nobody is there any more.
    Over,
}

impl Call {
    pub(super) fn begin_refresh(&mut self, asked: Agreed) {
        let method = if self.serves_update { Method::Update } else { Method::Invite };
        if method == Method::Invite && self.session.is_free().is_err() {
            self.timer.retry(Instant::now() + AGAIN, 0);
            return;
        }
        self.find_way();
        let mut headers = asked.refreshing_headers();
        headers.push(allow());
        let body = (method == Method::Invite).then(|| self.session.description());
        if body.is_some() {
            headers.push(sdp_type());
        }
        let dialog = self.dialog.clone();
        let response = tokio::spawn(async move {
            let sent = dialog.request(method, Some(headers), body).await;
            sent.inspect_err(|error| tracing::debug!(%error, "a refresh could not be sent")).ok().flatten()
        });
        self.refresh = Refresh::Running { method, asked, response };
    }

    /// What a refresh has led to.
    pub(super) fn refreshed(&mut self, response: Option<Response>) -> Goes {
        let Refresh::Running { method, asked, .. } = std::mem::replace(&mut self.refresh, Refresh::Idle)
        else {
            return Goes::On;
        };
        let now = Instant::now();
        let outcome = response.as_ref().map_or(Refreshed::Refused, |r| Refreshed::read(r, asked));
        tracing::debug!(member = %self.member, %method, ?outcome, "session refreshed");
        match outcome {
            Refreshed::Agreed(agreed) => {
                self.start_timer(agreed);
                if let Some(response) = &response {
                    self.take_refreshed(response);
                }
            }
            Refreshed::TooShort { least_s } if asked.is_shorter(least_s) => self.timer.retry(now, least_s),
            Refreshed::Glare => {
                let wait = Duration::from_millis(rand::random_range(GLARE_MS));
                self.timer.retry(now + wait, 0);
            }
            Refreshed::NotServed if method == Method::Update => {
                self.serves_update = false;
                self.timer.retry(now, 0);
            }
            Refreshed::TooShort { .. } | Refreshed::NotServed | Refreshed::Refused => {
                self.timer.retry(now + AGAIN, 0);
            }
            Refreshed::Over => return Goes::Over,
        }
        Goes::On
    }

    fn take_refreshed(&mut self, response: &Response) {
        self.retarget(response);
        let moved = self.session.take_refreshed(&response.body).map(|agreed| agreed.media());
        if let Some(media) = moved
            && self.board.media.update(self.room, self.member, media, self.session.wiring().clone()).is_err()
        {
            tracing::warn!(member = %self.member, "a media thread is too busy for a call's sound");
        }
    }
}
