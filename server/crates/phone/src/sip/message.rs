//! SIP messages, read and written with `rsip`.

use rsip::headers::ToTypedHeader as _;
use rsip::headers::untyped::{self, UntypedHeader as _};
use rsip::message::HasHeaders;
use rsip::message::HeadersExt as _;
use rsip::{Header, Method, Request, Response, SipMessage, Uri};
use std::net::SocketAddr;

/// Methods that we answer with something else than 405 (RFC 3261 section 20.5).
pub(crate) const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS";
const MAX_FORWARDS: u32 = 70;
const USER_AGENT: &str = concat!("conference-phone/", env!("CARGO_PKG_VERSION"));

/// A message from the network.
#[derive(Debug)]
pub(crate) enum Message {
    Request(Request),
    /// A response, and its reason phrase as it was sent: `rsip` keeps only its own phrases.
    Response(Response, String),
}

impl Message {
    /// Reads a datagram. What cannot be read, or lacks what every message must have (RFC 3261 section 8.1.1), is None.
    pub(crate) fn parse(datagram: &[u8]) -> Option<Message> {
        let mut message = SipMessage::try_from(datagram).ok()?;
        let (_, _) = (call_id(&message)?, cseq(&message)?);
        cut_body(&mut message);
        Some(match message {
            SipMessage::Request(request) => Message::Request(request),
            SipMessage::Response(response) => {
                let phrase = reason_phrase(datagram);
                Message::Response(response, phrase)
            }
        })
    }
}

/// Bytes of a datagram beyond Content-Length are no part of the message (RFC 3261 section 18.3).
fn cut_body(message: &mut SipMessage) {
    let length = message.headers().iter().find_map(|header| match header {
        Header::ContentLength(length) => length.value().trim().parse::<usize>().ok(),
        _ => None,
    });
    let body = message.body_mut();
    if let Some(length) = length {
        body.truncate(length);
    }
}

fn reason_phrase(datagram: &[u8]) -> String {
    let line = datagram.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    line.splitn(3, ' ').nth(2).unwrap_or_default().trim().to_owned()
}

pub(crate) fn call_id(message: &impl HasHeaders) -> Option<String> {
    message.headers().iter().find_map(|header| match header {
        Header::CallId(id) => Some(id.value().trim().to_owned()),
        _ => None,
    })
}

pub(crate) fn cseq(message: &impl HasHeaders) -> Option<(u32, Method)> {
    message.headers().iter().find_map(|header| match header {
        Header::CSeq(cseq) => cseq.typed().ok().map(|cseq| (cseq.seq, cseq.method)),
        _ => None,
    })
}

/// The topmost Via's branch: which transaction a message belongs to (RFC 3261 section 17.1.3).
pub(crate) fn branch(message: &impl HasHeaders) -> Option<String> {
    message.headers().iter().find_map(|header| match header {
        Header::Via(via) => via.typed().ok()?.branch().map(|branch| branch.value().to_owned()),
        _ => None,
    })
}

pub(crate) fn to_tag(message: &Response) -> Option<String> {
    message.to_header().ok()?.typed().ok()?.tag().map(|tag| tag.value().to_owned())
}

pub(crate) fn from_tag(message: &Request) -> Option<String> {
    message.from_header().ok()?.typed().ok()?.tag().map(|tag| tag.value().to_owned())
}

/// Where the other side wants further requests (RFC 3261 section 12.1.2).
pub(crate) fn contact(message: &impl HasHeaders) -> Option<Uri> {
    message.headers().iter().find_map(|header| match header {
        Header::Contact(contact) => contact.typed().ok().map(|contact| contact.uri),
        _ => None,
    })
}

/// The route set of a dialog that we began: Record-Route, from the bottom up (RFC 3261 section 12.1.2).
pub(crate) fn routes(message: &Response) -> Vec<String> {
    let mut routes: Vec<String> = message
        .headers()
        .iter()
        .filter_map(|header| match header {
            Header::RecordRoute(route) => Some(route.value().to_owned()),
            _ => None,
        })
        .collect();
    routes.reverse();
    routes
}

/// What stays the same in all requests of one dialog.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) call_id: String,
    /// The From header's value, tag included.
    pub(crate) from: String,
    /// The To header's value; with the other side's tag once it is known.
    pub(crate) to: String,
    /// The Request-URI.
    pub(crate) target: Uri,
    pub(crate) routes: Vec<String>,
    /// Where this telephone receives SIP.
    pub(crate) local: SocketAddr,
    pub(crate) user: String,
}

impl Identity {
    /// Builds a request (RFC 3261 sections 8.1.1 and 12.2.1.1).
    pub(crate) fn request(&self, method: Method, cseq: u32, branch: &str, sdp: Option<&str>) -> Request {
        let mut headers: Vec<Header> = vec![
            untyped::Via::new(format!("SIP/2.0/UDP {};rport;branch={branch}", self.local)).into(),
            untyped::MaxForwards::from(MAX_FORWARDS).into(),
            untyped::From::new(self.from.clone()).into(),
            untyped::To::new(self.to.clone()).into(),
            untyped::CallId::new(self.call_id.clone()).into(),
            untyped::CSeq::new(format!("{cseq} {method}")).into(),
            untyped::UserAgent::new(USER_AGENT).into(),
        ];
        headers.extend(self.routes.iter().map(|route| untyped::Route::new(route.clone()).into()));
        if method == Method::Invite {
            headers.push(self.contact());
            headers.push(untyped::Allow::new(ALLOW).into());
        }
        let body = push_body(&mut headers, sdp);
        Request {
            method,
            uri: self.target.clone(),
            version: rsip::Version::V2,
            headers: headers.into(),
            body,
        }
    }

