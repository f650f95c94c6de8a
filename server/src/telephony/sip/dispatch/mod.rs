//! What comes in: requests inside a dialog go to their dialog or to their call, INVITEs become calls, the rest is answered
//! here.

mod answers;
mod check;
mod merged;
mod ongoing;

pub(super) use ongoing::{Boxed, BoxedState, Line, Ongoing, Phase};

use super::call;
use super::response::{self, Answer};
use crate::telephony::Switchboard;
use answers::Answers;
use check::Fault;
use merged::Merged;
use rsipstack::dialog::DialogId;
use rsipstack::dialog::dialog::{Dialog, DialogState, DialogStateSender};
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
    pub(super) answers: Answers,
    /// Where all dialogs tell what they come to.
    pub(super) states: DialogStateSender,
    merged: Mutex<Merged>,
}

/// Runs until the endpoint stops. A task for each transaction, so that a slow one keeps nobody waiting.
pub(super) async fn serve(
    board: Arc<Switchboard>,
    dialogs: Arc<DialogLayer>,
    mut incoming: TransactionReceiver,
) {
    let answers = Answers::start(dialogs.endpoint.clone());
    let (states_in, mut states) = dialogs.new_dialog_state_channel();
    let (ongoing, merged) = (Ongoing::default(), Mutex::default());
    let signalling = Arc::new(Signalling { board, dialogs, ongoing, answers, states: states_in, merged });
    loop {
        tokio::select! {
            Some(state) = states.recv() => signalling.ongoing.tell(state),
            transaction = incoming.recv() => {
                let Some(transaction) = transaction else { return };
                // What depends on the order is looked at before the tasks part.
                let order = signalling.order(&transaction);
                tokio::spawn(handle(Arc::clone(&signalling), transaction, order));
            }
        }
    }
}

/// Where a request stands among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Right,
    /// The same INVITE was here, by another way.
    Merged,
    /// A later request of its dialog was here.
    Old,
}

async fn handle(signalling: Arc<Signalling>, mut transaction: Transaction, order: Order) {
    let method = transaction.original.method;
    let answered = if is_in_dialog(&transaction) {
        in_dialog(&signalling, &mut transaction, order).await
    } else if method == Method::Invite {
        match check(&transaction, order) {
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
    fn order(&self, transaction: &Transaction) -> Order {
        let request = &transaction.original;
        let wrong = if !is_in_dialog(transaction) {
            let mut merged = self.merged.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            let second = request.method == Method::Invite && merged.is_second(Instant::now(), request);
            second.then_some(Order::Merged)
        } else {
            let cseq = request.cseq_header().and_then(|cseq| cseq.seq());
            let old = match (DialogId::try_from(transaction), cseq) {
                (Ok(id), Ok(cseq)) => self.ongoing.is_old(&id, cseq),
                _ => false,
            };
            old.then_some(Order::Old)
        };
        wrong.unwrap_or(Order::Right)
    }
}

/// The checks of an INVITE for a new call, in the order of RFC 3261 section 8.2.
fn check(transaction: &Transaction, order: Order) -> Result<(), Fault> {
    let request = &transaction.original;
    check::scheme(request)?;
    if order == Order::Merged {
        return Err(Fault::Merged);
    }
    check::extensions(request)?;
    check::invite(request)
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

async fn in_dialog(
    signalling: &Signalling,
    transaction: &mut Transaction,
    order: Order,
) -> rsipstack::Result<()> {
    let Some(dialog) = signalling.dialogs.match_dialog(transaction) else {
        return match transaction.original.method {
            Method::Ack => Ok(()),
            _ => transaction.reply(StatusCode::CallTransactionDoesNotExist).await,
        };
    };
    if order == Order::Right {
        signalling.ongoing.came_by(&dialog.id(), transaction.connection.as_ref());
    }
    let request = &transaction.original;
    let answer = match request.method {
        Method::Ack | Method::Cancel => return Ok(()),
        // RFC 3261 section 12.2.2.
        _ if order == Order::Old => Answer::new(StatusCode::ServerInternalError),
        Method::Options => response::capabilities(),
        Method::Bye => return pass_on(dialog, transaction).await,
        Method::Invite | Method::Update | Method::PRack | Method::Info => match check::extensions(request) {
            Err(fault) => Answer::from(&fault),
            Ok(()) if request.method != Method::Invite => ask(signalling, transaction).await,
            Ok(()) => {
                signalling.ongoing.acknowledged(&dialog.id()).await;
                if matches!(dialog.state(), DialogState::Confirmed(..)) {
                    return pass_on(dialog, transaction).await;
                }
                // The first INVITE is not answered yet, or its answer not acknowledged (RFC 3261 section 14.2).
                Answer::later()
            }
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

/// Lets the dialog's call answer.
async fn ask(signalling: &Signalling, transaction: &Transaction) -> Answer {
    let gone = || Answer::new(StatusCode::CallTransactionDoesNotExist);
    let Ok(id) = DialogId::try_from(transaction) else { return gone() };
    if transaction.original.method == Method::Update {
        signalling.ongoing.acknowledged(&id).await;
    }
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
