//! What is recorded: the mix of each recorded room, as a hearer hears it who says nothing.

use crate::mix::Mixer;
use crate::time::{Micros, Rate, TICK};
use model::{ConferenceId, RecordingId, RoomId};

/// What a recording belongs to, and when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Take {
    pub recording: RecordingId,
    pub room: RoomId,
    pub conference: ConferenceId,
    /// When the conference began.
    pub since: Micros,
    /// When the recording did.
    pub began: Micros,
}

/// 20 ms of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded<'a> {
    pub take: Take,
    /// Ticks of 20 ms since the recording began. They follow each other, but for ticks that were left out.
    pub tick: u64,
    /// Of these samples: it may be another one in the next tick.
    pub rate: Rate,
    /// [`Rate::frame_samples`] of them.
    pub samples: &'a [i16],
}

/// A recording that runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Running {
    pub(crate) take: Take,
    /// The instant of its first tick.
    first: Option<Micros>,
    /// Its ticks up to now.
    pub(crate) ticks: u64,
}

impl Running {
    pub(crate) fn new(take: Take) -> Running {
        Running { take, first: None, ticks: 0 }
    }

    /// Which tick of the recording is that at `at`, on the grid of its room's ticks?
    fn tick(&mut self, at: Micros) -> u64 {
        let first = *self.first.get_or_insert(at);
        at.since(first).0 / TICK.0
    }
}

#[derive(Clone, Copy, Debug)]
struct Cut {
    take: Take,
    tick: u64,
    rate: Rate,
    /// Where its samples begin.
    begin: usize,
}

/// One step's recorded sound, of all rooms that ticked in it. Kept for its memory.
pub(crate) struct Tape {
    /// How long a recording may be.
    longest: Micros,
    /// The instant of the step, on the grid of ticks.
    at: Micros,
    cuts: Vec<Cut>,
    samples: Vec<i16>,
}

impl Tape {
    pub(crate) fn new(longest: Micros) -> Tape {
        Tape { longest, at: Micros(0), cuts: Vec::new(), samples: Vec::new() }
    }

    /// Begins a step: the last one's sound is forgotten.
    pub(crate) fn begin(&mut self, at: Micros) {
        self.at = at;
        self.cuts.clear();
        self.samples.clear();
    }

    /// With this step's tick the recording would be longer than it may be.
    pub(crate) fn is_full(&self, running: &Running) -> bool {
        running.first.is_some_and(|first| self.at.since(first) >= self.longest)
    }

    /// Takes a room's tick: all voices, at the gain at which all hear them.
    pub(crate) fn record(&mut self, running: &mut Running, mixer: &mut Mixer) {
        let tick = running.tick(self.at);
        running.ticks = tick + 1;
        let (begin, rate) = (self.samples.len(), mixer.rate());
        self.samples.resize(begin + rate.frame_samples(), 0);
        mixer.others(None, &mut self.samples[begin..]);
        self.cuts.push(Cut { take: running.take, tick, rate, begin });
    }

    pub(crate) fn recorded(&self) -> impl Iterator<Item = Recorded<'_>> {
        self.cuts.iter().map(|Cut { take, tick, rate, begin }| Recorded {
            take: *take,
            tick: *tick,
            rate: *rate,
            samples: &self.samples[*begin..begin + rate.frame_samples()],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix::Edge;
    use crate::mix::limiter::Limiter;
    use uuid::Uuid;

    fn running() -> Running {
        let id = Uuid::from_u128(1);
        Running::new(Take {
            recording: RecordingId(id),
            room: RoomId(id),
            conference: ConferenceId(id),
            since: Micros(0),
            began: Micros(0),
        })
    }

    #[test]
    fn ticks_that_were_left_out_are_counted() {
        let (mut tape, mut running, mut mixer) = (Tape::new(Micros::from_ms(360)), running(), Mixer::new());
        for (ms, tick) in [(1_005, 0), (1_025, 1), (1_305, 15), (1_325, 16)] {
            tape.begin(Micros::from_ms(ms));
            mixer.open(Rate::Wide);
            mixer.add(&[700; 320]);
            mixer.close(&[0; 320], &mut Limiter::new(), Edge::None);
            tape.record(&mut running, &mut mixer);
            let all: Vec<_> = tape.recorded().collect();
            assert_eq!((all.len(), all[0].tick, all[0].samples), (1, tick, &[700; 320][..]));
        }
        assert_eq!(running.ticks, 17);
        for (ms, full) in [(1_345, false), (1_365, true)] {
            tape.begin(Micros::from_ms(ms));
            assert!(tape.is_full(&running) == full && tape.recorded().next().is_none());
        }
    }
}
