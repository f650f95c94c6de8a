//! A telephone of our own: `conference call`, the demo's callers, the end-to-end tests and the benches.
//!
//! It stands on `rsip` and `rtp-rs`, the server on other parsers and its own engine, so that the server is never
//! tested by its own idea of the protocols.
//!
//! Each call has a SIP socket and an RTP socket of its own, as separate telephones have. Signalling runs in one
//! tokio task per call; media of many calls run in one [`media thread`](rtp), which keeps absolute 20 ms deadlines
//! whatever the runtime is busy with.
//!
//! Limits, by intention: SIP over UDP and IPv4 (`rsip` refuses IPv6 URIs), one server, no forking proxy in
//! between (the first 2xx to an INVITE is the call), no authentication.

pub mod call;
pub mod cli;
pub mod codec;
pub mod demo;
mod driver;
pub mod dtmf;
pub mod hear;
pub mod load;
pub mod menu;
pub mod plain;
mod resample;
pub mod rtp;
pub mod sdp;
pub mod sip;
pub mod sound;
pub mod uri;
pub mod wav;

pub use call::{Call, CallConfig, CallError, CallReport, Dialling, Progress, Reinvite, call, dial};
pub use codec::Codec;
pub use hear::Heard;
pub use sdp::Direction;
pub use sip::End;
pub use sound::{Clip, Pcm, Sound};
pub use uri::{Target, parse_sip_uri};
