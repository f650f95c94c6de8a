//! The engine: legs and rooms, and all that moves them.

mod conduct;
mod dictate;

use crate::event::{EndReason, Event};
use crate::leg::menu::Verdict;
use crate::leg::{Goodbye, Leg, Received, State};
use crate::leg_key::{LegKey, Slab};
use crate::mix::Mixer;
use crate::params::{EngineConfig, MediaParams, OpenLeg};
use crate::phrase::Phrase;
use crate::rng::Rng;
use crate::room::{Entering, Legs, Room, Studio};
use crate::rtp::event::Key;
use crate::spoken::Sentence;
use crate::stats::EngineStats;
use crate::stream::{Noise, Spare};
use crate::tape::{Recorded, Tape};
use crate::time::{Arrival, Micros, PHASES, STEP};
use crate::wire::{Channel, Packet, Wire};
use model::RoomId;
use model::limits::{EVENT_QUEUE, RECORDING_MS};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

/// Steps that are made up for when the engine is called late, 200 ms; what is older is left out.
const CATCH_UP_STEPS: u64 = 10 * PHASES as u64;

/// How often legs are looked at for those from which nothing comes any more.
const SEARCHED_EVERY: Micros = Micros::from_ms(1_000);
/// A call ends so long after its last word was sent: phones buffer sound, and drop what is left of it with the call.
const HEARD_WITHIN: Micros = Micros::from_ms(200);

/// The rooms of one media thread, with all their legs.
///
/// Each room ticks every 20 ms, but not all at once: a step every 5 ms is the tick of a quarter of the rooms, so that
/// a thousand rooms do not send in one burst.
pub struct Engine {
    config: EngineConfig,
    legs: Legs,
    /// By the phase in which they tick. Ordered, so that one seed gives one run.
    rooms: [BTreeMap<RoomId, Room>; PHASES],
    /// What the quiet rooms of each phase hear.
    noises: [Noise; PHASES],
    next_step: Micros,
    studio: Studio,
    events: VecDeque<Event>,
    /// What a tick found to do in menus; kept for its memory.
    verdicts: Vec<(LegKey, Verdict)>,
    /// Members who speak an announcement.
    dictating: Vec<LegKey>,
    /// When each phase's legs were last looked at for those that are lost.
    searched: [Micros; PHASES],
}

/// The phase in which a room ticks: its id is random enough to spread them.
fn phase(room: RoomId) -> usize {
    (room.0.as_u128() % PHASES as u128) as usize
}

fn phase_at(step: Micros) -> usize {
    (step.0 / STEP.0) as usize % PHASES
}

/// At most a few for each leg, so the queue stays bounded.
fn tell_of_wrong_pins(events: &mut VecDeque<Event>, wrong: u8, leg: &Leg) {
    for _ in 0..wrong {
        events.push_back(Event::WrongPin { room: leg.room, caller: leg.caller.number.clone() });
    }
}

/// What a datagram leads one to expect of its socket before the next tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// It was a tick's sound, or more.
    Nothing,
    /// There is less than a tick's sound in it, so another one may have come with it.
    More,
}

impl Engine {
    pub fn new(config: EngineConfig) -> Self {
        Engine {
            config,
            legs: Slab::new(),
            rooms: Default::default(),
            noises: std::array::from_fn(|phase| Noise::new(config.seed ^ phase as u64)),
            next_step: Micros(0),
            studio: Studio {
                mixer: Mixer::new(),
                spare: Spare::new(),
                wire: Wire::default(),
                rng: Rng::new(config.seed),
                stats: EngineStats::default(),
                pressed: Vec::new(),
                tape: Tape::new(Micros::from_ms(RECORDING_MS)),
            },
            events: VecDeque::new(),
            verdicts: Vec::new(),
            dictating: Vec::new(),
            searched: [Micros(0); PHASES],
        }
    }

    fn room(&self, id: RoomId) -> Option<&Room> {
        self.rooms[phase(id)].get(&id)
    }

