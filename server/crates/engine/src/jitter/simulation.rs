//! The jitter buffer at every codec, through minutes and hours of a line.

use super::*;
use crate::codec::{FRAME_BYTES, encode};
use audio_codec::Encoder as _;
use std::f64::consts::TAU;

/// Two seconds of vowel and one of near silence, encoded: what a sender says again and again.
struct Speech {
    codec: Codec,
    packets: Vec<Vec<u8>>,
    packet_ms: u32,
}

const SPEECH_MS: u32 = 3_000;

impl Speech {
    fn new(codec: Codec, packet_ms: u32) -> Self {
        let rate_hz = codec.rate().hz();
        let sample = |n: u32| {
            let at = f64::from(n) / f64::from(rate_hz);
            // About 125 Hz, with harmonics as a vowel has them, four syllables a second.
            let phase = TAU * 125.0 * at + 3.0 * (TAU * at).sin();
            let voice: f64 = (1..20).map(|k| (phase * f64::from(k)).sin() / f64::from(k)).sum();
            let syllable = 1.0 - (TAU * 4.0 * at).cos();
            (voice * syllable * if at < 2.0 { 3_000.0 } else { 8.0 }) as i16
        };
        let pcm: Vec<i16> = (0..SPEECH_MS * rate_hz / 1_000).map(sample).collect();
        let mut encoder = Encoder::new(codec);
        let packets = pcm.chunks_exact((packet_ms * rate_hz / 1_000) as usize).map(|c| encoder.encode(c));
        Speech { codec, packets: packets.collect(), packet_ms }
    }

    fn push(&self, buffer: &mut JitterBuffer, n: u32) -> Pushed {
        let timestamp = n.wrapping_mul(self.packet_ms * self.codec.clock_hz() / 1_000);
        let payload = &self.packets[n as usize % self.packets.len()];
        buffer.push(65_000u16.wrapping_add(n as u16), timestamp.wrapping_sub(10_000), payload)
    }
}

enum Encoder {
    G711(Codec),
    G722(Box<audio_codec::g722::G722Encoder>),
    Opus(opus::Encoder),
}

impl Encoder {
    fn new(codec: Codec) -> Self {
        match codec {
            Codec::Pcmu | Codec::Pcma => Encoder::G711(codec),
            Codec::G722 => Encoder::G722(Box::new(audio_codec::g722::G722Encoder::new())),
            Codec::Opus => {
                let (channels, application) = (opus::Channels::Mono, opus::Application::Voip);
                let mut encoder = opus::Encoder::new(48_000, channels, application).unwrap();
                encoder.set_inband_fec(true).unwrap();
                encoder.set_packet_loss_perc(10).unwrap();
                encoder.set_bitrate(opus::Bitrate::Bits(24_000)).unwrap();
                Encoder::Opus(encoder)
            }
        }
    }

    fn encode(&mut self, pcm: &[i16]) -> Vec<u8> {
        match self {
            Encoder::G711(codec) => pcm
                .chunks_exact(80)
                .flat_map(|half| {
                    let mut frame = [0; 160];
                    frame[..80].copy_from_slice(half);
                    let mut bytes = [0; FRAME_BYTES];
                    encode(*codec, &frame, &mut bytes);
                    bytes.into_iter().take(80)
                })
                .collect(),
            Encoder::G722(encoder) => {
                let mut bytes = vec![0; pcm.len() / 2];
                encoder.encode_into(pcm, &mut bytes).unwrap();
                bytes
            }
            Encoder::Opus(encoder) => encoder.encode_vec(pcm, 1_500).unwrap(),
        }
    }
}

/// What came out of a run.
#[derive(Debug, Default)]
struct Heard {
    ticks: u32,
    concealed: u32,
    silent: u32,
    /// Most delay before a tick, after the first minute.
    delay_us: u32,
}

