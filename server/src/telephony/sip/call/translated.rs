//! Telephones behind an address translator (NAT). Their Contact names an address of their own network, where nothing of ours
//! arrives; so what we ask for in the call goes where their last request came from, as its answer did (RFC 3581 section 4).

use super::Call;
use crate::telephony::trunk::is_nearby;
use rsipstack::dialog::dialog::Dialog;
use rsipstack::sip::headers::Contact;
use rsipstack::sip::prelude::{HeadersExt, ToTypedHeader};
use rsipstack::sip::{Host, Param, Request, Transport, Uri};
use rsipstack::transport::{SipAddr, SipConnection};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::time::Instant;

/// Many translators forget an address that is silent for 30 s, though RFC 4787 section 4.3 asks for two minutes.
const KEEP_OPEN: Duration = Duration::from_secs(25);
/// As in RFC 5626 section 4.4.1; telephones pass over it.
const NOTHING: &[u8] = b"\r\n\r\n";

/// A telephone that sends datagrams through a translator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Translated {
    /// As the telephone sees itself: in the Via of its own.
    inside: IpAddr,
    /// As we see it.
    outside: SocketAddr,
}

impl Translated {
    /// `None` where the telephone is what it says that it is; where it came by a connection, for that one is used both ways; and
    /// where a proxy lies between, which knows the way.
    pub(super) fn read(request: &Request) -> Option<Translated> {
        if request.has_multiple_vias() {
            return None;
        }
        let via = request.via_header().ok()?;
        let typed = via.typed().ok()?;
        let inside = IpAddr::try_from(typed.sent_by().host.clone()).ok()?;
        // The door has put there where the datagram came from.
        let (_, outside) = SipConnection::parse_target_from_via(via).ok()?;
        let outside = SocketAddr::try_from(outside).ok()?;
        (typed.transport == Transport::Udp && inside != outside.ip())
            .then_some(Translated { inside, outside })
    }

    /// Who is reached by this Contact. An address that is neither the hidden one nor one that only a network of its own knows
    /// was chosen with care, and stays.
    fn reach(&self, contact: Uri) -> Uri {
        let hidden = match contact.host_with_port.host {
            Host::IpAddr(ip) => {
                ip == self.inside || ip == self.outside.ip() || is_nearby(ip) || is_shared(ip)
            }
            Host::Domain(_) => false,
        };
        if !hidden {
            return contact;
        }
        let elsewhere = |param: &Param| matches!(param, Param::Transport(_) | Param::Maddr(_));
        let params = contact.params.into_iter().filter(|param| !elsewhere(param)).collect();
        Uri { host_with_port: self.outside.into(), params, ..contact }
    }
}

/// Those that a provider's translator gives to its customers (RFC 6598).
fn is_shared(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(v4) if v4.octets()[0] == 100 && v4.octets()[1] & 0xC0 == 64)
}

impl Call {
    /// To be called for each request of theirs: a translator may have given them another address since the last one.
    pub(super) fn seen(&mut self, request: &Request) {
        let translated = Translated::read(request);
        if translated == self.translated {
            return;
        }
        tracing::debug!(member = %self.member, ?translated, "a telephone has another address");
        self.translated = translated;
        self.keep_open_at = translated.map(|_| Instant::now() + KEEP_OPEN);
        if let Some(uri) = Dialog::Invite(self.dialog.clone()).remote_contact() {
            self.aim(uri, self.dialog.snapshot().remote_contact);
        }
    }

