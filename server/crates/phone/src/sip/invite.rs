//! What answers to our INVITEs do: provisional ones, the final one, its ACK; and the CANCEL.

use super::dialog::{Cancel, Dialog, End, Event, State};
use super::message;
use super::transaction::ClientTransaction;
use rsip::headers::untyped::{self, UntypedHeader as _};
use rsip::message::HeadersExt as _;
use rsip::{Header, Method, Request, Response};
use std::time::Instant;

/// "Request Terminated": the INVITE's answer after a CANCEL (RFC 3261 section 21.4.25).
const REQUEST_TERMINATED: u16 = 487;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum ReinviteNow {
    #[error("the call is not answered, or has ended")]
    NoCall,
    #[error("a change of the call is under way")]
    Busy,
}

impl Dialog {
    /// Sends a re-INVITE with the offer `sdp`; an event tells how it was answered.
    pub(crate) fn reinvite(&mut self, sdp: &str, now: Instant) -> Result<(), ReinviteNow> {
        match &self.state {
            // RFC 3261 section 14.1: not while another INVITE is in progress in either direction.
            State::Confirmed { reinvite: None } if !self.incoming.is_busy() => {}
            State::Confirmed { .. } => return Err(ReinviteNow::Busy),
            _ => return Err(ReinviteNow::NoCall),
        }
        let transaction = self.request(Method::Invite, Some(sdp), now);
        self.state = State::Confirmed { reinvite: Some(transaction) };
        Ok(())
    }

    pub(super) fn invite_response(&mut self, response: &Response, code: u16, reason: String, now: Instant) {
        let State::Inviting { invite, cancel } = &mut self.state else { return };
        let cancelled = !matches!(cancel, Cancel::No);
        match code {
            ..200 => {
                invite.provisional();
                if matches!(cancel, Cancel::Wanted) {
                    self.send_cancel(now);
                } else if code > 100 {
                    self.event(Event::Progress { code, body: response.body.clone() });
                }
            }
            200..300 => {
                self.confirm(response);
                self.acknowledge_2xx(response);
                self.state = State::Confirmed { reinvite: None };
                if cancelled {
                    // The answer crossed our CANCEL (RFC 3261 section 9.1).
                    self.leave(End::Cancelled, now);
                } else {
                    self.event(Event::Answered { body: response.body.clone() });
                }
            }
            300.. => {
                let request = invite.request.clone();
                self.acknowledge_refusal(&request, response);
                let end = if cancelled && code == REQUEST_TERMINATED {
                    End::Cancelled
                } else {
                    End::Refused { code, reason }
                };
                self.end(end, now);
            }
        }
    }

    pub(super) fn reinvite_response(&mut self, response: &Response, code: u16, reason: String, now: Instant) {
        let State::Confirmed { reinvite } = &mut self.state else { return };
        if code < 200 {
            if let Some(reinvite) = reinvite {
                reinvite.provisional();
            }
            return;
        }
        let Some(ClientTransaction { request, .. }) = reinvite.take() else { return };
        if code < 300 {
            if let Some(target) = message::contact(response) {
                self.identity.target = target;
            }
            self.acknowledge_2xx(response);
            self.event(Event::ReinviteAnswered { body: response.body.clone() });
            return;
        }
        self.acknowledge_refusal(&request, response);
        self.event(Event::ReinviteRefused { code, reason });
        // RFC 3261 section 12.2.1.2: the other side knows no such call any more.
        if matches!(code, 481 | 408) {
            self.leave(End::Lost, now);
        }
    }

    /// The dialog's second half, from the answer (RFC 3261 section 12.1.2).
    fn confirm(&mut self, response: &Response) {
        self.remote_tag = message::to_tag(response);
        if let Ok(to) = response.to_header() {
            self.identity.to = to.value().to_owned();
        }
        if let Some(target) = message::contact(response) {
            self.identity.target = target;
        }
        self.identity.routes = message::routes(response);
    }

    /// An ACK to a 2xx is a transaction of its own: a new branch (RFC 3261 section 13.2.2.4).
    fn acknowledge_2xx(&mut self, response: &Response) {
        let Some((number, _)) = message::cseq(response) else { return };
        let branch = self.new_branch();
        let ack = Vec::from(self.identity.request(Method::Ack, number, &branch, None));
        self.last_ack = Some((number, ack.clone()));
        self.transmit(ack);
    }

    /// An ACK to a refusal belongs to the INVITE's transaction: its branch, its Route (RFC 3261 section 17.1.1.3).
    fn acknowledge_refusal(&mut self, invite: &Request, response: &Response) {
        let Some((number, _)) = message::cseq(response) else { return };
        let mut ack = same_transaction(invite, Method::Ack, number);
        if let Ok(to) = response.to_header() {
            ack.headers.unique_push(Header::To(to.clone()));
        }
        let ack = Vec::from(ack);
        self.last_ack = Some((number, ack.clone()));
        self.transmit(ack);
    }

    pub(super) fn send_cancel(&mut self, now: Instant) {
        let State::Inviting { invite, cancel } = &mut self.state else { return };
        let Some((number, _)) = message::cseq(&*invite.request) else { return };
        let request = same_transaction(&invite.request, Method::Cancel, number);
        let packet = Vec::from(request.clone());
        *cancel = Cancel::Sent(ClientTransaction::new(request, invite.branch.clone(), now));
        self.transmit(packet);
    }
}

/// A CANCEL or ACK with the URI, Via, From, To, Call-ID and Route of an INVITE (RFC 3261 sections 9.1 and 17.1.1.3).
fn same_transaction(invite: &Request, method: Method, number: u32) -> Request {
    let kept = |header: &&Header| {
        matches!(
            header,
            Header::Via(_)
                | Header::MaxForwards(_)
                | Header::From(_)
                | Header::To(_)
                | Header::CallId(_)
                | Header::Route(_)
                | Header::UserAgent(_)
        )
    };
    let mut headers: Vec<Header> = invite.headers.iter().filter(kept).cloned().collect();
    headers.push(untyped::CSeq::new(format!("{number} {method}")).into());
    headers.push(untyped::ContentLength::new("0").into());
    Request { method, headers: headers.into(), body: Vec::new(), ..invite.clone() }
}
