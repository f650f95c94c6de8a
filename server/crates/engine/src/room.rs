//! A room: who is in its conference, and what its pages were told.

mod recording;
mod voice;

use crate::event::{EndReason, Event};
use crate::jitter::Popped;
use crate::leg::member::MemberState;
use crate::leg::{Leg, State};
use crate::leg_key::{LegKey, Slab};
use crate::mix::limiter::Limiter;
use crate::mix::{Edge, Mixer};
use crate::phrase::Phrase;
use crate::rng::Rng;
use crate::rtp::event::Key;
use crate::stats::EngineStats;
use crate::stream::{Desk, Noise, RoomStreams, Spare};
use crate::tape::Tape;
use crate::time::{FRAME_SAMPLES_MAX, Micros, Rate};
use crate::wire::Wire;
use model::limits::DELTA_INTERVAL_MS;
use model::{Change, ConferenceId, RecordingEnd, RoomId};
use recording::Recording;
use voice::RoomVoice;
pub(crate) use voice::Saying;

pub(crate) type Legs = Slab<Box<Leg>>;

pub(crate) struct Room {
    id: RoomId,
    /// Legs before or after the conference.
    callers: Vec<LegKey>,
    /// Legs whose calls are over.
    closed: usize,
    /// In the order in which they came in.
    members: Vec<LegKey>,
    conference: Option<Conference>,
    sound: Sound,
    /// What happened since it was told last; states are compared instead.
    happened: Vec<Change>,
    /// Recordings that are over, not told yet.
    endings: Vec<Event>,
    told: Option<Micros>,
}

/// From the first member to the last. A lock ends with it.
struct Conference {
    id: ConferenceId,
    since: Micros,
    locked: bool,
    recording: Recording,
    /// By the settings that the last newcomer brought.
    chimes: bool,
    /// What the pages know.
    locked_told: bool,
    recorded_told: bool,
}

/// What the settings say of a leg that comes in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entering {
    pub(crate) muted: bool,
    pub(crate) chimes: bool,
}

/// How the room sounds.
struct Sound {
    /// That of the best codec that was in the conference.
    rate: Rate,
    rise: Rise,
    limiter: Limiter,
    streams: RoomStreams,
    /// The ends of the voices of those who left since the last tick, at the room's rate, one after the other.
    tails: Vec<i16>,
    voice: RoomVoice,
    /// Ticks in which the mix was not worth listening to, up to now.
    quiet_ticks: u16,
}

/// A member has brought a higher rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rise {
    None,
    /// The next tick fades out.
    Wanted(Rate),
    /// It has; the next one begins with the new rate, and fades in.
    Faded(Rate),
}

/// What all rooms of an engine use in turn.
pub(crate) struct Studio {
    pub(crate) mixer: Mixer,
    pub(crate) spare: Spare,
    pub(crate) wire: Wire,
    pub(crate) rng: Rng,
    pub(crate) stats: EngineStats,
    /// Keys that were heard in the sound of this tick.
    pub(crate) pressed: Vec<(LegKey, Key)>,
    pub(crate) tape: Tape,
}

impl Room {
    pub(crate) fn new(id: RoomId) -> Self {
        let rate = Rate::Narrow;
        Room {
            id,
            callers: Vec::new(),
            closed: 0,
            members: Vec::new(),
            conference: None,
            sound: Sound {
                rate,
                rise: Rise::None,
                limiter: Limiter::new(),
                streams: RoomStreams::new(),
                tails: Vec::new(),
                voice: RoomVoice::default(),
                quiet_ticks: 0,
            },
            happened: Vec::new(),
            endings: Vec::new(),
            told: None,
        }
    }

    pub(crate) fn rate(&self) -> Rate {
        self.sound.rate
    }

    pub(crate) fn members(&self) -> &[LegKey] {
        &self.members
    }

    /// Legs that are not in the conference.
    pub(crate) fn callers(&self) -> &[LegKey] {
        &self.callers
    }

    /// All legs that are open.
    pub(crate) fn legs(&self) -> usize {
        self.callers.len() + self.members.len()
    }

    /// What the pages should show.
    pub(crate) fn snapshot(&self, legs: &Legs) -> Option<model::Conference> {
        let conference = self.conference.as_ref()?;
        let members = self.members.iter().filter_map(|key| legs.get(*key)?.snapshot()).collect();
        Some(model::Conference {
            id: conference.id,
            since: conference.since.as_ms(),
            locked: conference.locked,
            recording: self.is_recorded(),
            members,
        })
    }