    /// Answers a request (RFC 3261 section 8.2.6.2).
    pub(crate) fn response(&self, request: &Request, code: u16, sdp: Option<&str>) -> Response {
        let copied = |header: &&Header| {
            matches!(
                header,
                Header::Via(_) | Header::From(_) | Header::To(_) | Header::CallId(_) | Header::CSeq(_)
            )
        };
        let mut headers: Vec<Header> = request.headers.iter().filter(copied).cloned().collect();
        headers.push(untyped::UserAgent::new(USER_AGENT).into());
        if matches!(request.method, Method::Invite | Method::Options) || code == 405 {
            headers.push(untyped::Allow::new(ALLOW).into());
        }
        if request.method == Method::Invite && code < 300 {
            headers.push(self.contact());
        }
        let body = push_body(&mut headers, sdp);
        Response { status_code: code.into(), version: rsip::Version::V2, headers: headers.into(), body }
    }

    fn contact(&self) -> Header {
        untyped::Contact::new(format!("<sip:{}@{}>", self.user, self.local)).into()
    }
}

fn push_body(headers: &mut Vec<Header>, sdp: Option<&str>) -> Vec<u8> {
    if sdp.is_some() {
        headers.push(untyped::ContentType::new("application/sdp").into());
    }
    let body = sdp.unwrap_or_default().as_bytes().to_vec();
    headers.push(untyped::ContentLength::new(body.len().to_string()).into());
    body
}

/// `"Display name" <sip:user@host:port>`, the name quoted as RFC 3261 section 25.1 wants.
pub(crate) fn name_addr(display_name: Option<&str>, uri: &str) -> String {
    let Some(name) = display_name else { return format!("<{uri}>") };
    let quoted: String = name.chars().filter(|c| !c.is_control()).flat_map(escape).collect();
    format!("\"{quoted}\" <{uri}>")
}

fn escape(c: char) -> impl Iterator<Item = char> {
    let backslash = matches!(c, '"' | '\\').then_some('\\');
    backslash.into_iter().chain([c])
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn identity() -> Identity {
        Identity {
            call_id: "call-1".into(),
            from: "<sip:100@127.0.0.1:5099>;tag=mine".into(),
            to: "<sip:3000@127.0.0.1:5060>".into(),
            target: Uri::try_from("sip:3000@127.0.0.1:5060").unwrap(),
            routes: vec!["<sip:127.0.0.1:5060;lr>".into()],
            local: "127.0.0.1:5099".parse().unwrap(),
            user: "100".into(),
        }
    }

    #[test]
    fn a_request_is_read_back_as_it_was_written() {
        let request = identity().request(Method::Invite, 7, "z9hG4bK1", Some("v=0\r\n"));
        let Some(Message::Request(read)) = Message::parse(&Vec::from(request.clone())) else { panic!() };
        assert_eq!(read, request);
        assert_eq!(cseq(&read), Some((7, Method::Invite)));
        assert_eq!(branch(&read).as_deref(), Some("z9hG4bK1"));
        assert_eq!(from_tag(&read).as_deref(), Some("mine"));
        assert_eq!(contact(&read).unwrap().to_string(), "sip:100@127.0.0.1:5099");
    }

    #[test]
    fn a_response_keeps_its_own_reason_phrase_and_its_body_s_length() {
        let text = "SIP/2.0 486 Room is full\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nTo: <sip:a@b>;tag=t\r\n\
                    Record-Route: <sip:p1;lr>\r\nRecord-Route: <sip:p2;lr>\r\n\
                    Call-ID: x\r\nCSeq: 1 INVITE\r\nContent-Length: 2\r\n\r\nabcdef";
        let Some(Message::Response(response, reason)) = Message::parse(text.as_bytes()) else { panic!() };
        assert_eq!((reason.as_str(), response.body.as_slice()), ("Room is full", b"ab".as_slice()));
        assert_eq!(to_tag(&response).as_deref(), Some("t"));
        assert_eq!(routes(&response), ["<sip:p2;lr>", "<sip:p1;lr>"]);
    }

    #[test]
    fn messages_without_call_id_or_cseq_are_let_go() {
        assert!(Message::parse(b"SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n").is_none());
        assert!(Message::parse(b"SIP/2.0 200 OK\r\nCall-ID: x\r\n\r\n").is_none());
        assert!(Message::parse(b"\r\n\r\n").is_none());
    }

    #[test]
    fn a_display_name_is_quoted() {
        assert_eq!(name_addr(Some("A \"B\" \\\r\n"), "sip:1@h"), "\"A \\\"B\\\" \\\\\" <sip:1@h>");
        assert_eq!(name_addr(None, "sip:1@h"), "<sip:1@h>");
    }

    proptest! {
        #[test]
        fn no_datagram_makes_it_panic(datagram in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Message::parse(&datagram);
        }

        #[test]
        fn no_cut_or_changed_response_makes_it_panic(cut in 0usize..220, at in 0usize..220, byte: u8) {
            let mut text = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nTo: \"n\" <sip:a@b>;tag=t\r\n\
                From: <sip:c@d>;tag=f\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContact: <sip:e@1.2.3.4:5>\r\n\
                Content-Length: 2\r\n\r\nab".to_vec();
            if let Some(changed) = text.get_mut(at) {
                *changed = byte;
            }
            text.truncate(cut);
            if let Some(Message::Response(response, _)) = Message::parse(&text) {
                let _ = (branch(&response), to_tag(&response), contact(&response), routes(&response));
            }
        }
    }
}
