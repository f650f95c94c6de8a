//! Media of a call: packets out at absolute 20 ms deadlines, packets in through a small playout buffer.
//!
//! `send`, `receive` and `media` have no socket and no clock; `thread` owns both.

pub(crate) mod media;
pub(crate) mod receive;
pub(crate) mod send;
pub mod statistics;
pub(crate) mod thread;

pub use statistics::Statistics;
