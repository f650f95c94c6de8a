//! What callers and members are told, who hears it, and in which order. Each phrase is a tone.

use crate::network::Line;
use crate::phone::{AMPLITUDE, amplitude};
use crate::world::{World, recording, room};
use engine::{Announcement, Codec, EndReason, Phrase, Place, Prompts, Rate};
use model::{Action, MemberId, RecordingEnd};
use std::f64::consts::TAU;
use std::sync::Arc;

const ROOM: u128 = 1;
const LEVEL: f64 = 6_000.0;
/// Each phrase lasts so long, and begins and ends at zero.
const PHRASE_MS: usize = 400;
const ANNOUNCEMENT_HZ: u32 = 3_500;

/// The tone of a phrase: on the 50 Hz grid, and no phone's.
fn hz(phrase: Phrase) -> u32 {
    let said = [
        Phrase::Welcome,
        Phrase::EnterPin,
        Phrase::Alone,
        Phrase::HoldMusic,
        Phrase::EnterChime,
        Phrase::LeaveChime,
        Phrase::Recorded,
        Phrase::RecordingStopped,
        Phrase::Muted,
        Phrase::Unmuted,
        Phrase::EnteringMuted,
        Phrase::MutedByModerator,
        Phrase::UnmutedByModerator,
        Phrase::Deafened,
        Phrase::Undeafened,
        Phrase::Expelled,
        Phrase::Goodbye,
        Phrase::Place(Place::new(2).unwrap()),
        Phrase::Place(Place::new(3).unwrap()),
    ];
    said.iter().position(|p| *p == phrase).map_or(0, |place| 500 + 150 * place as u32)
}

fn tone(hz: u32, rate: Rate) -> Vec<i16> {
    let step = TAU * f64::from(hz) / f64::from(rate.hz());
    (0..PHRASE_MS * rate.hz() as usize / 1_000).map(|i| (LEVEL * (step * i as f64).sin()) as i16).collect()
}

fn world(seed: u64) -> World {
    let prompts = Prompts::new(|phrase, rate| match hz(phrase) {
        0 => Vec::new(),
        hz => tone(hz, rate),
    });
    World::new(seed, Line::CLEAN).with_prompts(prompts)
}

/// Calls a phone that says nothing.
fn quiet(world: &mut World, codec: Codec) -> usize {
    let phone = world.call(room(ROOM), codec);
    world.phones[phone].speaks = false;
    phone
}

/// The phrases that are heard, one after the other; each counts that is heard for 100 ms at a stretch.
fn heard(pcm: &[i16]) -> Vec<Phrase> {
    let known = Phrase::all().filter(|phrase| hz(*phrase) > 0);
    let mut found: Vec<(usize, Phrase)> = known
        .flat_map(|phrase| {
            let there = |w: &[i16]| amplitude(w, f64::from(hz(phrase))) > LEVEL * 0.6;
            let windows: Vec<bool> = pcm.chunks_exact(160).map(there).collect();
            let stretches = windows.chunk_by(|a, b| a == b);
            let mut at = 0;
            let begins = stretches.filter_map(move |stretch| {
                at += stretch.len();
                (stretch[0] && stretch.len() >= 5).then_some((at - stretch.len(), phrase))
            });
            begins.collect::<Vec<_>>()
        })
        .collect();
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, phrase)| phrase).collect()
}

/// What a phone was told since it last was asked.
fn told(world: &mut World, phone: usize) -> Vec<Phrase> {
    let told = heard(&world.phones[phone].ears.pcm);
    world.phones[phone].ears.forget();
    told
}

fn id(phone: usize) -> MemberId {
    MemberId(phone as u64 + 1)
}

fn place(n: u16) -> Phrase {
    Phrase::Place(Place::new(n).unwrap())
}

fn members(world: &World) -> usize {
    world.engine.conference(room(ROOM)).map_or(0, |conference| conference.members.len())
}

#[test]
fn the_only_one_hears_music_which_stops_at_once_for_the_second() {
    for (seed, codec) in Codec::ALL.into_iter().enumerate() {
        let mut world = world(seed as u64);
        let first = quiet(&mut world, codec);
        world.run_ms(2_500);
        let music_hz = f64::from(hz(Phrase::HoldMusic));
        assert!(world.phones[first].ears.tone(200, music_hz) > LEVEL * 0.8, "{codec:?}");
        assert_eq!(told(&mut world, first)[..3], [Phrase::Welcome, Phrase::Alone, Phrase::HoldMusic]);

        let second = quiet(&mut world, codec);
        while members(&world) < 2 {
            world.run_step();
        }
        // A tick, which fades in 5 ms, and what the codec holds back.
        world.run_ms(60);
        assert!(world.phones[first].ears.tone(20, music_hz) < LEVEL * 0.05, "{codec:?}");
        world.phones[first].ears.forget();
        world.run_ms(1_500);
        assert_eq!(told(&mut world, first), [Phrase::EnterChime], "{codec:?}");
        assert_eq!(told(&mut world, second), [Phrase::Welcome, place(2)], "{codec:?}");
        world.hang_up(second);
        world.run_ms(1_500);
        assert_eq!(told(&mut world, first)[..2], [Phrase::LeaveChime, Phrase::HoldMusic], "{codec:?}");
    }
}

