//! The way of the dialogs' answers to their INVITEs.
//!
//! A dialog keeps the way to its INVITE's transaction for as long as it lasts, and that is a channel with room for 32
//! messages, 11 kB, even when the transaction is over. So the dialogs are given one channel for all of them, and those of
//! the transactions end with the transactions.

use rsipstack::transaction::endpoint::EndpointInnerRef;
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use rsipstack::transaction::transaction::{Transaction, TransactionEvent, TransactionEventSender};
use tokio::sync::mpsc;

/// Where dialogs put their answers.
pub(in crate::telephony::sip) struct Answers(TransactionEventSender);

impl Answers {
    /// Brings each answer to the transaction of the INVITE that it answers.
    pub(super) fn start(endpoint: EndpointInnerRef) -> Answers {
        let (answers, mut given) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(event) = given.recv().await {
                pass_on(&endpoint, event);
            }
        });
        Answers(answers)
    }

    /// Has `make` make a dialog that answers this way.
    pub(in crate::telephony::sip) fn lead<T>(
        &self,
        transaction: &mut Transaction,
        make: impl FnOnce(&Transaction) -> T,
    ) -> T {
        let own = std::mem::replace(&mut transaction.tu_sender, self.0.clone());
        let made = make(transaction);
        transaction.tu_sender = own;
        made
    }

    pub(in crate::telephony::sip) fn give(&self, response: rsipstack::sip::Response) {
        // An error means that the endpoint has stopped.
        let _ = self.0.send(TransactionEvent::Respond(response));
    }
}

fn pass_on(endpoint: &EndpointInnerRef, event: TransactionEvent) {
    let TransactionEvent::Respond(response) = &event else { return };
    // It has the Via, the tag and the numbers of its request.
    let Ok(key) = TransactionKey::from_response(response, TransactionRole::Server) else { return };
    if let Some(transaction) = endpoint.transactions.get(&key) {
        // An error means that it was cancelled, or answered already.
        let _ = transaction.send(event);
    }
}
