//! The codecs, and what each makes of 20 ms of sound.
//!
//! G.711 and G.722 have the payload types that RFC 3551 section 6 gives them; Opus (RFC 7587) has one that each side
//! chooses. G.722 and Opus remember what they have coded, so there is an encoder and a decoder per call.

use audio_codec::g722::{G722Decoder, G722Encoder};
use audio_codec::pcma::{PcmaDecoder, PcmaEncoder};
use audio_codec::pcmu::{PcmuDecoder, PcmuEncoder};
use audio_codec::{Decoder as _, Encoder as _};
use std::str::FromStr;

/// Milliseconds of sound in a packet.
pub const PTIME_MS: u64 = 20;
/// Frames in a second.
pub const FRAMES_PER_SECOND: u32 = 50;
/// Largest payload of 20 ms that any codec makes, in bytes: Opus' own limit (RFC 6716 section 3.4).
pub const MAX_PAYLOAD_BYTES: usize = 1_275;
/// Longest payload that is decoded, in milliseconds: Opus' own limit (RFC 6716 section 3.2.5).
const MAX_PAYLOAD_MS: u32 = 120;

/// Bits a second of Opus: full band for speech, and room for the redundancy against loss.
const OPUS_BITRATE: i32 = 32_000;
/// The loss that Opus is told to expect, in percent: without any it adds no redundancy (RFC 6716 section 2.1.7).
const OPUS_EXPECTED_LOSS: i32 = 5;

/// How sound is written in packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// G.711 µ-law: 8 kHz, 64 kbit/s.
    Pcmu,
    /// G.711 A-law: 8 kHz, 64 kbit/s.
    Pcma,
    /// G.722: 16 kHz, 64 kbit/s.
    G722,
    /// Opus: 48 kHz, mono.
    Opus,
}

#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("“{0}” is not a codec of this telephone: pcmu, pcma, g722 and opus are")]
pub struct CodecError(pub String);

impl Codec {
    pub const ALL: [Codec; 4] = [Codec::Pcmu, Codec::Pcma, Codec::G722, Codec::Opus];

    /// The payload type under which we offer it: static (RFC 3551 table 4), or the one usual for Opus.
    #[must_use]
    pub fn payload_type(self) -> u8 {
        match self {
            Codec::Pcmu => 0,
            Codec::Pcma => 8,
            Codec::G722 => 9,
            Codec::Opus => 111,
        }
    }

    /// What the number stands for without an `rtpmap`.
    #[must_use]
    pub fn from_static_payload_type(payload_type: u8) -> Option<Codec> {
        let is_static = |codec: &Codec| *codec != Codec::Opus && codec.payload_type() == payload_type;
        Codec::ALL.into_iter().find(is_static)
    }

