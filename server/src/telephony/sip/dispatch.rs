//! What comes in: requests inside a dialog go to their dialog, INVITEs become calls, the rest is answered here.

use super::{call, response};
use crate::telephony::Switchboard;
use rsipstack::dialog::dialog_layer::DialogLayer;
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Method, StatusCode};
use rsipstack::transaction::TransactionReceiver;
use rsipstack::transaction::transaction::Transaction;
use std::sync::Arc;

/// Runs until the endpoint stops. A task for each transaction, so that a slow one keeps nobody waiting.
pub(super) async fn serve(
    board: Arc<Switchboard>,
    dialogs: Arc<DialogLayer>,
    mut incoming: TransactionReceiver,
) {
    while let Some(transaction) = incoming.recv().await {
        tokio::spawn(handle(Arc::clone(&board), Arc::clone(&dialogs), transaction));
    }
}

async fn handle(board: Arc<Switchboard>, dialogs: Arc<DialogLayer>, mut transaction: Transaction) {
    let method = transaction.original.method;
    let answered = if is_in_dialog(&transaction) {
        in_dialog(&dialogs, &mut transaction).await
    } else {
        match method {
            Method::Invite => {
                call::take(board, dialogs, transaction).await;
                return;
            }
            Method::Options => transaction.reply_with(StatusCode::OK, response::capabilities(), None).await,
            // Nothing to end or to change without a dialog (RFC 3261 section 12.2.2).
            Method::Bye | Method::Update => transaction.reply(StatusCode::CallTransactionDoesNotExist).await,
            // An ACK is never answered, and CANCELs are matched by the endpoint.
            Method::Ack | Method::Cancel => Ok(()),
            _ => transaction.reply_with(StatusCode::MethodNotAllowed, vec![response::allow()], None).await,
        }
    };
    if let Err(error) = answered {
        tracing::debug!(%method, %error, "a request could not be answered");
    }
}

/// A tag in To: the request belongs to a dialog, known or not.
fn is_in_dialog(transaction: &Transaction) -> bool {
    let to = transaction.original.to_header();
    to.is_ok_and(|to| to.tag().is_ok_and(|tag| tag.is_some()))
}

async fn in_dialog(dialogs: &DialogLayer, transaction: &mut Transaction) -> rsipstack::Result<()> {
    match dialogs.match_dialog(transaction) {
        Some(mut dialog) => dialog.handle(transaction).await,
        None if transaction.original.method == Method::Ack => Ok(()),
        None => transaction.reply(StatusCode::CallTransactionDoesNotExist).await,
    }
}
