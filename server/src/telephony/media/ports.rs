//! Port pairs for the legs' media: RTP on an even port, RTCP on the odd one above it (RFC 3550 section 11).

use engine::{Channel, Micros};
use model::limits;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

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
    /// Dropped last, when the sockets are closed.
    _lease: Lease,
}

/// [`Pair`]'s value while it is in use.
const IN_USE: u64 = u64::MAX;

/// When a pair was given back, in microseconds; 0: never, or [`IN_USE`].
type Pair = AtomicU64;

type Now = Arc<dyn Fn() -> Micros + Send + Sync>;

/// A pair's being in use. It notes its end without a lock: media threads drop it.
struct Lease {
    pairs: Arc<[Pair]>,
    pair: usize,
    now: Now,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.pairs[self.pair].store((self.now)().0.min(IN_USE - 1), Ordering::Release);
    }
}

/// Hands out pairs in turn. One that was given back rests for [`limits::PORT_QUARANTINE_MS`], so that late packets of an
/// ended call find nobody; only when no other is left, the one that has rested longest serves again.
pub(crate) struct Ports {
    /// Where SIP is served, and so sound.
    bound: Vec<IpAddr>,
    range: PortRange,
    pairs: Arc<[Pair]>,
    next_pair: AtomicUsize,
    now: Now,
}

impl Ports {
    pub(crate) fn new(
        bound: Vec<IpAddr>,
        range: PortRange,
        now: impl Fn() -> Micros + Send + Sync + 'static,
    ) -> Ports {
        let pairs: Arc<[Pair]> = (0..range.pairs()).map(|_| Pair::new(0)).collect();
        // The turn begins anywhere: after a restart, phones that missed their BYE still send to the ports of before.
        let next_pair = AtomicUsize::new(rand::random_range(0..pairs.len()));
        Ports { bound, range, pairs, next_pair, now: Arc::new(now) }
    }

    /// A pair for a phone that is told `local` as our address.
    ///
    /// # Errors
    /// `AddrInUse` where every pair is taken; anything else that the system says of a socket.
    pub(crate) fn take(&self, local: IpAddr) -> io::Result<PortPair> {
        let ip = self.bound_for(local);
        let rested = (self.now)().0.saturating_sub(limits::PORT_QUARANTINE_MS * 1_000);
        let mut resting = Vec::new();
        for _ in 0..self.pairs.len() {
            let pair = self.next_pair.fetch_add(1, Ordering::Relaxed) % self.pairs.len();
            let released = self.pairs[pair].load(Ordering::Acquire);
            if released == IN_USE {
                continue;
            }
            if released > rested {
                resting.push((released, pair));
            } else if let Some(taken) = self.claim(ip, pair, released)? {
                return Ok(taken);
            }
        }
        resting.sort_unstable();
        for (released, pair) in resting {
            if let Some(taken) = self.claim(ip, pair, released)? {
                return Ok(taken);
            }
        }
        Err(io::ErrorKind::AddrInUse.into())
    }

    /// `None`: somebody else has it, of ours or on this machine.
    fn claim(&self, ip: IpAddr, pair: usize, released: u64) -> io::Result<Option<PortPair>> {
        let claimed =
            self.pairs[pair].compare_exchange(released, IN_USE, Ordering::AcqRel, Ordering::Relaxed);
        if claimed.is_err() {
            return Ok(None);
        }
        let rtp_port = self.range.0.start() + 2 * pair as u16;
        match bind(ip, rtp_port) {
            Ok((rtp, rtcp)) => {
                let lease = Lease { pairs: Arc::clone(&self.pairs), pair, now: Arc::clone(&self.now) };
                Ok(Some(PortPair { rtp, rtcp, rtp_port, _lease: lease }))
            }
            Err(error) => {
                self.pairs[pair].store(released, Ordering::Release);
                if error.kind() == io::ErrorKind::AddrInUse { Ok(None) } else { Err(error) }
            }
        }
    }

    /// `local` itself may be the address of a NAT in front of us.
    fn bound_for(&self, local: IpAddr) -> IpAddr {
        let any: IpAddr =
            if local.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let of_family = |ip: &&IpAddr| ip.is_ipv4() == local.is_ipv4();
        if self.bound.contains(&local) {
            local
        } else if self.bound.contains(&any) {
            any
        } else {
            self.bound.iter().find(of_family).copied().unwrap_or(any)
        }
    }
}

