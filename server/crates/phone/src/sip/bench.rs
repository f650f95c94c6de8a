//! A bench for the dialog's tests: a peer written out by hand, and a clock that runs from deadline to deadline.

use super::dialog::{Dialog, Event};
use super::message::tests::identity;
use super::message::{self, Message};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rsip::{Method, Request, Response};
use std::time::{Duration, Instant};

/// A dialog, its clock, and what it has sent and said and nobody has looked at yet.
pub(super) struct Bench {
    pub(super) dialog: Dialog,
    pub(super) start: Instant,
    pub(super) now: Instant,
}

impl Bench {
    /// A dialog that has sent its INVITE, and the INVITE.
    pub(super) fn invited() -> (Bench, Request) {
        let now = Instant::now();
        let dialog = Dialog::invite(identity(), "v=0\r\n", StdRng::seed_from_u64(1), now);
        let mut bench = Bench { dialog, start: now, now };
        let invite = bench.sent_request(Method::Invite);
        (bench, invite)
    }

    /// A dialog whose INVITE was answered.
    pub(super) fn answered() -> Bench {
        let (mut bench, invite) = Bench::invited();
        bench.receive(&response(&invite, "200 OK", "answer"));
        bench.sent_request(Method::Ack);
        assert_eq!(bench.event(), Some(Event::Answered { body: b"answer".to_vec() }));
        bench
    }

    pub(super) fn receive(&mut self, text: &str) {
        self.dialog.handle_datagram(text.as_bytes(), self.now);
    }

    pub(super) fn event(&mut self) -> Option<Event> {
        self.dialog.poll_event()
    }

    pub(super) fn sent(&mut self) -> Option<Vec<u8>> {
        self.dialog.poll_transmit()
    }

    pub(super) fn sent_request(&mut self, method: Method) -> Request {
        let packet = self.sent().unwrap_or_else(|| panic!("no {method} was sent"));
        match Message::parse(&packet) {
            Some(Message::Request(request)) if request.method == method => request,
            other => panic!("instead of {method}: {other:?}"),
        }
    }

    pub(super) fn sent_response(&mut self) -> (u16, Response) {
        let packet = self.sent().expect("no response was sent");
        match Message::parse(&packet) {
            Some(Message::Response(response, _)) => (u16::from(response.status_code.clone()), response),
            other => panic!("instead of a response: {other:?}"),
        }
    }

    /// Lets the clock run to each deadline until something was sent or said; returns the time since the start.
    pub(super) fn wait(&mut self) -> Duration {
        while !self.dialog.has_news() {
            self.now = self.dialog.deadline().expect("nothing is waited for").max(self.now);
            assert!(self.now < self.start + Duration::from_secs(300), "nothing happens");
            self.dialog.handle_timeout(self.now);
        }
        self.now - self.start
    }
}

/// The peer's response to one of our requests; a tag and a Contact are always there.
pub(super) fn response(request: &Request, status: &str, body: &str) -> String {
    let header = |name: &str| {
        let line = request
            .headers
            .iter()
            .map(ToString::to_string)
            .find(|line| line.starts_with(&format!("{name}:")));
        line.expect("our requests have it")
    };
    let to = header("To");
    let tag = if to.contains(";tag=") { "" } else { ";tag=theirs" };
    let (via, from, call_id, cseq) = (header("Via"), header("From"), header("Call-ID"), header("CSeq"));
    format!(
        "SIP/2.0 {status}\r\n{via}\r\n{from}\r\n{to}{tag}\r\n{call_id}\r\n{cseq}\r\n\
         Contact: <sip:room@127.0.0.1:7777>\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A request of the peer within the call.
pub(super) fn request(method: &str, cseq: u32, body: &str) -> String {
    format!(
        "{method} sip:100@127.0.0.1:5099 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:7777;branch=z9hG4bK-{method}-{cseq}\r\n\
         From: <sip:3000@127.0.0.1:5060>;tag=theirs\r\nTo: <sip:100@127.0.0.1:5099>;tag=mine\r\nCall-ID: call-1\r\n\
         CSeq: {cseq} {method}\r\nContact: <sip:room@127.0.0.1:8888>\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub(super) fn branch_of(request: &Request) -> String {
    message::branch(request).unwrap()
}
