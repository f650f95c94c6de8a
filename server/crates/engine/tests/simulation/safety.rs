//! Whose packets are heard, and when nobody is there any more.

use crate::network::Line;
use crate::phone::{AMPLITUDE, Phone};
use crate::world::{World, address, room};
use engine::{Arrival, Channel, Codec, EndReason, LegKey};
use model::MemberId;
use std::net::SocketAddr;

const ROOM: u128 = 1;
/// No phone of a world says it.
const STRANGE_HZ: f64 = 2_500.0;

/// A hearer and a speaker.
fn two() -> World {
    let mut world = World::new(31, Line::CLEAN);
    for _ in 0..2 {
        world.call(room(ROOM), Codec::Pcmu);
    }
    world.phones[0].speaks = false;
    world
}

fn stranger(leg: LegKey, port: u16) -> Phone {
    Phone::new(leg, STRANGE_HZ, Codec::Pcmu, port, 0)
}

/// The stranger sends to a leg that is not its own while the world goes on.
fn inject(world: &mut World, stranger: &mut Phone, ms: u64) {
    for _ in 0..ms / 20 {
        for datagram in stranger.speak() {
            let from = address(stranger.port);
            world.engine.handle_packet(Arrival::At(world.now()), stranger.leg, Channel::Rtp, from, &datagram);
        }
        world.run_ms(20);
    }
}

/// From now on nothing comes from the phone, as with silence suppression.
fn fall_silent(world: &mut World, phone: usize) {
    world.phones[phone].speaks = false;
    world.phones[phone].suppresses = true;
}

/// An empty receiver report comes (RFC 3550 section 6.4.2).
fn report(world: &mut World, leg: LegKey, from: SocketAddr) {
    let datagram = [0x80, 201, 0, 1, 0, 0, 0, 7];
    world.engine.handle_packet(Arrival::At(world.now()), leg, Channel::Rtcp, from, &datagram);
}

fn hears_stranger(world: &World, ms: usize) -> bool {
    world.phones[0].ears.tone(ms, STRANGE_HZ) > AMPLITUDE * 0.02
}

fn hears_speaker(world: &World, ms: usize) -> bool {
    world.phones[0].ears.tone(ms, world.phones[1].tone_hz) > AMPLITUDE * 0.9
}

#[test]
fn what_is_injected_from_elsewhere_is_never_heard() {
    let mut world = two();
    world.run_ms(1_000);
    let leg = world.phones[1].leg;
    let mut stranger = stranger(leg, 31_000);
    inject(&mut world, &mut stranger, 10_000);
    assert!(!hears_stranger(&world, 9_500) && hears_speaker(&world, 9_500));
    // The phone is silent, as with silence suppression: that is no invitation.
    fall_silent(&mut world, 1);
    inject(&mut world, &mut stranger, 10_000);
    assert!(!hears_stranger(&world, 9_500));
    assert_eq!(world.destinations[&leg.index()], address(world.phones[1].port));
    assert!(world.engine.stats().dropped.source >= 999);
}

#[test]
fn who_forges_the_address_of_a_talker_is_not_heard_beside_it() {
    let mut world = two();
    world.run_ms(1_000);
    let mut stranger = stranger(world.phones[1].leg, world.phones[1].port);
    stranger.ssrc = 0xBAD;
    let before = world.engine.stats().dropped.source;
    inject(&mut world, &mut stranger, 5_000);
    assert!(!hears_stranger(&world, 4_800) && hears_speaker(&world, 4_800));
    assert_eq!(world.engine.stats().dropped.source, before + 250);
}

#[test]
fn a_phone_that_gets_another_port_is_followed() {
    let mut world = two();
    world.run_ms(1_000);
    world.phones[1].port = 31_000;
    world.run_ms(480);
    assert!(!hears_speaker(&world, 100));
    world.run_ms(320);
    assert!(hears_speaker(&world, 200));
    assert_eq!(world.destinations[&world.phones[1].leg.index()], address(31_000));
}

#[test]
fn another_sender_behind_the_same_address_is_heard_after_the_old_one() {
    let mut world = two();
    world.run_ms(1_000);
    world.phones[1].ssrc = 77;
    world.run_ms(500);
    assert!(hears_speaker(&world, 200));
}

#[test]
fn a_leg_from_which_nothing_comes_any_more_is_ended() {
    let mut world = two();
    world.run_ms(10_000);
    fall_silent(&mut world, 1);
    world.run_ms(29_900);
    assert!(world.ended.is_empty());
    world.run_ms(1_200);
    assert_eq!(world.ended, [(MemberId(2), EndReason::NoSound)]);
    assert!(world.live_member(room(ROOM), 1).is_none());
    world.run_ms(60_000);
    assert_eq!(world.ended.len(), 1, "who sends silence stays");
}

#[test]
fn a_leg_that_never_sent_anything_is_ended_even_in_its_menu() {
    let mut world = World::new(32, Line::CLEAN);
    let mute = |world: &mut World, pin: &str| {
        let n = world.call_with(room(ROOM), Codec::Pcmu, pin, |_| {});
        fall_silent(world, n);
    };
    mute(&mut world, "");
    mute(&mut world, "4711");
    world.run_ms(29_900);
    // Its reports do not help it: there is no sound to be silent between.
    let leg = world.phones[0].leg;
    let from = address(5_000);
    report(&mut world, leg, from);
    world.run_ms(1_200);
    let ended: Vec<_> = world.ended.iter().map(|(_, reason)| *reason).collect();
    assert!(ended.contains(&EndReason::NoSound) && ended.len() == 2, "{ended:?}");
}

#[test]
fn a_silent_phone_that_reports_stays() {
    let mut world = two();
    world.run_ms(1_000);
    fall_silent(&mut world, 1);
    let (leg, from) = (world.phones[1].leg, address(5_001));
    for _ in 0..30 {
        world.run_ms(5_000);
        report(&mut world, leg, from);
    }
    assert!(world.ended.is_empty());
    world.run_ms(31_100);
    assert_eq!(world.ended, [(MemberId(2), EndReason::NoSound)]);
}

#[test]
fn who_is_on_hold_need_not_send_until_the_hold_ends() {
    let mut world = two();
    world.run_ms(1_000);
    fall_silent(&mut world, 1);
    let leg = world.phones[1].leg;
    let mut media = world.media(1);
    media.receive = false;
    world.engine.update_leg(world.now(), leg, media);
    world.run_ms(600_000);
    assert!(world.ended.is_empty());
    media.receive = true;
    world.engine.update_leg(world.now(), leg, media);
    world.run_ms(29_900);
    assert!(world.ended.is_empty());
    world.run_ms(1_200);
    assert_eq!(world.ended, [(MemberId(2), EndReason::NoSound)]);
}
