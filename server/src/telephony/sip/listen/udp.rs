//! The datagram sockets: each is read here; what the stack sends goes out by the one that its receiver knows.

use super::super::door::Dropped;
use super::inbound::{Inbound, Taken};
use super::sip_addr;
use crate::telephony::addresses;
use async_trait::async_trait;
use rsipstack::platform::net::UdpSocket as PlatformSocket;
use rsipstack::sip::Transport;
use rsipstack::transport::SipConnection;
use rsipstack::transport::udp::{UdpConnection, UdpInner};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;

/// The longest datagram that there is: one that is too long for us is answered so.
const DATAGRAM_BYTES: usize = 65_535;
/// The kernel's buffer, so that a burst is not lost while the stack works.
const RECEIVE_BUFFER_BYTES: usize = 1 << 20;
/// After an error of the socket that is none of a datagram.
const PAUSE: Duration = Duration::from_millis(100);

/// All datagram sockets, as one for the stack.
pub(super) struct UdpSockets {
    sockets: Vec<UdpSocket>,
    bound: Vec<SocketAddr>,
}

impl UdpSockets {
    pub(super) fn new(sockets: Vec<UdpSocket>) -> io::Result<UdpSockets> {
        let bound = sockets.iter().map(UdpSocket::local_addr).collect::<io::Result<_>>()?;
        for socket in &sockets {
            // The kernel gives less where its limit is lower, and says nothing.
            socket2::SockRef::from(socket).set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
        }
        Ok(UdpSockets { sockets, bound })
    }

    pub(super) fn len(&self) -> usize {
        self.sockets.len()
    }

    /// With several addresses of a family, a peer is answered from the one that the system reaches it from: the one that our
    /// Contact names.
    fn towards(&self, to: SocketAddr) -> io::Result<&UdpSocket> {
        let of_family = |bound: &&SocketAddr| bound.is_ipv4() == to.is_ipv4();
        let index = match self.bound.iter().filter(of_family).count() {
            1 => self.bound.iter().position(|bound| bound.is_ipv4() == to.is_ipv4()),
            _ => addresses::nearest(&self.bound, to.ip(), addresses::ip_towards(to.ip())?),
        };
        index.map(|index| &self.sockets[index]).ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
    }
}

#[async_trait]
impl PlatformSocket for UdpSockets {
    /// Never anything: the stack gets its messages from [`read`].
    async fn recv_from(&self, _buffer: &mut [u8]) -> rsipstack::Result<(usize, SocketAddr)> {
        std::future::pending().await
    }

    async fn send_to(&self, bytes: &[u8], to: SocketAddr) -> rsipstack::Result<usize> {
        Ok(self.towards(to)?.send_to(bytes, to).await?)
    }

    fn local_addr(&self) -> rsipstack::Result<SocketAddr> {
        self.bound.first().copied().ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable).into())
    }
}

/// The one of them that a request came by: its response leaves by the same (RFC 3581 section 4).
struct One {
    sockets: Arc<UdpSockets>,
    index: usize,
}

#[async_trait]
impl PlatformSocket for One {
    async fn recv_from(&self, buffer: &mut [u8]) -> rsipstack::Result<(usize, SocketAddr)> {
        self.sockets.recv_from(buffer).await
    }

    async fn send_to(&self, bytes: &[u8], to: SocketAddr) -> rsipstack::Result<usize> {
        if self.sockets.bound[self.index].is_ipv4() == to.is_ipv4() {
            return Ok(self.sockets.sockets[self.index].send_to(bytes, to).await?);
        }
        self.sockets.send_to(bytes, to).await
    }

    fn local_addr(&self) -> rsipstack::Result<SocketAddr> {
        Ok(self.sockets.bound[self.index])
    }
}

/// The datagram sockets as the stack's connection, for requests of our own.
pub(super) async fn connection(sockets: &Arc<UdpSockets>, cancel: &CancellationToken) -> UdpConnection {
    attached(Arc::clone(sockets) as Arc<dyn PlatformSocket>, sockets.bound[0], cancel).await
}

async fn attached(
    conn: Arc<dyn PlatformSocket>,
    at: SocketAddr,
    cancel: &CancellationToken,
) -> UdpConnection {
    let inner = UdpInner { addr: sip_addr(Transport::Udp, at), conn };
    UdpConnection::attach(inner, None, Some(cancel.child_token())).await
}

/// Reads one of the sockets for ever.
pub(super) async fn read(
    sockets: Arc<UdpSockets>,
    index: usize,
    inbound: Arc<Inbound>,
    cancel: CancellationToken,
) {
    let one = Arc::new(One { sockets: Arc::clone(&sockets), index });
    let connection = attached(one, sockets.bound[index], &cancel).await;
    let socket = &sockets.sockets[index];
    let mut buffer = vec![0; DATAGRAM_BYTES];
    loop {
        let (bytes, from) = match socket.recv_from(&mut buffer).await {
            Ok((count, from)) => (&buffer[..count], from),
            // An ICMP error of an earlier send.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => continue,
            Err(error) => {
                tracing::debug!(%error, "a SIP socket cannot be read");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        // Keep-alives (RFC 5626 section 4.4.1 has them on streams; on UDP they hold a NAT open).
        if bytes.iter().all(|b| b.is_ascii_whitespace() || *b == 0) {
            continue;
        }
        let answered_by = async || Ok(SipConnection::Udp(connection.clone()));
        match inbound.take(bytes, from, Transport::Udp, answered_by).await {
            // As for any response, an unreachable phone is the phone's affair.
            Taken::Answer(answer) => drop(socket.send_to(&answer, from).await),
            Taken::TooMany => inbound.note(Dropped::TooMany),
            Taken::Done => {}
        }
    }
}
