//! What a request must be before the stack may see it, and what is answered where it is not (RFC 3261 sections 7, 8.1.1,
//! 8.2 and 20; the cases of RFC 4475).

use super::address::{self, Address};
use super::head::{self, Head, is_token};
use super::via;
use rsipstack::sip::Method;

/// A refusal: the answer's status and phrase, and in the Warning why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) phrase: &'static str,
    pub(super) why: &'static str,
}

/// RFC 3261 section 21.4.1.
pub(super) const fn bad(why: &'static str) -> Refusal {
    Refusal { status: 400, phrase: "Bad Request", why }
}

pub(super) const TOO_LONG: Refusal =
    Refusal { status: 513, phrase: "Message Too Large", why: "longer than is taken here" };

/// A request that may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) method: Method,
    /// To has a tag: it belongs to a dialog, known or not.
    pub(super) in_dialog: bool,
    /// What Content-Length says; `None`: nothing.
    pub(super) body_bytes: Option<usize>,
}

/// Longest Call-ID; longer ones are no use to anybody.
const CALL_ID_BYTES: usize = 256;

/// Checks a request in the order of RFC 3261 section 8.2, and brings what may be written in many ways to one.
pub(super) fn request(head: &mut Head) -> Result<Asked, Refusal> {
    match head.fault {
        Some(head::Fault::TooLong) => return Err(TOO_LONG),
        Some(head::Fault::Unended) => return Err(bad("no empty line ends the headers")),
        Some(head::Fault::Line) | None => {}
    }
    let (method, uri) = request_line(&head.start)?;
    let known = method.parse::<Method>().ok();
    let Some(method) = known else {
        return Err(Refusal {
            status: 501,
            phrase: "Not Implemented",
            why: "a method that is not known here",
        });
    };
    if head.fault.is_some() {
        return Err(bad("a line that is no header"));
    }
    request_uri(uri)?;
    let top_via = vias(head)?;
    let cseq = cseq(one(head, "CSeq", "CSeq", "CSeq")?, method)?;
    let to = address(one(head, "To", "t", "To")?)?;
    let from = address(one(head, "From", "f", "From")?)?;
    if from.tag.is_none() {
        return Err(bad("From has no tag"));
    }
    let call_id = one(head, "Call-ID", "i", "Call-ID")?;
    if call_id.is_empty() || call_id.len() > CALL_ID_BYTES || call_id.contains(char::is_whitespace) {
        return Err(bad("a Call-ID that is none"));
    }
    max_forwards(head)?;
    let body_bytes = content_length(head)?;
    contact(head, method)?;
    let asked = Asked { method, in_dialog: to.tag.is_some(), body_bytes };
    head.rewrite("To", "t", to.plain);
    head.rewrite("From", "f", from.plain);
    head.rewrite("Via", "v", top_via);
    head.rewrite("CSeq", "CSeq", cseq);
    Ok(asked)
}

/// Method and Request-URI of a request line, which has exactly two spaces (RFC 3261 section 7.1).
fn request_line(line: &str) -> Result<(&str, &str), Refusal> {
    let (method, rest) = line.split_once(' ').ok_or(bad("no request line"))?;
    let (uri, version) = rest.rsplit_once(' ').ok_or(bad("no request line"))?;
    if !is_token(method) {
        return Err(bad("a method that is no token"));
    }
    if version != "SIP/2.0" {
        let other = version.strip_prefix("SIP/").is_some_and(|v| v.starts_with(|c: char| c.is_ascii_digit()));
        let refusal =
            Refusal { status: 505, phrase: "Version Not Supported", why: "only SIP/2.0 is spoken here" };
        return Err(if other { refusal } else { bad("no version in the request line") });
    }
    if uri.is_empty() || uri.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(bad("white space in the request line"));
    }
    Ok((method, uri))
}

fn request_uri(uri: &str) -> Result<(), Refusal> {
    if uri.contains(['<', '>', '"']) {
        return Err(bad("brackets or quotes in the Request-URI"));
    }
    let (scheme, rest) = uri.split_once(':').ok_or(bad("a Request-URI that is none"))?;
    match scheme.to_ascii_lowercase().as_str() {
        "sip" | "sips" => {
            let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
            if host.is_empty() || host.starts_with([';', '?', ':']) {
                return Err(bad("a Request-URI without a host"));
            }
            // RFC 3261 section 19.1.1: headers have no place in a Request-URI.
            if host.contains('?') {
                return Err(bad("headers in the Request-URI"));
            }
            Ok(())
        }
        "tel" if !rest.is_empty() => Ok(()),
        "tel" => Err(bad("a Request-URI without a number")),
        _ => Err(Refusal {
            status: 416,
            phrase: "Unsupported URI Scheme",
            why: "sip, sips and tel are served here",
        }),
    }
}

