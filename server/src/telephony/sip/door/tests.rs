//! The door as a whole.

use super::*;

const STRANGER: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 9)), 4000);
const HERE: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 4000);

fn door() -> Arc<Door> {
    Arc::new(Door::new(Box::new(|ip| ip == IpAddr::from([203, 0, 113, 5]))))
}

fn request(method: &str, n: u32) -> String {
    format!(
        "{method} sip:3000@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK{n};rport\r\n\
         From: <sip:a@b>;tag=1\r\nTo: <sip:3000@127.0.0.1>\r\nCall-ID: {n}\r\nCSeq: 1 {method}\r\n\
         Contact: <sip:a@10.0.0.1:5070>\r\nContent-Length: 0\r\n\r\n"
    )
}

fn udp(door: &Door, text: &str, from: SocketAddr) -> Verdict {
    door.examine(text.as_bytes(), from, Transport::Udp, 0)
}

fn answer(verdict: Verdict) -> String {
    match verdict {
        Verdict::Answer(answer) => String::from_utf8(answer).unwrap(),
        other => panic!("{other:?} instead of an answer"),
    }
}

fn passed(verdict: Verdict) -> Passed {
    match verdict {
        Verdict::Pass(passed) => *passed,
        other => panic!("{other:?}: it should pass"),
    }
}

#[test]
fn what_is_right_passes_with_where_it_came_from() {
    let passed = passed(udp(&door(), &request("INVITE", 1), STRANGER));
    assert!(passed.new_call.is_some());
    let SipMessage::Request(request) = passed.message else { panic!("a response") };
    assert!(request.to_string().contains("received=192.0.2.9;rport=4000"), "{request}");
}

#[test]
fn a_datagram_cannot_say_that_it_came_from_elsewhere() {
    let forged = |sent_by: &str, from: SocketAddr| {
        let via = format!("{sent_by};received=203.0.113.5;RECEIVED=203.0.113.6;");
        let request = request("INVITE", 1).replace("10.0.0.1:5070;", &via).replace(";rport", "");
        let SipMessage::Request(request) = passed(udp(&door(), &request, from)).message else {
            panic!("a response")
        };
        SipConnection::parse_target_from_via(request.via_header().unwrap()).unwrap().1.to_string()
    };
    assert_eq!(forged("10.0.0.1:5070", STRANGER), "192.0.2.9:4000");
    assert_eq!(forged("192.0.2.9:4000", STRANGER), "192.0.2.9:4000");
    assert_eq!(forged("[2001:db8::1]:5060", "[2001:db8::9]:4000".parse().unwrap()), "[2001:db8::9]:4000");
}

#[test]
fn what_is_written_oddly_passes_too() {
    let odd = request("INVITE", 1)
        .replace("Via: SIP/2.0/UDP 10.0.0.1:5070;", "v : SIP / 2.0 / UDP\r\n\t10.0.0.1:5070 ;")
        .replace("CSeq: 1 INVITE", "cseq:\r\n 0001  INVITE")
        .replace("Content-Length: 0\r\n\r\n", "Subject: \u{fffd}\r\n\r\nv=0\r\n");
    let mut bytes = odd.into_bytes();
    let at = bytes.windows(3).position(|w| w == "\u{fffd}".as_bytes()).unwrap();
    bytes[at] = 0xff;
    let passed = passed(door().examine(&bytes, STRANGER, Transport::Udp, 0));
    let SipMessage::Request(request) = passed.message else { panic!("a response") };
    assert_eq!(request.body, b"v=0\r\n");
    assert!(request.to_string().contains("CSeq: 1 INVITE"), "{request}");
}

#[test]
fn what_follows_the_body_of_a_datagram_is_nothing() {
    let two = request("OPTIONS", 1) + &request("INVITE", 2);
    let passed = passed(udp(&door(), &two, STRANGER));
    assert!(passed.new_call.is_none() && passed.message.is_request());
}

#[test]
fn what_is_wrong_is_answered_the_same_each_time() {
    let door = door();
    let bad = request("INVITE", 1).replace("CSeq: 1 INVITE", "CSeq: 1 BYE");
    let first = answer(udp(&door, &bad, STRANGER));
    assert!(first.starts_with("SIP/2.0 400 Bad Request\r\n"), "{first}");
    assert!(first.contains("Warning: 399 conference \"CSeq names another method\"\r\n"), "{first}");
    assert_eq!(answer(udp(&door, &bad, STRANGER)), first);
    assert_eq!(door.counters().counts().of(Dropped::Refused), 2);
}

