//! The way of a request, and of a dialog's state, to the call that they belong to.

use crate::telephony::sip::response::Answer;
use model::limits::REQUESTS_OF_A_CALL;
use rsipstack::dialog::DialogId;
use rsipstack::dialog::dialog::DialogState;
use rsipstack::sip::Request;
use rsipstack::transport::SipConnection;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// A request that comes with the ACK before it waits so long for that ACK to be read: each has a task of its own.
const ACK_WITHIN: Duration = Duration::from_millis(300);

/// A PRACK, UPDATE or INFO, to be answered by its call.
pub(in crate::telephony::sip) struct Asked {
    pub(in crate::telephony::sip) request: Request,
    /// Nobody waits any more where it is closed.
    pub(in crate::telephony::sip) answer: oneshot::Sender<Answer>,
}

/// A channel has room for 32 messages from the start, and each call has one.
pub(in crate::telephony::sip) type Boxed = Box<Asked>;
pub(in crate::telephony::sip) type BoxedState = Box<DialogState>;

/// How far a call is, as far as other requests care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::telephony::sip) enum Phase {
    Early,
    /// Our 200 is sent.
    WaitingForAck,
    Up,
}

/// A call's end of it.
pub(in crate::telephony::sip) struct Line {
    pub(in crate::telephony::sip) asked: mpsc::Receiver<Boxed>,
    /// As many as the stack makes of what the door lets through.
    pub(in crate::telephony::sip) states: mpsc::UnboundedReceiver<BoxedState>,
    pub(in crate::telephony::sip) phase: watch::Sender<Phase>,
    pub(in crate::telephony::sip) flow: Flow,
}

/// The connection of a call's last request within its dialog, if one came by TCP or TLS. An ACK does not count: it goes to
/// what it acknowledges.
#[derive(Clone, Default)]
pub(in crate::telephony::sip) struct Flow(Arc<Mutex<Option<SipConnection>>>);

impl Flow {
    pub(in crate::telephony::sip) fn last(&self) -> Option<SipConnection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, connection: &SipConnection) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection.clone());
    }
}

/// The calls that there are, by their dialogs.
#[derive(Default)]
pub(in crate::telephony::sip) struct Ongoing(Mutex<HashMap<DialogId, Entry>>);

struct Entry {
    call: mpsc::Sender<Boxed>,
    states: mpsc::UnboundedSender<BoxedState>,
    phase: watch::Receiver<Phase>,
    flow: Flow,
    /// The highest CSeq that has come.
    cseq: u32,
}

impl Ongoing {
    /// `cseq` is that of the INVITE. [`Ongoing::remove`] must follow.
    pub(in crate::telephony::sip) fn add(&self, id: DialogId, cseq: u32) -> Line {
        let (call, asked) = mpsc::channel(REQUESTS_OF_A_CALL);
        let (states_in, states) = mpsc::unbounded_channel();
        let (phase, phase_out) = watch::channel(Phase::Early);
        let flow = Flow::default();
        self.lock().insert(id, Entry { call, states: states_in, phase: phase_out, flow: flow.clone(), cseq });
        Line { asked, states, phase, flow }
    }

    pub(in crate::telephony::sip) fn remove(&self, id: &DialogId) {
        self.lock().remove(id);
    }

    /// Tells a call what its dialog has come to. Of calls that are over nothing is told.
    pub(super) fn tell(&self, state: DialogState) {
        if let Some(entry) = self.lock().get(state.id()) {
            // An error means that the call is just ending.
            let _ = entry.states.send(Box::new(state));
        }
    }

    /// Whether a request comes behind a later one (RFC 3261 section 12.2.2). Asked in the order in which they come.
    pub(super) fn is_old(&self, id: &DialogId, cseq: u32) -> bool {
        let mut calls = self.lock();
        let Some(entry) = calls.get_mut(id) else { return false };
        let old = cseq < entry.cseq;
        entry.cseq = entry.cseq.max(cseq);
        old
    }

    /// A request within the dialog came by this connection.
    pub(super) fn came_by(&self, id: &DialogId, connection: Option<&SipConnection>) {
        let connection = connection.filter(|connection| connection.is_reliable());
        if let (Some(connection), Some(entry)) = (connection, self.lock().get(id)) {
            entry.flow.set(connection);
        }
    }

    /// Waits for the ACK to our 200 if it may be on its way.
    pub(super) async fn acknowledged(&self, id: &DialogId) {
        let phase = self.lock().get(id).map(|entry| entry.phase.clone());
        if let Some(mut phase) = phase {
            let there = phase.wait_for(|phase| *phase != Phase::WaitingForAck);
            // Without it the request is answered as one that came too early.
            let _ = tokio::time::timeout(ACK_WITHIN, there).await;
        }
    }

    /// The call's answer; that it comes too fast, if the call has not come to the last requests yet; `None` if there is no
    /// such call.
    pub(super) async fn ask(&self, id: &DialogId, request: Request) -> Option<Answer> {
        let call = self.lock().get(id)?.call.clone();
        let (answer, answered) = oneshot::channel();
        match call.try_send(Box::new(Asked { request, answer })) {
            Ok(()) => answered.await.ok(),
            Err(mpsc::error::TrySendError::Full(_)) => Some(Answer::later()),
            Err(mpsc::error::TrySendError::Closed(_)) => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<DialogId, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_behind_a_later_request_is_old() {
        let ongoing = Ongoing::default();
        let id = DialogId { call_id: "7".into(), local_tag: "a".into(), remote_tag: "b".into() };
        let _line = ongoing.add(id.clone(), 5);
        let old = |cseq| ongoing.is_old(&id, cseq);
        assert_eq!([4, 5, 7, 6, 7, 8].map(old), [true, false, false, true, false, false]);
        ongoing.remove(&id);
        assert!(!old(1), "no such call");
    }
}
