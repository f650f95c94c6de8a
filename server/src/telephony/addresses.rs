//! Where SIP is served, and the addresses of ours that we tell to phones.

use serde::Deserialize;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::PathBuf;

/// How a SIP message came, or is to go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Transport {
    #[default]
    Udp,
    Tcp,
    Tls,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
        })
    }
}

/// The certificate that TLS shows, with its chain, and its key; both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// Any of them may be an unspecified address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// UDP and TCP; at least one.
    pub(crate) sip: Vec<SocketAddr>,
    pub(crate) tls: Vec<SocketAddr>,
    /// What TLS shows; there where `tls` is not empty.
    pub(crate) tls_files: Option<TlsFiles>,
    /// The address in front of a NAT, for all but loopback peers.
    pub(crate) public: Option<IpAddr>,
}

impl Addresses {
    /// Where a peer reaches us by `transport`: what a Contact or a Via names, and its IP what an SDP
    /// answer names. Where that transport is not served, the port
    /// is the one of UDP and TCP.
    ///
    /// # Errors
    /// `AddrNotAvailable` where no address of the peer's family is served; what the system says where it knows no way.
    pub(super) fn contact(&self, peer: IpAddr, transport: Transport) -> io::Result<SocketAddr> {
        let peer = peer.to_canonical();
        let ours = ip_towards(peer)?;
        let served = match transport {
            Transport::Tls if !self.tls.is_empty() => &self.tls,
            _ => &self.sip,
        };
        let nearest = served[nearest(served, peer, ours).ok_or(io::ErrorKind::AddrNotAvailable)?];
        let public = self.public.filter(|public| !peer.is_loopback() && public.is_ipv4() == peer.is_ipv4());
        let ip = match public {
            Some(public) => public,
            None if nearest.ip().is_unspecified() => ours,
            None => nearest.ip(),
        };
        Ok(SocketAddr::new(ip, nearest.port()))
    }
}

/// Which of the bound addresses is used towards `peer`, whom the system reaches from `ours`.
pub(super) fn nearest(bound: &[SocketAddr], peer: IpAddr, ours: IpAddr) -> Option<usize> {
    let at = |fits: &dyn Fn(IpAddr) -> bool| bound.iter().position(|address| fits(address.ip()));
    at(&|ip| ip == ours)
        .or_else(|| at(&|ip| ip.is_unspecified() && ip.is_ipv4() == peer.is_ipv4()))
        .or_else(|| at(&|ip| ip.is_ipv4() == peer.is_ipv4()))
}

/// The address from which the system reaches a peer.
///
/// # Errors
/// What the system says where it knows no way.
pub(super) fn ip_towards(peer: IpAddr) -> io::Result<IpAddr> {
    // Connecting a UDP socket sends nothing; it asks the system's routes.
    let any: IpAddr = if peer.is_ipv4() { [0, 0, 0, 0].into() } else { [0_u16; 8].into() };
    let probe = UdpSocket::bind((any, 0))?;
    probe.connect((peer, 9))?;
    Ok(probe.local_addr()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(sip: &[&str], tls: &[&str], public: Option<&str>) -> Addresses {
        let parsed = |all: &[&str]| all.iter().map(|a| a.parse().unwrap()).collect();
        Addresses {
            sip: parsed(sip),
            tls: parsed(tls),
            tls_files: None,
            public: public.map(|ip| ip.parse().unwrap()),
        }
    }

    fn contact(addresses: &Addresses, peer: &str, transport: Transport) -> Option<String> {
        addresses.contact(peer.parse().unwrap(), transport).ok().map(|address| address.to_string())
    }

    #[test]
    fn a_peer_is_told_the_address_of_its_family_and_transport() {
        let both = addresses(&["0.0.0.0:5060", "[::]:5062"], &["0.0.0.0:5061"], None);
        assert_eq!(contact(&both, "127.0.0.1", Transport::Udp).as_deref(), Some("127.0.0.1:5060"));
        assert_eq!(contact(&both, "::1", Transport::Tcp).as_deref(), Some("[::1]:5062"));
        assert_eq!(contact(&both, "127.0.0.1", Transport::Tls).as_deref(), Some("127.0.0.1:5061"));
        assert_eq!(contact(&both, "::1", Transport::Tls), None, "no TLS is served on IPv6");
        assert_eq!(contact(&addresses(&["127.0.0.1:5060"], &[], None), "::1", Transport::Udp), None);
    }

    #[test]
    fn the_public_address_is_told_to_all_but_this_machine() {
        let public = addresses(&["127.0.0.1:5060"], &[], Some("203.0.113.7"));
        assert_eq!(contact(&public, "127.0.0.1", Transport::Udp).as_deref(), Some("127.0.0.1:5060"));
        let outside: IpAddr = "192.0.2.1".parse().unwrap();
        // Without a way outside there is nothing to be told.
        if ip_towards(outside).is_ok() {
            assert_eq!(contact(&public, "192.0.2.1", Transport::Tcp).as_deref(), Some("203.0.113.7:5060"));
        }
    }

    #[test]
    fn among_several_the_one_on_the_way_is_told() {
        let several = addresses(&["127.0.0.2:5060", "127.0.0.1:5070"], &[], None);
        assert_eq!(contact(&several, "127.0.0.1", Transport::Udp).as_deref(), Some("127.0.0.1:5070"));
    }
}