    pub(crate) fn has_conference(&self) -> bool {
        self.conference.is_some()
    }

    pub(crate) fn lock(&mut self, locked: bool) {
        if let Some(conference) = &mut self.conference {
            conference.locked = locked;
        }
    }

    /// Why nobody more may come in, if so.
    pub(crate) fn refusal(&self, members_max: usize) -> Option<EndReason> {
        if self.conference.as_ref().is_some_and(|conference| conference.locked) {
            return Some(EndReason::Locked);
        }
        (self.members.len() >= members_max).then_some(EndReason::Full)
    }

    /// A call has come.
    pub(crate) fn open(&mut self, leg: LegKey) {
        self.callers.push(leg);
    }

    /// A call is over.
    pub(crate) fn close(&mut self, now: Micros, leg: &mut Leg) {
        self.leave(now, leg);
        self.closed += 1;
        self.callers.retain(|key| *key != leg.key);
    }

    /// A leg has become a member.
    pub(crate) fn join(&mut self, now: Micros, leg: &mut Leg, entering: Entering) {
        let first = self.conference.is_none();
        let conference = self.conference.get_or_insert(Conference {
            id: leg.conference,
            since: now,
            locked: false,
            recording: Recording::NotYet,
            chimes: entering.chimes,
            locked_told: false,
            recorded_told: false,
        });
        conference.chimes = entering.chimes;
        if first {
            self.happened.push(Change::Began { id: conference.id, since: conference.since.as_ms() });
        }
        leg.state = State::Member(MemberState::new(now, entering.muted));
        self.happened.extend(leg.snapshot().map(|member| Change::Joined { member }));
        self.callers.retain(|key| *key != leg.key);
        self.members.push(leg.key);
        leg.set_room_rate(self.sound.rate);
        self.sound.make_room_for(leg.media.codec.rate());
        self.sound.voice.speak_as(leg.speaker.prompts(), self.sound.rate);
        if entering.chimes && !first {
            self.sound.voice.chime(now, Phrase::EnterChime);
        }
    }

    /// A member has another codec.
    pub(crate) fn make_room_for(&mut self, rate: Rate) {
        self.sound.make_room_for(rate);
    }

    /// A member has left; the last one ends the conference.
    pub(crate) fn leave(&mut self, now: Micros, leg: &mut Leg) {
        let Some(place) = self.members.iter().position(|key| *key == leg.key) else { return };
        self.members.remove(place);
        self.callers.push(leg.key);
        self.happened.push(Change::Left { id: leg.member });
        if let State::Member(member) = &mut leg.state {
            let mut tail = [0; FRAME_SAMPLES_MAX];
            let tail = &mut tail[..self.sound.rate.frame_samples()];
            if member.fade_away(&leg.media, &mut leg.inbound, tail).is_some() {
                self.sound.tails.extend_from_slice(tail);
            }
        }
        if self.members.is_empty() {
            self.end_recording(RecordingEnd::ConferenceOver);
            self.conference = None;
            self.sound.tails.clear();
            self.sound.voice = RoomVoice::default();
            self.happened.push(Change::Ended);
        } else if self.conference.as_ref().is_some_and(|conference| conference.chimes) {
            self.sound.voice.chime(now, Phrase::LeaveChime);
        }
    }

    /// Mixes 20 ms: every voice once into the sum, then each hearer's own share of it.
    pub(crate) fn tick(&mut self, now: Micros, legs: &mut Legs, studio: &mut Studio, noise: &mut Noise) {
        let edge = self.change_rate(legs);
        let rate = self.sound.rate;
        self.limit_recording(now, legs, &studio.tape);
        let Studio { mixer, spare, wire, rng, stats, pressed, tape } = studio;
        mixer.open(rate);
        self.sound.tails.chunks_exact(rate.frame_samples()).for_each(|tail| {
            mixer.add(tail);
        });
        self.sound.tails.clear();
        for key in &self.members {
            if let Some(leg) = legs.get_mut(*key)
                && let State::Member(member) = &mut leg.state
            {
                let popped = member.listen(now, &leg.media, &mut leg.inbound, mixer);
                stats.frames_concealed += u64::from(popped == Popped::Concealed);
                pressed.extend(leg.inbound.take_pressed().map(|heard| (*key, heard)));
            }
        }
        let saying = self.sound.voice.speak(mixer);
        self.play_music_to_the_only_one(legs);
        self.sound.streams.next_tick(mixer.is_silent(), noise);
        mixer.close(noise.frame(rate), &mut self.sound.limiter, edge);
        self.record(mixer, tape);
        let sound = &mut self.sound;
        sound.quiet_ticks = if mixer.is_quiet() { sound.quiet_ticks.saturating_add(1) } else { 0 };
        let quiet_ticks = sound.quiet_ticks;
        let mut desk = Desk { mixer, streams: &mut sound.streams, noise, spare, wire, saying, quiet_ticks };
        for key in &self.members {
            if let Some(leg) = legs.get_mut(*key) {
                leg.send_mix(&mut desk);
                leg.send_report(now, rng, desk.wire);
            }
        }
        for key in &self.callers {
            if let Some(leg) = legs.get_mut(*key) {
                leg.send_menu(&mut desk);
                leg.send_report(now, rng, desk.wire);
            }
        }
        let Desk { streams, noise, wire, .. } = desk;
        streams.end_tick(noise, wire);
    }