#[test]
fn a_datagram_too_long_is_answered_so() {
    let long = request("INVITE", 1).replace("Content-Length: 0\r\n\r\n", "Content-Length: 9000\r\n\r\n");
    let long = long + &"x".repeat(9_000);
    assert!(answer(udp(&door(), &long, STRANGER)).starts_with("SIP/2.0 513 "));
}

#[test]
fn scanners_hear_nothing() {
    let door = door();
    let scan = request("OPTIONS", 1).replace("Contact:", "User-Agent: Friendly-Scanner\r\nContact:");
    assert!(matches!(udp(&door, &scan, HERE), Verdict::Drop));
    let named = request("OPTIONS", 1).replace("From: <", "From: \"sipvicious\"<");
    assert!(matches!(udp(&door, &named, STRANGER), Verdict::Drop));
    assert_eq!(door.counters().counts().of(Dropped::Scanner), 2);
}

#[test]
fn a_flood_is_dropped_and_answers_are_few() {
    let door = door();
    let bad = request("JUMP", 1);
    let (mut answers, mut dropped) = (0, 0);
    for _ in 0..10_000 {
        match udp(&door, &bad, STRANGER) {
            Verdict::Answer(_) => answers += 1,
            Verdict::TooMany => dropped += 1,
            _ => {}
        }
    }
    assert_eq!(answers, limits::STRANGER_ANSWERS.burst);
    assert_eq!(dropped, 10_000 - limits::STRANGER_MESSAGES.burst);
}

#[test]
fn calls_over_the_rate_are_silence_for_strangers_and_503_for_a_trunk() {
    let door = door();
    let new = Behind::New { transactions: 0 };
    let ring = |n: u32, from: SocketAddr| {
        let passed = passed(udp(&door, &request("INVITE", n), from));
        door.admit(&passed, new, from, 0).err()
    };
    let refused = (0..30).filter_map(|n| ring(n, STRANGER)).collect::<Vec<_>>();
    assert_eq!(refused.len(), 10);
    assert!(refused.iter().all(|verdict| matches!(verdict, Verdict::Drop)));
    let trunk = SocketAddr::from(([203, 0, 113, 5], 5060));
    let refused = (0..limits::TRUSTED_CALLS.burst + 1).filter_map(|n| ring(n, trunk)).next().unwrap();
    let text = answer(refused);
    assert!(text.starts_with("SIP/2.0 503 ") && text.contains("Retry-After: 5\r\n"), "{text}");
}

#[test]
fn an_invite_that_is_sent_again_is_no_new_call() {
    let door = door();
    let passed = passed(udp(&door, &request("INVITE", 1), STRANGER));
    for _ in 0..100 {
        assert!(door.admit(&passed, Behind::Known, STRANGER, 0).is_ok());
    }
}

#[test]
fn nothing_fills_up_behind_the_door() {
    let door = door();
    let passed = passed(udp(&door, &request("OPTIONS", 1), STRANGER));
    let behind = |transactions| Behind::New { transactions };
    assert!(door.admit(&passed, behind(limits::SIP_TRANSACTIONS - 1), STRANGER, 0).is_ok());
    assert!(door.admit(&passed, behind(limits::SIP_TRANSACTIONS), STRANGER, 0).is_err());
    assert!(door.admit(&passed, behind(limits::SIP_TRANSACTIONS), HERE, 0).is_ok());
    assert!(door.admit(&passed, behind(2 * limits::SIP_TRANSACTIONS), HERE, 0).is_err());
    assert_eq!(door.counters().counts().of(Dropped::Full), 2);
}

#[test]
fn guards_count_up_and_down() {
    let door = door();
    let idle = || door.idle_ms(STRANGER.ip());
    assert_eq!(idle(), limits::SIP_IDLE_MS);
    let call = door.call(STRANGER.ip());
    assert_eq!(idle(), limits::SIP_IDLE_IN_CALL_MS);
    drop(call);
    assert_eq!(idle(), limits::SIP_IDLE_MS);
    let connections = std::iter::from_fn(|| door.connect(STRANGER.ip(), 0)).take(1_000).collect::<Vec<_>>();
    assert!(connections.len() <= limits::STRANGER_CONNECTIONS);
    drop(connections);
    assert!(door.connect(STRANGER.ip(), 1_000_000).is_some());
}
