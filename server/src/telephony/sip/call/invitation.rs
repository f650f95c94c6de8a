//! What an INVITE asks for.

use super::body;
use super::diverted::Diversions;
use super::timer::{self, Agreed};
use crate::telephony::SrtpPolicy;
use crate::telephony::sdp::{Offer, OfferError};
use crate::telephony::sip::response::Answer;
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Request, StatusCode};

/// An INVITE for a new call, read.
pub(super) struct Invitation {
    /// `None`: we are to offer, and they answer (RFC 3261 section 13.2.1).
    pub(super) description: Option<Vec<u8>>,
    /// The session timer that our 200 announces.
    pub(super) timer: Option<Agreed>,
    pub(super) cseq: u32,
    /// They require that provisional answers are sent until they are acknowledged (RFC 3262).
    pub(super) reliable: bool,
    /// UPDATE reaches them (RFC 3311).
    pub(super) serves_update: bool,
    pub(super) diversions: Diversions,
}

impl Invitation {
    /// # Errors
    /// What the INVITE is to be refused with.
    pub(super) fn read(invite: &Request) -> Result<Invitation, Answer> {
        let cseq = invite.cseq_header().and_then(|cseq| cseq.seq());
        let description = body::description(invite).map_err(|error| Answer::from(&error))?;
        Ok(Invitation {
            description: description.map(<[u8]>::to_vec),
            timer: timer::agree(invite, None).map_err(|error| Answer::from(&error))?,
            cseq: cseq.map_err(|_| Answer::new(StatusCode::BadRequest))?,
            reliable: invite.header_contains_token("Require", "100rel"),
            serves_update: serves_update(invite),
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
