//! The sockets where SIP comes in: UDP, TCP and TLS on any number of addresses, all behind the one door.

mod inbound;
mod outbound;
mod own_via;
mod peer;
mod stream;
mod tls;
mod udp;

pub(super) use inbound::Inbound;
pub(super) use outbound::Dialer;
pub(super) use own_via::OwnVia;
pub(super) use peer::Peer;
pub(in crate::telephony) use tls::{Certificate, CertificateError};

use super::StartError;
use super::door::{Counters, Door};
use crate::telephony::Addresses;
use rsipstack::transport::udp::UdpConnection;
use rsipstack::transport::{SipAddr, TransportLayer};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use stream::StreamListener;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use udp::UdpSockets;

/// How often what was dropped is told, if anything was.
const TOLD_EVERY: Duration = Duration::from_secs(10);
/// Connections that the kernel holds until they are accepted.
const BACKLOG: i32 = 256;

/// Bound, and not yet read.
pub(super) struct Listeners {
    udp: Arc<UdpSockets>,
    connection: UdpConnection,
    tcp: Vec<TcpListener>,
    tls: Vec<TcpListener>,
    certificate: Option<Arc<Certificate>>,
}

impl Listeners {
    /// Binds every address.
    pub(super) async fn bind(
        addresses: &Addresses,
        cancel: &CancellationToken,
    ) -> Result<Listeners, StartError> {
        let of = |address| move |error: io::Error| StartError::Bind { address, reason: error.to_string() };
        let (mut datagrams, mut tcp, mut tls) = (Vec::new(), Vec::new(), Vec::new());
        for &address in &addresses.sip {
            let socket =
                tokio::net::UdpSocket::from_std(bound(address, Type::DGRAM).map_err(of(address))?.into());
            let socket = socket.map_err(of(address))?;
            // Where the system chose the port, TCP gets the same one.
            let port = socket.local_addr().map_err(of(address))?.port();
            tcp.push(listening(SocketAddr::new(address.ip(), port)).map_err(of(address))?);
            datagrams.push(socket);
        }
        for &address in &addresses.tls {
            tls.push(listening(address).map_err(of(address))?);
        }
        let certificate = addresses.tls_files.as_ref().map(Certificate::load).transpose()?.map(Arc::new);
        let first = addresses.sip.first().copied().ok_or(StartError::Endpoint("no address".to_owned()))?;
        let udp = Arc::new(UdpSockets::new(datagrams).map_err(of(first))?);
        let connection = udp::connection(&udp, cancel).await;
        Ok(Listeners { udp, connection, tcp, tls, certificate })
    }

    /// Lets the stack send by our datagram sockets. It never reads them.
    pub(super) fn add_to(&self, transport: &TransportLayer) {
        transport.add_transport(self.connection.clone().into());
    }

    /// Reads all of them until `cancel`.
    pub(super) fn serve(self, door: Arc<Door>, inbound: &Arc<Inbound>, cancel: CancellationToken) {
        for index in 0..self.udp.len() {
            let reading = udp::read(Arc::clone(&self.udp), index, Arc::clone(inbound), cancel.clone());
            spawn(&cancel, reading);
        }
        for listener in self.tcp {
            let listener = StreamListener::new(listener, None, Arc::clone(inbound), cancel.clone());
            spawn(&cancel, listener.accept());
        }
        if let Some(certificate) = self.certificate {
            for listener in self.tls {
                let certificate = Some(Arc::clone(&certificate));
                let listener =
                    StreamListener::new(listener, certificate, Arc::clone(inbound), cancel.clone());
                spawn(&cancel, listener.accept());
            }
            spawn(&cancel, tls::keep_fresh(certificate));
        }
        spawn(&cancel, tell(door));
    }
}

fn spawn(cancel: &CancellationToken, task: impl Future<Output = ()> + Send + 'static) {
    let cancelled = cancel.clone().cancelled_owned();
    tokio::spawn(async move {
        tokio::select! {
            () = task => {}
            () = cancelled => {}
        }
    });
}

/// Says what was dropped, in one line and not often.
async fn tell(door: Arc<Door>) {
    let mut told = door.counters().counts();
    let mut every = tokio::time::interval(TOLD_EVERY);
    loop {
        every.tick().await;
        let counts = Counters::counts(door.counters());
        if let Some(new) = counts.since(told) {
            tracing::warn!(
                "SIP dropped or refused at the door in the last {} s: {new}",
                TOLD_EVERY.as_secs()
            );
            told = counts;
        }
    }
}

/// `[::]` is IPv6 alone, so that both families can be bound at one port and no address is seen in two forms.
fn bound(address: SocketAddr, kind: Type) -> io::Result<Socket> {
    let protocol = if kind == Type::DGRAM { Protocol::UDP } else { Protocol::TCP };
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    if kind == Type::STREAM {
        // Connections of the server before, which the kernel still remembers, do not keep the address.
        socket.set_reuse_address(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn listening(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = bound(address, Type::STREAM)?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn sip_addr(transport: rsipstack::sip::Transport, address: SocketAddr) -> SipAddr {
    SipAddr { r#type: Some(transport), addr: address.into() }
}
