//! Who a request came from.

use crate::telephony::Transport;
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::transaction::transaction::Transaction;
use rsipstack::transport::SipConnection;
use std::net::SocketAddr;

/// The other end of the socket by which a request came; not what its headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::telephony::sip) struct Peer {
    pub(in crate::telephony::sip) address: SocketAddr,
    pub(in crate::telephony::sip) transport: Transport,
}

impl Peer {
    pub(in crate::telephony::sip) fn of(transaction: &Transaction) -> Option<Peer> {
        if let Some(remote) = transaction.connection.as_ref()?.get_remote_addr() {
            let transport = match remote.r#type {
                Some(rsipstack::sip::Transport::Tls) => Transport::Tls,
                Some(rsipstack::sip::Transport::Udp) | None => Transport::Udp,
                Some(_) => Transport::Tcp,
            };
            return Some(Peer { address: remote.get_socketaddr().ok()?, transport });
        }
        // A datagram: its topmost Via carries where it came from, for the door has put it there.
        let via = transaction.original.via_header().ok()?;
        let (_, address) = SipConnection::parse_target_from_via(via).ok()?;
        Some(Peer { address: SocketAddr::try_from(address).ok()?, transport: Transport::Udp })
    }
}
