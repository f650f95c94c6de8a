//! Simulated phones on a lossy network, over the engine's public API alone: what does each of them hear?
//!
//! All is seeded. A failure names its seed, and the seed replays it.

#![allow(unreachable_pub, clippy::unwrap_used)]

mod codecs;
mod conduct;
mod dictation;
mod hearing;
mod menu;
mod network;
mod phone;
mod recording;
mod safety;
mod world;
