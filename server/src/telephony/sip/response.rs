//! The answers that we give, and their headers.

use crate::telephony::admission::Refused;
use crate::telephony::sdp::OfferError;
use rsipstack::sip::{Header, Method, StatusCode};
use rsipstack::transaction::transaction::Transaction;

/// What we serve (RFC 3261 section 20.5).
pub(super) const METHODS: [Method; 8] = [
    Method::Invite,
    Method::Ack,
    Method::Bye,
    Method::Cancel,
    Method::Options,
    Method::Update,
    Method::PRack,
    Method::Info,
];

/// The extensions that a request may require (RFC 4028, RFC 3262).
pub(super) const EXTENSIONS: [&str; 2] = ["timer", "100rel"];

/// The bodies that we read (RFC 5621).
pub(super) const BODIES: &str = "application/sdp, multipart/mixed, multipart/alternative, multipart/related";

/// What a request is answered with, beside what each answer copies from its request.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<Header>,
    pub(super) body: Option<Vec<u8>>,
}

impl Answer {
    pub(super) fn new(status: StatusCode) -> Answer {
        Answer { status, headers: Vec::new(), body: None }
    }

    pub(super) fn with(mut self, header: Header) -> Answer {
        self.headers.push(header);
        self
    }

    /// 200 to a request that may carry a session description.
    pub(super) fn session(body: Option<Vec<u8>>) -> Answer {
        let mut answer = Answer::new(StatusCode::OK).with(allow()).with(supported());
        if body.is_some() {
            answer.headers.push(sdp_type());
        }
        answer.body = body;
        answer
    }

    /// RFC 3261 section 14.2: the request is right, but comes between two others of the same dialog.
    pub(super) fn later() -> Answer {
        Answer::new(StatusCode::ServerInternalError).with(Header::RetryAfter("2".into()))
    }

    pub(super) async fn send(self, transaction: &mut Transaction) -> rsipstack::Result<()> {
        transaction.reply_with(self.status, self.headers, self.body).await
    }
}

pub(super) fn allow() -> Header {
    let names: Vec<String> = METHODS.iter().map(Method::to_string).collect();
    Header::Allow(names.join(", ").into())
}

pub(super) fn supported() -> Header {
    Header::Supported(EXTENSIONS.join(", ").into())
}

pub(super) fn accept() -> Header {
    Header::Accept(BODIES.into())
}

pub(super) fn sdp_type() -> Header {
    Header::ContentType("application/sdp".into())
}

/// RFC 3261 section 20.43: 399 is free text for a person.
pub(super) fn warning(text: &str) -> Header {
    Header::Warning(format!("399 conference \"{text}\"").into())
}

/// RFC 3261 section 11.2: what an OPTIONS is told.
pub(super) fn capabilities() -> Answer {
    Answer::new(StatusCode::OK)
        .with(allow())
        .with(accept())
        .with(Header::AcceptEncoding("identity".into()))
        .with(supported())
}

impl From<&OfferError> for Answer {
    fn from(error: &OfferError) -> Answer {
        Answer::new(StatusCode::NotAcceptableHere).with(warning(&error.to_string()))
    }
}

impl From<&Refused> for Answer {
    fn from(refused: &Refused) -> Answer {
        match refused {
            Refused::Stranger => Answer::new(StatusCode::Forbidden),
            Refused::Unauthorized(challenges) => {
                let challenges = challenges.iter().map(|value| Header::WwwAuthenticate(value.clone().into()));
                Answer { headers: challenges.collect(), ..Answer::new(StatusCode::Unauthorized) }
            }
            Refused::UnknownNumber => Answer::new(StatusCode::NotFound),
            // RFC 5079.
            Refused::Anonymous => Answer::new(StatusCode::AnonymityDisallowed),
            Refused::ServerFull => {
                Answer::new(StatusCode::ServiceUnavailable).with(Header::RetryAfter("10".into()))
            }
            Refused::WrongPins { retry_after_s } => {
                let retry_after = Header::RetryAfter(retry_after_s.to_string().into());
                Answer::new(StatusCode::TemporarilyUnavailable).with(retry_after)
            }
            Refused::Store(_) => Answer::new(StatusCode::ServerInternalError),
        }
    }
}