    /// Sends a datagram that means nothing through the translator, so that it does not forget the telephone: what it knows of
    /// the sound does not keep the signalling's way open.
    pub(super) async fn keep_open(&mut self) {
        self.keep_open_at = self.translated.map(|_| Instant::now() + KEEP_OPEN);
        let (Some(translated), Some(SipConnection::Udp(socket))) = (self.translated, &self.connection) else {
            return;
        };
        let to = SipAddr { r#type: Some(Transport::Udp), addr: translated.outside.into() };
        if let Err(error) = socket.send_raw(NOTHING, &to).await {
            tracing::debug!(member = %self.member, %error, "a translator cannot be kept open");
        }
    }

    /// Requests of ours go to their new Contact (RFC 3261 section 12.2).
    pub(super) fn retarget(&self, message: &impl HeadersExt) {
        let Ok(contacts) = message.typed_contact_headers() else { return };
        let [contact] = contacts.as_slice() else { return };
        self.aim(contact.uri.clone(), message.contact_header().ok().cloned());
    }

    fn aim(&self, mut uri: Uri, contact: Option<Contact>) {
        let before = self.dialog.snapshot();
        let is_transport = |param: &&Param| matches!(param, Param::Transport(_));
        if !uri.params.iter().any(|param| is_transport(&param)) {
            uri.params.extend(before.remote_uri.params.iter().find(is_transport).cloned());
        }
        // With a route set the proxies on it find the way (RFC 3261 section 12.2.1.1).
        let uri = match self.translated {
            Some(translated) if before.route_set.is_empty() => translated.reach(uri),
            _ => uri,
        };
        Dialog::Invite(self.dialog.clone()).set_remote_target(uri, contact);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rsipstack::sip::SipMessage;

    /// What the translator at 203.0.113.2 makes of it, as the door writes it down.
    fn invite(transport: &str, sent_by: &str, further: &str) -> Request {
        let text = format!(
            "INVITE sip:3000@203.0.113.1 SIP/2.0\r\nVia: SIP/2.0/{transport} {sent_by};branch=z9hG4bK1\r\n{further}\r\n"
        );
        let from = SocketAddr::from(([203, 0, 113, 2], 40_000));
        let message = SipMessage::try_from(text.as_bytes()).unwrap();
        match SipConnection::update_msg_received(message, from, Transport::Udp).unwrap() {
            SipMessage::Request(request) => request,
            SipMessage::Response(_) => unreachable!("a request was written"),
        }
    }

    fn uri(text: &str) -> Uri {
        Uri::try_from(text).unwrap()
    }

    fn reached(contact: &str) -> Uri {
        let translated = Translated::read(&invite("UDP", "192.168.77.2:5060", "")).unwrap();
        translated.reach(uri(contact))
    }

    #[test]
    fn a_hidden_telephone_is_reached_where_it_was_seen() {
        for hidden in
            ["192.168.77.2:5060", "192.168.77.2", "10.1.2.3:5062", "100.64.0.9", "203.0.113.2:9", "[fd00::1]"]
        {
            assert_eq!(
                reached(&format!("sip:claire@{hidden}")),
                uri("sip:claire@203.0.113.2:40000"),
                "{hidden}"
            );
        }
        assert_eq!(
            reached("sip:a@192.168.77.2;transport=tcp;ob;maddr=10.0.0.1"),
            uri("sip:a@203.0.113.2:40000;ob")
        );
    }

    #[test]
    fn a_contact_that_the_world_can_reach_stays() {
        for open in [
            "sip:a@198.51.100.7:5062",
            "sip:a@100.128.0.1",
            "sip:a@sbc.example.com;transport=tcp",
            "sip:a@[2001:db8::1]:9",
        ] {
            assert_eq!(reached(open), uri(open));
        }
    }

    #[test]
    fn nothing_is_translated_without_a_translator() {
        assert_eq!(Translated::read(&invite("UDP", "203.0.113.2:40000", "")), None, "its own address");
        assert_eq!(Translated::read(&invite("UDP", "203.0.113.2:5060", "")), None, "another port of its own");
        assert_eq!(Translated::read(&invite("UDP", "pbx.example.com", "")), None, "a name says nothing");
        assert_eq!(Translated::read(&invite("TCP", "192.168.77.2:5060", "")), None, "its connection is used");
        let proxy = "Via: SIP/2.0/UDP 192.168.77.9;branch=z9hG4bK2\r\n";
        assert_eq!(Translated::read(&invite("UDP", "192.168.77.2", proxy)), None, "a proxy between");
    }
}