    /// As people write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Codec::Pcmu => "G.711 µ-law",
            Codec::Pcma => "G.711 A-law",
            Codec::G722 => "G.722",
            Codec::Opus => "Opus",
        }
    }

    /// SDP's `rtpmap`. Opus always says two channels (RFC 7587 section 4.1), and G.722 always 8,000 (RFC 3551
    /// section 4.5.2).
    #[must_use]
    pub fn rtpmap(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU/8000",
            Codec::Pcma => "PCMA/8000",
            Codec::G722 => "G722/8000",
            Codec::Opus => "opus/48000/2",
        }
    }

    /// SDP's `fmtp`, if there is something to say.
    #[must_use]
    pub fn fmtp(self) -> Option<&'static str> {
        (self == Codec::Opus).then_some("useinbandfec=1")
    }

    /// Samples in a second of its sound.
    #[must_use]
    pub fn rate_hz(self) -> u32 {
        match self {
            Codec::Pcmu | Codec::Pcma => 8_000,
            Codec::G722 => 16_000,
            Codec::Opus => 48_000,
        }
    }

    /// Units of an RTP timestamp in a second. For G.722 not its rate, by an old error (RFC 3551 section 4.5.2).
    #[must_use]
    pub fn clock_hz(self) -> u32 {
        match self {
            Codec::Pcmu | Codec::Pcma | Codec::G722 => 8_000,
            Codec::Opus => 48_000,
        }
    }

    /// Samples in a frame of 20 ms.
    #[must_use]
    pub fn frame_samples(self) -> usize {
        (self.rate_hz() / FRAMES_PER_SECOND) as usize
    }

    /// Timestamp units in a frame of 20 ms.
    #[must_use]
    pub fn frame_units(self) -> u32 {
        self.clock_hz() / FRAMES_PER_SECOND
    }

    /// How much sound a payload holds, in timestamp units; None if it is empty, longer than 120 ms, or no packet of
    /// this codec.
    #[must_use]
    pub fn payload_units(self, payload: &[u8]) -> Option<u32> {
        let units = match self {
            // One byte a unit: a sample of G.711, two of G.722.
            Codec::Pcmu | Codec::Pcma | Codec::G722 => u32::try_from(payload.len()).ok()?,
            Codec::Opus if payload.is_empty() => 0,
            Codec::Opus => opus::packet::get_nb_samples(payload, self.rate_hz()).ok()?.try_into().ok()?,
        };
        (1..=self.clock_hz() / 1_000 * MAX_PAYLOAD_MS).contains(&units).then_some(units)
    }
}

impl FromStr for Codec {
    type Err = CodecError;

    fn from_str(name: &str) -> Result<Codec, CodecError> {
        let encoding = |codec: &Codec| codec.rtpmap().split('/').next().unwrap_or_default();
        let found = Codec::ALL.into_iter().find(|codec| encoding(codec).eq_ignore_ascii_case(name));
        found.ok_or_else(|| CodecError(name.to_owned()))
    }
}

/// Turns one call's frames into payloads.
pub(crate) enum Encoder {
    Pcmu,
    Pcma,
    G722(Box<G722Encoder>),
    Opus(Box<opus::Encoder>),
}

impl Encoder {
    /// None if libopus has no memory.
    pub(crate) fn new(codec: Codec) -> Option<Encoder> {
        Some(match codec {
            Codec::Pcmu => Encoder::Pcmu,
            Codec::Pcma => Encoder::Pcma,
            Codec::G722 => Encoder::G722(Box::new(G722Encoder::new())),
            Codec::Opus => Encoder::Opus(Box::new(opus_encoder().ok()?)),
        })
    }

    pub(crate) fn codec(&self) -> Codec {
        match self {
            Encoder::Pcmu => Codec::Pcmu,
            Encoder::Pcma => Codec::Pcma,
            Encoder::G722(_) => Codec::G722,
            Encoder::Opus(_) => Codec::Opus,
        }
    }

    /// Encodes a frame of 20 ms at the codec's rate; returns the payload's length, 0 if there is none.
    pub(crate) fn encode(&mut self, frame: &[i16], payload: &mut [u8; MAX_PAYLOAD_BYTES]) -> usize {
        debug_assert_eq!(frame.len(), self.codec().frame_samples());
        match self {
            Encoder::Pcmu => PcmuEncoder::new().encode_into(frame, payload).unwrap_or(0),
            Encoder::Pcma => PcmaEncoder::new().encode_into(frame, payload).unwrap_or(0),
            Encoder::G722(encoder) => encoder.encode_into(frame, payload).unwrap_or(0),
            Encoder::Opus(encoder) => encoder.encode(frame, payload).unwrap_or(0),
        }
    }
}

fn opus_encoder() -> Result<opus::Encoder, opus::Error> {
    let mut encoder =
        opus::Encoder::new(Codec::Opus.rate_hz(), opus::Channels::Mono, opus::Application::Voip)?;
    encoder.set_bitrate(opus::Bitrate::Bits(OPUS_BITRATE))?;
    encoder.set_inband_fec(true)?;
    encoder.set_packet_loss_perc(OPUS_EXPECTED_LOSS)?;
    Ok(encoder)
}

