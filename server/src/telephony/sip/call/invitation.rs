//! What an INVITE asks for.

use super::body;
use super::dialled;
use super::diverted::Diversions;
use super::timer::{self, Agreed};
use crate::telephony::SrtpPolicy;
use crate::telephony::sdp::{Offer, OfferError};
use crate::telephony::sip::response::Answer;
use engine::Caller;
use model::limits;
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Request, StatusCode, ToTypedHeader};

/// An INVITE for a new call, read.
pub(super) struct Invitation {
    /// As it was dialled.
    pub(super) number: String,
    /// `None`: we are to offer, and they answer (RFC 3261 section 13.2.1).
    pub(super) description: Option<Vec<u8>>,
    /// The session timer that our 200 announces.
    pub(super) timer: Option<Agreed>,
    pub(super) cseq: u32,
    /// They require that provisional answers are sent until they are acknowledged (RFC 3262).
    pub(super) reliable: bool,
    /// UPDATE reaches them (RFC 3311).
    pub(super) serves_update: bool,
    pub(super) caller: Caller,
    pub(super) diversions: Diversions,
}

impl Invitation {
    /// # Errors
    /// What the INVITE is to be refused with.
    pub(super) fn read(invite: &Request) -> Result<Invitation, Answer> {
        let cseq = invite.cseq_header().and_then(|cseq| cseq.seq());
        let description = body::description(invite).map_err(|error| Answer::from(&error))?;
        Ok(Invitation {
            number: dialled::number(&invite.uri),
            description: description.map(<[u8]>::to_vec),
            timer: timer::agree(invite, None).map_err(|error| Answer::from(&error))?,
            cseq: cseq.map_err(|_| Answer::new(StatusCode::BadRequest))?,
            reliable: invite.header_contains_token("Require", "100rel"),
            serves_update: serves_update(invite),
            caller: caller(invite),
            diversions: Diversions::read(invite),
        })
    }

    /// Their offer, if they made one.
    pub(super) fn offer(&self, srtp: SrtpPolicy) -> Result<Option<Offer>, OfferError> {
        self.description.as_deref().map(|body| Offer::parse(body, srtp)).transpose()
    }
}

fn serves_update(request: &Request) -> bool {
    request.headers.iter().any(|header| match header {
        Header::Allow(methods) => methods.value().split(',').any(|method| method.trim() == "UPDATE"),
        _ => false,
    })
}

/// The number and name in From. Control characters and excess are taken away: they are shown on pages.
fn caller(invite: &Request) -> Caller {
    let shown =
        |s: &str| s.chars().filter(|c| !c.is_control()).take(limits::CALLER_CHARS).collect::<String>();
    let Ok(from) = invite.from_header().and_then(|from| from.typed()) else {
        return Caller { number: String::new(), name: String::new() };
    };
    let user = from.uri.user().unwrap_or_default();
    // RFC 3323 section 4.1.1.3: the user part of those who withhold their number.
    let number = if user.eq_ignore_ascii_case("anonymous") { "" } else { user };
    let name = from.display_name.as_deref().unwrap_or_default().trim().trim_matches('"');
    let name = if name.eq_ignore_ascii_case("anonymous") { "" } else { name };
    Caller { number: shown(number), name: shown(name) }
}
