//! The media engine, sans-IO: packets, commands and time go in; packets, events and the next deadline come out.
//!
//! There is no socket, no clock, no thread, no file and no log in it, so a seeded simulation can run an hour of a lossy
//! conference in a moment and replay it exactly. One [`Engine`] lives on each media thread and owns whole rooms.
//!
//! A packet's way: [`Engine::handle_packet`] → the leg's source is latched, its payload type known → the jitter buffer,
//! or for telephone-events the menu or the member's keys → at the deadline [`Engine::handle_tick`] takes 20 ms out of
//! each buffer, decodes or conceals, judges the level, sums once, and makes each talker's own mix-minus and one shared
//! encoding for all silent hearers of a codec → [`Engine::packets`].
//!
//! ```
//! use engine::{Engine, EngineConfig, Micros};
//!
//! let mut engine = Engine::new(EngineConfig { seed: 7, ..EngineConfig::default() });
//! let now = Micros::from_ms(1_000);
//! engine.handle_tick(now);
//! assert_eq!(engine.packets().count(), 0);
//! assert_eq!(engine.next_tick(), Micros::from_ms(1_020));
//! ```

mod announcement;
mod codec;
mod dtmf;
mod engine;
mod event;
#[cfg(any(fuzzing, test))]
pub mod fuzz;
mod jitter;
mod leg;
mod leg_key;
mod level;
mod mix;
mod outbound;
mod params;
mod phrase;
mod prompt;
mod rng;
mod room;
mod rtcp;
mod rtp;
mod speaker;
mod spoken;
mod stats;
mod stream;
mod tape;
mod time;
mod wire;

pub use announcement::Announcement;
pub use engine::{Engine, Expect};
pub use event::{DictationStep, EndReason, Event};
pub use leg::Goodbye;
pub use leg::dictation::TAPE_HZ;
pub use leg_key::LegKey;
pub use params::{Caller, Codec, DictationAnswer, EngineConfig, MediaParams, Menu, OpenLeg};
pub use phrase::{Number, Place};
pub use prompt::{Phrase, Prompts};
pub use rtp::event::Key;
pub use spoken::Sentence;
pub use stats::{Dropped, EngineStats};
pub use tape::{Recorded, Take};
pub use time::{Arrival, FRAME_SAMPLES, Micros, PHASES, Rate, SAMPLE_RATE_HZ, TICK};
pub use wire::{Channel, Packet};