/// Runs `minutes` of a line on which packet `n` arrives `delay_us(n)` after it was sent, or never, from a sender whose
/// clock is off. Packets do not overtake each other.
fn run(speech: &Speech, minutes: u64, drift_ppm: f64, delay_us: impl Fn(u32) -> Option<u64>) -> Heard {
    let mut buffer = JitterBuffer::new(speech.codec);
    let mut heard = Heard::default();
    let mut out = vec![0; speech.codec.rate().frame_samples()];
    let period_us = f64::from(speech.packet_ms) * 1_000.0 / (1.0 + drift_ppm * 1e-6);
    let sent_us = |n: u32| (f64::from(n) * period_us) as u64;
    let mut n = 0;
    for tick in 1..=minutes * 3_000 {
        let now_us = tick * 20_000 + 7_000;
        while sent_us(n) + delay_us(n).unwrap_or(0) <= now_us {
            if delay_us(n).is_some() {
                speech.push(&mut buffer, n);
            }
            n += 1;
        }
        if tick > 3_000 {
            heard.delay_us = heard.delay_us.max(buffer.delay_us());
        }
        heard.ticks += 1;
        match buffer.pop(&mut out, Need::Sound) {
            Popped::Sound | Popped::LeftOut => {}
            Popped::Concealed => heard.concealed += 1,
            Popped::Silence => heard.silent += 1,
        }
    }
    heard
}

fn minutes(codec: Codec) -> u64 {
    match codec {
        Codec::Pcmu | Codec::Pcma => 60,
        Codec::G722 | Codec::Opus => 10,
    }
}

#[test]
fn a_clean_line_costs_no_more_than_a_packet_or_a_frame() {
    for codec in Codec::ALL {
        for packet_ms in [10, 20, 40, 60] {
            let heard = run(&Speech::new(codec, packet_ms), 2, 0.0, |_| Some(500));
            assert_eq!((heard.concealed, heard.silent), (0, 0), "{codec:?} {packet_ms}");
            assert!(
                heard.delay_us < 1_000 * packet_ms.max(20) + 2_500,
                "{codec:?} {packet_ms} ms: {heard:?}"
            );
        }
    }
}

#[test]
fn a_clock_that_is_off_adds_no_delay_in_an_hour() {
    for codec in Codec::ALL {
        let speech = Speech::new(codec, 20);
        for drift_ppm in [-300.0, 300.0] {
            let heard = run(&speech, minutes(codec), drift_ppm, |_| Some(500));
            assert!(heard.delay_us <= 45_000, "{codec:?} {drift_ppm} ppm: {heard:?}");
            assert_eq!(heard.silent, 0);
            assert!(heard.concealed * 50 < heard.ticks, "{codec:?} {drift_ppm} ppm: {heard:?}");
        }
    }
}

#[test]
fn loss_costs_no_delay() {
    for codec in Codec::ALL {
        let heard = run(&Speech::new(codec, 20), 5, 0.0, |n| (n % 17 != 3 && n % 41 > 1).then_some(500));
        assert!(heard.delay_us <= 45_000, "{codec:?}: {heard:?}");
    }
}

/// Opus with DTX: nothing is sent through a pause but a sign of life every 400 ms, and the timestamps jump.
#[test]
fn a_pause_of_the_sender_is_no_loss_and_costs_no_delay() {
    let speech = Speech::new(Codec::Opus, 20);
    let mut buffer = JitterBuffer::new(Codec::Opus);
    let mut out = vec![0; Codec::Opus.rate().frame_samples()];
    let (mut sequence, mut concealed) = (0u16, 0);
    for n in 0..3_000u32 {
        let packet = n as usize % speech.packets.len();
        let payload = if packet < 105 { &speech.packets[packet] } else { &speech.packets[120][..1].to_vec() };
        if packet < 106 || packet.is_multiple_of(20) {
            assert_eq!(buffer.push(sequence, n * 960, payload), Pushed::Stored);
            sequence = sequence.wrapping_add(1);
        }
        assert!(buffer.delay_us() <= 20_000);
        concealed += u32::from(buffer.pop(&mut out, Need::Sound) != Popped::Sound);
    }
    assert_eq!(concealed, 0);
}