    fn all_rooms(&self) -> impl Iterator<Item = &Room> {
        self.rooms.iter().flat_map(BTreeMap::values)
    }

    /// A call was answered. It begins in its menu.
    pub fn open_leg(&mut self, now: Micros, open: OpenLeg) -> LegKey {
        let id = open.room;
        let room = self.rooms[phase(id)].entry(id).or_insert_with(|| Room::new(id));
        let (rate, rng) = (room.rate(), &mut self.studio.rng);
        let key = self.legs.insert(|key| Box::new(Leg::new(now, key, open, rate, rng)));
        room.open(key);
        if room.legs() > self.config.legs_per_room
            && let Some(leg) = self.legs.get_mut(key)
        {
            leg.part(EndReason::Full);
        }
        key
    }

    /// A re-INVITE was agreed upon: another source, codec or direction. Any re-INVITE lets the next valid packet say
    /// anew where this leg's packets come from.
    pub fn update_leg(&mut self, now: Micros, leg: LegKey, media: MediaParams) {
        let Some(leg) = self.legs.get_mut(leg) else { return };
        let Some(room) = self.rooms[phase(leg.room)].get_mut(&leg.room) else { return };
        leg.update(now, media, room.rate());
        if matches!(leg.state, State::Member(_)) {
            room.make_room_for(media.codec.rate());
        }
    }

    /// The call is over. A second time, it does nothing. No [`Event::LegEnded`] follows. The answer is a last report, to be
    /// sent before the leg's sockets are closed.
    pub fn close_leg(&mut self, now: Micros, leg: LegKey) -> Option<Goodbye> {
        let mut leg = self.legs.remove(leg)?;
        let id = leg.room;
        if let Some(room) = self.rooms[phase(id)].get_mut(&id) {
            room.close(now, &mut leg);
        }
        self.tell(now, id);
        leg.goodbye(now)
    }

    /// A datagram came to one of a leg's sockets, at most a tick ago. Sound may be handed in just before the tick that
    /// needs it.
    pub fn handle_packet(
        &mut self,
        arrival: Arrival,
        leg: LegKey,
        channel: Channel,
        from: SocketAddr,
        datagram: &[u8],
    ) -> Expect {
        let stats = &mut self.studio.stats;
        let Some(open) = self.legs.get_mut(leg) else {
            stats.dropped.stale += 1;
            return Expect::More;
        };
        let now = arrival.latest();
        match channel {
            Channel::Rtcp => open.receive_report(now, from, datagram, stats),
            Channel::Rtp => match open.receive(arrival, from, datagram, stats) {
                Received::Sound => return Expect::Nothing,
                Received::Key(pressed) => self.press(now, leg, pressed),
                Received::Little => {}
            },
        }
        Expect::More
    }

    /// The one source that this leg listens to while it speaks, whatever else comes; `None` if another may take its place.
    pub fn source(&self, now: Micros, leg: LegKey) -> Option<SocketAddr> {
        self.legs.get(leg)?.inbound.latch.locked(now)
    }

    /// A key was pressed, by what signalling says. What comes as telephone-events or in the sound is heard by itself.
    pub fn press_key(&mut self, now: Micros, leg: LegKey, key: Key) {
        self.press(now, leg, key);
    }

