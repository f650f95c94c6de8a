//! Requests from the other side: BYE, re-INVITE, OPTIONS, and the rest.

use super::dialog::{Dialog, End, Event, State};
use super::message;
use super::transaction::{Due, Retransmission, T2};
use rsip::{Method, Request};
use std::time::Instant;

/// What the other side has asked, and what we told it.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    /// CSeq of its last request.
    cseq: Option<u32>,
    /// Branch, method and response of the request answered last: a retransmission gets the same again.
    answered: Option<(String, Method, Vec<u8>)>,
    /// A re-INVITE that the owner has been told of.
    offered: Option<Request>,
    /// Our 2xx to a re-INVITE, sent until its ACK comes (RFC 3261 section 13.3.1.4).
    unacknowledged: Option<(u32, Retransmission)>,
}

impl Incoming {
    pub(super) fn is_busy(&self) -> bool {
        self.offered.is_some() || self.unacknowledged.is_some()
    }

    /// The call has ended: nothing is waited for any more.
    pub(super) fn forget(&mut self) {
        self.offered = None;
        self.unacknowledged = None;
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.unacknowledged.as_ref().map(|(_, retransmission)| retransmission.deadline())
    }
}

impl Dialog {
    pub(super) fn handle_request(&mut self, request: Request, now: Instant) {
        let (Some(branch), Some((number, _))) = (message::branch(&request), message::cseq(&request)) else {
            return;
        };
        if request.method == Method::Ack {
            self.acknowledged(number, request.body);
            return;
        }
        if let Some((answered, method, response)) = &self.incoming.answered
            && (answered, *method) == (&branch, request.method)
        {
            let response = response.clone();
            self.transmit(response);
            return;
        }
        // A retransmission of what the owner has not answered yet.
        if self
            .incoming
            .offered
            .as_ref()
            .is_some_and(|offered| message::branch(offered).as_ref() == Some(&branch))
        {
            return;
        }
        let code = self.judge(&request, &branch, number);
        match (request.method, code) {
            (Method::Invite, 200) => {
                self.event(Event::RemoteOffer { body: request.body.clone() });
                self.incoming.offered = Some(request);
            }
            (Method::Bye, 200) => {
                self.respond(&request, branch, 200);
                self.end(End::HungUpThere, now);
            }
            (_, code) => self.respond(&request, branch, code),
        }
    }

    /// The code to answer with; 200 if the request is to be followed.
    fn judge(&mut self, request: &Request, branch: &str, number: u32) -> u16 {
        let known = message::call_id(request).as_ref() == Some(&self.identity.call_id)
            && message::from_tag(request) == self.remote_tag
            && matches!(self.state, State::Confirmed { .. } | State::Leaving { .. });
        match request.method {
            // Whoever asks whether we are alive gets an answer, in a call or outside (RFC 3261 section 11.2).
            Method::Options if !known => return 200,
            // We answer INVITEs at once: a CANCEL always comes too late (RFC 3261 section 9.2).
            Method::Cancel => {
                let late = self.incoming.answered.as_ref().is_some_and(|(answered, ..)| answered == branch);
                return if late { 200 } else { 481 };
            }
            _ if !known => return 481,
            _ => {}
        }
        // RFC 3261 section 12.2.2.
        if self.incoming.cseq.is_some_and(|last| number <= last) {
            return 500;
        }
        self.incoming.cseq = Some(number);
        match (request.method, &self.state) {
            (Method::Bye | Method::Options, _) => 200,
            (Method::Invite, State::Confirmed { reinvite: Some(_) }) => 491,
            (Method::Invite, _) if self.incoming.is_busy() => 500,
            (Method::Invite, State::Confirmed { reinvite: None }) => 200,
            (Method::Invite, _) => 481,
            _ => 405,
        }
    }

    /// Answers the other side's re-INVITE: with a description, or by refusing with a code of 400-699.
    pub(crate) fn answer_offer(&mut self, answer: Result<&str, u16>, now: Instant) {
        let Some(request) = self.incoming.offered.take() else { return };
        let (Some(branch), Some((number, _))) = (message::branch(&request), message::cseq(&request)) else {
            return;
        };
        let response = match answer {
            Ok(sdp) => self.identity.response(&request, 200, Some(sdp)),
            Err(code) => self.identity.response(&request, code, None),
        };
        let packet = Vec::from(response);
        if answer.is_ok() {
            if let Some(target) = message::contact(&request) {
                self.identity.target = target;
            }
            self.incoming.unacknowledged = Some((number, Retransmission::new(packet.clone(), T2, now)));
        }
        self.incoming.answered = Some((branch, Method::Invite, packet.clone()));
        self.transmit(packet);
    }

    fn acknowledged(&mut self, number: u32, body: Vec<u8>) {
        if self.incoming.unacknowledged.take_if(|(waiting, _)| *waiting == number).is_some()
            && !body.is_empty()
        {
            self.event(Event::RemoteAnswer { body });
        }
    }

