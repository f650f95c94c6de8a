//! The live page's state: what the browser keeps of a room, and how it follows it.
//!
//! Everything here compiles for both halves: the server renders the first picture with the same types, so that the
//! browser takes over exactly what it finds.

pub mod backoff;
pub mod board;
pub mod door;
pub mod elapsed;
pub mod lanes;
pub mod link;
pub mod order;
pub mod wire;
