//! Our requests' Via: the stack names its first socket, whatever the way.

use crate::telephony::{Addresses, Transport};
use rsipstack::sip::headers::Via;
use rsipstack::sip::prelude::{HeadersExt, ToTypedHeader};
use rsipstack::sip::{HostWithPort, SipMessage};
use rsipstack::transaction::endpoint::MessageInspector;
use rsipstack::transport::SipAddr;

/// Names in the topmost Via of each request of ours the address that its receiver can answer to (RFC 3261 section 18.1.1).
pub(in crate::telephony::sip) struct OwnVia {
    addresses: Addresses,
}

impl OwnVia {
    pub(in crate::telephony::sip) fn new(addresses: Addresses) -> OwnVia {
        OwnVia { addresses }
    }

    fn towards(&self, destination: &SipAddr) -> Option<HostWithPort> {
        let transport = match destination.r#type {
            Some(rsipstack::sip::Transport::Tls) => Transport::Tls,
            Some(rsipstack::sip::Transport::Tcp) => Transport::Tcp,
            _ => Transport::Udp,
        };
        let peer = destination.get_socketaddr().ok()?;
        Some(self.addresses.contact(peer.ip(), transport).ok()?.into())
    }
}

impl MessageInspector for OwnVia {
    fn before_send(&self, message: SipMessage, destination: Option<&SipAddr>) -> SipMessage {
        let address = destination.and_then(|destination| self.towards(destination));
        match (message, address) {
            (SipMessage::Request(mut request), Some(address)) => {
                if let Err(error) = request.via_header_mut().and_then(|via| name(via, address)) {
                    tracing::debug!(%error, "a request goes out with the Via that the stack gave it");
                }
                request.into()
            }
            (message, _) => message,
        }
    }

    fn after_received(&self, message: SipMessage, _from: Option<&SipAddr>) -> SipMessage {
        message
    }
}

fn name(via: &mut Via, address: HostWithPort) -> Result<(), rsipstack::sip::Error> {
    via.update_first_value(|via| {
        let mut typed = via.typed()?;
        typed.uri.host_with_port = address;
        Ok(typed.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_the_address_of_its_way_and_a_response_is_left_alone() {
        let addresses = Addresses {
            sip: vec!["127.0.0.1:5070".parse().unwrap(), "[::1]:5072".parse().unwrap()],
            tls: Vec::new(),
            tls_files: None,
            public: None,
        };
        let inspector = OwnVia::new(addresses);
        let rest = "Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1;rport\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n";
        let sent = |start: &str, to: &str| {
            let message = SipMessage::try_from(format!("{start}\r\n{rest}").as_bytes()).unwrap();
            let to = SipAddr {
                r#type: Some(rsipstack::sip::Transport::Udp),
                addr: to.parse::<std::net::SocketAddr>().unwrap().into(),
            };
            inspector.before_send(message, Some(&to)).to_string()
        };
        let to_v4 = sent("BYE sip:a@127.0.0.1 SIP/2.0", "127.0.0.1:9");
        assert!(to_v4.contains("SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1"), "{to_v4}");
        let to_v6 = sent("BYE sip:a@[::1] SIP/2.0", "[::1]:9");
        assert!(to_v6.contains("SIP/2.0/UDP [::1]:5072;branch=z9hG4bK1"), "{to_v6}");
        assert!(sent("SIP/2.0 200 OK", "127.0.0.1:9").contains("10.0.0.1:5060"));
    }
}
