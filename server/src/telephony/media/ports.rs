//! Port pairs for the legs' media: RTP on an even port, RTCP on the odd one above it (RFC 3550 section 11).

use engine::Channel;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::Mutex;

/// The first and last port that media may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PortRange(RangeInclusive<u16>);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("RTP ports are written as 20000-29999: an even port, a hyphen, a higher port")]
pub(crate) struct PortRangeError;

impl FromStr for PortRange {
    type Err = PortRangeError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let (first, last) = s.split_once('-').ok_or(PortRangeError)?;
        let first: u16 = first.trim().parse().map_err(|_| PortRangeError)?;
        let last: u16 = last.trim().parse().map_err(|_| PortRangeError)?;
        if !first.is_multiple_of(2) || first < 1024 || last <= first {
            return Err(PortRangeError);
        }
        Ok(PortRange(first..=last))
    }
}

impl PortRange {
    /// How many legs have room in it.
    pub(crate) fn pairs(&self) -> usize {
        (usize::from(*self.0.end()) - usize::from(*self.0.start())).div_ceil(2)
    }
}

impl PortPair {
    pub(crate) fn socket(&self, channel: Channel) -> &UdpSocket {
        match channel {
            Channel::Rtp => &self.rtp,
            Channel::Rtcp => &self.rtcp,
        }
    }
}

/// A leg's two sockets, non-blocking. Dropping them gives the ports back.
pub(crate) struct PortPair {
    pub(crate) rtp: UdpSocket,
    pub(crate) rtcp: UdpSocket,
    pub(crate) rtp_port: u16,
}

/// Hands out pairs in turn, so that a port just given back is the last to be used again: late packets of an ended
/// call find nobody.
pub(crate) struct Ports {
    ip: IpAddr,
    range: PortRange,
    next_pair: Mutex<usize>,
}

impl Ports {
    pub(crate) fn new(ip: IpAddr, range: PortRange) -> Ports {
        // The turn begins anywhere: after a restart, phones that missed their BYE still send to the ports of before.
        let first = rand::random_range(0..range.pairs());
        Ports { ip, range, next_pair: Mutex::new(first) }
    }

    /// # Errors
    /// `AddrInUse` where every pair is taken; anything else that the system says of a socket.
    pub(crate) fn take(&self) -> io::Result<PortPair> {
        let pairs = self.range.pairs();
        for _ in 0..pairs {
            let rtp_port = self.range.0.start() + 2 * self.advance(pairs) as u16;
            match self.bind(rtp_port) {
                Err(e) if e.kind() == io::ErrorKind::AddrInUse => {}
                done => return done,
            }
        }
        Err(io::ErrorKind::AddrInUse.into())
    }

    fn advance(&self, pairs: usize) -> usize {
        let mut next = self.next_pair.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let pair = *next;
        *next = (pair + 1) % pairs;
        pair
    }

    fn bind(&self, rtp_port: u16) -> io::Result<PortPair> {
        let rtp = UdpSocket::bind(SocketAddr::new(self.ip, rtp_port))?;
        let rtcp = UdpSocket::bind(SocketAddr::new(self.ip, rtp_port + 1))?;
        rtp.set_nonblocking(true)?;
        rtcp.set_nonblocking(true)?;
        Ok(PortPair { rtp, rtcp, rtp_port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_or_refused() {
        assert_eq!("20000-29999".parse::<PortRange>().unwrap().pairs(), 5_000);
        assert_eq!("20000-20001".parse::<PortRange>().unwrap().pairs(), 1);
        for bad in ["", "20000", "20001-20005", "20000-20000", "100-200", "20000-70000", "a-b"] {
            assert_eq!(bad.parse::<PortRange>(), Err(PortRangeError), "{bad}");
        }
    }

    #[test]
    fn a_taken_range_says_so_and_a_pair_given_back_serves_again() {
        let ports = Ports::new([127, 0, 0, 1].into(), "18200-18203".parse().unwrap());
        let first = ports.take().unwrap();
        let second = ports.take().unwrap();
        assert_ne!(first.rtp_port, second.rtp_port);
        assert_eq!(ports.take().err().map(|e| e.kind()), Some(io::ErrorKind::AddrInUse));
        let port = first.rtp_port;
        drop(first);
        assert_eq!(ports.take().unwrap().rtp_port, port);
    }
}
