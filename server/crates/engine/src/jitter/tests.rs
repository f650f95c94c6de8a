//! The jitter buffer, packet by packet and tick by tick.

use super::fifo::{CUT_MIN, CUT_SPAN};
use super::*;
use crate::codec::{FRAME_BYTES, encode};
use proptest::prelude::*;
use std::f64::consts::TAU;

/// A sender of a 250 Hz tone, of which each frame can be told by its phase.
struct Sender {
    first_sequence: u16,
    first_timestamp: u32,
}

const SENDER: Sender = Sender { first_sequence: u16::MAX - 3, first_timestamp: u32::MAX - 500 };

impl Sender {
    fn pcm(&self, n: u32) -> [i16; 160] {
        std::array::from_fn(|i| {
            let at = f64::from(n) * 160.0 + i as f64;
            (8_000.0 * (TAU * 250.0 * at / 8_000.0).sin()) as i16
        })
    }

    fn push(&self, buffer: &mut JitterBuffer, n: u32) -> Pushed {
        let mut payload = [0; FRAME_BYTES];
        encode(Codec::Pcma, &self.pcm(n), &mut payload);
        let sequence = self.first_sequence.wrapping_add(n as u16);
        buffer.push(sequence, self.first_timestamp.wrapping_add(n * 160), &payload)
    }
}

fn pop(buffer: &mut JitterBuffer) -> (Popped, [i16; 160]) {
    let mut frame = [0; 160];
    (buffer.pop(&mut frame, Need::Sound), frame)
}

fn is_frame(frame: &[i16; 160], n: u32) -> bool {
    frame.iter().zip(SENDER.pcm(n)).all(|(a, b)| a.abs_diff(b) <= 300)
}

/// A buffer that has played `0..n` on a clean line.
fn playing(n: u32) -> JitterBuffer {
    let mut buffer = JitterBuffer::new(Codec::Pcma);
    for i in 0..n {
        assert_eq!(SENDER.push(&mut buffer, i), Pushed::Stored);
        let (popped, frame) = pop(&mut buffer);
        assert_eq!(popped, Popped::Sound);
        assert!(is_frame(&frame, i), "{i}");
    }
    buffer
}

#[test]
fn a_packet_is_played_at_the_first_tick_after_it_came() {
    // Through a wrap of both counters.
    playing(700);
}

#[test]
fn before_the_first_packet_there_is_silence() {
    let mut buffer = JitterBuffer::new(Codec::Pcma);
    assert_eq!(pop(&mut buffer), (Popped::Silence, [0; 160]));
}

#[test]
fn a_lost_packet_is_made_up_for_and_costs_no_delay() {
    let mut buffer = playing(50);
    let (popped, frame) = pop(&mut buffer);
    assert_eq!(popped, Popped::Concealed);
    assert!(
        frame.iter().zip(SENDER.pcm(50)).all(|(a, b)| a.abs_diff(b) < 2_500),
        "not the tone's continuation"
    );
    for n in 51..60 {
        SENDER.push(&mut buffer, n);
        let (popped, frame) = pop(&mut buffer);
        assert_eq!(popped, Popped::Sound);
        // The first one is still being blended in.
        assert!(n == 51 || is_frame(&frame, n), "{n}");
    }
}

#[test]
fn a_late_packet_is_played_and_the_delay_grows_by_what_was_late() {
    let mut buffer = playing(50);
    assert_eq!(pop(&mut buffer).0, Popped::Concealed);
    SENDER.push(&mut buffer, 50);
    SENDER.push(&mut buffer, 51);
    assert_eq!(pop(&mut buffer).0, Popped::Sound);
    // Now a packet may be a tick late without being missed.
    assert_eq!(pop(&mut buffer).0, Popped::Sound);
}

#[test]
fn delay_that_is_not_needed_goes_away_again() {
    let mut buffer = playing(50);
    // A hiccup of 200 ms, once.
    (0..10).for_each(|_| {
        pop(&mut buffer);
    });
    (50..61).for_each(|n| {
        SENDER.push(&mut buffer, n);
    });
    let mut concealed = 0;
    for n in 61..1_000 {
        concealed += u32::from(pop(&mut buffer).0 != Popped::Sound);
        SENDER.push(&mut buffer, n);
    }
    assert_eq!(concealed, 0);
    let waiting_us = buffer.delay_us();
    assert!(waiting_us < 20_000 + 2 * CUT_MIN as u32 * 125, "{waiting_us} µs still wait");
}

#[test]
fn packets_that_overtake_each_other_are_played_in_order() {
    let mut buffer = playing(50);
    for n in [51, 50, 53, 52] {
        SENDER.push(&mut buffer, n);
    }
    for n in 50..54 {
        let (popped, frame) = pop(&mut buffer);
        assert!(popped == Popped::Sound && is_frame(&frame, n), "{n}");
    }
}

#[test]
fn copies_and_the_overdue_are_refused() {
    let mut buffer = playing(50);
    assert_eq!(SENDER.push(&mut buffer, 49), Pushed::Duplicate);
    pop(&mut buffer);
    SENDER.push(&mut buffer, 51);
    pop(&mut buffer);
    assert_eq!(SENDER.push(&mut buffer, 50), Pushed::Late);
    assert_eq!(SENDER.push(&mut buffer, 50), Pushed::Duplicate);
}

#[test]
fn a_new_stream_is_played_from_its_first_packet() {
    let mut buffer = playing(50);
    buffer.restart(Codec::Pcma);
    let other = Sender { first_sequence: 9, first_timestamp: 77 };
    for n in 0..20 {
        assert_eq!(other.push(&mut buffer, n), Pushed::Stored);
        let (popped, frame) = pop(&mut buffer);
        assert!(popped == Popped::Sound && (n == 0 || is_frame(&frame, n)), "{n}");
    }
}

