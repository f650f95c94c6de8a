//! The calls that are up, and how to end them from our side.

use engine::EndReason;
use model::MemberId;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};

/// How long a shut-down waits for phones to answer their BYE (four retransmissions of RFC 3261's timer E).
const SHUT_DOWN: Duration = Duration::from_secs(4);

/// Why we hang up.
#[derive(Clone, Copy, Debug)]
pub(super) enum HangUp {
    /// The engine has ended the leg.
    Engine(EndReason),
    ShutDown,
}

impl HangUp {
    /// For the BYE's Reason header and for the log.
    pub(super) fn text(self) -> &'static str {
        match self {
            HangUp::Engine(EndReason::LeftByKey) => "left by key",
            HangUp::Engine(EndReason::Expelled) => "expelled",
            HangUp::Engine(EndReason::PinRefused) => "no valid PIN",
            HangUp::Engine(EndReason::Locked) => "the room is locked",
            HangUp::Engine(EndReason::Full) => "the room is full",
            HangUp::Engine(EndReason::NoInput) => "nothing was typed",
            HangUp::Engine(EndReason::NoSound) => "nothing was heard for 30 s",
            HangUp::ShutDown => "the server stops",
        }
    }
}

/// All calls by member id, from their answer to their end.
#[derive(Default)]
pub(super) struct Calls {
    calls: Mutex<HashMap<MemberId, mpsc::Sender<HangUp>>>,
    /// Rung when the last call has gone.
    idle: Notify,
}

impl Calls {
    /// The receiver tells the call to hang up. [`Calls::remove`] must follow.
    pub(super) fn add(&self, member: MemberId) -> mpsc::Receiver<HangUp> {
        let (sender, receiver) = mpsc::channel(1);
        self.lock().insert(member, sender);
        receiver
    }

    pub(super) fn remove(&self, member: MemberId) {
        let mut calls = self.lock();
        calls.remove(&member);
        if calls.is_empty() {
            self.idle.notify_waiters();
        }
    }

    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    pub(super) fn hang_up(&self, member: MemberId, reason: EndReason) {
        if let Some(call) = self.lock().get(&member) {
            // Full: it has been told already.
            let _ = call.try_send(HangUp::Engine(reason));
        }
    }

    pub(super) async fn hang_up_all(&self) {
        let idle = self.idle.notified();
        tokio::pin!(idle);
        idle.as_mut().enable();
        {
            let calls = self.lock();
            if calls.is_empty() {
                return;
            }
            for call in calls.values() {
                let _ = call.try_send(HangUp::ShutDown);
            }
        }
        if tokio::time::timeout(SHUT_DOWN, idle).await.is_err() {
            tracing::warn!(calls = self.count(), "phones that did not answer their BYE");
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<MemberId, mpsc::Sender<HangUp>>> {
        self.calls.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
