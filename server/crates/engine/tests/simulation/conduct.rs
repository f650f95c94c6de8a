//! What moderators and members do, and what follows at once.

use crate::network::Line;
use crate::phone::AMPLITUDE;
use crate::world::{World, address, room};
use engine::{Codec, EndReason, Phrase, Prompts};
use model::{Action, MemberId, Refusal};

const ROOM: u128 = 1;

/// Phones in one room, of which the first one only listens.
fn talking(seed: u64, n: usize, line: Line) -> World {
    let mut world = World::new(seed, line);
    for i in 0..n {
        world.call(room(ROOM), if i % 2 == 0 { Codec::Pcmu } else { Codec::Pcma });
    }
    world.phones[0].speaks = false;
    world.run_ms(2_000);
    world
}

fn id(phone: usize) -> MemberId {
    MemberId(phone as u64 + 1)
}

fn hears(world: &World, hearer: usize, speaker: usize, ms: usize) -> bool {
    world.phones[hearer].ears.tone(ms, world.phones[speaker].tone_hz) > AMPLITUDE * 0.5
}

#[test]
fn a_mute_is_heard_at_the_next_tick_and_shown() {
    let mut world = talking(1, 3, Line::CLEAN);
    assert!(hears(&world, 0, 1, 100) && hears(&world, 2, 1, 100));
    world.act(room(ROOM), Action::Mute(id(1))).unwrap();
    world.run_tick();
    let tone_hz = world.phones[1].tone_hz;
    // 5 ms of that tick are the fade.
    let rest = &world.phones[0].ears.last_ms(20)[48..];
    assert!(crate::phone::amplitude(rest, 2.0 * tone_hz) < AMPLITUDE * 0.2);
    world.run_tick();
    assert!(world.phones[0].ears.tone(20, tone_hz) < 20.0);
    world.run_ms(100);
    let shown = world.live_member(room(ROOM), 1).unwrap();
    assert!(shown.muted && !shown.talking && shown.level == 0);
    assert!(hears(&world, 1, 2, 100) && hears(&world, 0, 2, 100));

    world.act(room(ROOM), Action::Unmute(id(1))).unwrap();
    world.run_ms(100);
    assert!(hears(&world, 0, 1, 60) && world.live_member(room(ROOM), 1).unwrap().talking);
}

#[test]
fn the_deaf_hear_nobody_and_are_heard() {
    let mut world = talking(2, 3, Line::CLEAN);
    world.act(room(ROOM), Action::Deafen(id(1))).unwrap();
    world.run_ms(200);
    // But for the comfort noise.
    assert!(world.phones[1].ears.last_ms(100).iter().all(|s| s.unsigned_abs() <= 64));
    assert!(hears(&world, 2, 1, 100) && world.live_member(room(ROOM), 1).unwrap().deaf);
    world.act(room(ROOM), Action::Undeafen(id(1))).unwrap();
    world.run_ms(200);
    assert!(hears(&world, 1, 2, 100));
}

#[test]
fn the_expelled_are_gone_at_once() {
    let mut world = talking(3, 3, Line::CLEAN);
    world.act(room(ROOM), Action::Expel(id(1))).unwrap();
    assert_eq!(world.ended, [(id(1), EndReason::Expelled)]);
    world.run_ms(60);
    assert!(world.live_member(room(ROOM), 1).is_none());
    assert!(world.phones[0].ears.tone(20, world.phones[1].tone_hz) < 20.0);
    assert_eq!(world.act(room(ROOM), Action::Mute(id(1))), Err(Refusal::NoMember));
    assert!(hears(&world, 0, 2, 40));
}

#[test]
fn a_lock_keeps_others_out_until_the_last_has_left() {
    let mut world = talking(4, 2, Line::CLEAN);
    world.act(room(ROOM), Action::Lock).unwrap();
    let late = world.call(room(ROOM), Codec::Pcmu);
    world.run_ms(1_000);
    assert_eq!(world.ended, [(id(late), EndReason::Locked)]);
    assert!(world.lives[&room(ROOM)].conference.as_ref().unwrap().locked);
    world.hang_up(0);
    world.hang_up(1);
    world.run_ms(200);
    assert_eq!(world.lives[&room(ROOM)].conference, None);
    assert_eq!(world.act(room(ROOM), Action::Unlock), Err(Refusal::NoConference));
    let next = world.call(room(ROOM), Codec::Pcmu);
    world.run_ms(1_000);
    assert!(world.live_member(room(ROOM), next).is_some());
    assert!(!world.lives[&room(ROOM)].conference.as_ref().unwrap().locked);
}

#[test]
fn a_full_room_says_so() {
    let mut world = World::new(5, Line::CLEAN);
    for _ in 0..21 {
        world.call(room(ROOM), Codec::Pcmu);
    }
    world.run_ms(1_000);
    assert_eq!(world.ended, [(id(20), EndReason::Full)]);
    assert_eq!(world.engine.stats().members, 20);
}

#[test]
fn a_pin_opens_the_room_through_a_lossy_network() {
    for seed in 0..20 {
        let mut world = World::new(seed, Line::LOSSY);
        let caller = world.call_with(room(ROOM), Codec::Pcmu, "4711", |_| {});
        world.run_ms(1_000);
        assert!(world.live_member(room(ROOM), caller).is_none());
        world.phones[caller].press("4711");
        world.run_ms(1_000);
        assert!(world.live_member(room(ROOM), caller).is_some(), "seed {seed}");
    }
}

