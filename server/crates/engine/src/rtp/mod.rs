//! What arrives on a leg's socket: RTP (RFC 3550), its source, and telephone-events (RFC 4733).

pub(crate) mod event;
pub(crate) mod header;
pub(crate) mod latch;
