//! The engine: legs and rooms, and all that moves them.

use crate::event::{EndReason, Event};
use crate::leg::keys::Command;
use crate::leg::menu::Verdict;
use crate::leg::{Leg, Shared, State};
use crate::leg_key::{LegKey, Slab};
use crate::mix::Mixer;
use crate::outbound::{Packet, Wire};
use crate::params::{EngineConfig, MediaParams, OpenLeg};
use crate::prompt::Phrase;
use crate::rng::Rng;
use crate::room::{Legs, Room};
use crate::stats::EngineStats;
use crate::time::{Micros, TICK};
use model::limits::EVENT_QUEUE;
use model::{Action, MemberId, Refusal, RoomId};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

/// Ticks that are made up for when the engine is called late; what is older is left out.
const CATCH_UP_TICKS: u64 = 10;

/// The rooms of one media thread, with all their legs.
pub struct Engine {
    config: EngineConfig,
    rng: Rng,
    legs: Legs,
    /// Ordered, so that one seed gives one run.
    rooms: BTreeMap<RoomId, Room>,
    next_tick: Micros,
    mixer: Mixer,
    wire: Wire,
    events: VecDeque<Event>,
    /// What a tick found to do in menus; kept for its memory.
    verdicts: Vec<(LegKey, Verdict)>,
    stats: EngineStats,
}

impl Engine {
    pub fn new(config: EngineConfig) -> Self {
        Engine {
            config,
            rng: Rng::new(config.seed),
            legs: Slab::new(),
            rooms: BTreeMap::new(),
            next_tick: Micros(0),
            mixer: Mixer::new(),
            wire: Wire::default(),
            events: VecDeque::new(),
            verdicts: Vec::new(),
            stats: EngineStats::default(),
        }
    }

    /// A call was answered. It begins in its menu.
    pub fn open_leg(&mut self, now: Micros, open: OpenLeg) -> LegKey {
        let id = open.room;
        let rng = &mut self.rng;
        let key = self.legs.insert(|key| Box::new(Leg::new(now, key, open, rng)));
        let room = self.rooms.entry(id).or_insert_with(|| Room::new(id));
        room.legs += 1;
        if room.legs > self.config.legs_per_room
            && let Some(leg) = self.legs.get_mut(key)
        {
            leg.part(EndReason::Full);
        }
        key
    }

    /// A re-INVITE was agreed upon: another source, codec or direction. Any re-INVITE lets the next valid packet say
    /// anew where this leg's packets come from.
    pub fn update_leg(&mut self, now: Micros, leg: LegKey, media: MediaParams) {
        if let Some(leg) = self.legs.get_mut(leg) {
            leg.update(now, media);
        }
    }

    /// The call is over. A second time, it does nothing. No [`Event::LegEnded`] follows.
    pub fn close_leg(&mut self, now: Micros, leg: LegKey) {
        let Some(mut leg) = self.legs.remove(leg) else { return };
        let id = leg.room;
        if let Some(room) = self.rooms.get_mut(&id) {
            room.leave(&mut leg);
            room.legs = room.legs.saturating_sub(1);
        }
        self.tell(now, id);
    }

    /// Does what a moderator wishes. What is so already stays so.
    ///
    /// # Errors
    /// [`Refusal::NoConference`] if nobody is in the room, [`Refusal::NoMember`] if this member is not.
    pub fn act(&mut self, now: Micros, room: RoomId, action: Action) -> Result<(), Refusal> {
        let found = self.rooms.get_mut(&room).filter(|room| room.has_conference());
        let found = found.ok_or(Refusal::NoConference)?;
        match action {
            Action::Lock => found.lock(true),
            Action::Unlock => found.lock(false),
            Action::Mute(id) => self.mute(self.member(room, id)?, true),
            Action::Unmute(id) => self.mute(self.member(room, id)?, false),
            Action::Deafen(id) => self.deafen(self.member(room, id)?, true),
            Action::Undeafen(id) => self.deafen(self.member(room, id)?, false),
            Action::Expel(id) => {
                let key = self.member(room, id)?;
                self.leave(key, EndReason::Expelled);
                self.end_if_said(key);
            }
        }
        self.tell(now, room);
        Ok(())
    }

