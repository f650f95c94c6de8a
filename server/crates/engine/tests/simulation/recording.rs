//! What is recorded, from when to when, and what members are told of it.

use crate::network::Line;
use crate::phone::{AMPLITUDE, amplitude};
use crate::world::{World, recording, room};
use engine::{Codec, FRAME_SAMPLES, Phrase, Prompts, Rate};
use model::limits::RECORDING_MS;
use model::{Action, MemberId, RecordingEnd};

const ROOM: u128 = 1;

/// A phone in the room, whose settings say that conferences are recorded.
fn call(world: &mut World, codec: Codec) -> usize {
    let id = recording(world.phones.len() as u128 + 1);
    world.call_with(room(ROOM), codec, "", |open| {
        open.menu.chimes = false;
        open.menu.recording = Some(id);
    })
}

fn id(phone: usize) -> MemberId {
    MemberId(phone as u64 + 1)
}

fn is_shown(world: &World) -> bool {
    world.lives[&room(ROOM)].conference.as_ref().is_some_and(|conference| conference.recording)
}

/// The second one's, which is the one that runs.
fn pcm(world: &World) -> &[i16] {
    world.takes.get(&recording(2)).map_or(&[], |taken| &taken.pcm)
}

/// The amplitude of a tone in the last so many milliseconds of the recording.
fn recorded(world: &World, ms: usize, tone_hz: f64) -> f64 {
    let pcm = pcm(world);
    amplitude(&pcm[pcm.len() - ms * 8..], tone_hz)
}

#[test]
fn it_runs_from_the_second_member_to_the_last() {
    let mut world = World::new(1, Line::CLEAN);
    call(&mut world, Codec::Pcmu);
    world.run_ms(2_000);
    assert!(world.takes.is_empty() && !is_shown(&world), "nobody is recorded alone");
    call(&mut world, Codec::Pcmu);
    world.run_ms(1_000);
    let before = world.takes[&recording(2)].ticks.len();
    world.run_ms(1_000);
    assert_eq!(world.takes[&recording(2)].ticks.len() - before, 50);
    assert!(is_shown(&world));
    call(&mut world, Codec::Pcmu);
    world.run_ms(1_000);
    world.hang_up(0);
    world.hang_up(1);
    world.run_ms(1_000);
    assert!(is_shown(&world), "it goes on until the last one leaves");
    world.hang_up(2);
    world.run_ms(200);
    let taken = &world.takes[&recording(2)];
    let whole = taken.ticks.len() as u64;
    assert!(taken.ticks.iter().copied().eq(0..whole) && whole > 100, "{whole}");
    assert_eq!(world.endings, [(recording(2), whole, RecordingEnd::ConferenceOver)]);
    assert_eq!(world.takes.len(), 1, "one conference, one recording");

    // The next conference is another recording, even if the room was never empty for long.
    call(&mut world, Codec::Pcmu);
    call(&mut world, Codec::Pcmu);
    world.run_ms(1_000);
    assert!(world.takes.contains_key(&recording(5)));
}

#[test]
fn nothing_is_recorded_where_the_settings_say_so() {
    let mut world = World::new(2, Line::CLEAN);
    world.call(room(ROOM), Codec::Pcmu);
    world.call(room(ROOM), Codec::Pcmu);
    world.run_ms(1_000);
    assert!(world.takes.is_empty() && !is_shown(&world));
    // They were changed meanwhile: the next call obeys.
    call(&mut world, Codec::Pcmu);
    world.run_ms(1_000);
    assert!(world.takes.contains_key(&recording(3)) && is_shown(&world));
}

/// Mute, gate, limiter, chimes: whatever the room does to the mix, it does to the recording.
#[test]
fn it_is_what_a_silent_hearer_hears() {
    for codec in [Codec::Pcmu, Codec::Pcma] {
        let mut world = World::new(3, Line::LOSSY);
        for n in 0..5 {
            call(&mut world, codec);
            world.phones[n].speaks = n > 0;
            // Together they are too loud: the limiter works.
            world.phones[n].volume = 5.0;
        }
        world.run_ms(3_000);
        let before = pcm(&world).len();
        world.phones[0].ears.forget();
        world.run_ms(2_000);
        world.act(room(ROOM), Action::Mute(id(2))).unwrap();
        world.run_ms(1_000);
        world.hang_up(3);
        world.run_ms(1_000);
        let heard = &world.phones[0].ears.pcm;
        let recorded = &pcm(&world)[before..];
        assert_eq!(heard.len(), recorded.len());
        // Half a step of the codec: 1/32 of what is said and of µ-law's bias, or 8 where that is little.
        for (i, (heard, recorded)) in heard.iter().zip(recorded).enumerate() {
            let (heard, recorded) = (i32::from(*heard), i32::from(*recorded));
            let half_a_step = ((recorded.abs() + 132) / 32 + 1).max(8);
            assert!((heard - recorded).abs() <= half_a_step, "{codec:?} {i}: {heard} {recorded}");
        }
        assert!(recorded.iter().any(|s| s.unsigned_abs() > 20_000), "too quiet to prove much");
    }
}

