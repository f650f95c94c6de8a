//! What a request must be before anybody looks at what it wants (RFC 3261 section 8.2).

use crate::telephony::sip::response::{Answer, EXTENSIONS, accept, warning};
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Request, Scheme, StatusCode};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("the Request-URI has a scheme that is not served")]
    Scheme,
    #[error("extensions that are not served are required: {0}")]
    Extensions(String),
    /// RFC 3261 section 16.3 tells a proxy to say so; here it ends a call that goes round in circles.
    #[error("the request has gone through too many hands")]
    Hops,
    #[error("the caller would not read a session description")]
    NotAcceptable,
    #[error("no Contact to send requests to")]
    Contact,
    #[error("this INVITE came by another way already")]
    Merged,
}

impl From<&Fault> for Answer {
    fn from(fault: &Fault) -> Answer {
        match fault {
            Fault::Scheme => Answer::new(StatusCode::UnsupportedUriScheme),
            Fault::Extensions(names) => {
                Answer::new(StatusCode::BadExtension).with(Header::Unsupported(names.as_str().into()))
            }
            Fault::Hops => Answer::new(StatusCode::TooManyHops),
            Fault::NotAcceptable => {
                Answer::new(StatusCode::NotAcceptable).with(accept()).with(warning(&fault.to_string()))
            }
            Fault::Contact => Answer::new(StatusCode::BadRequest).with(warning(&fault.to_string())),
            Fault::Merged => Answer::new(StatusCode::LoopDetected),
        }
    }
}

/// RFC 3261 section 8.2.2.1.
pub(super) fn scheme(request: &Request) -> Result<(), Fault> {
    match &request.uri.scheme {
        Some(Scheme::Sip | Scheme::Sips) => Ok(()),
        Some(Scheme::Other(scheme)) if scheme.eq_ignore_ascii_case("tel") => Ok(()),
        Some(Scheme::Other(_)) | None => Err(Fault::Scheme),
    }
}

/// RFC 3261 section 8.2.2.3. What Proxy-Require asks for is none of our business.
pub(super) fn extensions(request: &Request) -> Result<(), Fault> {
    let required = request.headers.iter().filter_map(|header| match header {
        Header::Require(names) => Some(names.value()),
        _ => None,
    });
    let ours = |name: &str| EXTENSIONS.iter().any(|extension| extension.eq_ignore_ascii_case(name));
    let names = required.flat_map(|names| names.split(',')).map(str::trim);
    let unknown: Vec<&str> = names.filter(|name| !name.is_empty() && !ours(name)).collect();
    if unknown.is_empty() { Ok(()) } else { Err(Fault::Extensions(unknown.join(", "))) }
}

/// What an INVITE for a new call must have beyond that.
pub(super) fn invite(request: &Request) -> Result<(), Fault> {
    if request.max_forwards_header().is_ok_and(|hops| hops.value().trim().parse() == Ok(0_u32)) {
        return Err(Fault::Hops);
    }
    if !accepts_sdp(request) {
        return Err(Fault::NotAcceptable);
    }
    // RFC 3261 section 8.1.1.8: exactly one.
    match request.typed_contact_headers() {
        Ok(contacts) if contacts.len() == 1 => Ok(()),
        _ => Err(Fault::Contact),
    }
}

/// RFC 3261 section 20.1: without the header a session description is welcome.
fn accepts_sdp(request: &Request) -> bool {
    let accepts = request.headers.iter().filter_map(|header| match header {
        Header::Accept(types) => Some(types.value()),
        _ => None,
    });
    let types: Vec<&str> = accepts.flat_map(|types| types.split(',')).collect();
    let is_ours = |wanted: &&str| {
        let name = wanted.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        ["application/sdp", "application/*", "*/*"].contains(&name.as_str())
    };
    types.is_empty() || types.iter().any(is_ours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rsipstack::sip::SipMessage;

    fn request(uri: &str, headers: &str) -> Request {
        let text = format!(
            "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
             To: <sip:3000@127.0.0.1>\r\nCall-ID: 7\r\nCSeq: 1 INVITE\r\n{headers}Content-Length: 0\r\n\r\n"
        );
        match SipMessage::try_from(text.as_bytes()).unwrap() {
            SipMessage::Request(request) => request,
            SipMessage::Response(_) => unreachable!("a request was written"),
        }
    }

    #[test]
    fn sip_and_tel_are_served_and_no_other_scheme() {
        for uri in [
            "sip:3000@127.0.0.1",
            "sips:3000@a.example",
            "tel:+33123456789",
            "TEL:3000;phone-context=a.example",
        ] {
            assert_eq!(scheme(&request(uri, "")), Ok(()), "{uri}");
        }
        for uri in
            ["http://a.example", "nobodyKnowsThisScheme:totallyopaquecontent", "soap.beep://192.0.2.103:3002"]
        {
            assert_eq!(scheme(&request(uri, "")), Err(Fault::Scheme), "{uri}");
        }
    }

    #[test]
    fn what_we_cannot_do_must_not_be_required() {
        let required = |headers: &str| extensions(&request("sip:3000@127.0.0.1", headers));
        assert_eq!(required("Require: timer, 100REL\r\nProxy-Require: foo\r\n"), Ok(()));
        let unknown = required("Require: timer, foo\r\nRequire: bar,\r\n");
        assert_eq!(unknown, Err(Fault::Extensions("foo, bar".into())));
    }

    #[test]
    fn an_invite_has_one_contact_hops_left_and_wants_sdp() {
        let checked = |headers: &str| invite(&request("sip:3000@127.0.0.1", headers));
        let contact = "Contact: <sip:a@b:5070>\r\n";
        assert_eq!(checked(contact), Ok(()));
        assert_eq!(checked(&format!("Max-Forwards: 1\r\n{contact}")), Ok(()));
        assert_eq!(checked(&format!("Max-Forwards: 0\r\n{contact}")), Err(Fault::Hops));
        assert_eq!(checked(&format!("Accept: text/plain\r\n{contact}")), Err(Fault::NotAcceptable));
        assert_eq!(checked(&format!("Accept: text/plain, Application/SDP;level=1\r\n{contact}")), Ok(()));
        assert_eq!(checked(""), Err(Fault::Contact));
        assert_eq!(checked("Contact: <sip:a@b>, <sip:c@d>\r\n"), Err(Fault::Contact));
    }
}
