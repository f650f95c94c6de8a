//! Requests that we send outside of calls: REGISTER and OPTIONS.

use crate::telephony::sip::listen::Dialer;
use crate::telephony::trunk::registration::Answer;
use crate::telephony::trunk::{Challenge, Host, RegistrationSettings, Target, Trunk};
use crate::telephony::{Addresses, Transport};
use model::trunk::Failure;
use rsipstack::sip::prelude::{HeadersExt, ToTypedHeader};
use rsipstack::sip::{
    CallId, Header, HostWithPort, Method, Param, Request, Response, SipMessage, StatusCode, Uri, typed,
};
use rsipstack::transaction::endpoint::EndpointInnerRef;
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use rsipstack::transaction::transaction::Transaction;
use rsipstack::transaction::{make_call_id, make_tag, make_via_branch, random_text};
use rsipstack::transport::SipAddr;
use std::net::SocketAddr;
use std::time::Duration;

/// How long an answer is waited for: long enough for five repetitions over UDP. RFC 3261's 32 s would keep a trunk
/// silent for that long before its next server is tried.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Challenges that are answered in one attempt: the first, and one whose nonce was old.
const CHALLENGES: usize = 2;

/// What became of a request.
pub(super) enum Heard {
    Answer(Box<Response>),
    Nothing,
}

pub(super) struct Client {
    endpoint: EndpointInnerRef,
    addresses: Addresses,
    /// One for all REGISTERs (RFC 3261 section 10.2).
    call_id: CallId,
    sequence: u32,
    trunk: String,
    /// Where datagrams are not enough.
    dialer: Dialer,
}

impl Client {
    pub(super) fn new(
        endpoint: EndpointInnerRef,
        addresses: Addresses,
        trunk: &Trunk,
        dialer: Dialer,
    ) -> Client {
        let option = &endpoint.option;
        let call_id = make_call_id(option.callid_suffix.as_deref(), option.callid_format);
        Client { endpoint, addresses, call_id, sequence: 0, trunk: trunk.settings.name.clone(), dialer }
    }

    /// Returns how long the connection to the other end lived, when it is over; never while there is none.
    pub(super) async fn disconnected(&mut self) -> Duration {
        self.dialer.lost().await
    }

    /// Registers for `expires_s` seconds; for 0 it takes the registration back.
    pub(super) async fn register(
        &mut self,
        settings: &RegistrationSettings,
        target: Target,
        expires_s: u32,
    ) -> Answer {
        let Some(contact) = self.contact(&settings.user, target) else { return Answer::Silence };
        let Some(mut request) = self.registration(settings, target, &contact, expires_s) else {
            return Answer::Silence;
        };
        let mut challenges = 0;
        loop {
            let Heard::Answer(response) = self.send(request.clone(), target).await else {
                return Answer::Silence;
            };
            let challenged = matches!(
                response.status_code,
                StatusCode::Unauthorized | StatusCode::ProxyAuthenticationRequired
            );
            if !challenged {
                return answer(&response, &contact, expires_s);
            }
            let Some(challenge) = challenge(&response) else { return Answer::UnknownChallenge };
            challenges += 1;
            if challenges > CHALLENGES || (challenges > 1 && !challenge.stale) {
                return answer(&response, &contact, expires_s);
            }
            self.authorize(&mut request, settings, &response, &challenge);
        }
    }

    /// Asks whether anybody is there.
    pub(super) async fn options(&mut self, host: &Host, target: Target) -> Heard {
        let (Some(uri), Some(from)) = (uri("", host, target), self.contact("", target)) else {
            return Heard::Nothing;
        };
        let sequence = self.next();
        let option = &self.endpoint.option;
        let call_id = make_call_id(option.callid_suffix.as_deref(), option.callid_format);
        let Some(request) = self.request(Method::Options, &uri, (&from, &uri), sequence, call_id, target)
        else {
            return Heard::Nothing;
        };
        self.send(request, target).await
    }

    fn registration(
        &mut self,
        settings: &RegistrationSettings,
        target: Target,
        contact: &Uri,
        expires_s: u32,
    ) -> Option<Request> {
        let registrar = uri("", &settings.registrar, target)?;
        let account = uri(&settings.user, &settings.registrar, target)?;
        let (sequence, call_id) = (self.next(), self.call_id.clone());
        let ends = (&account, &account);
        let mut request = self.request(Method::Register, &registrar, ends, sequence, call_id, target)?;
        if let Some(proxy) = &settings.proxy {
            // RFC 3261 section 8.1.1.1: the way to the registrar leads through it.
            request.headers.push(Header::Route(format!("<{};lr>", uri("", proxy, target)?).into()));
        }
        request.headers.push(Header::Contact(format!("<{contact}>").into()));
        request.headers.push(Header::Expires(expires_s.to_string().into()));
        request.headers.push(super::response::allow());
        Some(request)
    }

