//! A room: who is in its conference, and what its pages were told.

use crate::event::{EndReason, Event};
use crate::jitter::Popped;
use crate::leg::member::MemberState;
use crate::leg::{Leg, Shared, State};
use crate::leg_key::{LegKey, Slab};
use crate::mix::Mixer;
use crate::outbound::Wire;
use crate::stats::EngineStats;
use crate::time::{Frame, Micros};
use model::limits::DELTA_INTERVAL_MS;
use model::{Change, ConferenceId, RoomId};

pub(crate) type Legs = Slab<Box<Leg>>;

pub(crate) struct Room {
    id: RoomId,
    /// Legs that are open: members, and callers before or after.
    pub(crate) legs: usize,
    /// In the order in which they came in.
    members: Vec<LegKey>,
    conference: Option<Conference>,
    /// The ends of the voices of those who left since the last tick.
    tails: Vec<Frame>,
    /// What happened since it was told last; states are compared instead.
    happened: Vec<Change>,
    told: Option<Micros>,
}

/// From the first member to the last. A lock ends with it.
struct Conference {
    id: ConferenceId,
    since: Micros,
    locked: bool,
    /// What the pages know.
    locked_told: bool,
}

impl Room {
    pub(crate) fn new(id: RoomId) -> Self {
        Room {
            id,
            legs: 0,
            members: Vec::new(),
            conference: None,
            tails: Vec::new(),
            happened: Vec::new(),
            told: None,
        }
    }

    pub(crate) fn members(&self) -> &[LegKey] {
        &self.members
    }

    /// What the pages should show.
    pub(crate) fn snapshot(&self, legs: &Legs) -> Option<model::Conference> {
        let conference = self.conference.as_ref()?;
        let members = self.members.iter().filter_map(|key| legs.get(*key)?.snapshot()).collect();
        Some(model::Conference {
            id: conference.id,
            since: conference.since.as_ms(),
            locked: conference.locked,
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

    /// A leg has become a member. `true`: it is the first.
    pub(crate) fn join(&mut self, now: Micros, leg: &mut Leg, muted: bool) -> bool {
        let first = self.conference.is_none();
        let conference = self.conference.get_or_insert(Conference {
            id: leg.conference,
            since: now,
            locked: false,
            locked_told: false,
        });
        if first {
            self.happened.push(Change::Began { id: conference.id, since: conference.since.as_ms() });
        }
        leg.state = State::Member(MemberState::new(now, muted));
        self.happened.extend(leg.snapshot().map(|member| Change::Joined { member }));
        self.members.push(leg.key);
        first
    }

    /// A member has left; the last one ends the conference.
    pub(crate) fn leave(&mut self, leg: &mut Leg) {
        let Some(place) = self.members.iter().position(|key| *key == leg.key) else { return };
        self.members.remove(place);
        self.happened.push(Change::Left { id: leg.member });
        if let State::Member(member) = &mut leg.state
            && let Some(tail) = member.fade_away(&mut leg.inbound)
        {
            self.tails.push(tail);
        }
        if self.members.is_empty() {
            self.conference = None;
            self.tails.clear();
            self.happened.push(Change::Ended);
        }
    }

    /// Mixes 20 ms: every voice once into the sum, then each hearer's own share of it.
    pub(crate) fn tick(
        &mut self,
        now: Micros,
        legs: &mut Legs,
        mixer: &mut Mixer,
        wire: &mut Wire,
        shared: &mut Shared,
        stats: &mut EngineStats,
    ) {
        mixer.clear();
        shared.next_room();
        self.tails.drain(..).for_each(|tail| {
            mixer.add(&tail);
        });
        for key in &self.members {
            if let Some(leg) = legs.get_mut(*key)
                && let State::Member(member) = &mut leg.state
                && member.listen(now, &mut leg.inbound, mixer) == Popped::Concealed
            {
                stats.frames_concealed += 1;
            }
        }
        for key in &self.members {
            if let Some(leg) = legs.get_mut(*key) {
                leg.send_mix(mixer, wire, shared);
            }
        }
    }

    /// What the pages have to be told, if anything, and if it is not too early.
    pub(crate) fn tell(&mut self, now: Micros, legs: &mut Legs) -> Option<Event> {
        if self.told.is_some_and(|told| now.since(told) < Micros::from_ms(DELTA_INTERVAL_MS)) {
            return None;
        }
        let mut changes = std::mem::take(&mut self.happened);
        if let Some(conference) = &mut self.conference
            && conference.locked != conference.locked_told
        {
            conference.locked_told = conference.locked;
            changes.push(Change::Locked { locked: conference.locked });
        }
        for key in &self.members {
            if let Some(leg) = legs.get_mut(*key)
                && let State::Member(member) = &mut leg.state
            {
                member.tell(leg.member, &mut changes);
            }
        }
        if changes.is_empty() {
            return None;
        }
        self.told = Some(now);
        Some(Event::Live { room: self.id, changes })
    }

    /// Nothing is left of it: no leg, and nothing to tell.
    pub(crate) fn is_over(&self, now: Micros) -> bool {
        let quiet = self.told.is_none_or(|told| now.since(told) >= Micros::from_ms(DELTA_INTERVAL_MS));
        self.legs == 0 && self.happened.is_empty() && quiet
    }
}