    fn member(&self, room: RoomId, id: MemberId) -> Result<LegKey, Refusal> {
        let members = self.rooms.get(&room).map_or(&[][..], Room::members);
        let is_it = |key: &LegKey| self.legs.get(*key).is_some_and(|leg| leg.member == id);
        members.iter().copied().find(is_it).ok_or(Refusal::NoMember)
    }

    fn mute(&mut self, key: LegKey, muted: bool) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        if let State::Member(member) = &mut leg.state
            && member.muted != muted
        {
            member.muted = muted;
            leg.speaker.say_now(if muted { Phrase::MutedOnEntry } else { Phrase::Unmuted });
        }
    }

    fn deafen(&mut self, key: LegKey, deaf: bool) {
        if let Some(leg) = self.legs.get_mut(key)
            && let State::Member(member) = &mut leg.state
        {
            member.deaf = deaf;
        }
    }

    /// A datagram came for a leg.
    pub fn handle_packet(&mut self, now: Micros, leg: LegKey, from: SocketAddr, datagram: &[u8]) {
        let key = leg;
        let Some(leg) = self.legs.get_mut(key) else {
            self.stats.dropped.stale += 1;
            return;
        };
        let Some(pressed) = leg.receive(now, from, datagram, &mut self.stats) else { return };
        let room = leg.room;
        match &mut leg.state {
            State::Menu(menu) => {
                let verdict = menu.key(now, pressed, &mut leg.speaker);
                self.follow(now, key, verdict);
            }
            State::Member(member) => {
                if let Some(command) = member.keys.press(now, pressed) {
                    self.command(key, command);
                }
            }
            State::Parting { .. } | State::Ended => return,
        }
        self.tell(now, room);
    }

    fn command(&mut self, key: LegKey, command: Command) {
        let Some(State::Member(member)) = self.legs.get(key).map(|leg| &leg.state) else { return };
        let (muted, deaf) = (member.muted, member.deaf);
        match command {
            Command::Leave => self.leave(key, EndReason::LeftByKey),
            Command::ToggleMute => self.mute(key, !muted),
            Command::ToggleMuteAndDeaf => {
                let away = !(muted && deaf);
                self.mute(key, away);
                self.deafen(key, away);
            }
        }
    }

    fn follow(&mut self, now: Micros, key: LegKey, verdict: Verdict) {
        match verdict {
            Verdict::Stay => {}
            Verdict::Enter => self.enter(now, key),
            Verdict::Refuse(reason) => {
                if let Some(leg) = self.legs.get_mut(key) {
                    leg.part(reason);
                }
            }
        }
    }

    /// From the menu into the conference, if it is open.
    fn enter(&mut self, now: Micros, key: LegKey) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        let State::Menu(menu) = &leg.state else { return };
        let muted = menu.enter_muted;
        let Some(room) = self.rooms.get_mut(&leg.room) else { return };
        if let Some(reason) = room.refusal(self.config.legs_per_room) {
            leg.part(reason);
            return;
        }
        if room.join(now, leg, muted) {
            leg.speaker.say(Phrase::Alone);
        }
        if muted {
            leg.speaker.say(Phrase::MutedOnEntry);
        }
        if let [first, _] = *room.members()
            && let Some(first) = self.legs.get_mut(first)
        {
            first.speaker.take_back(Phrase::Alone);
        }
    }

    /// Out of the conference; the leg goes on to its last phrase.
    fn leave(&mut self, key: LegKey, reason: EndReason) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        if let Some(room) = self.rooms.get_mut(&leg.room) {
            room.leave(leg);
        }
        leg.part(reason);
    }

    /// Ends a parting leg when its last phrase was said.
    fn end_if_said(&mut self, key: LegKey) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        if let State::Parting { reason } = leg.state
            && !leg.speaker.is_speaking()
        {
            leg.state = State::Ended;
            // At most one for each leg, so the queue stays bounded.
            self.events.push_back(Event::LegEnded { leg: key, member: leg.member, room: leg.room, reason });
        }
    }

    /// When to call [`Self::handle_tick`]: a point of the absolute grid of 20 ms; before the first tick, at once.
    pub fn next_tick(&self) -> Micros {
        self.next_tick
    }

    /// Makes the packets of one tick: see [`Self::packets`]. Before its time it makes none. Called late, it makes one
    /// tick at a time until [`Self::next_tick`] lies ahead; more than 200 ms late, it leaves ticks out.
    pub fn handle_tick(&mut self, now: Micros) {
        self.wire.clear();
        if now < self.next_tick {
            return;
        }
        self.advance(now);
        self.tick_menus(now);
        let mut shared = Shared::default();
        for room in self.rooms.values_mut() {
            room.tick(now, &mut self.legs, &mut self.mixer, &mut self.wire, &mut shared, &mut self.stats);
        }
        for leg in self.legs.values_mut() {
            leg.send_menu(&mut self.wire, &mut shared);
        }
        self.stats.ticks += 1;
        self.stats.packets_out += self.wire.len() as u64;
        for room in self.rooms.values_mut() {
            if self.events.len() < EVENT_QUEUE
                && let Some(event) = room.tell(now, &mut self.legs)
            {
                self.events.push_back(event);
            }
        }
        self.rooms.retain(|_, room| !room.is_over(now));
    }

    fn advance(&mut self, now: Micros) {
        let late = now.since(self.next_tick).0 / TICK.0;
        if self.stats.ticks == 0 {
            self.next_tick = now.next_on_grid();
        } else if late > CATCH_UP_TICKS {
            self.stats.ticks_skipped += late;
            self.next_tick = now.next_on_grid();
            self.legs.values_mut().for_each(|leg| leg.skip_ticks(late as u32));
        } else {
            self.next_tick = self.next_tick.saturating_add(TICK);
        }
    }

    fn tick_menus(&mut self, now: Micros) {
        let mut verdicts = std::mem::take(&mut self.verdicts);
        for leg in self.legs.values_mut() {
            let verdict = match &mut leg.state {
                State::Menu(menu) => menu.tick(now, leg.inbound.heard, &mut leg.speaker),
                State::Parting { .. } if !leg.speaker.is_speaking() => Verdict::Stay,
                _ => continue,
            };
            verdicts.push((leg.key, verdict));
        }
        for (key, verdict) in verdicts.drain(..) {
            self.follow(now, key, verdict);
            self.end_if_said(key);
        }
        self.verdicts = verdicts;
    }

    /// The packets that the last [`Self::handle_tick`] made.
    pub fn packets(&self) -> impl Iterator<Item = Packet<'_>> {
        self.wire.packets()
    }

    /// Tells a room's changes now, if the last ones are not too recent; else a later tick will.
    fn tell(&mut self, now: Micros, room: RoomId) {
        if self.events.len() < EVENT_QUEUE
            && let Some(room) = self.rooms.get_mut(&room)
            && let Some(event) = room.tell(now, &mut self.legs)
        {
            self.events.push_back(event);
        }
    }

    /// What the server has to know, oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The state of a room's conference as of now; `None` if nobody is in. The events of [`Event::Live`] lead to it, at
    /// most 50 ms later, levels within a few steps.
    pub fn conference(&self, room: RoomId) -> Option<model::Conference> {
        self.rooms.get(&room)?.snapshot(&self.legs)
    }

    pub fn stats(&self) -> EngineStats {
        EngineStats {
            legs: self.legs.len(),
            members: self.rooms.values().map(|room| room.members().len()).sum(),
            rooms: self.rooms.values().filter(|room| room.legs > 0).count(),
            ..self.stats
        }
    }
}
