//! Our requests' Via: the stack names its first socket, whatever the way.

use crate::telephony::{Addresses, Transport};
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
        let (SipMessage::Request(mut request), Some(address)) =
            (message.clone(), destination.and_then(|destination| self.towards(destination)))
        else {
            return message;
        };
        let rewritten = request.via_header_mut().is_ok_and(|via| {
            let with_ours = |via: rsipstack::sip::headers::Via| {
                let mut typed = via.typed()?;
                typed.uri.host_with_port = address;
                Ok(typed.into())
            };
            via.update_first_value(with_ours).is_ok()
        });
        if rewritten { request.into() } else { message }
    }

    fn after_received(&self, message: SipMessage, _from: Option<&SipAddr>) -> SipMessage {
        message
    }
}
