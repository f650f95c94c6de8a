//! Answers that the door gives by itself, without any state (RFC 3261 section 8.2.7).

use super::address;
use super::check::Refusal;
use super::head::Head;
use crate::telephony::sip::response;
use std::net::SocketAddr;

/// Headers of one name that an answer repeats at most.
const REPEATED: usize = 70;

/// The answer to a request that came from `from`, with `tag` for To. `None`: it cannot be answered, being an ACK
/// (RFC 3261 section 17.1.1.3) or naming nobody whom it would reach.
pub(super) fn refuse(head: &Head, refusal: Refusal, from: SocketAddr, tag: &str) -> Option<Vec<u8>> {
    if head.start.starts_with("ACK ") || head.start.starts_with("SIP/") {
        return None;
    }
    let Refusal { status, phrase, why } = refusal;
    let mut text = format!("SIP/2.0 {status} {phrase}\r\n");
    let mut vias = head.all("Via", "v").take(REPEATED);
    text.push_str(&format!("Via: {}\r\n", received(vias.next()?, from)));
    for via in vias {
        text.push_str(&format!("Via: {via}\r\n"));
    }
    // What an answer repeats (RFC 3261 section 8.2.6.2), as far as it was there.
    for (long, compact) in [("From", "f"), ("To", "t"), ("Call-ID", "i"), ("CSeq", "CSeq")] {
        let Some(value) = head.first(long, compact) else { continue };
        let tagged = long != "To" || address::read(value).is_none_or(|to| to.tag.is_some());
        let tag = if tagged { String::new() } else { format!(";tag={tag}") };
        text.push_str(&format!("{long}: {value}{tag}\r\n"));
    }
    if status == 501 {
        text.push_str(&format!("{}\r\n", response::allow()));
    }
    if status == 503 {
        text.push_str("Retry-After: 5\r\n");
    }
    // RFC 3261 section 20.43: 399 is free text for a person.
    text.push_str(&format!("Warning: 399 conference \"{why}\"\r\nContent-Length: 0\r\n\r\n"));
    Some(text.into_bytes())
}

/// The topmost Via with where its request came from (RFC 3261 section 18.2.1, RFC 3581 section 4).
fn received(via: &str, from: SocketAddr) -> String {
    let (top, rest) = via.split_once(',').unwrap_or((via, ""));
    let mut parts = top.split(';').map(str::trim);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts.filter(|part| !part.to_ascii_lowercase().starts_with("received")) {
        match part.to_ascii_lowercase().as_str() {
            "rport" => text.push_str(&format!(";rport={}", from.port())),
            _ => text.push_str(&format!(";{part}")),
        }
    }
    text.push_str(&format!(";received={}", from.ip()));
    if !rest.is_empty() {
        text.push_str(&format!(", {}", rest.trim()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::check::bad;
    use super::*;

    const FROM: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 9)), 4000);

    fn refused(text: &str, refusal: Refusal) -> Option<String> {
        let answer = refuse(&Head::read(text.as_bytes()), refusal, FROM, "t1")?;
        Some(String::from_utf8(answer).unwrap())
    }

    #[test]
    fn an_answer_repeats_what_it_must() {
        let request = "JUMP sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1;rport\r\n\
                       v: SIP/2.0/UDP 192.0.2.1\r\nf: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\ni: 7\r\nCSeq: 1 JUMP\r\n\r\n";
        let refusal = Refusal { status: 501, phrase: "Not Implemented", why: "no" };
        let expected = format!(
            "SIP/2.0 501 Not Implemented\r\n\
             Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1;rport=4000;received=192.0.2.9\r\n\
             Via: SIP/2.0/UDP 192.0.2.1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=t1\r\nCall-ID: 7\r\n\
             CSeq: 1 JUMP\r\n{}\r\nWarning: 399 conference \"no\"\r\nContent-Length: 0\r\n\r\n",
            response::allow()
        );
        assert_eq!(refused(request, refusal), Some(expected));
    }

    #[test]
    fn what_cannot_be_answered_is_not() {
        for request in [
            "ACK sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a\r\n\r\n",
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a\r\n\r\n",
            "INVITE sip:a@b SIP/2.0\r\nTo: <sip:a@b>\r\n\r\n",
        ] {
            assert_eq!(refused(request, bad("no")), None, "{request}");
        }
        assert!(refused("INVITE x\r\nVia: y\r\n\r\n", bad("no")).is_some());
    }
}
