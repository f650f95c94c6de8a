//! Why there is no call, no digit, no change.

use crate::dtmf::DigitError;
use crate::sdp::SdpError;
use std::net::SocketAddr;
use std::time::Duration;

#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("no socket could be opened: {0}")]
    Io(#[from] std::io::Error),
    #[error("“{0}” cannot be dialled")]
    Number(String),
    #[error("no codec is offered")]
    NoCodec,
    #[error("nobody answers SIP at {0}")]
    Unreachable(SocketAddr),
    #[error("no reply from {0}")]
    NoReply(SocketAddr),
    #[error("the call is refused: {code} {reason}")]
    Refused { code: u16, reason: String },
    #[error("nobody answered within {} s", .0.as_secs())]
    NotAnswered(Duration),
    #[error("the call was cancelled")]
    Cancelled,
    #[error("the answer cannot be used: {0}")]
    Answer(#[from] SdpError),
    #[error("the call ended before it was answered")]
    Ended,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DigitsError {
    #[error(transparent)]
    Digit(#[from] DigitError),
    #[error("the call has ended")]
    Ended,
}

#[derive(Debug, thiserror::Error)]
pub enum ReinviteError {
    #[error("no socket could be opened: {0}")]
    Io(#[from] std::io::Error),
    #[error("the change is refused: {code} {reason}")]
    Refused { code: u16, reason: String },
    #[error("the answer cannot be used: {0}")]
    Answer(#[from] SdpError),
    #[error("a change of the call is under way")]
    Busy,
    #[error("the call has ended")]
    Ended,
}