#[test]
fn what_opus_says_twice_is_heard_though_one_was_lost() {
    let speech = Speech::new(Codec::Opus, 20);
    // RFC 6716 section 4.2.4: after the voice-activity flag comes the one that says so.
    let says_again = |n: u32| speech.packets[n as usize + 1][1] & 0x40 != 0;
    let lost = (40..80).find(|n| says_again(*n)).unwrap();
    let frame = |lose: Option<u32>| {
        let mut buffer = JitterBuffer::new(Codec::Opus);
        let mut out = vec![0; 960];
        // One packet ahead, so that the next one is there when one is missing.
        speech.push(&mut buffer, 0);
        for n in 1..=lost + 1 {
            if Some(n) != lose {
                speech.push(&mut buffer, n);
            }
            if n <= lost {
                buffer.pop(&mut out, Need::Sound);
            }
        }
        let popped = buffer.pop(&mut out, Need::Sound);
        (popped, out)
    };
    let ((whole, real), (concealed, made_up)) = (frame(None), frame(Some(lost)));
    assert_eq!((whole, concealed), (Popped::Sound, Popped::Concealed));
    let energy = |v: &mut dyn Iterator<Item = f64>| v.map(|x| x * x).sum::<f64>();
    let signal = energy(&mut real.iter().map(|s| f64::from(*s)));
    let noise = energy(&mut real.iter().zip(&made_up).map(|(a, b)| f64::from(*a) - f64::from(*b)));
    assert!(noise * 4.0 < signal, "{noise:.0} of {signal:.0}");
}

#[test]
fn another_rate_begins_anew() {
    let mut buffer = JitterBuffer::new(Codec::Pcmu);
    for codec in [Codec::Opus, Codec::G722, Codec::Pcma, Codec::Opus] {
        let speech = Speech::new(codec, 20);
        buffer.restart(codec);
        let mut out = vec![0; codec.rate().frame_samples()];
        for n in 0..56 {
            assert_eq!(speech.push(&mut buffer, n), Pushed::Stored);
            assert_eq!(buffer.pop(&mut out, Need::Sound), Popped::Sound, "{codec:?} {n}");
        }
        assert!(out.iter().any(|s| s.unsigned_abs() > 1_000));
    }
}

#[test]
fn a_line_that_loses_no_more_gives_its_reserve_back() {
    for codec in [Codec::Pcma, Codec::Opus] {
        let speech = Speech::new(codec, 20);
        // Loss in the first half minute only; the delay is looked at after a minute.
        let heard = run(&speech, 2, 0.0, |n| (n > 1_500 || n % 20 != 7).then_some(500));
        assert!(heard.delay_us < 22_500, "{codec:?}: {heard:?}");
        let heard = run(&speech, 2, 0.0, |n| (n % 20 != 7).then_some(500));
        assert!(heard.delay_us >= 40_000, "{codec:?}: {heard:?}");
    }
}

#[test]
fn a_tick_allocates_nothing() {
    // The count does count.
    assert!(allocation_counter::measure(|| drop(JitterBuffer::new(Codec::Pcmu))).count_total > 0);
    for codec in Codec::ALL {
        let speech = Speech::new(codec, 20);
        let mut buffer = JitterBuffer::new(codec);
        let mut out = vec![0; codec.rate().frame_samples()];
        let mut ticks = |from: u32, to: u32| {
            for n in from..to {
                // One in nine is lost, and one in five comes after the next.
                match n % 45 {
                    m if m % 9 == 4 => {}
                    m if m % 5 == 2 => {}
                    m if m % 5 == 3 => {
                        speech.push(&mut buffer, n);
                        speech.push(&mut buffer, n - 1);
                    }
                    _ => {
                        speech.push(&mut buffer, n);
                    }
                }
                buffer.pop(&mut out, Need::Sound);
            }
        };
        ticks(0, 1_500);
        let allocated = allocation_counter::measure(|| ticks(1_500, 2_500));
        assert_eq!(allocated.count_total, 0, "{codec:?}");
    }
}