#[test]
fn the_muted_are_not_in_it() {
    let mut world = World::new(4, Line::CLEAN);
    for _ in 0..3 {
        call(&mut world, Codec::Pcmu);
    }
    world.run_ms(2_000);
    let tones: Vec<f64> = world.phones.iter().map(|phone| phone.tone_hz).collect();
    assert!(tones.iter().all(|hz| recorded(&world, 200, *hz) > AMPLITUDE * 0.8));
    world.act(room(ROOM), Action::Mute(id(1))).unwrap();
    world.run_ms(100);
    world.run_ms(1_000);
    assert!(recorded(&world, 900, tones[1]) < 10.0 && recorded(&world, 900, tones[2]) > AMPLITUDE * 0.8);
}

#[test]
fn it_follows_the_rooms_rate() {
    let mut world = World::new(5, Line::CLEAN);
    call(&mut world, Codec::Pcmu);
    call(&mut world, Codec::Pcmu);
    world.run_ms(1_000);
    assert_eq!(world.takes[&recording(2)].rate, Some(Rate::Narrow));
    call(&mut world, Codec::Opus);
    world.run_ms(2_000);
    let taken = &world.takes[&recording(2)];
    assert_eq!((taken.rate, taken.pcm.len()), (Some(Rate::Full), taken.ticks.len() * FRAME_SAMPLES));
    let hz = world.phones[2].tone_hz;
    assert!(recorded(&world, 500, hz) > AMPLITUDE * 0.8);
}

/// An engine that is kept from running leaves ticks out: the recording says which.
#[test]
fn ticks_that_are_left_out_are_missing_in_it() {
    let mut world = World::new(6, Line::CLEAN);
    call(&mut world, Codec::Pcmu);
    call(&mut world, Codec::Pcmu);
    world.run_ms(2_000);
    // Nobody speaks or listens: what ears make of the gap is not what is asked here.
    world.phones.iter_mut().for_each(|phone| phone.hung_up = true);
    world.run_ms(100);
    world.phones.clear();
    world.now_us += 3_000_000;
    world.run_ms(1_000);
    let ticks = &world.takes[&recording(2)].ticks;
    let gaps: Vec<u64> = ticks.windows(2).map(|pair| pair[1] - pair[0]).filter(|step| *step != 1).collect();
    assert!(gaps.len() == 1 && (145..=152).contains(&gaps[0]), "{gaps:?}");
}

/// By the engine's clock, at the length that the limits say.
#[test]
fn it_ends_after_seven_hours_and_the_conference_goes_on() {
    // What is said is loud and long enough to be found.
    let prompts = Prompts::new(|phrase, rate| match phrase {
        Phrase::RecordingStopped => vec![9_000; 2_000 * rate.factor()],
        _ => Vec::new(),
    });
    let mut world = World::new(7, Line::CLEAN).with_prompts(prompts);
    for _ in 0..2 {
        let phone = call(&mut world, Codec::Pcmu);
        // It says nothing and sends nothing: it was agreed upon that it does not.
        let mut media = world.media(phone);
        media.receive = false;
        world.engine.update_leg(world.now(), world.phones[phone].leg, media);
        world.phones[phone].hung_up = true;
    }
    world.run_ms(1_000);
    assert_eq!(world.takes[&recording(2)].ticks[0], 0);
    let longest = RECORDING_MS / 20;
    for _ in 0..RECORDING_MS / 60_000 {
        world.phones.iter_mut().for_each(|phone| phone.ears.forget());
        world.run_ms(60_000);
        let taken = world.takes.get_mut(&recording(2)).unwrap();
        let last = *taken.ticks.last().unwrap();
        (taken.ticks, taken.pcm) = (vec![last], Vec::new());
    }
    assert_eq!(world.endings, [(recording(2), longest, RecordingEnd::Limit)]);
    assert_eq!(world.takes[&recording(2)].ticks, [longest - 1]);
    assert!(
        world.phones.iter().take(2).all(|phone| phone.ears.pcm.iter().any(|s| *s > 8_000)),
        "nobody says so"
    );
    assert!(!is_shown(&world) && world.engine.stats().members == 2);
    // It does not begin again by itself.
    call(&mut world, Codec::Pcmu);
    world.run_ms(1_000);
    assert!(world.takes.len() == 1 && world.endings.len() == 1);
}
