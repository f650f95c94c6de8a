//! Phones of every codec in one room, and what changes while they talk.

use crate::network::Line;
use crate::phone::{AMPLITUDE, amplitude_at};
use crate::world::{World, room, tone_hz};
use engine::{Arrival, Channel, Codec, Rate};
use model::{Action, Energy, MemberId};

const ROOM: u128 = 6;

/// A phone of each codec that talks, and one of each that only listens.
fn all_codecs(seed: u64, line: Line) -> World {
    let mut world = World::new(seed, line);
    for codec in Codec::ALL {
        world.call(room(ROOM), codec);
    }
    for codec in Codec::ALL {
        let n = world.call(room(ROOM), codec);
        world.phones[n].speaks = false;
    }
    world
}

fn check_all_hear_all(world: &World, ms: usize) {
    for (h, hearer) in world.phones.iter().enumerate() {
        for s in 0..4 {
            let heard = hearer.ears.tone(ms, tone_hz(s)) / AMPLITUDE;
            match s == h {
                true => assert!(heard < 0.02, "{h} hears itself: {heard}"),
                false => assert!((0.85..1.15).contains(&heard), "{h} hears {s} at {heard}"),
            }
        }
    }
}

#[test]
fn every_codec_hears_every_other_at_its_level() {
    let mut world = all_codecs(1, Line::CLEAN);
    world.run_ms(4_000);
    check_all_hear_all(&world, 2_000);
}

#[test]
fn on_a_lossy_line_too() {
    for seed in 2..5 {
        let mut world = all_codecs(seed, Line::LOSSY);
        world.run_ms(20_000);
        for (h, hearer) in world.phones.iter().enumerate() {
            for s in (0..4).filter(|s| *s != h) {
                let heard = hearer.ears.tone(10_000, tone_hz(s)) / AMPLITUDE;
                // Each splice of a stretched or concealed stretch moves its phase, so the whole is less than its parts.
                assert!(heard > 0.3, "seed {seed}: {h} hears {s} at {heard}");
            }
        }
    }
}

/// A tone above what G.711 carries goes from Opus to G.722 and to Opus, and leaves nothing in G.711.
#[test]
fn the_room_is_as_wide_as_its_codecs_and_nothing_folds_back() {
    let mut world = World::new(3, Line::CLEAN);
    let talker = world.call(room(ROOM), Codec::Opus);
    world.phones[talker].tone_hz = 6_000.0;
    for codec in [Codec::Opus, Codec::G722, Codec::Pcma] {
        let n = world.call(room(ROOM), codec);
        world.phones[n].speaks = false;
    }
    world.run_ms(3_000);
    let heard = |n: usize, rate: Rate, hz: f64| {
        let full = &world.phones[n].ears.full;
        amplitude_at(rate.hz(), &full[full.len() - rate.hz() as usize..], hz) / AMPLITUDE
    };
    assert!(heard(1, Rate::Full, 6_000.0) > 0.8, "{}", heard(1, Rate::Full, 6_000.0));
    assert!(heard(2, Rate::Wide, 6_000.0) > 0.8, "{}", heard(2, Rate::Wide, 6_000.0));
    assert!(heard(3, Rate::Narrow, 2_000.0) < 0.01, "{}", heard(3, Rate::Narrow, 2_000.0));
}

/// The largest step between two samples beside those of the tones themselves: what a click is made of.
fn worst_step(pcm: &[i16]) -> f64 {
    pcm.windows(2).map(|w| f64::from(w[1]) - f64::from(w[0])).fold(0.0, |worst, step| worst.max(step.abs()))
}

/// Somebody with a better codec comes in, and leaves: the room changes its rate in the midst of a tone.
#[test]
fn a_change_of_the_rooms_rate_does_not_click() {
    let mut world = World::new(4, Line::CLEAN);
    let hearer = world.call(room(ROOM), Codec::Pcmu);
    let talker = world.call(room(ROOM), Codec::Pcma);
    world.phones[hearer].speaks = false;
    world.run_ms(2_000);
    let step_hz = world.phones[talker].tone_hz;
    let own_step = AMPLITUDE * std::f64::consts::TAU * step_hz / 8_000.0;
    for codec in [Codec::G722, Codec::Opus] {
        let from = world.phones[hearer].ears.pcm.len();
        let newcomer = world.call(room(ROOM), codec);
        world.phones[newcomer].speaks = false;
        world.run_ms(2_000);
        let worst = worst_step(&world.phones[hearer].ears.pcm[from..]);
        assert!(worst < 1.25 * own_step, "{codec:?}: {worst:.0} against {own_step:.0}");
        assert!((world.phones[hearer].ears.tone(500, step_hz) / AMPLITUDE - 1.0).abs() < 0.05);
    }
}