/// Turns one source's payloads into sound, in their order.
pub(crate) enum Decoder {
    Pcmu,
    Pcma,
    G722(Box<G722Decoder>),
    Opus(Box<opus::Decoder>),
}

impl Decoder {
    /// None if libopus has no memory.
    pub(crate) fn new(codec: Codec) -> Option<Decoder> {
        Some(match codec {
            Codec::Pcmu => Decoder::Pcmu,
            Codec::Pcma => Decoder::Pcma,
            Codec::G722 => Decoder::G722(Box::new(G722Decoder::new())),
            Codec::Opus => {
                Decoder::Opus(Box::new(opus::Decoder::new(codec.rate_hz(), opus::Channels::Mono).ok()?))
            }
        })
    }

    /// The payload's sound, of [`Codec::payload_units`]; empty if it cannot be decoded.
    pub(crate) fn decode(&mut self, payload: &[u8]) -> Vec<i16> {
        let mut pcm = vec![0; payload.len() * 2];
        let length = match self {
            Decoder::Pcmu => PcmuDecoder::new().decode_into(payload, &mut pcm).ok(),
            Decoder::Pcma => PcmaDecoder::new().decode_into(payload, &mut pcm).ok(),
            Decoder::G722(decoder) => decoder.decode_into(payload, &mut pcm).ok(),
            Decoder::Opus(decoder) => {
                let units = Codec::Opus.payload_units(payload).unwrap_or(0);
                pcm.resize(units as usize, 0);
                decoder.decode(payload, &mut pcm, false).ok()
            }
        };
        pcm.truncate(length.unwrap_or(0));
        pcm
    }

