//! What a tick costs: `cargo bench -p engine`.
//!
//! Every leg gets a packet before each tick, as on a real line. The numbers are microseconds per leg and tick, of
//! receiving and of ticking, in the median over the ticks; and the ratio to a room whose members are all silent.

use engine::*;
use model::{ConferenceId, MemberId, RoomId};
use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;
use uuid::Uuid;

const WARM_UP_TICKS: u32 = 50;
const TICKS: u32 = 250;

struct Scene {
    name: &'static str,
    rooms: usize,
    legs_per_room: usize,
    talkers_per_room: usize,
    /// Of a hundred packets, so many are lost.
    loss: u32,
}

const SCENES: [Scene; 6] = [
    Scene { name: "1,000 silent, one room", rooms: 1, legs_per_room: 1_000, talkers_per_room: 0, loss: 0 },
    Scene {
        name: "1,000 with 3 talkers, one room",
        rooms: 1,
        legs_per_room: 1_000,
        talkers_per_room: 3,
        loss: 0,
    },
    Scene {
        name: "2,000 with 3 talkers, one room",
        rooms: 1,
        legs_per_room: 2_000,
        talkers_per_room: 3,
        loss: 0,
    },
    Scene {
        name: "250 rooms of four, a talker each",
        rooms: 250,
        legs_per_room: 4,
        talkers_per_room: 1,
        loss: 0,
    },
    Scene { name: "250 rooms of four, all talk", rooms: 250, legs_per_room: 4, talkers_per_room: 4, loss: 0 },
    Scene { name: "the same, 5 % lost", rooms: 250, legs_per_room: 4, talkers_per_room: 4, loss: 5 },
];

struct Line {
    key: LegKey,
    from: SocketAddr,
    talks: bool,
}

fn open(engine: &mut Engine, now: Micros, scene: &Scene) -> Vec<Line> {
    let prompts = Arc::new(Prompts::new(|_, _| Vec::new()));
    let mut lines = Vec::new();
    for room in 0..scene.rooms {
        for leg in 0..scene.legs_per_room {
            let n = lines.len();
            let from = SocketAddr::from(([10, 1, (n >> 8) as u8, n as u8], 4_000));
            let codec = Codec::Pcmu;
            let key = engine.open_leg(
                now,
                OpenLeg {
                    member: MemberId(n as u64),
                    room: RoomId(Uuid::from_u128(room as u128)),
                    conference: ConferenceId(Uuid::from_u128(n as u128)),
                    caller: Caller::default(),
                    media: MediaParams {
                        codec,
                        payload_type: codec.payload_type(),
                        telephone_event: Some(101),
                        remote: from,
                        rtcp_remote: from,
                        send: true,
                        receive: true,
                        ptime_ms: 20,
                    },
                    menu: Menu {
                        prompts: prompts.clone(),
                        announcement: None,
                        pin: None,
                        control_pin: None,
                        pin_delay: Micros(0),
                        enter_muted: false,
                        chimes: true,
                        recording: None,
                        refusal: None,
                    },
                },
            );
            lines.push(Line { key, from, talks: leg < scene.talkers_per_room });
        }
    }
    lines
}

fn packet(tick: u32, talks: bool) -> [u8; 172] {
    let mut datagram = [0xFF; 172];
    datagram[..12].copy_from_slice(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    datagram[2..4].copy_from_slice(&(tick as u16).to_be_bytes());
    datagram[4..8].copy_from_slice(&(tick * 160).to_be_bytes());
    if talks {
        // Some voice-like bytes at about -20 dBov.
        let mut x = tick.wrapping_mul(2_654_435_761);
        for byte in &mut datagram[12..] {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = 0x20 | (x >> 24) as u8;
        }
    }
    datagram
}

/// Microseconds per leg of receiving and of ticking, in the median.
fn measure(scene: &Scene) -> (f64, f64) {
    let mut engine = Engine::new(EngineConfig { seed: 1, legs_per_room: 2_000 });
    let mut now = Micros::from_ms(1_000_000);
    let lines = open(&mut engine, now, scene);
    let (mut receiving, mut ticking) = (Vec::new(), Vec::new());
    for tick in 0..WARM_UP_TICKS + TICKS {
        let (silent, loud) = (packet(tick, false), packet(tick, true));
        let begun = Instant::now();
        for (n, line) in lines.iter().enumerate() {
            if (n as u32 + tick * 7) % 100 >= scene.loss {
                engine.handle_packet(
                    Arrival::Before(now),
                    line.key,
                    Channel::Rtp,
                    line.from,
                    if line.talks { &loud } else { &silent },
                );
            }
        }
        let received = Instant::now();
        // All phases of the tick.
        let end = now.saturating_add(TICK);
        while engine.next_tick() < end {
            let step = engine.next_tick();
            engine.handle_tick(step);
            black_box(engine.packets().map(|p| p.payload.len()).sum::<usize>());
        }
        if tick >= WARM_UP_TICKS {
            receiving.push((received - begun).as_secs_f64());
            ticking.push(received.elapsed().as_secs_f64());
        }
        while engine.poll_event().is_some() {}
        now = end;
    }
    assert_eq!(engine.stats().members, lines.len());
    let median = |mut seconds: Vec<f64>| {
        seconds.sort_by(f64::total_cmp);
        seconds[seconds.len() / 2] * 1e6 / lines.len() as f64
    };
    (median(receiving), median(ticking))
}

fn main() {
    println!("{:36} {:>12} {:>12} {:>14} {:>7}", "", "receive", "tick", "whole tick", "ratio");
    let mut floor = None;
    for scene in &SCENES {
        let (receive, tick) = measure(scene);
        let legs = (scene.rooms * scene.legs_per_room) as f64;
        let ratio = (receive + tick) / *floor.get_or_insert(receive + tick);
        println!(
            "{:36} {receive:>6.3} µs/leg {tick:>6.3} µs/leg {:>8.0} µs all {ratio:>6.2}x",
            scene.name,
            (receive + tick) * legs
        );
    }
}
