//! The dialog against a peer written out by hand: each test says what goes over the wire, and when.

use super::*;
use crate::sip::bench::{Bench, branch_of, request, response};
use crate::sip::invite::ReinviteNow;
use proptest::prelude::*;
use rsip::message::HeadersExt as _;
use std::time::Duration;

#[test]
fn an_invite_is_sent_again_until_it_is_answered_and_then_given_up() {
    let (mut bench, invite) = Bench::invited();
    for ms in [500, 1_500, 3_500, 7_500, 15_500, 31_500] {
        assert_eq!(bench.wait(), Duration::from_millis(ms));
        assert_eq!(bench.sent_request(Method::Invite), invite);
    }
    assert_eq!(bench.wait(), Duration::from_secs(32));
    assert_eq!(bench.event(), Some(Event::Ended(End::NoReply)));
    assert!(bench.dialog.is_over(bench.now));
}

#[test]
fn ringing_is_told_and_ends_the_retransmissions() {
    let (mut bench, invite) = Bench::invited();
    bench.receive(&response(&invite, "100 Trying", ""));
    assert_eq!((bench.event(), bench.dialog.deadline()), (None, None));
    bench.receive(&response(&invite, "183 Session Progress", "early"));
    assert_eq!(bench.event(), Some(Event::Progress { code: 183, body: b"early".to_vec() }));
}

#[test]
fn an_answer_is_acknowledged_each_time_it_comes() {
    let (mut bench, invite) = Bench::invited();
    let answer =
        response(&invite, "200 OK", "answer").replace("Contact", "Record-Route: <sip:p;lr>\r\nContact");
    bench.receive(&answer);
    let ack = bench.sent_request(Method::Ack);
    assert_eq!(ack.uri.to_string(), "sip:room@127.0.0.1:7777");
    assert_eq!(message::cseq(&ack), Some((1, Method::Ack)));
    assert_ne!(branch_of(&ack), branch_of(&invite));
    assert!(
        ack.to_string().contains("Route: <sip:p;lr>")
            && ack.to_header().unwrap().to_string().ends_with("theirs")
    );
    assert!(matches!(bench.event(), Some(Event::Answered { .. })));
    bench.receive(&answer);
    assert_eq!(bench.sent_request(Method::Ack), ack);
    assert_eq!((bench.event(), bench.sent()), (None, None));
}

#[test]
fn a_refusal_is_acknowledged_in_its_transaction_and_told_in_the_peer_s_words() {
    let (mut bench, invite) = Bench::invited();
    let refusal = response(&invite, "486 The room is full", "");
    bench.receive(&refusal);
    let ack = bench.sent_request(Method::Ack);
    assert_eq!((branch_of(&ack), ack.uri.clone()), (branch_of(&invite), invite.uri.clone()));
    assert!(ack.to_header().unwrap().to_string().ends_with("tag=theirs"));
    assert!(ack.to_string().contains("Route: <sip:127.0.0.1:5060;lr>"));
    let end = End::Refused { code: 486, reason: "The room is full".into() };
    assert_eq!(bench.event(), Some(Event::Ended(end)));
    // For 32 s the peer may not have heard the ACK.
    assert!(!bench.dialog.is_over(bench.now + Duration::from_secs(31)));
    bench.receive(&refusal);
    assert_eq!(bench.sent_request(Method::Ack), ack);
    assert!(bench.dialog.is_over(bench.now + Duration::from_secs(32)));
}

#[test]
fn a_cancel_waits_for_the_first_provisional_response() {
    let (mut bench, invite) = Bench::invited();
    bench.dialog.hang_up(bench.now);
    assert_eq!(bench.sent(), None);
    bench.receive(&response(&invite, "180 Ringing", ""));
    let cancel = bench.sent_request(Method::Cancel);
    assert_eq!((branch_of(&cancel), message::cseq(&cancel)), (branch_of(&invite), Some((1, Method::Cancel))));
    bench.receive(&response(&cancel, "200 OK", ""));
    bench.receive(&response(&invite, "487 Request Terminated", ""));
    bench.sent_request(Method::Ack);
    assert_eq!(bench.event(), Some(Event::Ended(End::Cancelled)));
}

#[test]
fn an_answer_that_crosses_the_cancel_is_hung_up() {
    let (mut bench, invite) = Bench::invited();
    bench.receive(&response(&invite, "180 Ringing", ""));
    bench.event();
    bench.dialog.hang_up(bench.now);
    bench.sent_request(Method::Cancel);
    bench.receive(&response(&invite, "200 OK", "answer"));
    bench.sent_request(Method::Ack);
    let bye = bench.sent_request(Method::Bye);
    bench.receive(&response(&bye, "200 OK", ""));
    assert_eq!(bench.event(), Some(Event::Ended(End::Cancelled)));
}

#[test]
fn a_cancel_that_is_accepted_and_forgotten_ends_after_32_seconds() {
    let (mut bench, invite) = Bench::invited();
    bench.receive(&response(&invite, "180 Ringing", ""));
    bench.event();
    bench.dialog.hang_up(bench.now);
    let cancel = bench.sent_request(Method::Cancel);
    bench.receive(&response(&cancel, "200 OK", ""));
    assert_eq!(bench.wait(), Duration::from_secs(32));
    assert_eq!(bench.event(), Some(Event::Ended(End::Cancelled)));
}