/// A header that has to be there once.
fn one<'a>(head: &'a Head, long: &'a str, compact: &'a str, name: &str) -> Result<&'a str, Refusal> {
    let mut values = head.all(long, compact);
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        (None, _) => Err(bad(match name {
            "CSeq" => "no CSeq",
            "To" => "no To",
            "From" => "no From",
            _ => "no Call-ID",
        })),
        (Some(_), Some(_)) => Err(bad("a header twice that may be there once")),
    }
}

/// The topmost Via in plain writing, the others of its line behind it.
fn vias(head: &Head) -> Result<String, Refusal> {
    let line = head.first("Via", "v").ok_or(bad("no Via"))?;
    via::plain(line).ok_or(bad("a Via that is none"))
}

/// RFC 3261 section 8.1.1.5: below 2^31, and of the request's method.
fn cseq(value: &str, method: Method) -> Result<String, Refusal> {
    let mut words = value.split_ascii_whitespace();
    let (number, name) = (words.next(), words.next());
    let number = number.filter(|n| n.bytes().all(|b| b.is_ascii_digit())).and_then(|n| n.parse::<u32>().ok());
    let number = number.filter(|n| *n < 1 << 31).ok_or(bad("a CSeq that is no number below 2^31"))?;
    if words.next().is_some() || name.and_then(|name| name.parse().ok()) != Some(method) {
        return Err(bad("CSeq names another method"));
    }
    Ok(format!("{number} {method}"))
}

fn address(value: &str) -> Result<Address, Refusal> {
    address::read(value).ok_or(bad("a From, To or Contact that is none"))
}

/// RFC 3261 section 20.22: 0 to 255. Whether none are left is for a proxy to ask.
fn max_forwards(head: &Head) -> Result<(), Refusal> {
    let mut values = head.all("Max-Forwards", "Max-Forwards");
    let (first, more) = (values.next(), values.next());
    let is_count = |v: &str| v.bytes().all(|b| b.is_ascii_digit()) && v.parse::<u8>().is_ok();
    if more.is_some() || first.is_some_and(|v| !is_count(v)) {
        return Err(bad("a Max-Forwards that is none"));
    }
    Ok(())
}

/// How long the body is said to be; the same, for a stream, is where the next message begins.
pub(super) fn content_length(head: &Head) -> Result<Option<usize>, Refusal> {
    let mut values = head.all("Content-Length", "l");
    let (first, more) = (values.next(), values.next());
    let bytes = match first {
        None => None,
        Some(v) if v.bytes().all(|b| b.is_ascii_digit()) => {
            Some(v.parse().map_err(|_| bad("a Content-Length that is none"))?)
        }
        Some(_) => return Err(bad("a Content-Length that is none")),
    };
    if more.is_some() {
        return Err(bad("more than one Content-Length"));
    }
    Ok(bytes)
}

/// An INVITE makes a dialog, and so names exactly one way back (RFC 3261 section 8.1.1.8).
fn contact(head: &Head, method: Method) -> Result<(), Refusal> {
    if method != Method::Invite {
        return Ok(());
    }
    let mut values = head.all("Contact", "m");
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(bad("an INVITE has one Contact"));
    };
    address(value).map(drop)
}

