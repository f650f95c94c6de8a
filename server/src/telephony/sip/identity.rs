//! What an INVITE says of who calls and what was dialled, taken out of the stack's types for the admission.

use super::call;
use super::listen::Peer;
use crate::telephony::admission::Ask;
use crate::telephony::trunk::{Claims, Party};
use rsipstack::sip::{Header, HeadersExt, Host, Request, Scheme, Uri, typed};
use rsipstack::transaction::transaction::Transaction;

/// What the admission is asked of this INVITE. `None`: nobody knows where it came from.
pub(super) fn ask(transaction: &Transaction) -> Option<Ask<'_>> {
    Some(read(&transaction.original, Peer::of(transaction)?))
}

pub(super) fn read(request: &Request, peer: Peer) -> Ask<'_> {
    let mut claims = Claims::default();
    let (mut called, mut credentials) = (None, Vec::new());
    for header in request.headers.iter() {
        match header {
            Header::PAssertedIdentity(value) => {
                let parties = entries(value.value()).filter_map(party);
                claims.asserted.get_or_insert_default().extend(parties);
            }
            Header::Privacy(value) => {
                claims.privacy.extend(value.value().split([';', ',']).map(str::to_owned));
            }
            Header::Authorization(value) => credentials.push(value.value()),
            // RFC 7315 section 4.2: the number, where the Request-URI names the account that is registered.
            Header::Other(name, value) if name.eq_ignore_ascii_case("P-Called-Party-ID") => {
                called = party(value).map(|party| party.user);
            }
            _ => {}
        }
    }
    claims.from = request.from_header().ok().and_then(|from| party(from.value()));
    let to = request.to_header().ok().and_then(|to| party(to.value())).map(|to| to.user);
    Ask {
        source: peer.address,
        transport: peer.transport,
        dialled: call::number(&request.uri),
        called: [called, to].into_iter().flatten().filter(|user| !user.is_empty()).collect(),
        claims,
        credentials,
        method: request.method.to_string(),
    }
}

/// A header's values: commas part them, but not within quotes or angle brackets.
fn entries(value: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut bracketed) = (false, false);
    value
        .split(move |c| {
            match c {
                '"' => quoted = !quoted,
                '<' if !quoted => bracketed = true,
                '>' if !quoted => bracketed = false,
                _ => {}
            }
            c == ',' && !quoted && !bracketed
        })
        .filter(|entry| !entry.trim().is_empty())
}

fn party(value: &str) -> Option<Party> {
    let parsed = typed::From::parse(value).ok()?;
    let (user, host) = user_and_host(&parsed.uri);
    let name = parsed.display_name.unwrap_or_default();
    Some(Party { name: name.trim().trim_matches('"').to_owned(), user, host })
}

/// The user and the host of an address. The number of a `tel:` address is its user; and so is that of a `sip:` address
/// whose user part has parameters of its own (RFC 3261 section 19.1.6), whose semicolon the parser takes for the end.
fn user_and_host(uri: &Uri) -> (String, String) {
    if let Some(user) = uri.user() {
        return (user.to_owned(), uri.host().to_string());
    }
    let host = uri.host().to_string();
    let tel = matches!(&uri.scheme, Some(Scheme::Other(scheme)) if scheme.eq_ignore_ascii_case("tel"));
    let number = host.bytes().all(|b| b.is_ascii_digit() || b"+-()".contains(&b));
    match uri.host() {
        Host::Domain(_) if tel || number => (host, String::new()),
        _ => (String::new(), host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telephony::Transport;
    use rsipstack::sip::SipMessage;
    use std::net::SocketAddr;

    fn asked(uri: &str, headers: &str, check: impl FnOnce(Ask<'_>)) {
        let text = format!(
            "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\r\nTo: <sip:0328003000@c>\r\n\
             Call-ID: 7\r\nCSeq: 1 INVITE\r\n{headers}Content-Length: 0\r\n\r\n"
        );
        let Ok(SipMessage::Request(request)) = SipMessage::try_from(text.as_bytes()) else {
            panic!("no request: {text}")
        };
        let peer = Peer { address: SocketAddr::from(([127, 0, 0, 1], 5060)), transport: Transport::Udp };
        check(read(&request, peer));
    }

    #[test]
    fn the_number_is_found_in_each_kind_of_address() {
        for (uri, dialled) in [
            ("sip:3000@127.0.0.1", "3000"),
            ("sip:+33328003000@127.0.0.1:5060;user=phone", "+33328003000"),
            ("tel:+33328003000", "+33328003000"),
            ("tel:3000;phone-context=example.org", "3000"),
            ("sip:+33328003000;npdi;rn=+33999@127.0.0.1;user=phone", "+33328003000"),
            ("sip:127.0.0.1", ""),
            ("sip:example.org", ""),
        ] {
            asked(uri, "f: <sip:a@b>;tag=1\r\n", |ask| {
                assert_eq!(ask.dialled, dialled, "{uri}");
                assert_eq!(ask.called, ["0328003000"]);
            });
        }
        let called = "From: <sip:a@b>;tag=1\r\nP-Called-Party-ID: <tel:+33187654321>\r\n";
        asked("sip:account@127.0.0.1", called, |ask| assert_eq!(ask.called, ["+33187654321", "0328003000"]));
    }

    #[test]
    fn a_callers_claims_are_all_read() {
        let headers = "From: \"Claire, L.\" <sip:0612345678@b>;tag=1\r\n\
                       P-Asserted-Identity: \"A, B\" <sip:+33612345678@carrier.example>, tel:+33612345679\r\n\
                       Privacy: id;critical\r\n";
        asked("sip:3000@127.0.0.1", headers, |ask| {
            let asserted = ask.claims.asserted.unwrap();
            let users: Vec<&str> = asserted.iter().map(|party| &*party.user).collect();
            assert_eq!(users, ["+33612345678", "+33612345679"]);
            assert_eq!(asserted[0].name, "A, B");
            assert_eq!(ask.claims.privacy, ["id", "critical"]);
            let from = ask.claims.from.unwrap();
            assert_eq!((&*from.name, &*from.user), ("Claire, L.", "0612345678"));
        });
        asked("sip:3000@127.0.0.1", "From: <sip:a@b>;tag=1\r\nP-Asserted-Identity: \r\n", |ask| {
            assert_eq!(ask.claims.asserted, Some(Vec::new()));
        });
        asked("sip:3000@127.0.0.1", "From: <sip:a@b>;tag=1\r\n", |ask| assert_eq!(ask.claims.asserted, None));
    }
}
