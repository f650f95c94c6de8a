//! From a media thread to its recorder: bounded, without a lock, and never waited for. What finds no place is left out, and
//! is silence in the recording: its tick's number is missing.

use engine::{Rate, Recorded, Take};
use model::limits::{RECORDING_QUEUE_SAMPLES, RECORDING_QUEUE_TICKS};
use rtrb::{Consumer, Producer, RingBuffer};

/// Samples of a tick at the highest rate.
pub(super) const TICK_SAMPLES: usize = Rate::Full.frame_samples();

/// The media thread's end.
pub(crate) struct Tap {
    heads: Producer<Head>,
    samples: Producer<i16>,
}

/// The recorder's end.
pub(crate) struct Source {
    heads: Consumer<Head>,
    samples: Consumer<i16>,
}

/// What is said of a tick's samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) take: Take,
    pub(super) tick: u64,
    pub(super) rate: Rate,
}

/// A queue of the size that the limits say. All its memory is taken now.
pub(crate) fn queue() -> (Tap, Source) {
    of_size(RECORDING_QUEUE_TICKS, RECORDING_QUEUE_SAMPLES)
}

pub(super) fn of_size(ticks: usize, samples: usize) -> (Tap, Source) {
    let (heads, heads_out) = RingBuffer::new(ticks);
    let (samples, samples_out) = RingBuffer::new(samples);
    (Tap { heads, samples }, Source { heads: heads_out, samples: samples_out })
}

impl Tap {
    /// Hands on a tick's sound, or leaves it out where there is no place for it.
    pub(crate) fn push(&mut self, recorded: &Recorded<'_>) {
        let Recorded { take, tick, rate, samples } = *recorded;
        // The samples first: whoever sees the head finds them. Nobody else pushes, so the head's place stays free.
        if !self.heads.is_full() && self.samples.push_entire_slice(samples).is_ok() {
            let _ = self.heads.push(Head { take, tick, rate });
        }
    }
}

impl Source {
    /// The next tick, in the order in which they came; its samples are the first of `frame`, as many as its rate has.
    pub(super) fn pop(&mut self, frame: &mut [i16; TICK_SAMPLES]) -> Option<Head> {
        let head = self.heads.pop().ok()?;
        let samples = &mut frame[..head.rate.frame_samples()];
        self.samples.pop_entire_slice(samples).ok()?;
        Some(head)
    }

    /// The media thread has ended: what is in the queue now is all there will be.
    pub(super) fn is_abandoned(&self) -> bool {
        self.heads.is_abandoned()
    }
}
