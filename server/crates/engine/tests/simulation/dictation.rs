//! A member who speaks the room's announcement by telephone: who hears what meanwhile, and what is on the tape.

use crate::network::Line;
use crate::phone::{AMPLITUDE, amplitude, amplitude_at};
use crate::world::{World, room};
use engine::{Announcement, Codec, DictationAnswer, DictationStep, EndReason, Rate};
use model::{Action, MemberId};
use std::f64::consts::TAU;
use std::sync::Arc;

const ROOM: u128 = 1;
const PIN: &str = "4711";
const ANNOUNCED_HZ: f64 = 2_500.0;
const SECOND: usize = 16_000;

/// A listener, one who knows the control PIN, and one who talks.
struct Trio {
    world: World,
}

const LISTENER: usize = 0;
const OWNER: usize = 1;
const TALKER: usize = 2;

impl Trio {
    fn new(seed: u64, codec: Codec) -> Trio {
        let mut world = World::new(seed, Line::CLEAN);
        for n in 0..3 {
            let codec = if n == OWNER { codec } else { Codec::Pcma };
            world.call_with(room(ROOM), codec, "", |open| {
                open.menu.control_pin = PIN.parse().ok();
                open.menu.chimes = false;
            });
        }
        world.phones[LISTENER].speaks = false;
        world.run_ms(1_000);
        Trio { world }
    }

    fn press(&mut self, keys: &str) {
        self.world.phones[OWNER].press(keys);
        self.world.run_ms(keys.len() as u64 * 80 + 200);
    }

    fn answer(&mut self, answer: DictationAnswer) {
        let (now, leg) = (self.world.now(), self.world.phones[OWNER].leg);
        self.world.engine.answer_dictation(now, leg, answer);
        self.world.run_ms(40);
    }

    /// What the server was told since it was asked last.
    fn told(&mut self) -> Vec<DictationStep> {
        self.world.dictations.drain(..).map(of_owner).collect()
    }

    /// Up to the tape.
    fn begin(&mut self, seconds: usize) {
        self.press("77");
        self.press(PIN);
        assert_eq!(self.told(), [DictationStep::Begun { pin: PIN.parse().unwrap() }]);
        self.answer(DictationAnswer::Tape(Vec::with_capacity(seconds * SECOND)));
    }

    fn spoken(&mut self) -> Vec<i16> {
        match self.told().pop() {
            Some(DictationStep::Spoken { tape }) => tape,
            other => panic!("{other:?}"),
        }
    }

    fn hears(&self, hearer: usize, speaker: usize) -> bool {
        let ears = &self.world.phones[hearer].ears;
        ears.tone(200, self.world.phones[speaker].tone_hz) > AMPLITUDE * 0.5
    }

    fn hears_nothing_of(&self, hearer: usize, speaker: usize, ms: usize) -> bool {
        let pcm = self.world.phones[hearer].ears.last_ms(ms);
        pcm.chunks_exact(160).all(|w| amplitude(w, self.world.phones[speaker].tone_hz) < AMPLITUDE * 0.03)
    }
}

fn of_owner((member, step): (MemberId, DictationStep)) -> DictationStep {
    assert_eq!(member, MemberId(OWNER as u64 + 1));
    step
}

fn announcement() -> Arc<Announcement> {
    let tone = |rate: Rate| {
        let step = TAU * ANNOUNCED_HZ / f64::from(rate.hz());
        (0..rate.hz() as usize).map(|i| (AMPLITUDE * (step * i as f64).sin()) as i16).collect()
    };
    Arc::new(Announcement::new(tone(Rate::Narrow), tone(Rate::Wide)))
}

#[test]
fn what_is_spoken_is_on_the_tape_and_in_nobody_elses_ear() {
    for (seed, codec) in Codec::ALL.into_iter().enumerate() {
        let mut trio = Trio::new(seed as u64, codec);
        assert!(trio.hears(LISTENER, OWNER) && trio.hears(OWNER, TALKER), "{codec:?}");
        trio.press("77");
        trio.world.run_ms(500);
        assert!(trio.hears_nothing_of(LISTENER, OWNER, 300) && trio.hears_nothing_of(OWNER, TALKER, 300));
        trio.press(PIN);
        assert_eq!(trio.told().len(), 1);
        trio.answer(DictationAnswer::Tape(Vec::with_capacity(300 * SECOND)));
        trio.world.run_ms(3_000);
        assert!(!trio.world.live_member(room(ROOM), OWNER).unwrap().talking, "{codec:?}");
        trio.press("#");
        assert!(trio.hears_nothing_of(LISTENER, OWNER, 3_500) && trio.hears(LISTENER, TALKER), "{codec:?}");
        assert!(trio.hears_nothing_of(OWNER, TALKER, 3_500), "{codec:?}");

        let tape = trio.spoken();
        assert!((2_800..3_100).contains(&(tape.len() / 16)), "{codec:?}: {} ms", tape.len() / 16);
        let (own, other) = (trio.world.phones[OWNER].tone_hz, trio.world.phones[TALKER].tone_hz);
        for (n, frame) in tape.chunks_exact(320).enumerate().skip(3) {
            let heard = amplitude_at(16_000, frame, own);
            assert!((0.85..1.1).contains(&(heard / AMPLITUDE)), "{codec:?}, frame {n}: {heard}");
            assert!(amplitude_at(16_000, frame, other) < AMPLITUDE * 0.05, "{codec:?}, frame {n}");
        }
        trio.answer(DictationAnswer::Sound { tape, sound: announcement() });
        trio.world.run_ms(600);
        assert!(trio.world.phones[OWNER].ears.tone(300, ANNOUNCED_HZ) > AMPLITUDE * 0.8, "{codec:?}");
        assert!(trio.world.phones[LISTENER].ears.tone(300, ANNOUNCED_HZ) < AMPLITUDE * 0.03, "{codec:?}");
        trio.press("1");
        assert_eq!(trio.told(), [DictationStep::Kept]);
        assert!(!trio.hears(LISTENER, OWNER), "before it is kept");
        trio.answer(DictationAnswer::Saved);
        trio.world.run_ms(300);
        assert_eq!(trio.told(), [DictationStep::Over]);
        assert!(trio.hears(LISTENER, OWNER) && trio.hears(OWNER, TALKER), "{codec:?}");
    }
}

