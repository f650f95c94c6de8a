//! Phones, a network and an engine, moved from event to event by one clock.

use crate::network::{Dice, Line, Network};
use crate::phone::Phone;
use engine::*;
use model::{
    Action, Change, ConferenceId, Delta, Live, MemberId, Pin, RecordingEnd, RecordingId, Refusal, RoomId,
};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash};
use std::net::SocketAddr;
use std::sync::Arc;
use uuid::Uuid;

/// Where simulated time begins: a day in 2026, off the grid.
const BEGIN_US: u64 = 1_790_000_000_007_123;

pub struct World {
    pub engine: Engine,
    pub network: Network,
    pub line: Line,
    pub dice: Dice,
    pub phones: Vec<Phone>,
    pub lives: BTreeMap<RoomId, Live>,
    pub ended: Vec<(MemberId, EndReason)>,
    /// Wrong PINs: the callers' numbers.
    pub wrong_pins: Vec<String>,
    pub dictations: Vec<(MemberId, DictationStep)>,
    pub now_us: u64,
    /// What was recorded.
    pub takes: BTreeMap<RecordingId, Taken>,
    /// Recordings that are over: how many ticks they have, and why.
    pub endings: Vec<(RecordingId, u64, RecordingEnd)>,
    prompts: Arc<Prompts>,
    /// All that came out of the engine, in order.
    pub transcript: DefaultHasher,
    /// Where a leg's packets were last sent to.
    pub destinations: BTreeMap<usize, SocketAddr>,
    last_live_us: BTreeMap<RoomId, u64>,
}

/// A recording as its file would hold it.
#[derive(Default)]
pub struct Taken {
    pub ticks: Vec<u64>,
    /// Of the last tick.
    pub rate: Option<Rate>,
    /// At 8 kHz, whatever the room's rate.
    pub pcm: Vec<i16>,
}

pub fn recording(n: u128) -> RecordingId {
    RecordingId(Uuid::from_u128(n))
}

pub fn room(n: u128) -> RoomId {
    RoomId(Uuid::from_u128(n))
}

pub fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 1], port))
}

/// A tone on the 50 Hz grid that is no DTMF frequency and no other phone's second or third harmonic.
pub fn tone_hz(n: usize) -> f64 {
    [
        400.0, 450.0, 550.0, 650.0, 1000.0, 1050.0, 1100.0, 1150.0, 1400.0, 1550.0, 1700.0, 1750.0, 1850.0,
        2050.0, 2300.0,
    ][n % 15]
}

impl World {
    pub fn new(seed: u64, line: Line) -> Self {
        World {
            engine: Engine::new(EngineConfig { seed, legs_per_room: 20 }),
            network: Network::new(seed),
            line,
            dice: Dice::new(seed ^ 1),
            phones: Vec::new(),
            lives: BTreeMap::new(),
            ended: Vec::new(),
            wrong_pins: Vec::new(),
            takes: BTreeMap::new(),
            endings: Vec::new(),
            dictations: Vec::new(),
            now_us: BEGIN_US,
            // Nothing is said unless a test asks for it: prompts are sound that nobody sends.
            prompts: Arc::new(Prompts::new(|_, _| Vec::new())),
            transcript: DefaultHasher::new(),
            destinations: BTreeMap::new(),
            last_live_us: BTreeMap::new(),
        }
    }

    pub fn with_prompts(mut self, prompts: Prompts) -> Self {
        self.prompts = Arc::new(prompts);
        self
    }

    pub fn now(&self) -> Micros {
        Micros(self.now_us)
    }

    pub fn media(&self, phone: usize) -> MediaParams {
        let codec = self.phones.get(phone).map_or(Codec::Pcmu, |p| p.codec);
        MediaParams {
            codec,
            payload_type: codec.payload_type(),
            telephone_event: Some(101),
            // What the phone believes its address to be; packets come from elsewhere.
            remote: SocketAddr::from(([10, 0, 0, 1], 4_000 + phone as u16)),
            rtcp_remote: SocketAddr::from(([10, 0, 0, 1], 5_000 + phone as u16)),
            send: true,
            receive: true,
            ptime_ms: 20,
        }
    }

    pub fn call(&mut self, room: RoomId, codec: Codec) -> usize {
        self.call_with(room, codec, "", |_| {})
    }

    pub fn call_with(&mut self, room: RoomId, codec: Codec, pin: &str, set: impl Fn(&mut OpenLeg)) -> usize {
        let n = self.phones.len();
        let mut media = self.media(n);
        media.codec = codec;
        media.payload_type = codec.payload_type();
        let mut open = OpenLeg {
            member: MemberId(n as u64 + 1),
            room,
            conference: ConferenceId(Uuid::from_u128(1_000 + n as u128)),
            caller: Caller { number: format!("+3312345{n:04}"), name: String::new() },
            media,
            menu: Menu {
                prompts: self.prompts.clone(),
                announcement: None,
                pin: Pin::parse_optional(pin).unwrap(),
                control_pin: None,
                pin_delay: Micros(0),
                enter_muted: false,
                chimes: true,
                recording: None,
                refusal: None,
            },
        };
        set(&mut open);
        let leg = self.engine.open_leg(self.now(), open);
        let begins_us = self.now_us + self.dice.below(20_000);
        self.phones.push(Phone::new(leg, tone_hz(n), codec, 20_000 + n as u16, begins_us));
        n
    }

