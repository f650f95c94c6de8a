//! A recorder's thread: takes the sound of one media thread out of its queue, encodes and writes it.

use super::Shared;
use super::queue::{Head, Source, TICK_SAMPLES};
use super::sync::Job;
use super::track::{Track, TrackError};
use crate::ledger::Entry;
use engine::Take;
use model::{RecordingEnd, RecordingId};
use std::collections::HashMap;
use std::collections::hash_map;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;
use store::NewRecording;

/// How often the queue is looked into. A media thread wakes nobody: that would be a call into the kernel in its tick.
const EVERY: Duration = Duration::from_millis(50);

/// The engine is done with a recording.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub(super) recording: RecordingId,
    /// How long it is.
    pub(super) ticks: u64,
    pub(super) end: RecordingEnd,
}

enum State {
    Open(Box<Track>),
    /// It has ended here, and the engine does not know yet.
    Failed {
        take: Take,
        end: RecordingEnd,
    },
}

pub(super) struct RecorderThread {
    shared: Arc<Shared>,
    source: Source,
    ended: Receiver<Ended>,
    jobs: Sender<Job>,
    states: HashMap<RecordingId, State>,
}

impl RecorderThread {
    pub(super) fn new(
        shared: Arc<Shared>,
        source: Source,
        ended: Receiver<Ended>,
        jobs: Sender<Job>,
    ) -> RecorderThread {
        RecorderThread { shared, source, ended, jobs, states: HashMap::new() }
    }

    /// Runs until its media thread has ended, and all of its recordings are closed.
    pub(super) fn run(mut self) {
        while self.pass() {
            std::thread::sleep(EVERY);
        }
    }

    /// Takes what there is. `false`: there will be nothing more.
    pub(super) fn pass(&mut self) -> bool {
        // In this order: of a recording that is over, all sound is in the queue already; and when nobody pushes any more, all
        // is in it that ever will be.
        let ended: Vec<Ended> = self.ended.try_iter().collect();
        let over = self.source.is_abandoned();
        let mut frame = [0; TICK_SAMPLES];
        while let Some(head) = self.source.pop(&mut frame) {
            self.record(&head, &frame[..head.rate.frame_samples()]);
        }
        for Ended { recording, ticks, end } in ended {
            if let Some(State::Open(track)) = self.states.remove(&recording) {
                self.finish(*track, ticks, end);
            }
        }
        self.end_what_cannot_go_on();
        if over {
            for (_, state) in std::mem::take(&mut self.states) {
                if let State::Open(track) = state {
                    let ticks = track.ticks();
                    self.finish(*track, ticks, RecordingEnd::ConferenceOver);
                }
            }
        }
        !over
    }

    fn record(&mut self, head: &Head, samples: &[i16]) {
        let state = match self.states.entry(head.take.recording) {
            hash_map::Entry::Occupied(entry) => entry.into_mut(),
            hash_map::Entry::Vacant(entry) => entry.insert(begin(&self.shared, &self.jobs, head)),
        };
        if let State::Open(track) = state
            && let Err(error) = track.record(head.tick, head.rate, samples)
        {
            let end = self.shared.reason(&error);
            let lost = std::mem::replace(state, State::Failed { take: head.take, end });
            if let State::Open(track) = lost {
                self.lose(*track, end, &error);
            }
        }
    }

    /// Ends a recording where its sound ends.
    fn finish(&self, mut track: Track, ticks: u64, end: RecordingEnd) {
        match track.finish(ticks) {
            Ok(()) => {
                let sound = track.sound();
                let id = track.take.recording;
                tracing::info!(recording = %id, %end, ?sound, "a recording is over");
                self.hand_on(&track, end);
            }
            Err(error) => self.lose(track, self.shared.reason(&error), &error),
        }
    }

    /// Ends a recording where it can be written no further: its whole pages stay.
    fn lose(&self, track: Track, end: RecordingEnd, error: &TrackError) {
        tracing::error!(recording = %track.take.recording, %error, "a recording ends before its time");
        self.hand_on(&track, end);
    }

    fn hand_on(&self, track: &Track, end: RecordingEnd) {
        let entry = Entry::RecordingEnded { id: track.take.recording, end, sound: track.sound() };
        // Nobody listens any more only if that thread has panicked; the next start closes the recording then.
        let _ = self.jobs.send(Job::Finish { file: Arc::clone(track.file()), entry });
    }

    /// Ends all where the disk is nearly full, and those whose file is broken; the engine is told, again and again until it
    /// has stopped.
    fn end_what_cannot_go_on(&mut self) {
        let out = self.shared.space.is_out();
        let doomed = |(id, state): (&RecordingId, &State)| match state {
            State::Open(track) if track.file().has_failed() => Some((*id, RecordingEnd::Failed)),
            State::Open(_) if out => Some((*id, RecordingEnd::NoSpace)),
            _ => None,
        };
        let doomed: Vec<_> = self.states.iter().filter_map(doomed).collect();
        for (id, end) in doomed {
            if let Some(State::Open(track)) = self.states.remove(&id) {
                let (take, ticks) = (track.take, track.ticks());
                self.states.insert(id, State::Failed { take, end });
                self.finish(*track, ticks, end);
            }
        }
        for state in self.states.values() {
            if let State::Failed { take, end } = state {
                (self.shared.stop)(take, *end);
            }
        }
    }
}

fn begin(shared: &Shared, jobs: &Sender<Job>, head: &Head) -> State {
    let take = head.take;
    match Track::create(&shared.path(take.recording), take, head.rate) {
        Ok(track) => {
            let _ = jobs.send(Job::Watch(Arc::clone(track.file())));
            tracing::info!(recording = %take.recording, conference = %take.conference, "a recording begins");
            shared.ledger.write_blocking(Entry::RecordingBegan(NewRecording {
                id: take.recording,
                room: take.room,
                conference: take.conference,
                since: take.since.as_ms(),
                began: take.began.as_ms(),
            }));
            State::Open(Box::new(track))
        }
        Err(error) => {
            tracing::error!(recording = %take.recording, %error, "a recording cannot begin");
            State::Failed { take, end: shared.reason(&error) }
        }
    }
}