fn bind(ip: IpAddr, rtp_port: u16) -> io::Result<(UdpSocket, UdpSocket)> {
    let rtp = UdpSocket::bind(SocketAddr::new(ip, rtp_port))?;
    let rtcp = UdpSocket::bind(SocketAddr::new(ip, rtp_port + 1))?;
    rtp.set_nonblocking(true)?;
    rtcp.set_nonblocking(true)?;
    Ok((rtp, rtcp))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn ranges_are_read_or_refused() {
        assert_eq!("20000-29999".parse::<PortRange>().unwrap().pairs(), 5_000);
        assert_eq!("20000-20001".parse::<PortRange>().unwrap().pairs(), 1);
        for bad in ["", "20000", "20001-20005", "20000-20000", "100-200", "20000-70000", "a-b"] {
            assert_eq!(bad.parse::<PortRange>(), Err(PortRangeError), "{bad}");
        }
    }

    /// A clock that stands still until it is moved.
    fn ports(range: &str) -> (Ports, Arc<AtomicU64>) {
        let clock = Arc::new(AtomicU64::new(1_000_000_000));
        let now = Arc::clone(&clock);
        let now = move || Micros(now.load(Ordering::Relaxed));
        (Ports::new(vec![LOCAL], range.parse().unwrap(), now), clock)
    }

    fn pass(clock: &AtomicU64, ms: u64) {
        clock.fetch_add(ms * 1_000, Ordering::Relaxed);
    }

    #[test]
    fn a_taken_range_says_so_and_a_pair_given_back_serves_again() {
        let (ports, _) = ports("18200-18203");
        let first = ports.take(LOCAL).unwrap();
        let second = ports.take(LOCAL).unwrap();
        assert_ne!(first.rtp_port, second.rtp_port);
        assert_eq!(ports.take(LOCAL).err().map(|e| e.kind()), Some(io::ErrorKind::AddrInUse));
        let port = first.rtp_port;
        drop(first);
        assert_eq!(ports.take(LOCAL).unwrap().rtp_port, port);
    }

    #[test]
    fn sound_is_bound_as_its_signalling_is() {
        let bound = |bound: &[&str], local: &str| {
            let bound = bound.iter().map(|ip| ip.parse().unwrap()).collect();
            let ports = Ports::new(bound, "18200-18203".parse().unwrap(), || Micros(0));
            ports.bound_for(local.parse().unwrap()).to_string()
        };
        assert_eq!(bound(&["0.0.0.0", "::"], "192.0.2.1"), "0.0.0.0");
        assert_eq!(bound(&["0.0.0.0", "::"], "2001:db8::1"), "::");
        assert_eq!(bound(&["10.0.0.1", "10.0.0.2"], "10.0.0.2"), "10.0.0.2");
        // The public address of a NAT is nobody's here.
        assert_eq!(bound(&["10.0.0.1"], "203.0.113.7"), "10.0.0.1");
        assert_eq!(bound(&["10.0.0.1"], "2001:db8::1"), "::");
    }

    #[test]
    fn a_pair_given_back_rests_as_long_as_there_is_another() {
        let (ports, clock) = ports("18210-18215");
        let given_back = ports.take(LOCAL).unwrap().rtp_port;
        let held: Vec<_> = (0..2).map(|_| ports.take(LOCAL).unwrap()).collect();
        assert!(held.iter().all(|pair| pair.rtp_port != given_back));
        let mut held = held.into_iter();
        let later = held.next().unwrap();
        let later_port = later.rtp_port;
        pass(&clock, 10);
        drop(later);
        pass(&clock, 1);
        // Both rest: the one that has rested longer comes first.
        assert_eq!(ports.take(LOCAL).unwrap().rtp_port, given_back);
        pass(&clock, limits::PORT_QUARANTINE_MS - 1);
        let first = ports.take(LOCAL).unwrap();
        assert_eq!(first.rtp_port, later_port, "the other one was used in the meantime");
        drop(first);
        pass(&clock, limits::PORT_QUARANTINE_MS);
        let again: Vec<u16> = (0..2).map(|_| ports.take(LOCAL).unwrap()).map(|pair| pair.rtp_port).collect();
        assert_ne!(again[0], again[1]);
    }

    #[test]
    fn a_port_that_another_program_has_is_passed_over() {
        let (ports, _) = ports("18220-18223");
        let _other = UdpSocket::bind("127.0.0.1:18221").unwrap();
        assert_eq!(ports.take(LOCAL).unwrap().rtp_port, 18222);
    }
}
