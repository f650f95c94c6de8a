//! A simulated phone: a tone, an RTP clock of its own, and ears.

use audio_codec::{Decoder as _, Encoder as _};
use engine::{Channel, Codec, LegKey, Packet};
use rtp_rs::{RtpPacketBuilder, RtpReader, Seq};
use std::f64::consts::PI;

/// The peak of a tone: -22 dBFS, so that a room of six stays below the limiter's knee.
pub const AMPLITUDE: f64 = 2_600.0;

pub struct Phone {
    pub leg: LegKey,
    pub tone_hz: f64,
    /// A second tone with it: that of a key, where keys come in the sound.
    pub also_hz: f64,
    pub codec: Codec,
    pub speaks: bool,
    /// Of its tone, 0..=1.
    pub volume: f64,
    /// Sends no packets while it does not speak, as phones with silence suppression do.
    pub suppresses: bool,
    pub port: u16,
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
    pub packet_ms: u64,
    /// How much its clock runs fast, in millionths.
    pub drift_ppm: i64,
    /// When it sends next, in its own time and in ours.
    pub sent_packets: u64,
    pub began_us: u64,
    pub hung_up: bool,
    sample: u64,
    resumed: bool,
    pub keys: Vec<KeyPress>,
    mouth: Mouth,
    pub ears: Ears,
}

/// What turns samples of the codec's rate into bytes.
enum Mouth {
    Pcmu,
    Pcma,
    G722(Box<audio_codec::g722::G722Encoder>),
    Opus(opus::Encoder),
}

impl Mouth {
    fn new(codec: Codec) -> Self {
        match codec {
            Codec::Pcmu => Mouth::Pcmu,
            Codec::Pcma => Mouth::Pcma,
            Codec::G722 => Mouth::G722(Box::new(audio_codec::g722::G722Encoder::new())),
            Codec::Opus => {
                let mut encoder =
                    opus::Encoder::new(48_000, opus::Channels::Mono, opus::Application::Voip).unwrap();
                encoder.set_inband_fec(true).unwrap();
                encoder.set_packet_loss_perc(10).unwrap();
                Mouth::Opus(encoder)
            }
        }
    }

    fn encode(&mut self, pcm: &[i16]) -> Vec<u8> {
        match self {
            Mouth::Pcmu => pcm.iter().copied().map(ulaw).collect(),
            Mouth::Pcma => pcm.iter().copied().map(alaw).collect(),
            Mouth::G722(encoder) => {
                let mut bytes = vec![0; pcm.len() / 2];
                assert_eq!(encoder.encode_into(pcm, &mut bytes).unwrap(), bytes.len());
                bytes
            }
            Mouth::Opus(encoder) => encoder.encode_vec(pcm, 1_275).unwrap(),
        }
    }
}

/// A key that is being pressed: packets still to be sent.
pub struct KeyPress {
    pub event: u8,
    pub timestamp: u32,
    pub packets_sent: u16,
}

impl Phone {
    pub fn new(leg: LegKey, tone_hz: f64, codec: Codec, port: u16, began_us: u64) -> Self {
        Phone {
            leg,
            tone_hz,
            also_hz: 0.0,
            codec,
            speaks: true,
            volume: 1.0,
            suppresses: false,
            port,
            ssrc: 0x5100_0000 + u32::from(port),
            // Near their ends, so that every simulation sees both wrap.
            sequence: u16::MAX - 200,
            timestamp: u32::MAX - 40_000,
            packet_ms: 20,
            drift_ppm: 0,
            sent_packets: 0,
            began_us,
            hung_up: false,
            sample: 0,
            resumed: true,
            keys: Vec::new(),
            mouth: Mouth::new(codec),
            ears: Ears::new(codec),
        }
    }

    pub fn next_us(&self) -> u64 {
        if self.hung_up {
            return u64::MAX;
        }
        let own_us = self.sent_packets * self.packet_ms * 1_000;
        let faster = own_us as i128 * i128::from(self.drift_ppm) / 1_000_000;
        (i128::from(self.began_us) + i128::from(own_us) - faster) as u64
    }