#[test]
fn a_sender_that_sets_its_clock_back_is_heard_again_soon() {
    let mut buffer = playing(50);
    // The numbers go on, the timestamps begin anew.
    let mut heard = 0;
    for n in 50..100u32 {
        let mut payload = [0; FRAME_BYTES];
        encode(Codec::Pcma, &SENDER.pcm(n), &mut payload);
        buffer.push(SENDER.first_sequence.wrapping_add(n as u16), n * 160, &payload);
        heard += u32::from(pop(&mut buffer).0 == Popped::Sound);
    }
    assert!(heard > 35, "{heard} of 50");
}

#[test]
fn no_more_than_a_second_waits() {
    let mut buffer = playing(50);
    let dropped = (50..250).filter(|n| SENDER.push(&mut buffer, *n) != Pushed::Stored).count();
    assert!(dropped > 0);
    let first = buffer.queue.front().unwrap().timestamp;
    let last = buffer.queue.back().unwrap().timestamp;
    assert!(distance(first, last) <= buffer.span_max());
    assert_ne!(pop(&mut buffer).0, Popped::Silence);
}

proptest! {
    /// Whatever comes, 20 ms come out of every tick, and what waits stays bounded.
    #[test]
    fn nothing_that_comes_breaks_it(
        codec in prop::sample::select(Codec::ALL.as_slice()),
        steps in prop::collection::vec(
            (any::<u16>(), any::<u32>(), prop::collection::vec(any::<u8>(), 0..500), any::<bool>(), 0u8..4),
            1..300,
        ),
    ) {
        let rate = codec.rate();
        let mut out = vec![0; rate.frame_samples()];
        // The longest packets are here 62.5 ms, and of Opus 120 ms.
        let most = (2 * 960 + CUT_SPAN) * rate.factor();
        let mut buffer = JitterBuffer::new(codec);
        let (mut sequence, mut timestamp) = (0u16, 0u32);
        for (jump, leap, payload, wild, ticks) in steps {
            (sequence, timestamp) = match wild {
                // Now and then anything, else nearly in order.
                true if jump % 8 == 0 => (jump, leap),
                _ => (
                    sequence.wrapping_add(1 + jump % 3).wrapping_sub(u16::from(wild)),
                    timestamp.wrapping_add(payload.len() as u32).wrapping_sub(leap % 3 * 80),
                ),
            };
            buffer.push(sequence, timestamp, &payload);
            for _ in 0..ticks {
                buffer.pop(&mut out, Need::Sound);
            }
            prop_assert!(buffer.queue.iter().count() <= 128);
            prop_assert!(buffer.fifo.len() <= most, "{}", buffer.fifo.len());
            prop_assert!(buffer.delay_us() < 1_500_000, "{}", buffer.delay_us());
        }
    }
}

/// What is taken away unheard leaves the buffer as if it had been played: the same delay at every tick, and the same sound
/// from the first loud packet on.
#[test]
fn what_is_taken_away_unheard_changes_nothing_that_is_heard() {
    let loud = |frame: &[i16]| frame.iter().any(|s| s.unsigned_abs() > 200);
    for seed in 1..40u32 {
        let mut random = seed;
        let mut next = |below: u32| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 16) % below
        };
        // Silence is exactly that in µ-law: what is made up of it has no pitch, so the delay grows by the same amounts.
        let (mut whole, mut spared) = (JitterBuffer::new(Codec::Pcmu), JitterBuffer::new(Codec::Pcmu));
        let mut under_way: Vec<(u32, u32)> = Vec::new();
        let (lost_of_100, late_max) = (seed % 4, seed % 3);
        let mut taken = 0;
        for tick in 0..3_000u32 {
            if next(100) >= lost_of_100 {
                under_way.push((tick + next(late_max + 1), tick));
            }
            // Silence for nine seconds, and one of talk.
            let talks = |n: u32| n % 500 >= 450;
            under_way.retain(|(due, n)| {
                if *due > tick {
                    return true;
                }
                let mut payload = [0; FRAME_BYTES];
                let pcm = if talks(*n) { SENDER.pcm(*n) } else { [0; 160] };
                encode(Codec::Pcmu, &pcm, &mut payload);
                let (sequence, timestamp) = (*n as u16, n * 160);
                let pushed = whole.push(sequence, timestamp, &payload);
                let unheard = spared.push_unheard(sequence, timestamp, &payload, |frame| !loud(frame));
                assert_eq!(pushed, unheard, "seed {seed}, packet {n}");
                false
            });
            let (as_it_was, a) = pop(&mut whole);
            let (as_it_is, b) = pop(&mut spared);
            taken += u32::from(as_it_is == Popped::LeftOut);
            assert_eq!(whole.delay_us(), spared.delay_us(), "seed {seed}, tick {tick}");
            if as_it_is != Popped::LeftOut {
                // What is made up after a silence that was not kept is silence too.
                let made_up = |popped| matches!(popped, Popped::Concealed | Popped::Silence);
                assert_eq!(made_up(as_it_was), made_up(as_it_is), "seed {seed}, tick {tick}");
                if as_it_is == Popped::Sound {
                    let far = a.iter().zip(&b).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0);
                    assert!(far < 400, "seed {seed}, tick {tick}: {far}");
                }
            }
        }
        assert!(lost_of_100 > 0 || late_max > 0 || taken > 2_500, "seed {seed}: {taken}");
    }
}