#[test]
fn three_wrong_pins_end_the_call_after_the_last_word() {
    let prompts = Prompts::new(|phrase, rate| match phrase {
        Phrase::NoMoreTries => vec![4_000; 4_000 * rate.factor()],
        _ => Vec::new(),
    });
    let mut world = World::new(6, Line::CLEAN).with_prompts(prompts);
    let caller = world.call_with(room(ROOM), Codec::Pcmu, "4711", |_| {});
    world.run_ms(500);
    world.phones[caller].press("1111#2222#3333");
    let said = |world: &World| world.phones[caller].ears.pcm.iter().filter(|s| **s > 3_800).count();
    while said(&world) < 4_000 {
        assert!(world.ended.is_empty(), "the good-bye was cut short: {} samples", said(&world));
        world.run_ms(20);
    }
    // A phone with a buffer of its own has not played it yet.
    world.run_ms(140);
    assert!(world.ended.is_empty());
    world.run_ms(60);
    assert_eq!(world.ended, [(id(caller), EndReason::PinRefused)]);
    assert_eq!(world.wrong_pins, vec!["+33123450000"; 3]);
    assert!(world.lives.is_empty(), "who never came in is never shown");
}

#[test]
fn keys_in_the_room_mute_deafen_and_leave_and_are_not_heard() {
    let mut world = talking(7, 3, Line::CLEAN);
    // While a key is down, not even the concealment of the missing sound is heard.
    world.phones[1].press("5");
    world.run_ms(62);
    assert!(world.phones[0].ears.tone(20, world.phones[1].tone_hz) < AMPLITUDE * 0.05);
    world.run_ms(400);
    assert!(hears(&world, 0, 1, 100));
    world.phones[1].press("00");
    world.run_ms(400);
    assert!(world.live_member(room(ROOM), 1).unwrap().muted);
    world.phones[1].press("**");
    world.run_ms(400);
    let shown = world.live_member(room(ROOM), 1).unwrap();
    assert!(shown.muted && shown.deaf);
    world.phones[1].press("**");
    world.run_ms(400);
    let shown = world.live_member(room(ROOM), 1).unwrap();
    assert!(!shown.muted && !shown.deaf);
    world.phones[1].press("##");
    world.run_ms(400);
    assert_eq!(world.ended, [(id(1), EndReason::LeftByKey)]);
    assert!(world.live_member(room(ROOM), 1).is_none());
}

#[test]
fn only_the_latched_source_is_heard_until_a_re_invite() {
    let mut world = talking(8, 2, Line::CLEAN);
    let leg = world.phones[1].leg;
    assert_eq!(world.destinations[&leg.index()], address(world.phones[1].port));

    // Another source, with all right but its identifier, is not listened to.
    world.phones[1].port = 31_000;
    world.phones[1].ssrc = 98;
    world.run_ms(1_000);
    assert!(!hears(&world, 0, 1, 500));
    assert!(world.engine.stats().dropped.source >= 49);
    assert_ne!(world.destinations[&leg.index()], address(31_000));

    // The re-INVITE lets it in. The sender begins anew with all its numbers; its sequence happens to lie where it would
    // look overdue in the old stream.
    let late = world.engine.stats().dropped.late;
    let mut media = world.media(1);
    media.remote.set_port(31_000);
    world.engine.update_leg(world.now(), leg, media);
    world.phones[1].ssrc = 99;
    world.phones[1].sequence -= 90;
    world.phones[1].timestamp = 12_345;
    world.run_ms(1_000);
    assert!(hears(&world, 0, 1, 900));
    assert_eq!(world.engine.stats().dropped.late, late);
    assert_eq!(world.destinations[&leg.index()], address(31_000));
}

#[test]
fn a_leg_on_hold_is_sent_nothing_and_comes_back() {
    let mut world = talking(9, 2, Line::CLEAN);
    let heard = world.phones[0].ears.pcm.len();
    let mut media = world.media(0);
    media.send = false;
    world.engine.update_leg(world.now(), world.phones[0].leg, media);
    world.run_ms(1_000);
    assert_eq!(world.phones[0].ears.pcm.len(), heard);
}

/// Calls, hang-ups and moderators at random: [`World`] compares, after each event, the state that the events lead to
/// with the engine's own.
#[test]
fn the_events_always_lead_to_the_engines_own_state() {
    for seed in 0..12 {
        let mut world = World::new(seed, Line::LOSSY);
        for _ in 0..200 {
            let phones = world.phones.len() as u64;
            let who = id(world.dice.below(phones + 1) as usize);
            let place = room(u128::from(world.dice.below(2)));
            match world.dice.below(12) {
                0..=2 if phones < 60 => {
                    let muted = world.dice.chance(30.0);
                    world.call_with(place, Codec::Pcmu, "", |open| open.menu.enter_muted = muted);
                }
                3 if phones > 0 => world.hang_up(who.0 as usize % phones as usize),
                4 => world.try_to(place, Action::Mute(who)),
                5 => world.try_to(place, Action::Unmute(who)),
                6 => world.try_to(place, Action::Deafen(who)),
                7 => world.try_to(place, Action::Undeafen(who)),
                8 => world.try_to(place, Action::Lock),
                9 => world.try_to(place, Action::Unlock),
                10 => world.try_to(place, Action::Expel(who)),
                _ if phones > 0 => world.phones[who.0 as usize % phones as usize].press("00"),
                _ => {}
            }
            let ms = world.dice.below(150);
            world.run_ms(ms);
        }
        let deltas: u64 = world.lives.values().map(|live| live.revision).sum();
        assert!(deltas > 50, "seed {seed}: {deltas}");
    }
}