#[test]
fn who_is_told_to_be_alone_is_interrupted_by_the_second() {
    let mut world = world(10);
    let first = quiet(&mut world, Codec::Pcmu);
    world.run_ms(PHRASE_MS as u64 / 2);
    quiet(&mut world, Codec::Pcma);
    world.run_ms(3_000);
    assert_eq!(told(&mut world, first), [Phrase::Welcome, Phrase::Alone, Phrase::EnterChime]);
}

#[test]
fn a_crowd_that_comes_chimes_once_a_second_and_without_the_setting_never() {
    for chimes in [true, false] {
        let mut world = world(11);
        let first = quiet(&mut world, Codec::Pcmu);
        world.run_ms(2_000);
        told(&mut world, first);
        for _ in 0..10 {
            let n = world.call_with(room(ROOM), Codec::Pcmu, "", |open| open.menu.chimes = chimes);
            world.phones[n].speaks = false;
            world.run_ms(30);
        }
        world.run_ms(2_000);
        for n in 6..11 {
            world.hang_up(n);
            world.run_ms(30);
        }
        world.run_ms(1_000);
        let expected: &[Phrase] = if chimes { &[Phrase::EnterChime, Phrase::LeaveChime] } else { &[] };
        let mut heard = told(&mut world, first);
        heard.retain(|phrase| *phrase != Phrase::HoldMusic);
        assert_eq!(heard, expected);
    }
}

/// All who only listen are sent the same bytes, those of the chime too: it costs no encoding of their own.
#[test]
fn a_chime_is_encoded_once_for_all() {
    for codec in [Codec::Pcmu, Codec::G722, Codec::Opus] {
        let mut world = world(12);
        for _ in 0..8 {
            quiet(&mut world, codec);
        }
        world.run_ms(20_000);
        let newcomer = quiet(&mut world, codec);
        while members(&world) < 9 {
            world.run_step();
        }
        let (mut ticks, mut shared) = (0, 0);
        // Other rooms' steps have no packets.
        for _ in 0..PHRASE_MS / 10 {
            world.run_step();
            let old = world.engine.packets().filter(|packet| packet.leg != world.phones[newcomer].leg);
            let payloads: Vec<*const u8> = old.map(|packet| packet.payload.as_ptr()).collect();
            if payloads.len() == 8 {
                ticks += 1;
                shared += usize::from(payloads.iter().all(|payload| *payload == payloads[0]));
            }
        }
        assert!(ticks >= 5 && shared == ticks, "{codec:?}: {shared} of {ticks}");
        assert!(heard(world.phones[3].ears.last_ms(500)).contains(&Phrase::EnterChime));
    }
}

#[test]
fn a_recording_is_told_to_all_and_to_who_comes_later() {
    let mut world = world(13);
    let first = quiet(&mut world, Codec::Pcmu);
    world.run_ms(1);
    // The first one is being told to be alone, and hears one thing after the other.
    while members(&world) < 1 {
        world.run_step();
    }
    let now = world.now();
    world.engine.record(now, room(ROOM), recording(1)).unwrap();
    world.run_ms(2_000);
    let beginning = [Phrase::Welcome, Phrase::Alone, Phrase::Recorded, Phrase::HoldMusic];
    assert_eq!(told(&mut world, first)[..4], beginning);
    let second = quiet(&mut world, Codec::G722);
    world.run_ms(3_000);
    assert_eq!(told(&mut world, second), [Phrase::Welcome, place(2), Phrase::Recorded]);
    let heard = told(&mut world, first);
    assert!(heard.contains(&Phrase::EnterChime) && !heard.contains(&Phrase::Recorded), "{heard:?}");

    world.act(room(ROOM), Action::Deafen(id(second))).unwrap();
    // What is so already stays so, and another recording is not stopped.
    for (begins, n) in [(true, 2), (false, 2), (false, 1), (true, 3)] {
        let now = world.now();
        let end = RecordingEnd::Stopped;
        match begins {
            true => world.engine.record(now, room(ROOM), recording(n)),
            false => world.engine.stop_recording(now, room(ROOM), recording(n), end),
        }
        .unwrap();
        world.run_ms(1_000);
    }
    let changes = [Phrase::RecordingStopped, Phrase::Recorded];
    assert_eq!(told(&mut world, first), changes);
    assert_eq!(told(&mut world, second), changes, "the deaf are told as well");
    let (now, nobody) = (world.now(), room(2));
    assert!(world.engine.record(now, nobody, recording(4)).is_err());
    assert!(world.engine.announce(now, nobody, Phrase::Goodbye).is_err());
}

