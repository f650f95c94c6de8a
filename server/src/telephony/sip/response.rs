//! The answers that we give, and their headers.

use crate::telephony::admission::Refused;
use rsipstack::sip::{Header, Method, StatusCode};

/// What we serve (RFC 3261 section 20.5).
pub(super) const METHODS: [Method; 6] =
    [Method::Invite, Method::Ack, Method::Bye, Method::Cancel, Method::Options, Method::Update];

pub(super) fn allow() -> Header {
    let names: Vec<String> = METHODS.iter().map(Method::to_string).collect();
    Header::Allow(names.join(", ").into())
}

/// RFC 3261 section 11.2: what an OPTIONS is told.
pub(super) fn capabilities() -> Vec<Header> {
    vec![allow(), Header::Accept("application/sdp".into())]
}

pub(super) fn sdp_headers() -> Vec<Header> {
    vec![Header::ContentType("application/sdp".into()), allow()]
}

impl Refused {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Refused::UnknownNumber => StatusCode::NotFound,
            Refused::Locked => StatusCode::Decline,
            Refused::Full => StatusCode::BusyHere,
            Refused::ServerFull => StatusCode::ServiceUnavailable,
            Refused::WrongPins { .. } => StatusCode::TemporarilyUnavailable,
            Refused::Offer(_) => StatusCode::NotAcceptableHere,
            Refused::Store(_) => StatusCode::ServerInternalError,
        }
    }

    pub(super) fn headers(&self) -> Vec<Header> {
        match self {
            // RFC 3261 section 20.43: 399 is free text for a person.
            Refused::Offer(error) => vec![Header::Warning(format!("399 conference \"{error}\"").into())],
            Refused::WrongPins { retry_after_s } => {
                vec![Header::RetryAfter(retry_after_s.to_string().into())]
            }
            Refused::ServerFull => vec![Header::RetryAfter("10".into())],
            _ => Vec::new(),
        }
    }
}
