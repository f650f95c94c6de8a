//! The one clock of the server: Unix time that never steps back.

use engine::Micros;
use model::live::UnixMs;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Unix time read once at the start, then carried on by the monotonic clock: a step of the system's clock moves no
/// deadline. Copies agree with each other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
    started_unix_us: u64,
}

impl Clock {
    pub(crate) fn start() -> Clock {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Clock { started: Instant::now(), started_unix_us: unix.as_micros() as u64 }
    }

    pub(crate) fn now(&self) -> Micros {
        Micros(self.started_unix_us + self.started.elapsed().as_micros() as u64)
    }

    pub(crate) fn now_ms(&self) -> UnixMs {
        self.now().0 / 1_000
    }
}