    /// The 20 ms before the payload, from the redundancy in it (RFC 6716 section 2.1.7); empty where the codec has
    /// none. The payload itself is decoded afterwards.
    pub(crate) fn decode_lost(&mut self, payload_after: &[u8]) -> Vec<i16> {
        let Decoder::Opus(decoder) = self else { return Vec::new() };
        let mut pcm = vec![0; Codec::Opus.frame_samples()];
        let length = decoder.decode(payload_after, &mut pcm, true).unwrap_or(0);
        pcm.truncate(length);
        pcm
    }
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Encoder({:?})", self.codec())
    }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Decoder")
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::hear::tone_dbov;
    use crate::sound::{Player, Sound};
    use proptest::prelude::*;

    /// One frame by a new encoder.
    pub(crate) fn encode(codec: Codec, frame: &[i16]) -> Vec<u8> {
        let mut payload = [0; MAX_PAYLOAD_BYTES];
        let length = Encoder::new(codec).unwrap().encode(frame, &mut payload);
        payload[..length].to_vec()
    }

    /// Payloads by a new decoder.
    pub(crate) fn decode(codec: Codec, payload: &[u8]) -> Vec<i16> {
        Decoder::new(codec).unwrap().decode(payload)
    }

    fn frame_of(player: &mut Player, codec: Codec) -> Vec<i16> {
        let mut frame = vec![0; codec.frame_samples()];
        player.next_frame(&mut frame);
        frame
    }

    #[test]
    fn sound_survives_both_laws_within_their_steps() {
        let frame: Vec<i16> = (0..160).map(|i| (i - 80) * 400).collect();
        for codec in [Codec::Pcmu, Codec::Pcma] {
            for (before, after) in frame.iter().zip(decode(codec, &encode(codec, &frame))) {
                // The coarsest step of a segment is 1/16 of its size: an error of at most 1/32, and a few units near 0.
                let allowed = f64::from(before.unsigned_abs()) / 30.0 + 16.0;
                assert!(
                    f64::from(before.abs_diff(after)) <= allowed,
                    "{codec:?}: {before} came back as {after}"
                );
            }
        }
    }

    #[test]
    fn the_standard_s_own_values_decode() {
        // G.711 tables 1a and 2a: the largest positive value and the quiet channel of each law.
        assert_eq!(decode(Codec::Pcmu, &[0x80, 0xff, 0x7f]), [32_124, 0, 0]);
        assert_eq!(decode(Codec::Pcma, &[0xaa, 0xd5, 0x55]), [32_256, 8, -8]);
    }

    #[test]
    fn tones_keep_their_level_up_to_each_codec_s_band() {
        for (codec, frequency_hz) in
            [(Codec::Pcma, 3_000.0), (Codec::G722, 440.0), (Codec::G722, 6_000.0), (Codec::Opus, 440.0)]
        {
            let mut player = Player::new(Sound::tone(frequency_hz), codec.rate_hz());
            let (mut encoder, mut decoder) = (Encoder::new(codec).unwrap(), Decoder::new(codec).unwrap());
            let mut heard = Vec::new();
            for _ in 0..30 {
                let mut payload = [0; MAX_PAYLOAD_BYTES];
                let length = encoder.encode(&frame_of(&mut player, codec), &mut payload);
                assert_eq!(codec.payload_units(&payload[..length]), Some(codec.frame_units()));
                heard.extend(decoder.decode(&payload[..length]));
            }
            assert_eq!(heard.len(), 30 * codec.frame_samples());
            let settled = &heard[20 * codec.frame_samples()..];
            let level = tone_dbov(settled, frequency_hz, codec.rate_hz());
            assert!((level + 20.0).abs() < 2.0, "{codec:?} {frequency_hz}: {level}");
        }
    }

    #[test]
    fn opus_tells_a_lost_frame_from_the_next_one() {
        let mut player = Player::new(Sound::tone(440.0), 48_000);
        let (mut encoder, mut decoder) =
            (Encoder::new(Codec::Opus).unwrap(), Decoder::new(Codec::Opus).unwrap());
        let mut heard = Vec::new();
        for n in 0..40 {
            let mut payload = [0; MAX_PAYLOAD_BYTES];
            let length = encoder.encode(&frame_of(&mut player, Codec::Opus), &mut payload);
            match n {
                35 => continue,
                36 => heard.extend(decoder.decode_lost(&payload[..length])),
                _ => {}
            }
            heard.extend(decoder.decode(&payload[..length]));
        }
        assert_eq!(heard.len(), 40 * 960);
        let lost = &heard[35 * 960..36 * 960];
        assert!(tone_dbov(lost, 440.0, 48_000) > -26.0, "{}", tone_dbov(lost, 440.0, 48_000));
        assert_eq!(Decoder::new(Codec::G722).unwrap().decode_lost(&[1, 2]), []);
    }

    #[test]
    fn names_and_static_payload_types_name_their_codec() {
        for codec in Codec::ALL {
            assert_eq!(format!("{codec:?}").to_lowercase().parse(), Ok(codec));
        }
        assert_eq!("G729".parse::<Codec>(), Err(CodecError("G729".into())));
        assert_eq!(Codec::from_static_payload_type(9), Some(Codec::G722));
        assert_eq!(Codec::from_static_payload_type(18), None);
        // A dynamic number says nothing by itself.
        assert_eq!(Codec::from_static_payload_type(111), None);
    }

    #[test]
    fn payloads_longer_than_120_ms_are_none() {
        for codec in [Codec::Pcmu, Codec::G722] {
            assert_eq!(codec.payload_units(&[0; 960]), Some(960));
            assert_eq!(codec.payload_units(&[0; 961]), None);
        }
        assert!(Codec::ALL.iter().all(|codec| codec.payload_units(&[]).is_none()));
    }

    proptest! {
        #[test]
        fn no_payload_makes_a_decoder_panic(payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 1..10)) {
            for codec in Codec::ALL {
                let mut decoder = Decoder::new(codec).unwrap();
                for payload in &payloads {
                    if let Some(units) = codec.payload_units(payload) {
                        let samples = (units * (codec.rate_hz() / codec.clock_hz())) as usize;
                        decoder.decode_lost(payload);
                        prop_assert!(decoder.decode(payload).len() <= samples);
                    }
                }
            }
        }
    }
}