    fn respond(&mut self, request: &Request, branch: String, code: u16) {
        let packet = Vec::from(self.identity.response(request, code, None));
        self.incoming.answered = Some((branch, request.method, packet.clone()));
        self.transmit(packet);
    }

    pub(super) fn handle_incoming_timeout(&mut self, now: Instant) {
        let Some((_, retransmission)) = &mut self.incoming.unacknowledged else { return };
        match retransmission.poll(now) {
            Due::Nothing => {}
            Due::Send(packet) => self.transmit(packet),
            Due::TimedOut => {
                // RFC 3261 section 13.3.1.4: no ACK came; the call is over, and says so.
                self.incoming.unacknowledged = None;
                if matches!(self.state, State::Confirmed { .. }) {
                    self.leave(End::Lost, now);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::bench::{Bench, request, response};
    use crate::sip::message::Message;
    use std::time::Duration;

    #[test]
    fn an_offer_of_the_peer_is_answered_until_it_is_acknowledged() {
        let mut bench = Bench::answered();
        bench.receive(&request("INVITE", 1, "offer"));
        assert_eq!(bench.event(), Some(Event::RemoteOffer { body: b"offer".to_vec() }));
        // Nobody has answered yet: the retransmission is no second offer.
        bench.receive(&request("INVITE", 1, "offer"));
        assert_eq!((bench.event(), bench.sent()), (None, None));
        bench.dialog.answer_offer(Ok("answer"), bench.now);
        let (code, answer) = bench.sent_response();
        assert_eq!((code, answer.body.as_slice()), (200, b"answer".as_slice()));
        for ms in [500, 1_500, 3_500, 7_500, 11_500] {
            assert_eq!(bench.wait(), Duration::from_millis(ms));
            assert_eq!(bench.sent_response(), (200, answer.clone()));
        }
        bench.receive(&request("ACK", 1, ""));
        assert_eq!((bench.event(), bench.dialog.deadline()), (None, None));
        // Its Contact has become the target.
        bench.dialog.hang_up(bench.now);
        assert_eq!(bench.sent_request(Method::Bye).uri.to_string(), "sip:room@127.0.0.1:8888");
    }

    #[test]
    fn the_answer_to_an_offer_of_ours_comes_with_the_ack() {
        let mut bench = Bench::answered();
        bench.receive(&request("INVITE", 1, ""));
        assert_eq!(bench.event(), Some(Event::RemoteOffer { body: vec![] }));
        bench.dialog.answer_offer(Ok("offer"), bench.now);
        bench.sent_response();
        bench.receive(&request("ACK", 1, "answer"));
        assert_eq!(bench.event(), Some(Event::RemoteAnswer { body: b"answer".to_vec() }));
    }

    #[test]
    fn an_offer_that_is_never_acknowledged_ends_the_call() {
        let mut bench = Bench::answered();
        bench.receive(&request("INVITE", 1, "offer"));
        bench.event();
        bench.dialog.answer_offer(Ok("answer"), bench.now);
        let bye = loop {
            bench.wait();
            if let Some(Message::Request(request)) = Message::parse(&bench.sent().unwrap()) {
                break request;
            }
        };
        assert_eq!((bye.method, bench.now - bench.start), (Method::Bye, Duration::from_secs(32)));
        bench.receive(&response(&bye, "200 OK", ""));
        assert_eq!(bench.event(), Some(Event::Ended(End::Lost)));
    }

    #[test]
    fn an_offer_may_be_refused() {
        let mut bench = Bench::answered();
        bench.receive(&request("INVITE", 1, "offer"));
        bench.event();
        bench.dialog.answer_offer(Err(488), bench.now);
        assert_eq!(bench.sent_response().0, 488);
        assert_eq!(bench.dialog.deadline(), None);
    }

    #[test]
    fn other_requests_are_answered_as_the_rfc_says() {
        let mut bench = Bench::answered();
        let mut code = |text: &str| {
            bench.receive(text);
            bench.sent_response().0
        };
        assert_eq!(code(&request("OPTIONS", 5, "")), 200);
        assert_eq!(code(&request("INFO", 6, "")), 405);
        assert_eq!(code(&request("MESSAGE", 5, "")), 500, "an old CSeq");
        assert_eq!(code(&request("BYE", 7, "").replace("call-1", "call-2")), 481, "another call");
        assert_eq!(
            code(&request("BYE", 7, "").replace("tag=theirs", "tag=else").replace("z9hG4bK", "z9hG4bKx")),
            481
        );
        assert_eq!(code(&request("CANCEL", 8, "")), 481, "nothing to cancel");
        assert_eq!(
            code(&request("OPTIONS", 1, "").replace("call-1", "call-3").replace("z9hG4bK", "z9hG4bKy")),
            200
        );
        assert_eq!(bench.event(), None);
    }

    #[test]
    fn offers_of_both_sides_at_once_are_refused_on_both_sides() {
        let mut bench = Bench::answered();
        bench.dialog.reinvite("offer", bench.now).unwrap();
        bench.sent_request(Method::Invite);
        bench.receive(&request("INVITE", 1, "offer"));
        assert_eq!(bench.sent_response().0, 491);
    }
}