/// Hearers of G.722 and Opus go to streams of their own and back to the shared one, again and again.
#[test]
fn a_hearer_of_a_stateful_codec_changes_streams_without_a_click() {
    for codec in [Codec::G722, Codec::Opus] {
        let mut world = World::new(5, Line::CLEAN);
        let (first, second) = (world.call(room(ROOM), codec), world.call(room(ROOM), codec));
        let listener = world.call(room(ROOM), codec);
        world.phones[listener].speaks = false;
        world.phones[second].speaks = false;
        world.run_ms(3_000);
        let rate_hz = f64::from(codec.rate().hz());
        let highest_hz = world.phones[first].tone_hz.max(world.phones[second].tone_hz);
        let own_step = 2.0 * AMPLITUDE * std::f64::consts::TAU * highest_hz / rate_hz;
        let from: Vec<usize> = world.phones.iter().map(|p| p.ears.full.len()).collect();
        for turn in 0..12 {
            let talks = turn % 2 == 0;
            world.phones[second].speaks = talks;
            world.phones[first].speaks = turn % 3 != 2;
            world.run_ms(1_300);
        }
        for (n, from) in from.into_iter().enumerate() {
            let worst = worst_step(&world.phones[n].ears.full[from..]);
            assert!(worst < 1.3 * own_step, "{codec:?}, {n}: {worst:.0} against {own_step:.0}");
        }
    }
}

/// A member who never talked and one who did hear the same, and neither hears itself.
#[test]
fn who_has_talked_hears_on_after_it() {
    for codec in Codec::ALL {
        let mut world = World::new(6, Line::CLEAN);
        let (talker, other) = (world.call(room(ROOM), codec), world.call(room(ROOM), Codec::Pcmu));
        world.run_ms(2_000);
        world.phones[talker].speaks = false;
        world.run_ms(3_000);
        let heard = world.phones[talker].ears.tone(1_000, world.phones[other].tone_hz) / AMPLITUDE;
        assert!((0.9..1.1).contains(&heard), "{codec:?}: {heard}");
    }
}

#[test]
fn the_energy_keeps_the_quiet_out_and_lets_a_whisper_in() {
    let mut world = World::new(7, Line::CLEAN);
    let (talker, hearer) = (world.call(room(ROOM), Codec::Pcmu), world.call(room(ROOM), Codec::Pcmu));
    world.phones[hearer].speaks = false;
    // -22 dBFS at its peak is -25 dBov: above all five thresholds. A tenth of it is at -45 dBov.
    world.phones[talker].volume = 0.08;
    world.run_ms(1_500);
    let tone_hz = world.phones[talker].tone_hz;
    let heard = |world: &World| world.phones[hearer].ears.tone(200, tone_hz) > AMPLITUDE * 0.04;
    assert!(!heard(&world));
    let member = MemberId(talker as u64 + 1);
    // Past the threshold by more than the 5 dB by which it closes later than it opens.
    for (step, let_in) in [(1, true), (3, false), (0, true), (4, false)] {
        world.act(room(ROOM), Action::Energy { member, energy: Energy::new(step).unwrap() }).unwrap();
        world.run_ms(1_000);
        assert_eq!(heard(&world), let_in, "{step}");
        assert_eq!(world.live_member(room(ROOM), talker).unwrap().energy.step(), step);
    }
}

