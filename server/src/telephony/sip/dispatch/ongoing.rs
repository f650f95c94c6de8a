//! The way of a request to the call whose dialog it belongs to.

use crate::telephony::sip::response::Answer;
use model::limits::REQUESTS_OF_A_CALL;
use rsipstack::dialog::DialogId;
use rsipstack::sip::Request;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use tokio::sync::{mpsc, oneshot};

/// A PRACK, UPDATE or INFO, to be answered by its call.
pub(in crate::telephony::sip) struct Asked {
    pub(in crate::telephony::sip) request: Request,
    /// Nobody waits any more where it is closed.
    pub(in crate::telephony::sip) answer: oneshot::Sender<Answer>,
}

/// The calls that there are, by their dialogs.
#[derive(Default)]
pub(in crate::telephony::sip) struct Ongoing(Mutex<HashMap<DialogId, mpsc::Sender<Asked>>>);

impl Ongoing {
    /// [`Ongoing::remove`] must follow.
    pub(in crate::telephony::sip) fn add(&self, id: DialogId) -> mpsc::Receiver<Asked> {
        let (sender, receiver) = mpsc::channel(REQUESTS_OF_A_CALL);
        self.lock().insert(id, sender);
        receiver
    }

    pub(in crate::telephony::sip) fn remove(&self, id: &DialogId) {
        self.lock().remove(id);
    }

    /// The call's answer; that it comes too fast, if the call has not come to the last requests yet; `None` if there is no
    /// such call.
    pub(super) async fn ask(&self, id: &DialogId, request: Request) -> Option<Answer> {
        let call = self.lock().get(id)?.clone();
        let (answer, answered) = oneshot::channel();
        match call.try_send(Asked { request, answer }) {
            Ok(()) => answered.await.ok(),
            Err(mpsc::error::TrySendError::Full(_)) => Some(Answer::later()),
            Err(mpsc::error::TrySendError::Closed(_)) => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<DialogId, mpsc::Sender<Asked>>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