    /// The datagrams of this packet time: of sound, or of a key.
    pub fn speak(&mut self) -> Vec<Vec<u8>> {
        self.sent_packets += 1;
        let rate_hz = u64::from(self.codec.rate().hz());
        let samples = self.packet_ms * rate_hz / 1_000;
        let steps = (self.packet_ms as u32) * self.codec.clock_hz() / 1_000;
        let timestamp = self.timestamp;
        self.timestamp = timestamp.wrapping_add(steps);
        let first = self.sample;
        self.sample += samples;
        if let Some(key) = self.keys.first_mut() {
            if key.packets_sent == 0 {
                key.timestamp = timestamp;
            }
            key.packets_sent += 1;
            // Four updates, of which the last is the end, sent three times (RFC 4733 section 2.5.1.4).
            let end = key.packets_sent >= 4;
            let duration = (key.packets_sent * steps as u16).to_be_bytes();
            let payload = [key.event, if end { 0x8A } else { 0x0A }, duration[0], duration[1]];
            let (marker, at) = (key.packets_sent == 1, key.timestamp);
            let copies = if end { 3 } else { 1 };
            if end {
                self.keys.remove(0);
            }
            return (0..copies).map(|_| self.packet(101, at, marker, &payload)).collect();
        }
        if !self.speaks && self.suppresses {
            self.resumed = true;
            return Vec::new();
        }
        let amplitude = if self.speaks { AMPLITUDE * self.volume } else { 0.0 };
        let step = |hz: f64| 2.0 * PI * hz / rate_hz as f64;
        let (step, also) = (step(self.tone_hz), step(self.also_hz));
        let wave = |i: u64| (step * i as f64).sin() + (also * i as f64).sin();
        let sound = |i: u64| (amplitude * wave(i)).round() as i16;
        let pcm: Vec<i16> = (first..first + samples).map(sound).collect();
        let payload = self.mouth.encode(&pcm);
        let marker = std::mem::take(&mut self.resumed);
        vec![self.packet(self.codec.payload_type(), timestamp, marker, &payload)]
    }

    fn packet(&mut self, payload_type: u8, timestamp: u32, marker: bool, payload: &[u8]) -> Vec<u8> {
        self.sequence = self.sequence.wrapping_add(1);
        RtpPacketBuilder::new()
            .payload_type(payload_type)
            .sequence(Seq::from(self.sequence))
            .timestamp(timestamp)
            .ssrc(self.ssrc)
            .marked(marker)
            .payload(payload)
            .build()
            .unwrap()
    }

    /// Presses keys, one after the other.
    pub fn press(&mut self, keys: &str) {
        for key in keys.bytes() {
            let event = match key {
                b'*' => 10,
                b'#' => 11,
                digit => digit - b'0',
            };
            self.keys.push(KeyPress { event, timestamp: 0, packets_sent: 0 });
        }
    }
}

/// What a phone hears: the sound of every packet in order.
pub struct Ears {
    codec: Codec,
    decoder: Decoder,
    /// At 8 kHz, whatever the codec: nothing above 4 kHz is said in these simulations.
    pub pcm: Vec<i16>,
    /// At the codec's rate.
    pub full: Vec<i16>,
    last: Option<(u16, u32, u32)>,
    /// Source of the first packet: it must never change.
    pub ssrc: Option<u32>,
    /// RTCP datagrams.
    pub reports: Vec<Vec<u8>>,
}

enum Decoder {
    Pcmu,
    Pcma,
    G722(Box<audio_codec::g722::G722Decoder>),
    Opus(opus::Decoder),
}

impl Decoder {
    fn new(codec: Codec) -> Self {
        match codec {
            Codec::Pcmu => Decoder::Pcmu,
            Codec::Pcma => Decoder::Pcma,
            Codec::G722 => Decoder::G722(Box::new(audio_codec::g722::G722Decoder::new())),
            Codec::Opus => Decoder::Opus(opus::Decoder::new(48_000, opus::Channels::Mono).unwrap()),
        }
    }

    /// The answer has as many samples as the payload holds.
    fn decode(&mut self, payload: &[u8]) -> Vec<i16> {
        let mut pcm = vec![0; 5_760];
        let n = match self {
            Decoder::Pcmu => audio_codec::pcmu::PcmuDecoder::new().decode_into(payload, &mut pcm).unwrap(),
            Decoder::Pcma => audio_codec::pcma::PcmaDecoder::new().decode_into(payload, &mut pcm).unwrap(),
            Decoder::G722(decoder) => decoder.decode_into(payload, &mut pcm).unwrap(),
            Decoder::Opus(decoder) => decoder.decode(payload, &mut pcm, false).unwrap(),
        };
        pcm.truncate(n);
        pcm
    }
}