#[test]
fn a_muted_members_voice_is_on_the_tape_and_stays_muted_afterwards() {
    let mut trio = Trio::new(10, Codec::Pcmu);
    trio.press("00");
    trio.begin(1);
    trio.world.run_ms(1_500);
    let tape = trio.spoken();
    assert!(tape.len() > SECOND - 4_000, "a full tape ends by itself");
    let own = trio.world.phones[OWNER].tone_hz;
    assert!(tape.chunks_exact(320).skip(3).all(|w| amplitude_at(16_000, w, own) > AMPLITUDE * 0.8));
    trio.answer(DictationAnswer::Refused);
    trio.world.run_ms(400);
    assert_eq!(trio.told(), [DictationStep::Over]);
    assert!(trio.hears_nothing_of(LISTENER, OWNER, 1_500) && trio.hears(OWNER, TALKER));
    trio.press("00");
    assert!(trio.hears(LISTENER, OWNER));
}

#[test]
fn wrong_control_pins_are_told_and_the_third_is_the_last() {
    let mut trio = Trio::new(11, Codec::Pcmu);
    for n in 1..=3 {
        trio.press("77");
        assert!(!trio.hears(LISTENER, OWNER));
        trio.press("1111");
        trio.world.run_ms(300);
        assert_eq!(trio.world.wrong_pins.len(), n);
        assert!(trio.hears(LISTENER, OWNER) && trio.hears(OWNER, TALKER));
        assert_eq!(trio.told(), [DictationStep::Over]);
    }
    assert_eq!(trio.world.wrong_pins[0], "+33123450001");
    trio.press("77");
    trio.press(PIN);
    trio.world.run_ms(300);
    assert!(trio.told().is_empty() && trio.hears(LISTENER, OWNER), "no fourth try in a call");
}

#[test]
fn without_a_control_pin_nobody_leaves_the_mix() {
    let mut world = World::new(12, Line::CLEAN);
    for _ in 0..2 {
        world.call(room(ROOM), Codec::Pcmu);
    }
    world.run_ms(500);
    world.phones[1].press("77");
    world.run_ms(700);
    assert!(world.dictations.is_empty());
    assert!(world.phones[0].ears.tone(200, world.phones[1].tone_hz) > AMPLITUDE * 0.5);
}

#[test]
fn keys_count_once_the_wrong_pins_before_are_atoned_for() {
    let mut world = World::new(13, Line::CLEAN);
    let owner = world.call_with(room(ROOM), Codec::Pcmu, "", |open| {
        open.menu.control_pin = PIN.parse().ok();
        open.menu.pin_delay = engine::Micros::from_ms(3_000);
    });
    world.run_ms(500);
    world.phones[owner].press("774711");
    world.run_ms(1_000);
    assert!(world.dictations.is_empty());
    world.run_ms(2_000);
    world.phones[owner].press(PIN);
    world.run_ms(600);
    assert!(matches!(world.dictations[..], [(_, DictationStep::Begun { .. })]));
}

#[test]
fn who_hangs_up_or_is_expelled_is_simply_gone() {
    for expelled in [true, false] {
        let mut trio = Trio::new(14, Codec::Opus);
        trio.begin(10);
        trio.world.run_ms(500);
        match expelled {
            true => trio.world.act(room(ROOM), Action::Expel(MemberId(OWNER as u64 + 1))).unwrap(),
            false => trio.world.hang_up(OWNER),
        }
        trio.world.run_ms(1_000);
        assert!(trio.told().is_empty() && trio.hears_nothing_of(LISTENER, OWNER, 1_000));
        let ended = [(MemberId(OWNER as u64 + 1), EndReason::Expelled)];
        assert_eq!(trio.world.ended, if expelled { &ended[..] } else { &[] });
        trio.answer(DictationAnswer::Saved);
    }
}

/// A server that never answers keeps nobody out of the conference, and one that answers late says nothing.
#[test]
fn who_waits_for_the_server_in_vain_comes_back() {
    let mut trio = Trio::new(15, Codec::G722);
    trio.press("77");
    trio.press(PIN);
    trio.world.run_ms(121_000);
    assert!(matches!(trio.told()[..], [DictationStep::Begun { .. }, DictationStep::Over]));
    assert!(trio.hears(LISTENER, OWNER));
    trio.answer(DictationAnswer::Tape(Vec::with_capacity(SECOND)));
    trio.world.run_ms(2_000);
    assert!(trio.told().is_empty() && trio.hears(LISTENER, OWNER));
}
