//! Which connection our requests in a call go by, when the one of the INVITE has closed. A telephone that lost it (a mobile
//! network, an address translator that forgot it) opens another for its next request; by that one it can be reached again,
//! and often by no other: behind a translator nothing can be opened towards it (RFC 5626 section 1).

use super::Call;
use rsipstack::dialog::dialog::Dialog;
use rsipstack::sip::{Param, Transport, Uri};
use rsipstack::transport::{SipAddr, SipConnection};

impl Call {
    /// To be called before each request of ours. While the INVITE's connection is open, the stack uses it by itself. Else the
    /// telephone is aimed at where its last request came from, if that connection is open; and else the request goes to the
    /// Contact, to which the stack opens one.
    pub(super) fn find_way(&self) {
        let first = self.connection.as_ref();
        let by_stream = first.is_some_and(SipConnection::is_reliable);
        if !by_stream || first.is_some_and(is_open) {
            return;
        }
        // With a route set the proxies on it can be connected to, and find the way (RFC 3261 section 12.2.1.1).
        let before = self.dialog.snapshot();
        if !before.route_set.is_empty() {
            return;
        }
        let Some(last) = self.line.flow.last().filter(is_open) else { return };
        let Some(there) = last.get_remote_addr() else { return };
        tracing::debug!(member = %self.member, %there, "a telephone has another connection");
        let uri = towards(before.remote_uri, there);
        Dialog::Invite(self.dialog.clone()).set_remote_target(uri, before.remote_contact);
    }
}

fn is_open(connection: &SipConnection) -> bool {
    connection.cancel_token().is_none_or(|token| !token.is_cancelled())
}

/// The telephone, at the other end of a connection.
fn towards(telephone: Uri, there: &SipAddr) -> Uri {
    let elsewhere = |param: &Param| matches!(param, Param::Transport(_) | Param::Maddr(_));
    let mut params: Vec<Param> = telephone.params.into_iter().filter(|param| !elsewhere(param)).collect();
    params.push(Param::Transport(there.r#type.unwrap_or(Transport::Tcp)));
    Uri { host_with_port: there.addr.clone(), params, ..telephone }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    #[test]
    fn a_telephone_is_found_at_the_end_of_its_connection() {
        let telephone = Uri::try_from("sip:claire@10.1.2.3:5062;transport=tcp;ob;maddr=10.0.0.1").unwrap();
        let there = SipAddr {
            r#type: Some(Transport::Tls),
            addr: SocketAddr::from(([203, 0, 113, 2], 40_001)).into(),
        };
        let found = towards(telephone, &there);
        assert_eq!(found, Uri::try_from("sip:claire@203.0.113.2:40001;ob;transport=TLS").unwrap());
        // The stack looks its connections up by what it reads there.
        assert_eq!(SipAddr::try_from(&found).unwrap(), there);
    }
}