    /// A key was pressed.
    fn press(&mut self, now: Micros, key: LegKey, pressed: Key) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        let room = leg.room;
        match &mut leg.state {
            State::Menu(menu) => {
                let verdict = menu.key(now, pressed, &mut leg.speaker);
                let wrong = menu.take_wrong_pins();
                tell_of_wrong_pins(&mut self.events, wrong, leg);
                self.follow(now, key, verdict);
            }
            State::Member(member) if member.dictation.is_some() => self.dictate(now, key, pressed),
            State::Member(member) => {
                if let Some(command) = member.keys.press(now, pressed) {
                    self.command(now, key, command);
                }
            }
            State::Parting { .. } | State::Ended => return,
        }
        self.tell(now, room);
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
        let entering = Entering { muted: menu.enter_muted, chimes: menu.chimes };
        let recording = menu.recording;
        let Some(room) = self.rooms[phase(leg.room)].get_mut(&leg.room) else { return };
        if let Some(reason) = room.refusal(self.config.legs_per_room) {
            leg.part(reason);
            return;
        }
        room.join(now, leg, entering);
        if let Some(recording) = recording.filter(|_| room.is_to_be_recorded()) {
            room.begin_recording(now, recording, &mut self.legs, Some(key));
        }
        let Some(leg) = self.legs.get_mut(key) else { return };
        let members = u16::try_from(room.members().len()).unwrap_or(u16::MAX);
        leg.speaker.say(if members == 1 {
            Sentence::Phrase(Phrase::Alone)
        } else {
            Sentence::Participant(members)
        });
        if room.is_recorded() {
            leg.speaker.say(Phrase::Recorded);
        }
        if entering.muted {
            leg.speaker.say(Phrase::EnteringMuted);
        }
        if let [first, _] = *room.members()
            && let Some(first) = self.legs.get_mut(first)
        {
            first.speaker.take_back(Phrase::Alone);
        }
    }

    /// Out of the conference; the leg goes on to its last phrase.
    fn leave(&mut self, now: Micros, key: LegKey, reason: EndReason) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        if let Some(room) = self.rooms[phase(leg.room)].get_mut(&leg.room) {
            room.leave(now, leg);
        }
        leg.part(reason);
    }

    /// Ends a parting leg when its last phrase was said and heard.
    fn end_if_said(&mut self, now: Micros, key: LegKey) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        let State::Parting { reason, ends } = &mut leg.state else { return };
        let reason = *reason;
        if leg.speaker.is_speaking() {
            *ends = now.saturating_add(HEARD_WITHIN);
        } else if now >= *ends {
            leg.state = State::Ended;
            // At most one for each leg, so the queue stays bounded.
            self.events.push_back(Event::LegEnded { leg: key, member: leg.member, room: leg.room, reason });
        }
    }

    /// When to call [`Self::handle_tick`]: a point of the absolute grid of 5 ms at which rooms tick, every 20 ms at least;
    /// before the first time, at once.
    pub fn next_tick(&self) -> Micros {
        self.next_step
    }

    /// The phase whose rooms tick next: their legs' datagrams are needed now.
    pub fn next_phase(&self) -> usize {
        phase_at(self.next_step)
    }

    /// The phase, 0..4, in which a room's legs tick, for as long as it lives.
    pub fn phase_of(room: RoomId) -> usize {
        phase(room)
    }

    /// Makes the packets of one step, the tick of a quarter of the rooms: see [`Self::packets`]. Before its time it makes
    /// none. Called late, it makes one step at a time until [`Self::next_tick`] lies ahead; more than 200 ms late, it
    /// leaves ticks out.
    pub fn handle_tick(&mut self, now: Micros) {
        self.studio.wire.clear();
        self.studio.tape.begin(self.next_step);
        if now < self.next_step {
            return;
        }
        let phase = self.next_phase();
        self.advance(now);
        self.tick_menus(now, phase);
        let noise = &mut self.noises[phase];
        noise.next_tick();
        for room in self.rooms[phase].values_mut() {
            room.tick(now, &mut self.legs, &mut self.studio, noise);
        }
        self.obey_keys(now);
        self.tick_dictations(now, phase);
        self.end_lost(now, phase);
        self.studio.stats.ticks += 1;
        self.studio.stats.packets_out += self.studio.wire.len() as u64;
        for room in self.rooms[phase].values_mut() {
            if self.events.len() < EVENT_QUEUE {
                self.events.extend(room.tell(now, &mut self.legs));
                self.events.extend(room.take_endings());
            }
        }
        let events = &mut self.events;
        self.rooms[phase].retain(|_, room| {
            let over = room.over(now).filter(|_| events.len() < EVENT_QUEUE);
            let stays = over.is_none();
            events.extend(over);
            stays
        });
    }

    fn advance(&mut self, now: Micros) {
        let late = now.since(self.next_step).0 / STEP.0;
        if self.studio.stats.ticks == 0 {
            self.next_step = now.next_on_grid();
        } else if late > CATCH_UP_STEPS {
            self.studio.stats.ticks_skipped += late;
            self.next_step = now.next_on_grid();
            let ticks = (late / PHASES as u64) as u32;
            self.legs.values_mut().for_each(|leg| leg.skip_ticks(ticks));
        } else {
            self.next_step = self.next_step.saturating_add(STEP);
        }
        // Nobody waits for a phase without rooms; one of them is kept, so that there is always a next tick.
        while phase_at(self.next_step) != 0 && self.rooms[phase_at(self.next_step)].is_empty() {
            self.next_step = self.next_step.saturating_add(STEP);
        }
    }

    fn tick_menus(&mut self, now: Micros, phase: usize) {
        let mut verdicts = std::mem::take(&mut self.verdicts);
        for key in self.rooms[phase].values().flat_map(Room::callers) {
            let Some(leg) = self.legs.get_mut(*key) else { continue };
            let heard = leg.listen_for_keys();
            self.studio.pressed.extend(heard.map(|heard| (*key, heard)));
            let mut wrong = 0;
            let verdict = match &mut leg.state {
                State::Menu(menu) => {
                    let verdict = menu.tick(now, leg.inbound.heard, &mut leg.speaker);
                    wrong = menu.take_wrong_pins();
                    verdict
                }
                State::Parting { .. } => Verdict::Stay,
                _ => continue,
            };
            verdicts.push((*key, verdict));
            tell_of_wrong_pins(&mut self.events, wrong, leg);
        }
        for (key, verdict) in verdicts.drain(..) {
            self.follow(now, key, verdict);
            self.end_if_said(now, key);
        }
        self.verdicts = verdicts;
    }

    /// Ends the legs from which nothing comes any more.
    fn end_lost(&mut self, now: Micros, phase: usize) {
        if now.since(self.searched[phase]) < SEARCHED_EVERY {
            return;
        }
        self.searched[phase] = now;
        let mut lost = std::mem::take(&mut self.verdicts);
        for room in self.rooms[phase].values() {
            let keys = room.callers().iter().chain(room.members());
            let is_lost = |key: &&LegKey| self.legs.get(**key).is_some_and(|leg| leg.is_lost(now));
            lost.extend(keys.filter(is_lost).map(|key| (*key, Verdict::Refuse(EndReason::NoSound))));
        }
        for (key, _) in lost.drain(..) {
            self.leave(now, key, EndReason::NoSound);
            self.end_if_said(now, key);
        }
        self.verdicts = lost;
    }

    /// Does what was asked for by keys that were heard in the sound.
    fn obey_keys(&mut self, now: Micros) {
        while let Some((key, pressed)) = self.studio.pressed.pop() {
            self.press(now, key, pressed);
        }
    }

    /// The packets that the last [`Self::handle_tick`] made.
    pub fn packets(&self) -> impl Iterator<Item = Packet<'_>> {
        self.studio.wire.packets()
    }

    /// What the last [`Self::handle_tick`] recorded: 20 ms of each room that is recorded and ticked then.
    pub fn recorded(&self) -> impl Iterator<Item = Recorded<'_>> {
        self.studio.tape.recorded()
    }

    /// Tells a room's changes now, if the last ones are not too recent; else a later tick will.
    fn tell(&mut self, now: Micros, room: RoomId) {
        if self.events.len() < EVENT_QUEUE
            && let Some(room) = self.rooms[phase(room)].get_mut(&room)
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
        self.room(room)?.snapshot(&self.legs)
    }

    pub fn stats(&self) -> EngineStats {
        EngineStats {
            legs: self.legs.len(),
            members: self.all_rooms().map(|room| room.members().len()).sum(),
            rooms: self.all_rooms().filter(|room| room.legs() > 0).count(),
            ..self.studio.stats
        }
    }
}
