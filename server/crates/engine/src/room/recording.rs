//! Whether a room's conference is recorded, and what its members are told of it.

use super::{Legs, Room};
use crate::event::Event;
use crate::leg::State;
use crate::leg_key::LegKey;
use crate::mix::Mixer;
use crate::phrase::Phrase;
use crate::spoken::Sentence;
use crate::tape::{Running, Take, Tape};
use crate::time::Micros;
use model::{RecordingEnd, RecordingId};

/// A conference is recorded from this many members on.
const MEMBERS: usize = 2;

/// Of a conference.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Recording {
    NotYet,
    Runs(Running),
    /// It was, and is not any more. It begins again by a moderator's wish alone.
    Over,
}

impl Room {
    fn running(&self) -> Option<&Running> {
        match &self.conference.as_ref()?.recording {
            Recording::Runs(running) => Some(running),
            Recording::NotYet | Recording::Over => None,
        }
    }

    pub(crate) fn is_recorded(&self) -> bool {
        self.running().is_some()
    }

    /// Somebody has come in: is it time to record, if the settings want it?
    pub(crate) fn is_to_be_recorded(&self) -> bool {
        let not_yet = |recording: &Recording| matches!(recording, Recording::NotYet);
        self.members.len() >= MEMBERS && self.conference.as_ref().is_some_and(|c| not_yet(&c.recording))
    }

    /// Records the conference from the next tick on, if it is not recorded already. All are told so but `newcomer`, who is
    /// told by itself.
    pub(crate) fn begin_recording(
        &mut self,
        now: Micros,
        recording: RecordingId,
        legs: &mut Legs,
        newcomer: Option<LegKey>,
    ) {
        if self.is_recorded() {
            return;
        }
        let Some(conference) = &mut self.conference else { return };
        let take =
            Take { recording, room: self.id, conference: conference.id, since: conference.since, began: now };
        conference.recording = Recording::Runs(Running::new(take));
        self.say_to_all(now, legs, Phrase::Recorded.into(), newcomer);
    }

    /// Stops recording, if that is the recording which runs, and says so to all.
    pub(crate) fn stop_recording(
        &mut self,
        now: Micros,
        recording: RecordingId,
        end: RecordingEnd,
        legs: &mut Legs,
    ) {
        if self.running().is_some_and(|running| running.take.recording == recording) {
            self.end_recording(end);
            self.say_to_all(now, legs, Phrase::RecordingStopped.into(), None);
        }
    }

    /// The recording is over, if there is one.
    pub(super) fn end_recording(&mut self, end: RecordingEnd) {
        let Some(Running { take, ticks, .. }) = self.running().copied() else { return };
        if let Some(conference) = &mut self.conference {
            conference.recording = Recording::Over;
        }
        self.endings.push(Event::RecordingEnded { room: self.id, recording: take.recording, ticks, end });
    }

    /// Before a tick: a recording that is as long as it may be is over.
    pub(super) fn limit_recording(&mut self, now: Micros, legs: &mut Legs, tape: &Tape) {
        let full = self.running().filter(|running| tape.is_full(running));
        if let Some(recording) = full.map(|running| running.take.recording) {
            self.stop_recording(now, recording, RecordingEnd::Limit, legs);
        }
    }

    /// The mix is made: records it.
    pub(super) fn record(&mut self, mixer: &mut Mixer, tape: &mut Tape) {
        if let Some(conference) = &mut self.conference
            && let Recording::Runs(running) = &mut conference.recording
        {
            tape.record(running, mixer);
        }
    }

    /// Recordings that are over since this was asked last, to be told to the server.
    pub(crate) fn take_endings(&mut self) -> impl Iterator<Item = Event> {
        self.endings.drain(..)
    }

    /// Says something to all who are in, the deaf too, but to one.
    pub(crate) fn say_to_all(
        &mut self,
        now: Micros,
        legs: &mut Legs,
        sentence: Sentence,
        but: Option<LegKey>,
    ) {
        self.sound.voice.say(now, sentence);
        for key in self.members.iter().filter(|key| but != Some(**key)) {
            if let Some(leg) = legs.get_mut(*key)
                && let State::Member(member) = &mut leg.state
                && (member.deaf || member.dictation.is_some() || !leg.speaker.is_done())
            {
                // Two voices at once are not understood, so this one waits for the other.
                member.spared_until = now;
                leg.speaker.say(sentence);
            }
        }
    }
}
