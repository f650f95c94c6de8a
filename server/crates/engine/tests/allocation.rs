//! A tick allocates nothing: what waits for memory waits for a lock, and a talker's sound with it.
//!
//! The one exception is what a tick tells the pages, at most every 50 ms: that leaves the thread, and takes its memory
//! with it. Ticks that tell nothing must not allocate at all.

#![allow(clippy::unwrap_used)]

use engine::*;
use model::{ConferenceId, MemberId, RecordingId, RoomId};
use std::net::SocketAddr;
use std::sync::Arc;
use uuid::Uuid;

struct Phone {
    key: LegKey,
    codec: Codec,
    from: SocketAddr,
    packets: Vec<Vec<u8>>,
}

/// The phone that speaks an announcement, in Opus: its sound is resampled.
const DICTATES: usize = 7;
/// Of 30 seconds.
const TAPE_SAMPLES: usize = 30 * 16_000;

/// What it presses after a tick: the code, and the control PIN.
fn keys(tick: u32) -> &'static [Key] {
    match tick {
        200 => &[Key::Digit(7), Key::Digit(7)],
        210 => &[Key::Digit(1)],
        _ => &[],
    }
}

fn room() -> RoomId {
    RoomId(Uuid::from_u128(0))
}

/// A second of voice-like noise, encoded ahead.
fn payloads(codec: Codec) -> Vec<Vec<u8>> {
    let mut x = 1_u32;
    let mut noise = move || {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (x >> 19) as i16 - 4_096
    };
    match codec {
        Codec::Opus => {
            let mut encoder =
                opus::Encoder::new(48_000, opus::Channels::Mono, opus::Application::Voip).unwrap();
            let frame = |_| (0..960).map(|_| noise() / 4).collect::<Vec<i16>>();
            (0..50).map(frame).map(|pcm| encoder.encode_vec(&pcm, 1_275).unwrap()).collect()
        }
        // Any bytes are sound.
        _ => (0..50).map(|_| (0..160).map(|_| noise() as u8).collect()).collect(),
    }
}

fn phones(engine: &mut Engine, now: Micros) -> Vec<Phone> {
    let prompts = Arc::new(Prompts::new(|_, _| Vec::new()));
    let open = |n: usize| {
        let codec = Codec::ALL[n % Codec::ALL.len()];
        let from = SocketAddr::from(([10, 0, 0, n as u8], 4_000));
        let media = MediaParams {
            codec,
            payload_type: codec.payload_type(),
            // Half of them have their keys in the sound.
            telephone_event: (n >= Codec::ALL.len()).then_some(101),
            remote: from,
            rtcp_remote: from,
            send: true,
            receive: true,
            ptime_ms: if n == 1 { 30 } else { 20 },
        };
        let open = OpenLeg {
            member: MemberId(n as u64),
            room: room(),
            conference: ConferenceId(Uuid::from_u128(1)),
            caller: Caller::default(),
            media,
            menu: Menu {
                prompts: prompts.clone(),
                announcement: None,
                pin: None,
                control_pin: "1".parse().ok(),
                pin_delay: Micros(0),
                enter_muted: false,
                chimes: true,
                recording: Some(RecordingId(Uuid::from_u128(1))),
                refusal: None,
            },
        };
        Phone { key: engine.open_leg(now, open), codec, from, packets: payloads(codec) }
    };
    (0..3 * Codec::ALL.len()).map(open).collect()
}

fn datagram(phone: &Phone, tick: u32) -> Vec<u8> {
    let mut datagram = vec![0x80, phone.codec.payload_type()];
    datagram.extend((tick as u16).to_be_bytes());
    datagram.extend((tick * (phone.codec.clock_hz() / 50)).to_be_bytes());
    datagram.extend([0, 0, 0, 9]);
    datagram.extend(&phone.packets[tick as usize % phone.packets.len()]);
    datagram
}

#[test]
fn a_tick_that_tells_nothing_allocates_nothing() {
    let mut engine = Engine::new(EngineConfig { seed: 3, legs_per_room: 100 });
    let mut now = Micros::from_ms(1_000_000);
    let phones = phones(&mut engine, now);
    let (mut checked, mut told, mut sent, mut recorded) = (0, 0, 0, 0);
    for tick in 0..1_500_u32 {
        // After ten seconds all memory is there that a room of this kind needs.
        let warm = tick > 500;
        for (n, phone) in phones.iter().enumerate() {
            // One in twelve is lost, in bursts too, and one talks only now and then.
            let lost = (tick as usize + n * 5) % 24 < 2 && n != 0;
            let silent = n % 4 == 3 && tick / 100 % 2 == 0;
            if lost || silent {
                continue;
            }
            let datagram = datagram(phone, tick);
            let taken = allocation_counter::measure(|| {
                engine.handle_packet(Arrival::At(now), phone.key, Channel::Rtp, phone.from, &datagram);
            });
            assert!(
                !warm || taken.count_total == 0,
                "tick {tick}: {taken:?} for a packet of {:?}",
                phone.codec
            );
        }
        now = now.max(engine.next_tick());
        let taken = allocation_counter::measure(|| engine.handle_tick(now));
        sent += engine.packets().count();
        recorded += engine.recorded().count();
        let mut tells = false;
        while let Some(event) = engine.poll_event() {
            tells = true;
            if let Event::Dictation { step: DictationStep::Begun { .. }, .. } = event {
                let tape = DictationAnswer::Tape(Vec::with_capacity(TAPE_SAMPLES));
                engine.answer_dictation(now, phones[DICTATES].key, tape);
            }
        }
        // One of them speaks an announcement from then on.
        for key in keys(tick) {
            engine.press_key(now, phones[DICTATES].key, *key);
        }
        told += usize::from(tells);
        if warm && !tells {
            assert_eq!(taken.count_total, 0, "tick {tick}: {taken:?}");
            checked += 1;
        }
    }
    assert_eq!(engine.stats().members, phones.len());
    engine.press_key(now, phones[DICTATES].key, Key::Pound);
    let spoken = std::iter::from_fn(|| engine.poll_event()).find_map(|event| match event {
        Event::Dictation { step: DictationStep::Spoken { tape }, .. } => Some(tape.len()),
        _ => None,
    });
    assert!(spoken.is_some_and(|samples| samples > 1_200 * 320), "{spoken:?}");
    assert!(checked > 300 && told > 100 && sent > 17_000, "{checked} {told} {sent}");
    assert!(recorded > 1_400, "{recorded}");
}
