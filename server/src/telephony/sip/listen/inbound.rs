//! From a socket through the door to the stack's transactions. No queue lies between: who reads a socket waits until the stack
//! has taken the message, and the kernel keeps or drops what comes meanwhile.

use super::super::door::{Behind, ConnectionGuard, Door, Dropped, Lost, Passed, Verdict};
use model::limits;
use rsipstack::sip::Transport;
use rsipstack::transaction::endpoint::EndpointInnerRef;
use rsipstack::transport::{SipAddr, SipConnection};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Semaphore;

pub(in crate::telephony::sip) struct Inbound {
    door: Arc<Door>,
    endpoint: EndpointInnerRef,
    /// Those that may be under way at the same time.
    handshakes: Arc<Semaphore>,
    started: Instant,
}

/// What is to be done for a message.
pub(super) enum Taken {
    Done,
    /// To where it came from.
    Answer(Vec<u8>),
    /// More than its sender may send.
    TooMany,
}

impl Inbound {
    pub(in crate::telephony::sip) fn new(door: Arc<Door>, endpoint: EndpointInnerRef) -> Inbound {
        let handshakes = Arc::new(Semaphore::new(limits::TLS_HANDSHAKES));
        Inbound { door, endpoint, handshakes, started: Instant::now() }
    }

    pub(super) fn handshakes(&self) -> Arc<Semaphore> {
        Arc::clone(&self.handshakes)
    }

    fn now_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    pub(super) fn endpoint(&self) -> &EndpointInnerRef {
        &self.endpoint
    }

    /// `connection` is made only for what gets through: answers go that way.
    pub(super) async fn take(
        &self,
        bytes: &[u8],
        from: SocketAddr,
        carrier: Transport,
        connection: impl AsyncFnOnce() -> rsipstack::Result<SipConnection>,
    ) -> Taken {
        let now_ms = self.now_ms();
        let verdict = match self.door.examine(bytes, from, carrier, now_ms) {
            Verdict::Pass(passed) => match self.door.admit(&passed, self.behind(&passed), from, now_ms) {
                Ok(()) => Verdict::Pass(passed),
                Err(verdict) => verdict,
            },
            verdict => verdict,
        };
        match verdict {
            Verdict::Pass(passed) => {
                let from = SipAddr { r#type: Some(carrier), addr: from.into() };
                let handed_over = match connection().await {
                    Ok(connection) => {
                        self.endpoint.on_received_message(passed.message, connection, &from).await
                    }
                    Err(error) => Err(error),
                };
                if let Err(error) = handed_over {
                    tracing::debug!(%from, %error, "a message that the stack does not take");
                }
                Taken::Done
            }
            Verdict::Answer(answer) => Taken::Answer(answer),
            Verdict::Drop => Taken::Done,
            Verdict::TooMany => Taken::TooMany,
        }
    }

    fn behind(&self, passed: &Passed) -> Behind {
        let (running, finished) = (&self.endpoint.transactions, &self.endpoint.finished_transactions);
        if running.contains_key(&passed.key) || finished.contains_key(&passed.key) {
            Behind::Known
        } else {
            Behind::New { transactions: running.len() + finished.len() }
        }
    }

    pub(super) fn lost(&self, lost: &Lost, from: SocketAddr) -> Option<Vec<u8>> {
        self.door.lost(lost, from, self.now_ms())
    }

    pub(super) fn connect(&self, ip: IpAddr) -> Option<ConnectionGuard> {
        self.door.connect(ip, self.now_ms())
    }

    pub(super) fn idle_ms(&self, ip: IpAddr) -> u64 {
        self.door.idle_ms(ip)
    }

    pub(super) fn note(&self, dropped: Dropped) {
        self.door.note(dropped);
    }
}