/// RTCP both ways: the phone's reports are believed, ours come, and the page shows the line.
#[test]
fn reports_go_both_ways_and_rate_the_line() {
    let mut world = World::new(8, Line { loss_percent: 5.0, delay_us: 5_000, ..Line::CLEAN });
    let caller = world.call(room(ROOM), Codec::Pcmu);
    world.run_ms(30_000);
    let reports = &world.phones[caller].ears.reports;
    assert!((4..=12).contains(&reports.len()), "{} reports in 30 s", reports.len());
    // SR (RFC 3550 section 6.4.1) with a block about the phone's own stream.
    let last = reports.last().unwrap();
    assert_eq!((last[0], last[1]), (0x81, 200));
    assert_eq!(last[28..32], world.phones[caller].ssrc.to_be_bytes());
    let quality = world.live_member(room(ROOM), caller).unwrap().quality.unwrap();
    assert!((20..=90).contains(&quality.loss_permille), "{quality:?}");
    assert!((20..42).contains(&quality.mos_tenths), "{quality:?}");
    assert_eq!(quality.round_trip_ms, None);

    // The phone answers 40 ms after our report came, which took 5 ms each way.
    let sent_us = world.now_us;
    let before = world.phones[caller].ears.reports.len();
    while world.phones[caller].ears.reports.len() == before {
        world.run_step();
    }
    assert!(world.now_us > sent_us);
    let ours = world.phones[caller].ears.reports.last().unwrap().clone();
    world.run_ms(50);
    let mut report = vec![0x81, 201, 0, 7];
    report.extend(world.phones[caller].ssrc.to_be_bytes());
    report.extend(&ours[4..8]);
    report.extend([0; 12]);
    // LSR: the middle of our NTP time; DLSR: 40 ms in 1/65,536 s.
    report.extend(&ours[10..14]);
    report.extend((65_536_u32 * 40 / 1_000).to_be_bytes());
    let (leg, from) = (world.phones[caller].leg, world.destinations[&world.phones[caller].leg.index()]);
    world.engine.handle_packet(Arrival::At(world.now()), leg, Channel::Rtcp, from, &report);
    world.run_ms(10_000);
    let quality = world.live_member(room(ROOM), caller).unwrap().quality.unwrap();
    assert_eq!(quality.round_trip_ms, Some(10), "{quality:?}");
    assert_eq!(world.engine.stats().reports_in, 1);
}

/// A stranger's reports are not believed.
#[test]
fn reports_from_elsewhere_are_dropped() {
    let mut world = World::new(9, Line::CLEAN);
    let caller = world.call(room(ROOM), Codec::Pcmu);
    world.run_ms(1_000);
    let leg = world.phones[caller].leg;
    let report = [0x80, 201, 0, 1, 0, 0, 0, 1];
    let stranger = "203.0.113.9:7001".parse().unwrap();
    let before = world.engine.stats();
    world.engine.handle_packet(Arrival::At(world.now()), leg, Channel::Rtcp, stranger, &report);
    let stats = world.engine.stats();
    assert_eq!((stats.reports_in, stats.dropped.source), (0, before.dropped.source + 1));
}

/// Packets of callers who do not talk are not decoded; from the first one that may be voice on they are.
#[test]
fn a_caller_is_heard_at_once_after_a_long_silence() {
    let mut world = World::new(8, Line::CLEAN);
    let talker = world.call(room(ROOM), Codec::Opus);
    let hearer = world.call(room(ROOM), Codec::Opus);
    world.phones[talker].speaks = false;
    world.phones[hearer].speaks = false;
    world.run_ms(8_000);
    world.phones[talker].speaks = true;
    world.run_ms(500);
    let heard = world.phones[hearer].ears.tone(250, tone_hz(talker)) / AMPLITUDE;
    assert!((0.85..1.15).contains(&heard), "{heard}");
    // Muted, they are not decoded at all; unmuted, they are heard as before.
    let member = MemberId(talker as u64 + 1);
    world.act(room(ROOM), Action::Mute(member)).unwrap();
    world.run_ms(5_000);
    assert!(world.phones[hearer].ears.tone(250, tone_hz(talker)) / AMPLITUDE < 0.01);
    world.act(room(ROOM), Action::Unmute(member)).unwrap();
    world.run_ms(600);
    let heard = world.phones[hearer].ears.tone(250, tone_hz(talker)) / AMPLITUDE;
    assert!((0.85..1.15).contains(&heard), "{heard}");
}
