//! Arbitrary bytes as a run of the engine: legs, datagrams, ticks, commands. Shared by the fuzz target and a seeded test.

use engine::*;
use model::{Action, ConferenceId, Energy, MemberId, RoomId};
use std::net::SocketAddr;
use std::sync::Arc;
use uuid::Uuid;

const SOURCE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 4_000);

/// Takes values off the front of the input; an input that has ended gives zeros.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or(0)
    }

    fn bytes(&mut self, n: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(n.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

fn open(input: &mut Input<'_>, member: u64, prompts: &Arc<Prompts>) -> OpenLeg {
    let flags = input.byte();
    let codec = codec(flags);
    OpenLeg {
        member: MemberId(member),
        room: RoomId(Uuid::from_u128(u128::from(flags >> 7))),
        conference: ConferenceId(Uuid::from_u128(u128::from(member))),
        caller: Caller::default(),
        media: media(input, codec),
        menu: Menu {
            prompts: prompts.clone(),
            announcement: None,
            pin: (flags & 2 != 0).then(|| "12".parse().ok()).flatten(),
            control_pin: (flags & 64 != 0).then(|| "7".parse().ok()).flatten(),
            pin_delay: Micros::from_ms(u64::from(flags >> 3 & 1) * 2_000),
            enter_muted: flags & 4 != 0,
            chimes: flags & 32 != 0,
            recording: None,
            refusal: None,
        },
    }
}

fn codec(flags: u8) -> Codec {
    Codec::ALL[usize::from(flags & 1) + usize::from(flags >> 3 & 2)]
}

fn media(input: &mut Input<'_>, codec: Codec) -> MediaParams {
    let flags = input.byte();
    MediaParams {
        codec,
        payload_type: codec.payload_type(),
        telephone_event: (flags & 1 == 0).then_some(101),
        remote: SOURCE,
        rtcp_remote: SOURCE,
        send: flags & 2 == 0,
        receive: flags & 4 == 0,
        ptime_ms: input.byte(),
    }
}

fn action(input: &mut Input<'_>) -> Action {
    let member = MemberId(u64::from(input.byte() % 8));
    match input.byte() % 8 {
        0 => Action::Lock,
        1 => Action::Unlock,
        2 => Action::Mute(member),
        3 => Action::Unmute(member),
        4 => Action::Deafen(member),
        5 => Action::Undeafen(member),
        6 => {
            let energy = Energy::ALL[usize::from(input.byte() % 5)];
            Action::Energy { member, energy }
        }
        _ => Action::Expel(member),
    }
}

/// What a server answers to one who speaks an announcement.
fn answer(step: DictationStep) -> DictationAnswer {
    match step {
        DictationStep::Begun { .. } => DictationAnswer::Tape(Vec::with_capacity(8_000)),
        DictationStep::Spoken { tape } => DictationAnswer::Sound { tape, sound: Arc::default() },
        DictationStep::Kept => DictationAnswer::Saved,
        DictationStep::Over => DictationAnswer::Refused,
    }
}

/// Runs the engine as the bytes say, and checks what must hold whatever they say.
#[allow(unreachable_pub)]
pub fn run(bytes: &[u8]) {
    let mut input = Input(bytes);
    let prompts =
        Arc::new(Prompts::new(|phrase, rate| vec![1_000; phrase.file_stem().len() * 40 * rate.factor()]));
    let mut engine = Engine::new(EngineConfig { seed: 1, legs_per_room: 4 });
    let mut now = Micros(u64::from(input.byte()) * 10_000_000);
    let mut keys: Vec<LegKey> = Vec::new();
    // Two legs are there from the start, so that short inputs reach the mixer.
    for member in 0..2 {
        keys.push(engine.open_leg(now, open(&mut Input(&[]), member, &prompts)));
    }
    while !input.is_over() {
        let choice = input.byte();
        let at = usize::from(input.byte()) % keys.len();
        let key = keys[at];
        match choice {
            0..=7 if keys.len() < 8 => {
                let member = keys.len() as u64;
                keys.push(engine.open_leg(now, open(&mut input, member, &prompts)));
            }
            8..=11 => {
                let _last_report = engine.close_leg(now, key);
            }
            12..=15 => {
                let codec = codec(input.byte());
                engine.update_leg(now, key, media(&mut input, codec));
            }
            16..=31 => {
                let room = RoomId(Uuid::from_u128(u128::from(input.byte() >> 7)));
                let _refused_or_done = engine.act(now, room, action(&mut input));
            }
            32..=95 => {
                now = now.saturating_add(Micros::from_ms(u64::from(input.byte()) * u64::from(choice - 31)));
                ticks(&mut engine, now);
            }
            96..=111 => {
                let n = usize::from(input.byte());
                let channel = if choice & 1 == 0 { Channel::Rtp } else { Channel::Rtcp };
                engine.handle_packet(Arrival::At(now), key, channel, SOURCE, input.bytes(n));
            }
            112..=119 => engine.press_key(now, key, Key::Digit(choice - 112)),
            120 => engine.press_key(now, key, Key::Pound),
            // Mostly packets that look like some.
            _ => {
                let mut datagram = vec![0x80, input.byte()];
                datagram.extend_from_slice(input.bytes(7));
                datagram.resize(12, 0);
                let n = if choice & 1 == 0 { 160 } else { usize::from(input.byte()) * 6 };
                datagram.extend(input.bytes(4).iter().cycle().take(n));
                engine.handle_packet(Arrival::At(now), key, Channel::Rtp, SOURCE, &datagram);
            }
        }
        while let Some(event) = engine.poll_event() {
            match event {
                Event::LegEnded { leg, .. } => drop(engine.close_leg(now, leg)),
                Event::Dictation { member, step, .. } => {
                    let leg = keys[member.0 as usize];
                    engine.answer_dictation(now, leg, answer(step));
                }
                _ => {}
            }
        }
    }
}

fn ticks(engine: &mut Engine, until: Micros) {
    for _ in 0..200 {
        if engine.next_tick() > until {
            break;
        }
        engine.handle_tick(until);
        for packet in engine.packets() {
            assert!(!packet.payload.is_empty() && packet.payload.len() <= 1_275);
            match packet.channel {
                Channel::Rtp => assert_eq!((packet.header.len(), packet.header[0]), (12, 0x80)),
                Channel::Rtcp => assert!(packet.header.is_empty() && packet.payload[0] >> 6 == 2),
            }
        }
    }
    let stats = engine.stats();
    assert!(stats.members <= stats.legs && stats.legs <= 8 && stats.rooms <= 2);
}