    fn request(
        &self,
        method: Method,
        to: &Uri,
        (from, account): (&Uri, &Uri),
        sequence: u32,
        call_id: CallId,
        target: Target,
    ) -> Option<Request> {
        let via = typed::Via {
            version: rsipstack::sip::Version::V2,
            transport: stack_transport(target.transport),
            uri: HostWithPort::from(self.local(target)?).into(),
            params: vec![make_via_branch(), Param::Rport(None)],
        };
        let from =
            typed::From { display_name: None, uri: from.clone(), params: Vec::new() }.with_tag(make_tag());
        let account = typed::To { display_name: None, uri: account.clone(), params: Vec::new() };
        Some(self.endpoint.make_request(method, to.clone(), via, from, account, sequence, Some(call_id)))
    }

    /// The same request once more, with the proof that was asked for (RFC 3261 section 22.2).
    fn authorize(
        &mut self,
        request: &mut Request,
        settings: &RegistrationSettings,
        response: &Response,
        challenge: &Challenge,
    ) {
        let user = settings.auth_user.as_deref().unwrap_or(&settings.user);
        let (method, uri) = (request.method.to_string(), request.uri.to_string());
        let value = challenge.answer(user, settings.password.reveal(), &method, &uri, &random_text(16));
        let by_proxy = response.status_code == StatusCode::ProxyAuthenticationRequired;
        let proof = if by_proxy {
            Header::ProxyAuthorization(value.into())
        } else {
            Header::Authorization(value.into())
        };
        let sequence = self.next();
        request.headers.retain(|h| !matches!(h, Header::Authorization(_) | Header::ProxyAuthorization(_)));
        request.headers.push(proof);
        for header in request.headers.iter_mut() {
            match header {
                Header::CSeq(cseq) => cseq.replace(format!("{sequence} {method}")),
                // A request of its own, so a branch of its own (RFC 3261 section 8.1.1.7).
                Header::Via(via) => {
                    if let Ok(mut typed) = via.typed() {
                        typed.params.retain(|param| !matches!(param, Param::Branch(_)));
                        typed.params.insert(0, make_via_branch());
                        *via = typed.into();
                    }
                }
                _ => {}
            }
        }
    }

    async fn send(&mut self, request: Request, target: Target) -> Heard {
        let Ok(key) = TransactionKey::from_request(&request, TransactionRole::Client) else {
            return Heard::Nothing;
        };
        let connection = match self.dialer.connection(target).await {
            Ok(connection) => connection,
            Err(error) => {
                tracing::warn!(trunk = self.trunk, address = %target.address, %error, "no connection");
                return Heard::Nothing;
            }
        };
        let mut transaction = Transaction::new_client(key, request, self.endpoint.clone(), connection);
        transaction.destination =
            Some(SipAddr::new(stack_transport(target.transport), HostWithPort::from(target.address)));
        let exchange = async {
            transaction.send().await.ok()?;
            while let Some(message) = transaction.receive().await {
                match message {
                    SipMessage::Response(response) if response.status_code.code() >= 200 => {
                        return Some(response);
                    }
                    _ => {}
                }
            }
            None
        };
        match tokio::time::timeout(ANSWER_WITHIN, exchange).await {
            Ok(Some(response)) => Heard::Answer(Box::new(response)),
            _ => {
                tracing::debug!(trunk = self.trunk, address = %target.address, "no answer");
                Heard::Nothing
            }
        }
    }

    /// Where calls for `user` are to be sent: our address as the other end reaches it.
    fn contact(&self, user: &str, target: Target) -> Option<Uri> {
        let address = self.local(target)?;
        let host = Host { name: address.ip().to_string(), port: Some(address.port()) };
        uri(user, &host, target)
    }

    fn local(&self, target: Target) -> Option<SocketAddr> {
        let address = self.addresses.contact(target.address.ip(), target.transport);
        address.inspect_err(|error| tracing::debug!(trunk = self.trunk, %error, "no way there")).ok()
    }

    fn next(&mut self) -> u32 {
        self.sequence += 1;
        self.sequence
    }
}

pub(super) fn stack_transport(transport: Transport) -> rsipstack::sip::Transport {
    match transport {
        Transport::Udp => rsipstack::sip::Transport::Udp,
        Transport::Tcp => rsipstack::sip::Transport::Tcp,
        Transport::Tls => rsipstack::sip::Transport::Tls,
    }
}

/// `sip:user@host`, with the transport where it is not the usual one.
fn uri(user: &str, host: &Host, target: Target) -> Option<Uri> {
    let at = if user.is_empty() { String::new() } else { format!("{user}@") };
    let transport = match target.transport {
        Transport::Udp => "",
        Transport::Tcp => ";transport=tcp",
        Transport::Tls => ";transport=tls",
    };
    Uri::try_from(format!("sip:{at}{host}{transport}")).ok()
}

