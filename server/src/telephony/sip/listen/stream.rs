//! Connections by TCP and TLS: accepted (`outbound.rs` opens ours), bounded, cut into messages, and bridged to the stack.

use super::super::door::{ConnectionGuard, Dropped, Frame, Framer, Lost};
use super::inbound::{Inbound, Taken};
use super::sip_addr;
use super::tls::Certificate;
use model::limits;
use rsipstack::sip::Transport;
use rsipstack::transport::channel::ChannelConnection;
use rsipstack::transport::connection::TransportSender;
use rsipstack::transport::{SipConnection, TransportEvent};
use socket2::{SockRef, TcpKeepalive};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// After an error of accept: where files have run out, there is nothing to do but to wait.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Until a sender of too many messages is read again.
const SENDER_PAUSE: Duration = Duration::from_millis(20);
/// The system asks a silent peer whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// How long a connection that cannot be read any further stays for its answers.
const LINGER: Duration = Duration::from_secs(1);
/// Bytes that are read at once.
const READ_BYTES: usize = 4_096;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(super) struct StreamListener {
    listener: TcpListener,
    /// TLS where there is one.
    certificate: Option<Arc<Certificate>>,
    inbound: Arc<Inbound>,
    cancel: CancellationToken,
}

impl StreamListener {
    pub(super) fn new(
        listener: TcpListener,
        certificate: Option<Arc<Certificate>>,
        inbound: Arc<Inbound>,
        cancel: CancellationToken,
    ) -> StreamListener {
        StreamListener { listener, certificate, inbound, cancel }
    }

    /// Accepts for ever.
    pub(super) async fn accept(self) {
        loop {
            let (stream, from) = match self.listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::debug!(%error, "a connection cannot be accepted");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Some(guard) = self.inbound.connect(from.ip()) else { continue };
            let connection = Connection {
                from,
                transport: if self.certificate.is_some() { Transport::Tls } else { Transport::Tcp },
                inbound: Arc::clone(&self.inbound),
                cancel: self.cancel.child_token(),
                _guard: guard,
            };
            match &self.certificate {
                None => drop(tokio::spawn(connection.plain(stream))),
                Some(certificate) => {
                    // Too many at once: the peer may try again.
                    let Ok(permit) = self.inbound.handshakes().try_acquire_owned() else {
                        self.inbound.note(Dropped::Handshake);
                        continue;
                    };
                    let acceptor = TlsAcceptor::from(certificate.config());
                    tokio::spawn(async move {
                        let handshake = timeout(ms(limits::TLS_HANDSHAKE_MS), acceptor.accept(stream)).await;
                        drop(permit);
                        match handshake {
                            Ok(Ok(stream)) => connection.secure(stream).await,
                            _ => connection.inbound.note(Dropped::Handshake),
                        }
                    });
                }
            }
        }
    }
}

/// One connection, from its beginning to its end.
pub(super) struct Connection {
    pub(super) from: SocketAddr,
    pub(super) transport: Transport,
    pub(super) inbound: Arc<Inbound>,
    /// Cancelled, it is over: for us, and for the dialogs that would use it.
    pub(super) cancel: CancellationToken,
    pub(super) _guard: ConnectionGuard,
}

/// Who has the first word on a connection.
pub(super) enum First {
    /// The peer, who opened it. The stack is shown it when there is a good message.
    They,
    /// We did; who wanted it is told once the stack has it.
    We(oneshot::Sender<SipConnection>),
}

/// Why a connection ends.
enum End {
    /// The peer closed it, or its socket failed.
    Closed,
    /// Nothing came for too long, or too slowly.
    Slow,
    /// What comes cannot be read any further.
    Lost,
}

impl Connection {
    async fn plain(self, stream: TcpStream) {
        tune(&stream);
        self.serve(stream, First::They).await;
    }

    async fn secure(self, stream: tokio_rustls::server::TlsStream<TcpStream>) {
        tune(stream.get_ref().0);
        self.serve(stream, First::They).await;
    }

    pub(super) async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin, first: First) {
        let (reader, writer) = tokio::io::split(stream);
        let (outgoing, from_stack) = mpsc::channel(limits::SIP_STREAM_QUEUE);
        let (raw, from_door) = mpsc::channel(limits::SIP_STREAM_QUEUE);
        let mut bridge = Bridge { outgoing, cancel: self.cancel.clone(), made: None };
        let first_within = match first {
            First::They => Some(ms(limits::SIP_MESSAGE_MS)),
            First::We(wanted) => {
                if let Ok(connection) = bridge.connection(&self).await {
                    // Nobody waits any more where it fails.
                    let _ = wanted.send(connection);
                }
                None
            }
        };
        let mut reading = Reading { connection: &self, bridge, raw };
        let end = tokio::select! {
            end = reading.run(reader, first_within) => end,
            end = write(writer, from_stack, from_door) => end,
            () = self.cancel.cancelled() => End::Closed,
        };
        if matches!(end, End::Slow) {
            self.inbound.note(Dropped::Slow);
        }
        self.cancel.cancel();
        if let Some((connection, _)) = reading.bridge.made {
            self.inbound.endpoint().transport_layer.remove_connection(&connection);
        }
    }
}