#[test]
fn hanging_up_sends_bye_until_it_is_answered() {
    let mut bench = Bench::answered();
    bench.dialog.hang_up(bench.now);
    let bye = bench.sent_request(Method::Bye);
    assert_eq!(message::cseq(&bye), Some((2, Method::Bye)));
    assert_eq!(bye.uri.to_string(), "sip:room@127.0.0.1:7777");
    assert_eq!(bench.wait(), Duration::from_millis(500));
    assert_eq!(bench.sent_request(Method::Bye), bye);
    bench.receive(&response(&bye, "481 Call Does Not Exist", ""));
    assert_eq!(bench.event(), Some(Event::Ended(End::HungUpHere)));
    assert!(bench.dialog.is_over(bench.now));
}

#[test]
fn a_bye_of_the_peer_ends_the_call_and_is_answered_each_time() {
    let mut bench = Bench::answered();
    for ended in [Some(Event::Ended(End::HungUpThere)), None] {
        bench.receive(&request("BYE", 1, ""));
        assert_eq!(bench.sent_response().0, 200);
        assert_eq!(bench.event(), ended);
    }
}

#[test]
fn nobody_there_ends_an_invite_and_a_bye_at_once_but_not_a_call() {
    let (mut bench, _) = Bench::invited();
    bench.dialog.handle_unreachable(bench.now);
    assert_eq!(bench.event(), Some(Event::Ended(End::Unreachable)));
    let mut bench = Bench::answered();
    bench.dialog.handle_unreachable(bench.now);
    assert_eq!(bench.event(), None);
    bench.dialog.hang_up(bench.now);
    bench.dialog.handle_unreachable(bench.now);
    assert_eq!(bench.event(), Some(Event::Ended(End::HungUpHere)));
}

#[test]
fn a_reinvite_is_answered_acknowledged_and_moves_the_target() {
    let mut bench = Bench::answered();
    bench.dialog.reinvite("offer", bench.now).unwrap();
    let reinvite = bench.sent_request(Method::Invite);
    assert_eq!(message::cseq(&reinvite), Some((2, Method::Invite)));
    assert_eq!(bench.dialog.reinvite("again", bench.now), Err(ReinviteNow::Busy));
    let answer = response(&reinvite, "200 OK", "new").replace(":7777", ":9999");
    bench.receive(&answer);
    let ack = bench.sent_request(Method::Ack);
    assert_eq!(
        (ack.uri.to_string().as_str(), message::cseq(&ack)),
        ("sip:room@127.0.0.1:9999", Some((2, Method::Ack)))
    );
    assert_eq!(bench.event(), Some(Event::ReinviteAnswered { body: b"new".to_vec() }));
    bench.receive(&answer);
    assert_eq!(bench.sent_request(Method::Ack), ack);
}

#[test]
fn a_refused_reinvite_leaves_the_call_as_it_was() {
    let mut bench = Bench::answered();
    bench.dialog.reinvite("offer", bench.now).unwrap();
    let reinvite = bench.sent_request(Method::Invite);
    bench.receive(&response(&reinvite, "488 Not Acceptable Here", ""));
    assert_eq!(branch_of(&bench.sent_request(Method::Ack)), branch_of(&reinvite));
    assert_eq!(
        bench.event(),
        Some(Event::ReinviteRefused { code: 488, reason: "Not Acceptable Here".into() })
    );
    assert_eq!(bench.dialog.reinvite("again", bench.now), Ok(()));
}

#[test]
fn a_reinvite_to_a_call_that_is_unknown_there_ends_it_here() {
    let mut bench = Bench::answered();
    bench.dialog.reinvite("offer", bench.now).unwrap();
    let reinvite = bench.sent_request(Method::Invite);
    bench.receive(&response(&reinvite, "481 Gone", ""));
    bench.sent_request(Method::Ack);
    let bye = bench.sent_request(Method::Bye);
    assert!(matches!(bench.event(), Some(Event::ReinviteRefused { code: 481, .. })));
    bench.receive(&response(&bye, "481 Gone", ""));
    assert_eq!(bench.event(), Some(Event::Ended(End::Lost)));
    assert_eq!(bench.dialog.reinvite("again", bench.now), Err(ReinviteNow::NoCall));
}

proptest! {
    /// Messages of a hostile or broken peer: cut, changed and mixed up, at any point of a call.
    #[test]
    fn no_peer_makes_it_panic(script in proptest::collection::vec((0usize..12, any::<u16>(), any::<u8>(), any::<bool>()), 1..40)) {
        let (mut bench, invite) = Bench::invited();
        for (what, at, byte, whole) in script {
            let mut text = match what {
                0 => response(&invite, "180 Ringing", ""),
                1 => response(&invite, "200 OK", "answer"),
                2 => response(&invite, "486 Busy", ""),
                3 => request("BYE", u32::from(byte), ""),
                4 => request("INVITE", u32::from(byte), "offer"),
                5 => request("ACK", u32::from(byte), "answer"),
                6 => request("OPTIONS", u32::from(byte), ""),
                7 => request("CANCEL", u32::from(byte), ""),
                _ => String::new(),
            }.into_bytes();
            if !whole && !text.is_empty() {
                let at = usize::from(at) % text.len();
                text[at] = byte;
                text.truncate(text.len() - usize::from(byte) % text.len() / 2);
            }
            match what {
                8 => bench.dialog.hang_up(bench.now),
                9 => drop(bench.dialog.reinvite("offer", bench.now)),
                10 => bench.dialog.answer_offer(Ok("answer"), bench.now),
                11 => {
                    bench.now = bench.dialog.deadline().unwrap_or(bench.now).max(bench.now);
                    bench.dialog.handle_timeout(bench.now);
                }
                _ => bench.dialog.handle_datagram(&text, bench.now),
            }
            while bench.sent().is_some() || bench.event().is_some() {}
        }
    }
}
