//! A call's sockets, and reading many datagrams from one by one system call.

use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, MultiHeaders, recvmmsg, setsockopt, sockopt::ReceiveTimestampns,
};
use nix::sys::time::TimeSpec;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::time::{Duration, Instant, SystemTime};

/// Tries to get a pair of ports.
const PORT_TRIES: usize = 16;
/// Largest datagram that is read, in bytes.
pub(super) const DATAGRAM_BYTES: usize = 1_500;
/// Datagrams that are read by one call: at 50 a second and a look each 20 ms there is mostly one.
const BATCH: usize = 8;

/// Where a call's media come and go.
#[derive(Debug)]
pub(crate) struct Sockets {
    pub(crate) rtp: UdpSocket,
    /// On the port after; None if no reports are wanted.
    pub(crate) rtcp: Option<UdpSocket>,
}

impl Sockets {
    /// RTP wants an even port, and RTCP takes the next (RFC 3550 section 11). Where none is free after some tries, an
    /// odd port serves, without reports.
    pub(crate) fn bind(ip: IpAddr, with_rtcp: bool) -> io::Result<Sockets> {
        let mut unfit = Vec::new();
        for _ in 0..PORT_TRIES {
            let rtp = UdpSocket::bind((ip, 0))?;
            let port = rtp.local_addr()?.port();
            if port % 2 == 0 {
                if !with_rtcp {
                    return Ok(Sockets { rtp, rtcp: None });
                }
                if let Ok(rtcp) = UdpSocket::bind((ip, port + 1)) {
                    return Ok(Sockets { rtp, rtcp: Some(rtcp) });
                }
            }
            // Kept open meanwhile, so that the kernel does not hand it out again.
            unfit.push(rtp);
        }
        let rtp = unfit.pop().ok_or_else(|| io::Error::from(io::ErrorKind::AddrInUse))?;
        Ok(Sockets { rtp, rtcp: None })
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.rtp.local_addr()
    }

    pub(super) fn set_nonblocking(&self) -> io::Result<()> {
        self.rtp.set_nonblocking(true)?;
        self.rtcp.as_ref().map_or(Ok(()), |rtcp| rtcp.set_nonblocking(true))
    }

    /// Has the kernel note when each datagram came, for [`Batch::read`].
    pub(super) fn note_arrivals(&self) -> io::Result<()> {
        setsockopt(&self.rtp, ReceiveTimestampns, &true)?;
        self.rtcp.as_ref().map_or(Ok(()), |rtcp| Ok(setsockopt(rtcp, ReceiveTimestampns, &true)?))
    }
}

/// Room for some datagrams and the times when they came.
pub(super) struct Batch {
    headers: MultiHeaders<()>,
    datagrams: [[u8; DATAGRAM_BYTES]; BATCH],
}

impl Batch {
    pub(super) fn new() -> Box<Batch> {
        let arrival = nix::cmsg_space!(TimeSpec);
        let headers = MultiHeaders::preallocate(BATCH, Some(arrival));
        Box::new(Batch { headers, datagrams: [[0; DATAGRAM_BYTES]; BATCH] })
    }

    /// Reads what waits at `socket`, at most eight datagrams, and tells each with its arrival: by the kernel's note,
    /// however long it has waited.
    pub(super) fn read(&mut self, socket: &UdpSocket, mut take: impl FnMut(Instant, &[u8])) {
        let mut slices = self.datagrams.each_mut().map(|datagram| [IoSliceMut::new(datagram)]);
        let flags = MsgFlags::MSG_DONTWAIT;
        // Nothing there, or a port that nobody listens at: then nothing has come.
        let Ok(messages) = recvmmsg(socket.as_raw_fd(), &mut self.headers, &mut slices, flags, None) else {
            return;
        };
        let (now, unix_now) = (Instant::now(), SystemTime::now());
        for message in messages {
            let noted = message.cmsgs().into_iter().flatten().find_map(|note| match note {
                ControlMessageOwned::ScmTimestampns(at) => Some(at),
                _ => None,
            });
            // Unix' clock may have been set meanwhile: then the datagram came now.
            let waited = noted.and_then(|at| {
                let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from(at))?;
                unix_now.duration_since(at).ok()
            });
            let arrival = now.checked_sub(waited.unwrap_or_default()).unwrap_or(now);
            let datagram = message.iovs().next().unwrap_or_default();
            take(arrival, datagram);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn rtp_ports_are_even_and_rtcp_s_stand_after_them() {
        let pairs: Vec<_> = (0..8).map(|n| Sockets::bind(LOOPBACK, n % 2 == 0).unwrap()).collect();
        for (n, pair) in pairs.iter().enumerate() {
            let port = pair.address().unwrap().port();
            assert_eq!(port % 2, 0);
            let rtcp = pair.rtcp.as_ref().map(|rtcp| rtcp.local_addr().unwrap().port());
            assert_eq!(rtcp, (n % 2 == 0).then_some(port + 1));
        }
    }

    #[test]
    fn a_batch_tells_what_came_and_when_as_often_as_it_is_asked() {
        let sockets = Sockets::bind(LOOPBACK, false).unwrap();
        sockets.set_nonblocking().unwrap();
        sockets.note_arrivals().unwrap();
        let sender = UdpSocket::bind((LOOPBACK, 0)).unwrap();
        let mut batch = Batch::new();
        for round in 1..4u8 {
            let before = Instant::now();
            for n in 0..10u8 {
                let length = usize::from(n) + 1;
                sender.send_to(&[round; 16][..length], sockets.address().unwrap()).unwrap();
            }
            let sent = Instant::now();
            let mut came = Vec::new();
            let mut take = |at: Instant, datagram: &[u8]| {
                // Unix' clock and ours are read one after the other: some slack.
                assert!(at + Duration::from_millis(5) >= before && at <= sent + Duration::from_millis(5));
                assert!(datagram.iter().all(|byte| *byte == round));
                came.push(datagram.len());
            };
            batch.read(&sockets.rtp, &mut take);
            batch.read(&sockets.rtp, &mut take);
            batch.read(&sockets.rtp, &mut take);
            assert_eq!(came, (1..11).collect::<Vec<_>>());
        }
    }
}
