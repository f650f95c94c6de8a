//! RTCP, RFC 3550 section 6: what the phone's packets suffered, what it says ours suffered, and what that means for
//! the ear.
//!
//! [`Reception`] counts what comes, [`RtcpSession`] reads the phone's reports and says when ours go out, [`report`]
//! writes them, and [`quality`] rates the line by ITU-T G.107.

mod quality;
mod reception;
mod report;
mod session;

pub(crate) use quality::{Equipment, Line};
pub(crate) use reception::Reception;
pub(crate) use report::{REPORT_BYTES_MAX, Sent};
pub(crate) use session::{Malformed, RtcpSession};