#[test]
fn a_mute_is_told_to_its_member_alone_and_says_who_did_it() {
    let mut world = world(14);
    let other = quiet(&mut world, Codec::Pcmu);
    world.run_ms(1_000);
    let muted = world.call_with(room(ROOM), Codec::Pcma, "", |open| open.menu.enter_muted = true);
    world.phones[muted].speaks = false;
    world.run_ms(3_000);
    assert_eq!(told(&mut world, muted), [Phrase::Welcome, place(2), Phrase::EnteringMuted]);
    told(&mut world, other);
    for (keys, phrases) in [
        ("00", &[Phrase::Unmuted][..]),
        ("00", &[Phrase::Muted]),
        ("**", &[Phrase::Deafened]),
        ("**", &[Phrase::Undeafened, Phrase::Unmuted]),
        ("0*", &[]),
    ] {
        world.phones[muted].press(keys);
        world.run_ms(1_500);
        assert_eq!(told(&mut world, muted), phrases, "{keys}");
    }
    world.act(room(ROOM), Action::Mute(id(muted))).unwrap();
    world.run_ms(1_000);
    world.act(room(ROOM), Action::Mute(id(muted))).unwrap();
    world.run_ms(1_000);
    world.act(room(ROOM), Action::Unmute(id(muted))).unwrap();
    world.run_ms(1_000);
    assert_eq!(told(&mut world, muted), [Phrase::MutedByModerator, Phrase::UnmutedByModerator]);
    assert!(told(&mut world, other).is_empty(), "the other one was told something");
    world.act(room(ROOM), Action::Expel(id(muted))).unwrap();
    assert_eq!(members(&world), 1, "out of the conference at once");
    world.run_ms(1_000);
    assert_eq!(told(&mut world, muted), [Phrase::Expelled]);
    assert_eq!(world.ended, [(id(muted), EndReason::Expelled)]);
}

#[test]
fn the_announcement_is_heard_before_the_greeting_at_every_rate() {
    for codec in Codec::ALL {
        let mut world = world(15);
        let sound = |rate| Arc::from(tone(ANNOUNCEMENT_HZ, rate));
        let announcement = Arc::new(Announcement::new(sound(Rate::Narrow), sound(Rate::Wide)));
        let caller = world.call_with(room(ROOM), codec, "4711", |open| {
            open.menu.announcement = Some(announcement.clone());
        });
        world.phones[caller].speaks = false;
        world.run_ms(420);
        let announced = world.phones[caller].ears.tone(200, f64::from(ANNOUNCEMENT_HZ));
        assert!(announced > LEVEL * 0.8, "{codec:?}: {announced}");
        world.run_ms(1_500);
        assert_eq!(told(&mut world, caller), [Phrase::Welcome, Phrase::EnterPin], "{codec:?}");
        world.phones[caller].press("4711");
        world.run_ms(1_500);
        assert_eq!(told(&mut world, caller)[0], Phrase::Alone, "{codec:?}");
    }
}

/// Keys that come as tones in the sound: of a muted member nothing is heard, of another one their beginning at most.
#[test]
fn the_tones_of_keys_are_cut_out_of_the_sound() {
    const FIVE_HZ: (f64, f64) = (770.0, 1_336.0);
    let mut world = World::new(16, Line::CLEAN);
    let hearer = quiet(&mut world, Codec::Pcmu);
    let presser = world.call_with(room(ROOM), Codec::Pcmu, "", |open| open.media.telephone_event = None);
    world.phones[presser].speaks = false;
    world.run_ms(2_000);
    (world.phones[presser].tone_hz, world.phones[presser].also_hz) = FIVE_HZ;
    for muted in [false, true] {
        if muted {
            world.act(room(ROOM), Action::Mute(id(presser))).unwrap();
            world.run_ms(100);
        }
        world.phones[hearer].ears.forget();
        world.phones[presser].speaks = true;
        world.run_ms(1_000);
        world.phones[presser].speaks = false;
        world.run_ms(500);
        let pcm = world.phones[hearer].ears.last_ms(1_400);
        let loud = pcm.chunks_exact(160).filter(|w| amplitude(w, FIVE_HZ.0) > AMPLITUDE * 0.05).count();
        match muted {
            true => assert_eq!(loud, 0),
            false => assert!(loud <= 4, "{loud} times 20 ms"),
        }
    }
}