impl Ears {
    fn new(codec: Codec) -> Self {
        Ears {
            codec,
            decoder: Decoder::new(codec),
            pcm: Vec::new(),
            full: Vec::new(),
            last: None,
            ssrc: None,
            reports: Vec::new(),
        }
    }

    /// Takes a packet, which must follow the last one without a gap.
    pub fn hear(&mut self, packet: &Packet<'_>) {
        let datagram = [packet.header, packet.payload].concat();
        if packet.channel == Channel::Rtcp {
            self.reports.push(datagram);
            return;
        }
        let rtp = RtpReader::new(&datagram).unwrap();
        assert_eq!(rtp.payload_type(), self.codec.payload_type());
        let (sequence, timestamp) = (u16::from(rtp.sequence_number()), rtp.timestamp());
        assert_eq!(rtp.mark(), self.last.is_none(), "the marker is the first packet's");
        assert_eq!(*self.ssrc.get_or_insert(rtp.ssrc()), rtp.ssrc());
        if let Some((last, at, steps)) = self.last {
            assert_eq!((sequence, timestamp), (last.wrapping_add(1), at.wrapping_add(steps)));
        }
        let pcm = self.decoder.decode(rtp.payload());
        let steps = pcm.len() as u32 * self.codec.clock_hz() / self.codec.rate().hz();
        self.last = Some((sequence, timestamp, steps));
        self.pcm.extend(pcm.iter().step_by(self.codec.rate().factor()));
        self.full.extend(pcm);
    }

    /// Forgets what was heard, so that hours fit into memory.
    pub fn forget(&mut self) {
        self.pcm.clear();
        self.full.clear();
    }

    /// The last so many milliseconds.
    pub fn last_ms(&self, ms: usize) -> &[i16] {
        &self.pcm[self.pcm.len() - ms * 8..]
    }

    /// The amplitude of a tone in the last so many milliseconds.
    pub fn tone(&self, ms: usize, tone_hz: f64) -> f64 {
        amplitude(self.last_ms(ms), tone_hz)
    }
}

/// The amplitude of one frequency, after Goertzel. Tones on a grid of 50 Hz are orthogonal over 20 ms.
pub fn amplitude(pcm: &[i16], tone_hz: f64) -> f64 {
    amplitude_at(8_000, pcm, tone_hz)
}

/// The same at another rate.
pub fn amplitude_at(rate_hz: u32, pcm: &[i16], tone_hz: f64) -> f64 {
    let w = 2.0 * PI * tone_hz / f64::from(rate_hz);
    let c = 2.0 * w.cos();
    let (mut s1, mut s2) = (0.0, 0.0);
    for s in pcm {
        let s0 = f64::from(*s) + c * s1 - s2;
        s2 = s1;
        s1 = s0;
    }
    2.0 * (s1 * s1 + s2 * s2 - c * s1 * s2).max(0.0).sqrt() / pcm.len().max(1) as f64
}

/// The nearest of all codes, by trying: slow, and nobody else's algorithm.
fn nearest(sample: i16, decode: impl Fn(&[u8], &mut [i16])) -> u8 {
    let codes: Vec<u8> = (0..=255).collect();
    let mut values = [0; 256];
    decode(&codes, &mut values);
    codes.into_iter().min_by_key(|c| (i32::from(values[usize::from(*c)]) - i32::from(sample)).abs()).unwrap()
}

fn table(decode: impl Fn(&[u8], &mut [i16]) + Copy) -> Vec<u8> {
    (i16::MIN..=i16::MAX).step_by(8).map(|s| nearest(s, decode)).collect()
}

fn ulaw(sample: i16) -> u8 {
    static TABLE: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
        table(|codes, out| {
            audio_codec::pcmu::PcmuDecoder::new().decode_into(codes, out).unwrap();
        })
    });
    TABLE[((i32::from(sample) + 32_768) / 8) as usize]
}

fn alaw(sample: i16) -> u8 {
    static TABLE: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
        table(|codes, out| {
            audio_codec::pcma::PcmaDecoder::new().decode_into(codes, out).unwrap();
        })
    });
    TABLE[((i32::from(sample) + 32_768) / 8) as usize]
}
