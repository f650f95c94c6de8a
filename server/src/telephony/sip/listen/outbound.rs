//! Connections that we open, to registrars and proxies of trunks. What comes in on them is taken as on those that are accepted:
//! by the door, in bounds. The stack opens none for trunks: it would read them past the door, and it trusts no certificate.

use super::super::client::stack_transport;
use super::inbound::Inbound;
use super::sip_addr;
use super::stream::{Connection, First, tune};
use crate::telephony::Transport;
use crate::telephony::trunk::{Authorities, Target};
use model::limits;
use rsipstack::transport::SipConnection;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_util::sync::CancellationToken;

#[derive(Debug, thiserror::Error)]
pub(in crate::telephony::sip) enum ConnectError {
    #[error("too many connections")]
    TooMany,
    #[error("nobody there within {} ms", limits::CONNECT_MS)]
    Slow,
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] tokio_rustls::rustls::Error),
    /// A name that no certificate can be of.
    #[error("{0} is no name for TLS")]
    Name(String),
}

/// Opens connections, at most one at a time for each who has one of these.
pub(in crate::telephony::sip) struct Dialer {
    inbound: Arc<Inbound>,
    /// Of the server.
    cancel: CancellationToken,
    /// Whom the other end has to be, and who may vouch for that.
    name: String,
    authorities: Option<Authorities>,
    open: Option<Open>,
}

struct Open {
    target: Target,
    connection: SipConnection,
    cancel: CancellationToken,
    since: Instant,
}

impl Dialer {
    pub(in crate::telephony::sip) fn new(
        inbound: Arc<Inbound>,
        cancel: CancellationToken,
        name: String,
        authorities: Option<Authorities>,
    ) -> Dialer {
        Dialer { inbound, cancel, name, authorities, open: None }
    }

    /// The connection to `target`: the one that there is, or a new one. `None`: datagrams need none.
    ///
    /// # Errors
    /// Why there is none, in words for the operator.
    pub(in crate::telephony::sip) async fn connection(
        &mut self,
        target: Target,
    ) -> Result<Option<SipConnection>, ConnectError> {
        if target.transport == Transport::Udp {
            return Ok(None);
        }
        if let Some(open) = self.open.as_ref().filter(|open| open.serves(target)) {
            return Ok(Some(open.connection.clone()));
        }
        self.close();
        let opened = timeout(Duration::from_millis(limits::CONNECT_MS), self.open(target)).await;
        let open = opened.map_err(|_| ConnectError::Slow)??;
        let connection = open.connection.clone();
        self.open = Some(open);
        Ok(Some(connection))
    }

    /// Returns how long the connection lived when it is over, for whatever reason; never while there is none.
    pub(in crate::telephony::sip) async fn lost(&mut self) -> Duration {
        let Some(open) = &self.open else { return std::future::pending().await };
        open.cancel.cancelled().await;
        let lived = open.since.elapsed();
        self.open = None;
        lived
    }

    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            open.cancel.cancel();
        }
    }

    async fn open(&self, target: Target) -> Result<Open, ConnectError> {
        let from = target.address;
        let guard = self.inbound.connect(from.ip()).ok_or(ConnectError::TooMany)?;
        let stream = TcpStream::connect(from).await?;
        tune(&stream);
        let cancel = self.cancel.child_token();
        let transport = stack_transport(target.transport);
        let connection = Connection {
            from,
            transport,
            inbound: Arc::clone(&self.inbound),
            cancel: cancel.clone(),
            _guard: guard,
        };
        let (ready, made) = oneshot::channel();
        if target.transport == Transport::Tls {
            let name =
                ServerName::try_from(self.name.clone()).map_err(|_| ConnectError::Name(self.name.clone()))?;
            let connector = TlsConnector::from(Arc::new(self.tls()?));
            let stream = connector.connect(name, stream).await?;
            tokio::spawn(connection.serve(stream, First::We(ready)));
        } else {
            tokio::spawn(connection.serve(stream, First::We(ready)));
        }
        let connection = made.await.map_err(|_| io::Error::from(io::ErrorKind::NotConnected))?;
        tracing::debug!(to = %sip_addr(transport, from), "connected");
        Ok(Open { target, connection, cancel, since: Instant::now() })
    }

    /// Read anew for each connection, for authorities come and go while the server runs.
    fn tls(&self) -> Result<ClientConfig, ConnectError> {
        let mut roots = RootCertStore::empty();
        if let Some(authorities) = &self.authorities {
            roots.add_parsable_certificates(authorities.certificates());
        } else {
            let system = rustls_native_certs::load_native_certs();
            for error in &system.errors {
                tracing::warn!(%error, "authorities of the system that cannot be read");
            }
            roots.add_parsable_certificates(system.certs);
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(config)
    }
}

impl Open {
    fn serves(&self, target: Target) -> bool {
        self.target == target && !self.cancel.is_cancelled()
    }
}