/// Small messages at once, and an end for those who have gone without a word.
pub(super) fn tune(stream: &TcpStream) {
    let keep_alive = TcpKeepalive::new().with_time(KEEP_ALIVE).with_interval(KEEP_ALIVE / 4);
    let tuned = stream.set_nodelay(true).and_then(|()| SockRef::from(stream).set_tcp_keepalive(&keep_alive));
    if let Err(error) = tuned {
        tracing::debug!(%error, "a connection keeps the system's settings");
    }
}

/// The connection as the stack sees it; of a peer's, made when its first good message is there.
struct Bridge {
    outgoing: mpsc::Sender<TransportEvent>,
    cancel: CancellationToken,
    /// The stack reads its end of the sender; while it is there, the stack keeps the connection.
    made: Option<(SipConnection, TransportSender)>,
}

impl Bridge {
    async fn connection(&mut self, of: &Connection) -> rsipstack::Result<SipConnection> {
        if let Some((connection, _)) = &self.made {
            return Ok(connection.clone());
        }
        let (unused, incoming) = mpsc::unbounded_channel();
        let remote = sip_addr(of.transport, of.from);
        let (outgoing, cancel) = (self.outgoing.clone(), Some(self.cancel.clone()));
        let channel =
            ChannelConnection::create_connection_bounded(incoming, outgoing, remote, cancel).await?;
        let connection = SipConnection::Channel(channel);
        of.inbound.endpoint().transport_layer.add_connection(connection.clone());
        self.made = Some((connection.clone(), unused));
        Ok(connection)
    }
}

struct Reading<'a> {
    connection: &'a Connection,
    bridge: Bridge,
    /// What the door says by itself.
    raw: mpsc::Sender<Vec<u8>>,
}

impl Reading<'_> {
    async fn run(&mut self, mut reader: impl AsyncRead + Unpin, first_within: Option<Duration>) -> End {
        let mut framer = Framer::default();
        let mut buffer = [0; READ_BYTES];
        // Of the message that has begun; at first of the one that has to come.
        let mut until = first_within.map(|within| Instant::now() + within);
        loop {
            loop {
                match framer.next() {
                    Ok(None) => break,
                    Ok(Some(Frame::Ping)) => self.say(b"\r\n".to_vec()).await,
                    Ok(Some(Frame::Message(message))) => {
                        until = None;
                        self.take(&message).await;
                    }
                    Err(lost) => return self.lost(reader, &lost).await,
                }
            }
            if framer.is_amid() {
                until = until.or_else(|| Some(Instant::now() + ms(limits::SIP_MESSAGE_MS)));
            }
            let from = self.connection.from.ip();
            let idle = || Instant::now() + ms(self.connection.inbound.idle_ms(from));
            match timeout_at(until.unwrap_or_else(idle), reader.read(&mut buffer)).await {
                Ok(Ok(0) | Err(_)) => return End::Closed,
                Ok(Ok(count)) => framer.push(&buffer[..count]),
                Err(_) => return End::Slow,
            }
        }
    }

    async fn take(&mut self, message: &[u8]) {
        let Reading { connection, bridge, .. } = self;
        loop {
            let (from, carrier) = (connection.from, connection.transport);
            let made = async || bridge.connection(connection).await;
            match connection.inbound.take(message, from, carrier, made).await {
                Taken::Done => return,
                Taken::Answer(answer) => return self.say(answer).await,
                // Nobody sends it again: the sender has to wait (RFC 3261 section 18.1.2 leaves that to the transport).
                Taken::TooMany => sleep(SENDER_PAUSE).await,
            }
        }
    }

    async fn say(&self, bytes: Vec<u8>) {
        // The writer ends the connection when it cannot go on.
        let _ = self.raw.send(bytes).await;
    }

    /// Gives the last answers the time to arrive: with bytes unread, closing at once would take them back.
    async fn lost(&self, mut reader: impl AsyncRead + Unpin, lost: &Lost) -> End {
        if let Some(answer) = self.connection.inbound.lost(lost, self.connection.from) {
            self.say(answer).await;
        }
        let mut buffer = [0; READ_BYTES];
        let until = Instant::now() + LINGER;
        while let Ok(Ok(1..)) = timeout_at(until, reader.read(&mut buffer)).await {}
        End::Lost
    }
}

/// Writes what the stack and the door say, until the peer takes too long to take it.
async fn write(
    mut writer: impl AsyncWrite + Unpin,
    mut from_stack: mpsc::Receiver<TransportEvent>,
    mut from_door: mpsc::Receiver<Vec<u8>>,
) -> End {
    loop {
        let bytes = tokio::select! {
            Some(event) = from_stack.recv() => match event {
                TransportEvent::Incoming(message, ..) => message.to_bytes(),
                TransportEvent::New(_) | TransportEvent::Closed(_) => continue,
            },
            Some(bytes) = from_door.recv() => bytes,
            else => return End::Closed,
        };
        let written = async {
            writer.write_all(&bytes).await?;
            writer.flush().await
        };
        match timeout(ms(limits::SIP_WRITE_MS), written).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return End::Closed,
            Err(_) => return End::Slow,
        }
    }
}
