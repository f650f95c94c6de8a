//! SIP over UDP. rsipstack is named in this folder and nowhere else, so that it can be replaced.

mod call;
mod dispatch;
mod door;
mod response;

use super::Switchboard;
use door::Door;
use rsipstack::EndpointBuilder;
use rsipstack::dialog::dialog_layer::DialogLayer;
use rsipstack::transport::TransportLayer;
use rsipstack::transport::udp::UdpConnection;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;

#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("SIP cannot be served on {address}: {reason}")]
    Bind { address: SocketAddr, reason: String },
    #[error("the SIP endpoint cannot be started: {0}")]
    Endpoint(String),
}

/// The bound and serving SIP endpoint.
pub(super) struct Endpoint {
    cancel: CancellationToken,
}

impl Endpoint {
    pub(super) async fn start(board: Arc<Switchboard>) -> Result<Endpoint, StartError> {
        let address = board.addresses.sip;
        let cancel = CancellationToken::new();
        let transport = TransportLayer::new(cancel.child_token());
        let bound = |e: &dyn std::fmt::Display| StartError::Bind { address, reason: e.to_string() };
        let socket = UdpSocket::bind(address).await.map_err(|e| bound(&e))?;
        let udp = UdpConnection::from_socket(Arc::new(Door::new(socket)), None, Some(cancel.child_token()))
            .await
            .map_err(|e| bound(&e))?;
        transport.add_transport(udp.into());
        let endpoint = EndpointBuilder::new()
            .with_cancel_token(cancel.child_token())
            .with_transport_layer(transport)
            .with_user_agent(concat!("conference/", env!("CARGO_PKG_VERSION")))
            .with_allows(response::METHODS.to_vec())
            .build();
        let incoming = endpoint.incoming_transactions().map_err(|e| StartError::Endpoint(e.to_string()))?;
        let dialogs = Arc::new(DialogLayer::new(endpoint.inner.clone()));
        tokio::spawn(async move { endpoint.serve().await });
        tokio::spawn(dispatch::serve(board, dialogs, incoming));
        Ok(Endpoint { cancel })
    }

    pub(super) fn stop(&self) {
        self.cancel.cancel();
    }
}

/// Parses a message, and reads of it what a call reads.
#[cfg(any(fuzzing, test))]
pub(super) fn fuzz(bytes: &[u8]) {
    use rsipstack::sip::SipMessage;
    let _ = door::answer(bytes);
    if let Ok(SipMessage::Request(request)) = SipMessage::try_from(bytes) {
        dispatch::fuzz(&request);
        call::fuzz(&request);
    }
}