fn challenge(response: &Response) -> Option<Challenge> {
    let by_proxy = response.status_code == StatusCode::ProxyAuthenticationRequired;
    let values = response.headers.iter().filter_map(|header| match header {
        Header::WwwAuthenticate(value) if !by_proxy => Some(value.value()),
        Header::ProxyAuthenticate(value) if by_proxy => Some(value.value()),
        _ => None,
    });
    Challenge::best(values)
}

pub(super) fn failure(response: &Response) -> Failure {
    let words = response.wire_reason.clone().unwrap_or_else(|| response.status_code.text().to_owned());
    let words = words.chars().filter(|c| !c.is_control()).take(model::limits::CALLER_CHARS).collect();
    Failure::Refused { status: response.status_code.code(), words }
}

fn answer(response: &Response, contact: &Uri, asked_s: u32) -> Answer {
    let code = response.status_code.code();
    let number = |name: &str| {
        let header = response.headers.iter().find(|header| header.name().eq_ignore_ascii_case(name));
        // Retry-After may have a comment and parameters behind the number (RFC 3261 section 20.33).
        header.and_then(|header| header.value().split([';', '(', ' ']).next()?.trim().parse::<u32>().ok())
    };
    if (200..300).contains(&code) {
        return Answer::Granted {
            expires_s: granted_s(response, contact).or(number("Expires")).unwrap_or(asked_s),
        };
    }
    if code == 423
        && let Some(min_s) = number("Min-Expires")
    {
        return Answer::TooBrief { min_s };
    }
    match failure(response) {
        Failure::Refused { status, words } => {
            Answer::Refused { status, words, retry_after_s: number("Retry-After") }
        }
        _ => Answer::Silence,
    }
}

/// What our own Contact was granted (RFC 3261 section 10.2.4); a registrar that writes it otherwise has but one.
fn granted_s(response: &Response, ours: &Uri) -> Option<u32> {
    let contacts = response.typed_contact_headers().unwrap_or_default();
    let is_ours = |uri: &Uri| uri.user() == ours.user() && uri.host_with_port == ours.host_with_port;
    let mine = contacts.iter().find(|contact| is_ours(&contact.uri));
    let only = contacts.first().filter(|_| contacts.len() == 1);
    mine.or(only).and_then(|contact| contact.expires())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: &str, headers: &str) -> Response {
        let text = format!(
            "SIP/2.0 {status}\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
             To: <sip:a@b>;tag=2\r\nCall-ID: 7\r\nCSeq: 1 REGISTER\r\n{headers}Content-Length: 0\r\n\r\n"
        );
        match SipMessage::try_from(text.as_bytes()).unwrap() {
            SipMessage::Response(response) => response,
            SipMessage::Request(_) => panic!("a response was written"),
        }
    }

    fn answered(status: &str, headers: &str) -> Answer {
        answer(&response(status, headers), &Uri::try_from("sip:a@192.0.2.10:5060").unwrap(), 600)
    }

    #[test]
    fn the_time_that_was_granted_is_that_of_our_own_contact() {
        let two = "Contact: <sip:a@192.0.2.9:5060>;expires=30, <sip:a@192.0.2.10:5060>;expires=1800\r\n";
        assert_eq!(answered("200 OK", two), Answer::Granted { expires_s: 1_800 });
        let rewritten = "Contact: <sip:a@10.0.0.1:5062>;expires=120\r\nExpires: 3600\r\n";
        assert_eq!(answered("200 OK", rewritten), Answer::Granted { expires_s: 120 });
        assert_eq!(answered("200 OK", "Expires: 3600\r\n"), Answer::Granted { expires_s: 3_600 });
        assert_eq!(answered("200 OK", ""), Answer::Granted { expires_s: 600 });
    }

    #[test]
    fn refusals_keep_their_words_and_times() {
        assert_eq!(
            answered("423 Interval Too Brief", "Min-Expires: 1800\r\n"),
            Answer::TooBrief { min_s: 1_800 }
        );
        let refused = |status, words: &str, retry_after_s| Answer::Refused {
            status,
            words: words.to_owned(),
            retry_after_s,
        };
        let busy = "Retry-After: 18 (soon);duration=5\r\n";
        assert_eq!(answered("503 Come Back Later", busy), refused(503, "Come Back Later", Some(18)));
        assert_eq!(answered("403 Forbidden", ""), refused(403, "Forbidden", None));
        assert_eq!(answered("499 Odd\u{7} Thing", ""), refused(499, "Odd Thing", None));
    }

    #[test]
    fn the_challenge_of_a_proxy_stands_in_its_own_header() {
        let headers = "WWW-Authenticate: Digest realm=\"a\", nonce=\"1\"\r\n\
                       Proxy-Authenticate: Digest realm=\"b\", nonce=\"2\", algorithm=SHA-256, qop=\"auth\"\r\n";
        let by_server = challenge(&response("401 Unauthorized", headers)).unwrap();
        let by_proxy = challenge(&response("407 Proxy Authentication Required", headers)).unwrap();
        assert_ne!(by_server, by_proxy);
        assert_eq!(challenge(&response("401 Unauthorized", "")), None);
    }
}
