//! What they ask for while the call lasts: another address, hold, another codec, a refresh, a key.

use super::info::Info;
use super::refresh::Refresh;
use super::session::Busy;
use super::{Call, body, timer};
use crate::telephony::sdp::{Offer, OfferError};
use crate::telephony::sip::dispatch::Phase;
use crate::telephony::sip::response::Answer;
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Method, Request, StatusCode, typed};

impl Call {
    /// Answers a request that is no INVITE.
    pub(super) fn asked(&mut self, request: &Request) -> Answer {
        self.seen(request);
        match request.method {
            Method::Update => {
                let answer = self.change(request);
                // RFC 3311 section 5.2: our Contact is in it, as in an INVITE's answer.
                match answer.status {
                    StatusCode::OK => answer.with(typed::Contact::from(self.contact.clone()).into()),
                    _ => answer,
                }
            }
            Method::Info => self.informed(request),
            // A PRACK for which nothing waits (RFC 3262 section 3).
            _ => Answer::new(StatusCode::CallTransactionDoesNotExist),
        }
    }

    /// Answers a re-INVITE.
    pub(super) fn reinvited(&mut self, request: &Request) -> Answer {
        self.seen(request);
        self.change(request)
    }

    /// A re-INVITE or UPDATE. What cannot be taken is refused, and the session stays as it was (RFC 3261 section 14.2).
    fn change(&mut self, request: &Request) -> Answer {
        match self.try_change(request) {
            Ok(answer) => answer,
            Err(refused) => {
                tracing::info!(member = %self.member, status = %refused.status, "a change of the session is refused");
                refused
            }
        }
    }

    fn try_change(&mut self, request: &Request) -> Result<Answer, Answer> {
        let description = body::description(request).map_err(|error| Answer::from(&error))?;
        let is_invite = request.method == Method::Invite;
        if self.refresh.has_offered() && (is_invite || description.is_some()) {
            return Err(Answer::new(StatusCode::RequestPending));
        }
        let agreed = timer::agree(request, self.timer.refresher()).map_err(|error| Answer::from(&error))?;
        let ours = match description {
            Some(offer) => Some(self.take_offer(offer)?),
            None if is_invite => Some(self.offer_again(request)?),
            None => None,
        };
        self.retarget(request);
        self.start_timer(agreed);
        let mut answer = Answer::session(ours);
        answer.headers.extend(agreed.into_iter().flat_map(super::Agreed::headers));
        Ok(answer)
    }

    /// Our answer to an offer of theirs.
    pub(super) fn take_offer(&mut self, offer: &[u8]) -> Result<Vec<u8>, Answer> {
        self.free()?;
        let offer = Offer::parse(offer, self.session.policy()).map_err(|error| Answer::from(&error))?;
        let wiring = self.session.wiring_after(&offer);
        let media = &self.board.media;
        if self.leg.is_open() && media.update(self.room, self.member, offer.media(), wiring.clone()).is_err()
        {
            return Err(Answer::new(StatusCode::ServiceUnavailable));
        }
        Ok(self.session.change(offer, wiring))
    }

    /// Our offer to an INVITE without one; the answer comes with the ACK.
    fn offer_again(&mut self, request: &Request) -> Result<Vec<u8>, Answer> {
        self.free()?;
        let cseq = request.cseq_header().and_then(|cseq| cseq.seq());
        let offer = self.session.offer(cseq.map_err(|_| Answer::new(StatusCode::BadRequest))?);
        self.line.phase.send_replace(Phase::WaitingForAck);
        Ok(offer)
    }

    fn free(&self) -> Result<(), Answer> {
        self.session.is_free().map_err(|busy| match busy {
            Busy::Theirs => Answer::later(),
            Busy::Ours => Answer::new(StatusCode::RequestPending),
        })
    }

    /// The ACK to an INVITE of theirs is here, with the answer to our offer if we made one.
    ///
    /// # Errors
    /// The call has no sound that we can have: it must end.
    pub(super) fn acknowledged(&mut self) -> Result<(), OfferError> {
        let Some(ack) = self.dialog.last_remote_ack() else { return Ok(()) };
        self.seen(&ack);
        if !ack.cseq_header().and_then(|cseq| cseq.seq()).is_ok_and(|cseq| self.session.waits_for(cseq)) {
            return Ok(());
        }
        let answer = body::description(&ack).map_err(|_| OfferError::Malformed);
        let taken = self.session.take_answer(answer.ok().flatten().unwrap_or_default()).map(|_| ());
        match taken {
            Ok(()) => {
                if self.open().is_err() {
                    tracing::warn!(member = %self.member, "a media thread is too busy for a call's sound");
                }
                Ok(())
            }
            Err(error) if self.session.agreed().is_none() => Err(error),
            Err(error) => {
                tracing::info!(member = %self.member, %error, "no usable answer to our offer");
                Ok(())
            }
        }
    }

    fn informed(&self, request: &Request) -> Answer {
        match Info::read(request) {
            Info::Nothing => Answer::new(StatusCode::OK),
            Info::Key(key) => {
                // A phone that was offered telephone-events sends them, and may send each key by both ways.
                let by_events = self.session.agreed().is_none_or(|agreed| agreed.telephone_event.is_some());
                if !by_events && self.board.media.press(self.room, self.member, key).is_err() {
                    return Answer::new(StatusCode::ServiceUnavailable);
                }
                Answer::new(StatusCode::OK)
            }
            Info::Unserved(answer) => answer,
        }
    }
}

impl Refresh {
    /// A re-INVITE of ours, with an offer in it, is not answered yet (RFC 3261 section 14.2).
    fn has_offered(&self) -> bool {
        matches!(self, Refresh::Running { method: Method::Invite, .. })
    }
}