    /// Who has come first is the first of the members, so nobody else has to be told when it ends.
    fn play_music_to_the_only_one(&self, legs: &mut Legs) {
        if let Some(first) = self.members.first().and_then(|key| legs.get_mut(*key)) {
            let busy = matches!(&first.state, State::Member(member) if member.dictation.is_some());
            first.speaker.play_music(self.members.len() == 1 && !self.sound.voice.is_speaking() && !busy);
        }
    }

    /// Between two ticks: the first one fades out, the second one has the new rate and fades in.
    fn change_rate(&mut self, legs: &mut Legs) -> Edge {
        let (edge, rate) = self.sound.next_edge();
        if let Some(rate) = rate {
            for key in self.members.iter().chain(&self.callers) {
                if let Some(leg) = legs.get_mut(*key) {
                    leg.set_room_rate(rate);
                }
            }
        }
        edge
    }

    /// What the pages have to be told, if anything, and if it is not too early.
    pub(crate) fn tell(&mut self, now: Micros, legs: &mut Legs) -> Option<Event> {
        if self.told.is_some_and(|told| now.since(told) < Micros::from_ms(DELTA_INTERVAL_MS)) {
            return None;
        }
        let mut changes = std::mem::take(&mut self.happened);
        let recording = self.is_recorded();
        if let Some(conference) = &mut self.conference {
            if conference.locked != conference.locked_told {
                conference.locked_told = conference.locked;
                changes.push(Change::Locked { locked: conference.locked });
            }
            if recording != conference.recorded_told {
                conference.recorded_told = recording;
                changes.push(Change::Recording { recording });
            }
        }
        for key in &self.members {
            if let Some(leg) = legs.get_mut(*key) {
                leg.tell(&mut changes);
            }
        }
        if changes.is_empty() {
            return None;
        }
        self.told = Some(now);
        Some(Event::Live { room: self.id, changes })
    }

    /// What is to be said when nothing is left of it: no leg, and nothing to tell.
    pub(crate) fn over(&self, now: Micros) -> Option<Event> {
        let quiet = self.told.is_none_or(|told| now.since(told) >= Micros::from_ms(DELTA_INTERVAL_MS));
        let over = self.legs() == 0 && self.happened.is_empty() && self.endings.is_empty() && quiet;
        over.then_some(Event::RoomOver { room: self.id, closed: self.closed })
    }
}

impl Sound {
    fn make_room_for(&mut self, rate: Rate) {
        self.rise = match self.rise {
            Rise::None if rate > self.rate => Rise::Wanted(rate),
            Rise::None => Rise::None,
            Rise::Wanted(wanted) => Rise::Wanted(wanted.max(rate)),
            Rise::Faded(wanted) => Rise::Faded(wanted.max(rate)),
        };
    }

    /// How the next tick begins and ends, and its rate if that is another one.
    fn next_edge(&mut self) -> (Edge, Option<Rate>) {
        match self.rise {
            Rise::None => (Edge::None, None),
            Rise::Wanted(rate) => {
                self.rise = Rise::Faded(rate);
                (Edge::FadeOut, None)
            }
            Rise::Faded(rate) => {
                self.rise = Rise::None;
                self.rate = rate;
                self.limiter = Limiter::new();
                self.streams.set_rate(rate);
                self.voice.set_rate(rate);
                self.tails.clear();
                (Edge::FadeIn, Some(rate))
            }
        }
    }
}
