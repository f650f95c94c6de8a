//! Signalling (RFC 3261): messages by `rsip`, transactions and the dialog without sockets or clock.

#[cfg(test)]
mod bench;
pub(crate) mod dialog;
pub(crate) mod incoming;
pub(crate) mod invite;
pub(crate) mod message;
pub(crate) mod transaction;

pub use dialog::End;