/// May a response pass? Only what could answer a request of ours: one Via, a status of three digits, a CSeq that is one
/// (RFC 3261 section 8.1.3.3).
pub(super) fn is_response(head: &mut Head) -> bool {
    if head.fault.is_some() {
        return false;
    }
    let Some(rest) = head.start.strip_prefix("SIP/2.0 ") else { return false };
    let status = rest.split(' ').next().unwrap_or_default();
    if status.len() != 3 || !status.parse::<u16>().is_ok_and(|status| (100..700).contains(&status)) {
        return false;
    }
    let vias = head.all("Via", "v").count();
    let top = head.first("Via", "v").and_then(via::plain);
    let (Some(top), 1) = (top, vias) else { return false };
    let sequence = head.first("CSeq", "CSeq").and_then(|v| v.split_ascii_whitespace().next());
    let sequence = sequence.and_then(|n| n.parse::<u32>().ok());
    let passes = !top.contains(',') && sequence.is_some() && content_length(head).is_ok();
    head.rewrite("Via", "v", top);
    passes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invite() -> String {
        "INVITE sip:3000@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1;rport\r\n\
         f: \"A, B\" <sip:a@b>;tag=1\r\nTo: <sip:3000@127.0.0.1>\r\nCall-ID: 7\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:a@b>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
            .to_owned()
    }

    fn checked(text: &str) -> Result<Asked, Refusal> {
        request(&mut Head::read(text.as_bytes()))
    }

    #[test]
    fn a_good_request_passes() {
        let asked = checked(&invite()).unwrap();
        assert_eq!(asked, Asked { method: Method::Invite, in_dialog: false, body_bytes: Some(0) });
        let in_dialog = invite().replace("To: <sip:3000@127.0.0.1>", "To: sip:3000@127.0.0.1;tag=x");
        assert!(checked(&in_dialog).unwrap().in_dialog);
        for good in ["tel:+33328003000", "sips:3000@[::1]:5061;transport=tcp", "sip:a;b?c@d.example"] {
            assert!(checked(&invite().replacen("sip:3000@127.0.0.1", good, 1)).is_ok(), "{good}");
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        let status = |from: &str, to: &str| checked(&invite().replace(from, to)).map_err(|r| r.status);
        for (from, to, expected) in [
            (" SIP/2.0\r\nV", " SIP/7.0\r\nV", 505),
            (" SIP/2.0\r\nV", "\r\nV", 400),
            ("INVITE", "JUMP", 501),
            ("INVITE sip:", "INVITE  sip:", 400),
            ("INVITE sip:3000@127.0.0.1", "INVITE http://a/", 416),
            ("INVITE sip:3000@127.0.0.1", "INVITE sip:3000@", 400),
            ("INVITE sip:3000@127.0.0.1", "INVITE sip:3000@a?Route=b", 400),
            ("INVITE sip:3000@127.0.0.1", "INVITE <sip:3000@a>", 400),
            ("CSeq: 1 INVITE", "CSeq: 1 BYE", 400),
            ("CSeq: 1 INVITE", "CSeq: 4294967296 INVITE", 400),
            ("CSeq: 1 INVITE", "CSeq: +1 INVITE", 400),
            (";tag=1", "", 400),
            (";tag=1", ";tag=1;tag=2", 400),
            ("\"A, B\"", "\"A, B", 400),
            ("\"A, B\"", "A, B", 400),
            ("Call-ID: 7\r\n", "", 400),
            ("Call-ID: 7\r\n", "Call-ID: 7\r\nCall-ID: 8\r\n", 400),
            ("Max-Forwards: 70", "Max-Forwards: 300", 400),
            ("Content-Length: 0", "Content-Length: -1", 400),
            ("Content-Length: 0", "Content-Length: 0\r\nl: 0", 400),
            ("Contact: <sip:a@b>\r\n", "", 400),
            ("Via: SIP/2.0/UDP", "Via: HTTP/1.1/UDP", 400),
            ("\r\n\r\n", "\r\n", 400),
        ] {
            assert_eq!(status(from, to), Err(expected), "{from:?} -> {to:?}");
        }
    }

    #[test]
    fn many_ways_of_writing_become_one() {
        let odd = invite().replace("CSeq: 1 INVITE", "CSeq: 0009\r\n  INVITE");
        let mut head = Head::read(odd.as_bytes());
        request(&mut head).unwrap();
        assert_eq!(head.first("CSeq", "CSeq"), Some("9 INVITE"));
    }

    #[test]
    fn only_a_response_to_us_passes() {
        let response = |status: &str, via: &str, cseq: &str| {
            let text = format!("SIP/2.0 {status}\r\nVia: {via}\r\nCSeq: {cseq}\r\nl: 0\r\n\r\n");
            is_response(&mut Head::read(text.as_bytes()))
        };
        let via = "SIP/2.0/UDP a;branch=z9hG4bK1";
        assert!(response("200 OK", via, "1 BYE"));
        assert!(response("100 ", via, "1 BYE"));
        assert!(!response("4294967301 better not break", via, "1 BYE"));
        assert!(!response("200 OK", &format!("{via}, {via}"), "1 BYE"));
        assert!(!response("200 OK", via, "9292394834772304023312 BYE"));
        assert!(!response("7 What", via, "1 BYE"));
    }
}
