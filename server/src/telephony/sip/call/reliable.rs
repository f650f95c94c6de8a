//! Reliable provisional answers (RFC 3262 section 3), sans-IO: an answer is sent again until its PRACK is here.

use crate::telephony::sip::response::sdp_type;
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Method, Request};
use std::time::Duration;
use tokio::time::Instant;

/// RFC 3261 section 17.1.1.1.
const T1: Duration = Duration::from_millis(500);

/// A provisional answer: 180, or 183 where it has a description.
#[derive(Debug)]
pub(super) struct Provisional {
    body: Option<Vec<u8>>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Sent once, in the hope that it arrives.
    Unreliable,
    Waiting {
        rseq: u32,
        cseq: u32,
        interval: Duration,
        next_at: Instant,
        give_up_at: Instant,
    },
    Acknowledged,
}

/// What it is time for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Again,
    /// No PRACK within 64*T1.
    GiveUp,
}

impl Provisional {
    /// Sent now, as `rseq`, in answer to the INVITE with `cseq`.
    pub(super) fn reliable(now: Instant, rseq: u32, cseq: u32, body: Option<Vec<u8>>) -> Provisional {
        let state = State::Waiting { rseq, cseq, interval: T1, next_at: now + T1, give_up_at: now + 64 * T1 };
        Provisional { body, state }
    }

    pub(super) fn unreliable(body: Option<Vec<u8>>) -> Provisional {
        Provisional { body, state: State::Unreliable }
    }

    pub(super) fn headers(&self) -> Vec<Header> {
        let mut headers = Vec::new();
        if self.body.is_some() {
            headers.push(sdp_type());
        }
        if let State::Waiting { rseq, .. } = self.state {
            headers.push(Header::Require("100rel".into()));
            headers.push(Header::RSeq(rseq.to_string().into()));
        }
        headers
    }

    pub(super) fn body(&self) -> Option<Vec<u8>> {
        self.body.clone()
    }

    /// Nothing more is to be waited for.
    pub(super) fn is_settled(&self) -> bool {
        !matches!(self.state, State::Waiting { .. })
    }

    /// Takes a PRACK. `false`: it acknowledges nothing that waits for it.
    pub(super) fn acknowledge(&mut self, prack: &Request) -> bool {
        let State::Waiting { rseq, cseq, .. } = self.state else { return false };
        let matches = prack.rack_value() == Some((rseq, cseq, Method::Invite));
        if matches {
            self.state = State::Acknowledged;
        }
        matches
    }

    /// When to call [`Provisional::due`].
    pub(super) fn next(&self) -> Option<Instant> {
        match self.state {
            State::Waiting { next_at, give_up_at, .. } => Some(next_at.min(give_up_at)),
            State::Unreliable | State::Acknowledged => None,
        }
    }

    pub(super) fn due(&mut self, now: Instant) -> Due {
        let State::Waiting { interval, next_at, give_up_at, .. } = &mut self.state else {
            return Due::Nothing;
        };
        if now >= *give_up_at {
            return Due::GiveUp;
        }
        if now < *next_at {
            return Due::Nothing;
        }
        // Twice as long each time, without the limit that a final answer has.
        *interval *= 2;
        *next_at = now + *interval;
        Due::Again
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rsipstack::sip::SipMessage;

    fn prack(rack: &str) -> Request {
        let text = format!(
            "PRACK sip:3000@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1\r\n{rack}\r\n"
        );
        match SipMessage::try_from(text.as_bytes()).unwrap() {
            SipMessage::Request(request) => request,
            SipMessage::Response(_) => unreachable!("a request was written"),
        }
    }

    #[test]
    fn it_is_sent_again_until_its_prack_is_here() {
        let now = Instant::now();
        let mut ringing = Provisional::reliable(now, 7, 1, None);
        let mut sent_ms = Vec::new();
        for ms in (0..10_000).step_by(100) {
            if ringing.due(now + Duration::from_millis(ms)) == Due::Again {
                sent_ms.push(ms);
            }
        }
        assert_eq!(sent_ms, [500, 1_500, 3_500, 7_500]);
        assert!(!ringing.acknowledge(&prack("RAck: 8 1 INVITE\r\n")));
        assert!(!ringing.acknowledge(&prack("RAck: 7 2 INVITE\r\n")));
        assert!(!ringing.acknowledge(&prack("")));
        assert!(!ringing.is_settled());
        assert!(ringing.acknowledge(&prack("RAck: 7 1 INVITE\r\n")));
        assert!(ringing.is_settled() && ringing.next().is_none());
        assert!(!ringing.acknowledge(&prack("RAck: 7 1 INVITE\r\n")), "once is enough");
    }

    #[test]
    fn it_is_given_up_after_64_t1() {
        let now = Instant::now();
        let mut ringing = Provisional::reliable(now, 7, 1, None);
        assert_eq!(ringing.due(now + Duration::from_secs(32)), Due::GiveUp);
    }

    #[test]
    fn its_headers_say_what_it_is() {
        let names = |provisional: &Provisional| {
            provisional.headers().iter().map(Header::to_string).collect::<Vec<_>>()
        };
        let reliable = Provisional::reliable(Instant::now(), 7, 1, Some(b"v=0".to_vec()));
        assert_eq!(names(&reliable), ["Content-Type: application/sdp", "Require: 100rel", "RSeq: 7"]);
        let unreliable = Provisional::unreliable(None);
        assert!(names(&unreliable).is_empty() && unreliable.is_settled());
    }
}
