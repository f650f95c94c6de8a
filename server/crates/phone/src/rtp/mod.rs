//! Media of a call: packets out at absolute 20 ms deadlines, packets in through a small playout buffer, reports.
//!
//! `thread`, `crowd` and `sockets` own the sockets and the clock; the others have neither.

pub(crate) mod agreed;
mod crowd;
pub(crate) mod hearing;
pub(crate) mod media;
mod playout;
pub(crate) mod receive;
pub(crate) mod rtcp;
pub(crate) mod send;
pub(crate) mod sockets;
pub mod statistics;
pub(crate) mod thread;
pub(crate) mod voice;

pub use rtcp::{RemoteReception, RemoteSent, Reports};
pub use statistics::Statistics;
