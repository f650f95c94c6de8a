//! SIP over UDP, TCP and TLS. rsipstack is named in this folder and nowhere else, so that it can be replaced.

mod call;
mod client;
mod dispatch;
mod door;
mod identity;
mod listen;
mod registration;
mod response;

pub(crate) use door::Door;
pub(in crate::telephony) use listen::{Certificate, CertificateError};

use super::Switchboard;
use listen::{Inbound, Listeners, OwnVia};
use rsipstack::EndpointBuilder;
use rsipstack::dialog::dialog_layer::DialogLayer;
use rsipstack::transport::TransportLayer;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("SIP cannot be served on {address}: {reason}")]
    Bind { address: SocketAddr, reason: String },
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    #[error("the SIP endpoint cannot be started: {0}")]
    Endpoint(String),
}

/// The bound and serving SIP endpoint.
pub(super) struct Endpoint {
    cancel: CancellationToken,
    lines: registration::Lines,
}

impl Endpoint {
    pub(super) async fn start(board: Arc<Switchboard>) -> Result<Endpoint, StartError> {
        let cancel = CancellationToken::new();
        let listeners = Listeners::bind(&board.addresses, &cancel).await?;
        let transport = TransportLayer::new(cancel.child_token());
        listeners.add_to(&transport);
        let endpoint = EndpointBuilder::new()
            .with_cancel_token(cancel.child_token())
            .with_transport_layer(transport)
            .with_inspector(Box::new(OwnVia::new(board.addresses.clone())))
            .with_user_agent(concat!("conference/", env!("CARGO_PKG_VERSION")))
            .with_allows(response::METHODS.to_vec())
            .build();
        let incoming = endpoint.incoming_transactions().map_err(|e| StartError::Endpoint(e.to_string()))?;
        let inner = endpoint.inner.clone();
        let dialogs = Arc::new(DialogLayer::new(inner.clone()));
        tokio::spawn(async move { endpoint.serve().await });
        let inbound = Arc::new(Inbound::new(Arc::clone(&board.door), inner.clone()));
        let lines = registration::Lines::start(&board, &inner, &inbound, &cancel);
        listeners.serve(Arc::clone(&board.door), &inbound, cancel.child_token());
        tokio::spawn(dispatch::serve(board, dialogs, incoming));
        Ok(Endpoint { cancel, lines })
    }

    /// Takes the registrations back, and is gone.
    pub(super) async fn stop(self) {
        self.lines.stop().await;
        self.cancel.cancel();
    }
}

/// Takes bytes as they come in, as a datagram and as a stream, and reads of a request what a call reads.
#[cfg(any(fuzzing, test))]
pub(super) fn fuzz(bytes: &[u8]) {
    for message in door::fuzz(bytes) {
        if let rsipstack::sip::SipMessage::Request(request) = message {
            let peer = listen::Peer {
                address: SocketAddr::from(([127, 0, 0, 1], 5060)),
                transport: super::Transport::Udp,
            };
            let ask = identity::read(&request, peer);
            let _ = ask.claims.identify(true, None);
            let _ = super::trunk::Challenge::best(ask.credentials.iter().copied());
            dispatch::fuzz(&request);
            call::fuzz(&request);
        }
    }
}