    pub fn act(&mut self, room: RoomId, action: Action) -> Result<(), Refusal> {
        let done = self.engine.act(self.now(), room, action);
        self.drain();
        done
    }

    /// Acts, and takes a refusal for an answer.
    pub fn try_to(&mut self, room: RoomId, action: Action) {
        match self.act(room, action) {
            Ok(()) | Err(Refusal::NoMember | Refusal::NoConference) => {}
            Err(other) => panic!("{other}"),
        }
    }

    pub fn hang_up(&mut self, phone: usize) {
        self.phones[phone].hung_up = true;
        self.engine.close_leg(self.now(), self.phones[phone].leg);
        self.drain();
    }

    pub fn run_ms(&mut self, ms: u64) {
        let end_us = self.now_us + ms * 1_000;
        loop {
            let speaks = self.phones.iter().map(Phone::next_us).min().unwrap_or(u64::MAX);
            let arrives = self.network.next_us();
            let ticks = self.engine.next_tick().0;
            let next_us = speaks.min(arrives).min(ticks);
            if next_us > end_us {
                break;
            }
            self.now_us = self.now_us.max(next_us);
            if arrives == next_us {
                self.arrive();
            } else if speaks == next_us {
                self.speak();
            } else {
                self.tick();
            }
            self.drain();
        }
        self.now_us = end_us;
    }

    /// Runs until every room has ticked once.
    pub fn run_tick(&mut self) {
        let end_us = self.now_us + 20_000;
        while self.engine.next_tick().0 <= end_us {
            self.run_step();
        }
    }

    /// Runs until just after the next rooms have ticked.
    pub fn run_step(&mut self) {
        let next_us = self.engine.next_tick().0;
        self.run_ms(0);
        self.now_us = self.now_us.max(next_us - 1);
        self.run_ms(0);
        self.now_us = next_us;
        self.run_ms(0);
    }

    fn arrive(&mut self) {
        if let Some(under_way) = self.network.receive() {
            let leg = self.phones[under_way.phone].leg;
            let from = address(under_way.port);
            self.engine.handle_packet(Arrival::At(self.now()), leg, Channel::Rtp, from, &under_way.datagram);
        }
    }

    fn speak(&mut self) {
        let now_us = self.now_us;
        for (i, phone) in self.phones.iter_mut().enumerate().filter(|(_, p)| p.next_us() <= now_us) {
            let port = phone.port;
            for datagram in phone.speak() {
                self.network.send(&self.line, now_us, i, port, &datagram);
            }
        }
    }

    fn tick(&mut self) {
        self.engine.handle_tick(Micros(self.now_us));
        for recorded in self.engine.recorded() {
            assert_eq!(recorded.samples.len(), recorded.rate.frame_samples());
            let taken = self.takes.entry(recorded.take.recording).or_default();
            taken.ticks.push(recorded.tick);
            taken.rate = Some(recorded.rate);
            taken.pcm.extend(recorded.samples.iter().step_by(recorded.rate.factor()));
        }
        for packet in self.engine.packets() {
            (packet.header, packet.payload, packet.to).hash(&mut self.transcript);
            self.destinations.insert(packet.leg.index(), packet.to);
            if let Some(phone) = self.phones.iter_mut().find(|p| p.leg == packet.leg) {
                phone.ears.hear(&packet);
            }
        }
    }

    fn drain(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            format!("{event:?}").hash(&mut self.transcript);
            match event {
                Event::Live { room, changes } => self.live(room, changes),
                Event::WrongPin { caller, .. } => self.wrong_pins.push(caller),
                Event::RecordingEnded { recording, ticks, end, .. } => {
                    self.endings.push((recording, ticks, end));
                }
                Event::Dictation { member, step, .. } => self.dictations.push((member, step)),
                Event::RoomOver { room, closed } => {
                    assert!(closed > 0 && self.engine.conference(room).is_none());
                }
                Event::LegEnded { leg, member, reason, .. } => {
                    self.ended.push((member, reason));
                    self.engine.close_leg(self.now(), leg);
                    self.phones.iter_mut().filter(|p| p.leg == leg).for_each(|p| p.hung_up = true);
                }
            }
        }
    }

    fn live(&mut self, room: RoomId, changes: Vec<Change>) {
        let last = self.last_live_us.insert(room, self.now_us);
        assert!(last.is_none_or(|last| self.now_us - last >= 50_000), "more than twenty deltas a second");
        let live = self.lives.entry(room).or_default();
        let revision = live.revision + 1;
        live.apply(&Delta { revision, changes }).unwrap();
        self.compare(room);
    }

    /// What the pages show is what the engine has; a level may lag by a few steps.
    fn compare(&self, room: RoomId) {
        let mut engines = self.engine.conference(room);
        let told = self.lives.get(&room).and_then(|live| live.conference.clone());
        if let (Some(engines), Some(told)) = (&mut engines, &told) {
            for (mine, theirs) in engines.members.iter_mut().zip(&told.members) {
                assert!(mine.level.abs_diff(theirs.level) < 8);
                mine.level = theirs.level;
            }
        }
        assert_eq!(told, engines);
    }

    pub fn live_member(&self, room: RoomId, phone: usize) -> Option<&model::Member> {
        self.lives.get(&room)?.member(MemberId(phone as u64 + 1))
    }
}
