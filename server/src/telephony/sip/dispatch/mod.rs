//! What comes in: requests inside a dialog go to their dialog or to their call, INVITEs become calls, the rest is answered
//! here.

mod check;
mod merged;
mod ongoing;

pub(super) use ongoing::{Asked, Ongoing};

use super::call;
use super::response::{self, Answer};
use crate::telephony::Switchboard;
use check::Fault;
use merged::Merged;
use rsipstack::dialog::DialogId;
use rsipstack::dialog::dialog::{Dialog, DialogState};
use rsipstack::dialog::dialog_layer::DialogLayer;
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Method, StatusCode};
use rsipstack::transaction::TransactionReceiver;
use rsipstack::transaction::transaction::Transaction;
use std::sync::{Arc, Mutex};
use tokio::time::Instant;

/// What all requests need.
pub(super) struct Signalling {
    pub(super) board: Arc<Switchboard>,
    pub(super) dialogs: Arc<DialogLayer>,
    pub(super) ongoing: Ongoing,
    merged: Mutex<Merged>,
}

/// Runs until the endpoint stops. A task for each transaction, so that a slow one keeps nobody waiting.
pub(super) async fn serve(
    board: Arc<Switchboard>,
    dialogs: Arc<DialogLayer>,
    mut incoming: TransactionReceiver,
) {
    let signalling =
        Arc::new(Signalling { board, dialogs, ongoing: Ongoing::default(), merged: Mutex::default() });
    while let Some(transaction) = incoming.recv().await {
        tokio::spawn(handle(Arc::clone(&signalling), transaction));
    }
}

async fn handle(signalling: Arc<Signalling>, mut transaction: Transaction) {
    let method = transaction.original.method;
    let answered = if is_in_dialog(&transaction) {
        in_dialog(&signalling, &mut transaction).await
    } else if method == Method::Invite {
        match signalling.check(&transaction) {
            Ok(()) => return call::take(signalling, transaction).await,
            Err(fault) => {
                tracing::info!(reason = %fault, "call refused");
                return call::refuse(transaction, Answer::from(&fault)).await;
            }
        }
    } else {
        match outside(&transaction) {
            Some(answer) => answer.send(&mut transaction).await,
            None => Ok(()),
        }
    };
    if let Err(error) = answered {
        tracing::debug!(%method, %error, "a request could not be answered");
    }
}

impl Signalling {
    /// The checks of an INVITE for a new call, in the order of RFC 3261 section 8.2.
    fn check(&self, transaction: &Transaction) -> Result<(), Fault> {
        let request = &transaction.original;
        check::scheme(request)?;
        let mut merged = self.merged.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if merged.is_second(Instant::now(), request) {
            return Err(Fault::Merged);
        }
        check::extensions(request)?;
        check::invite(request)
    }
}

/// A tag in To: the request belongs to a dialog, known or not.
fn is_in_dialog(transaction: &Transaction) -> bool {
    let to = transaction.original.to_header();
    to.is_ok_and(|to| to.tag().is_ok_and(|tag| tag.is_some()))
}

/// What a request is told that is neither an INVITE nor in a dialog.
fn outside(transaction: &Transaction) -> Option<Answer> {
    let request = &transaction.original;
    match request.method {
        Method::Options => {
            let checked = check::scheme(request).and_then(|()| check::extensions(request));
            Some(checked.map_or_else(|fault| Answer::from(&fault), |()| response::capabilities()))
        }
        // Nothing to end, to change or to acknowledge without a dialog (RFC 3261 section 12.2.2).
        Method::Bye | Method::Update | Method::PRack | Method::Info => {
            Some(Answer::new(StatusCode::CallTransactionDoesNotExist))
        }
        method => unserved(method),
    }
}

/// What we do not do, in a dialog or outside. `None`: an ACK is never answered, and CANCELs are matched by the stack.
fn unserved(method: Method) -> Option<Answer> {
    match method {
        Method::Ack | Method::Cancel => None,
        // RFC 6665 section 4.1.3 and 4.2.1.1: there is no event to subscribe to here.
        Method::Subscribe | Method::Notify => Some(Answer::new(StatusCode::BadEvent)),
        // RFC 3515 section 2.4.2: nobody is sent elsewhere.
        Method::Refer => Some(Answer::new(StatusCode::Decline)),
        _ => Some(Answer::new(StatusCode::MethodNotAllowed).with(response::allow())),
    }
}

async fn in_dialog(signalling: &Signalling, transaction: &mut Transaction) -> rsipstack::Result<()> {
    let Some(dialog) = signalling.dialogs.match_dialog(transaction) else {
        return match transaction.original.method {
            Method::Ack => Ok(()),
            _ => transaction.reply(StatusCode::CallTransactionDoesNotExist).await,
        };
    };
    let request = &transaction.original;
    let answer = match request.method {
        Method::Ack | Method::Cancel => return Ok(()),
        _ if is_old(&dialog, transaction) => Answer::new(StatusCode::ServerInternalError),
        Method::Options => response::capabilities(),
        Method::Bye => return pass_on(dialog, transaction).await,
        Method::Invite | Method::Update | Method::PRack | Method::Info => match check::extensions(request) {
            Err(fault) => Answer::from(&fault),
            Ok(()) if request.method != Method::Invite => ask(signalling, transaction).await,
            Ok(()) if matches!(dialog.state(), DialogState::Confirmed(..)) => {
                return pass_on(dialog, transaction).await;
            }
            // The first INVITE is not answered yet, or its answer not acknowledged (RFC 3261 section 14.2).
            Ok(()) => Answer::later(),
        },
        method => match unserved(method) {
            Some(answer) => answer,
            None => return Ok(()),
        },
    };
    let is_invite = transaction.original.method == Method::Invite;
    answer.send(transaction).await?;
    if is_invite {
        // The answer is sent again until the ACK is here.
        while transaction.receive().await.is_some() {}
    }
    Ok(())
}

async fn pass_on(mut dialog: Dialog, transaction: &mut Transaction) -> rsipstack::Result<()> {
    dialog.handle(transaction).await
}

/// RFC 3261 section 12.2.2: a request that comes behind a later one is answered by 500.
fn is_old(dialog: &Dialog, transaction: &Transaction) -> bool {
    let Dialog::Invite(dialog) = dialog else { return false };
    let cseq = transaction.original.cseq_header().and_then(|cseq| cseq.seq());
    cseq.is_ok_and(|cseq| cseq < dialog.snapshot().remote_cseq)
}

/// Lets the dialog's call answer.
async fn ask(signalling: &Signalling, transaction: &Transaction) -> Answer {
    let gone = || Answer::new(StatusCode::CallTransactionDoesNotExist);
    let Ok(id) = DialogId::try_from(transaction) else { return gone() };
    signalling.ongoing.ask(&id, transaction.original.clone()).await.unwrap_or_else(gone)
}

/// Reads a request as one for a new call is read.
#[cfg(any(fuzzing, test))]
pub(super) fn fuzz(request: &rsipstack::sip::Request) {
    let _ = check::scheme(request);
    let _ = Merged::default().is_second(Instant::now(), request);
    let _ = check::extensions(request).map_err(|fault| Answer::from(&fault));
    let _ = check::invite(request);
}
