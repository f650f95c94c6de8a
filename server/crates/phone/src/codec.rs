//! G.711, the two laws: 8 kHz, one byte a sample, payload types fixed by RFC 3551 section 6.

use audio_codec::pcma::{PcmaDecoder, PcmaEncoder};
use audio_codec::pcmu::{PcmuDecoder, PcmuEncoder};
use audio_codec::{Decoder, Encoder};

/// Samples in a second of sound, everywhere in this crate.
pub const SAMPLE_RATE_HZ: u32 = 8_000;
/// Milliseconds of sound in a packet.
pub const PTIME_MS: u64 = 20;
/// Samples in a frame: [`PTIME_MS`] of sound.
pub const FRAME_SAMPLES: usize = 160;

/// One frame of sound.
pub type Frame = [i16; FRAME_SAMPLES];

/// How sound is written in packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// G.711 µ-law, payload type 0.
    Pcmu,
    /// G.711 A-law, payload type 8.
    Pcma,
}

impl Codec {
    pub const ALL: [Codec; 2] = [Codec::Pcmu, Codec::Pcma];

    /// The static payload type (RFC 3551 table 4).
    #[must_use]
    pub fn payload_type(self) -> u8 {
        match self {
            Codec::Pcmu => 0,
            Codec::Pcma => 8,
        }
    }

    /// The encoding name of SDP's `rtpmap`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
        }
    }

    #[must_use]
    pub fn from_payload_type(payload_type: u8) -> Option<Codec> {
        Codec::ALL.into_iter().find(|codec| codec.payload_type() == payload_type)
    }

    /// Encodes a frame: one byte a sample.
    #[must_use]
    pub fn encode(self, frame: &Frame) -> [u8; FRAME_SAMPLES] {
        let mut bytes = [0; FRAME_SAMPLES];
        let done = match self {
            Codec::Pcmu => PcmuEncoder::new().encode_into(frame, &mut bytes),
            Codec::Pcma => PcmaEncoder::new().encode_into(frame, &mut bytes),
        };
        debug_assert_eq!(done.ok(), Some(FRAME_SAMPLES));
        bytes
    }

    /// Decodes a payload of any length: one sample a byte.
    #[must_use]
    pub fn decode(self, payload: &[u8]) -> Vec<i16> {
        let mut samples = vec![0; payload.len()];
        let done = match self {
            Codec::Pcmu => PcmuDecoder::new().decode_into(payload, &mut samples),
            Codec::Pcma => PcmaDecoder::new().decode_into(payload, &mut samples),
        };
        debug_assert_eq!(done.ok(), Some(payload.len()));
        samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_survives_both_laws_within_their_steps() {
        let frame: Frame = std::array::from_fn(|i| (i as i16 - 80) * 400);
        for codec in Codec::ALL {
            for (before, after) in frame.iter().zip(codec.decode(&codec.encode(&frame))) {
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
        assert_eq!(Codec::Pcmu.decode(&[0x80, 0xff, 0x7f]), [32_124, 0, 0]);
        assert_eq!(Codec::Pcma.decode(&[0xaa, 0xd5, 0x55]), [32_256, 8, -8]);
    }

    #[test]
    fn payload_types_name_their_codec() {
        assert_eq!(Codec::from_payload_type(0), Some(Codec::Pcmu));
        assert_eq!(Codec::from_payload_type(8), Some(Codec::Pcma));
        assert_eq!(Codec::from_payload_type(18), None);
    }
}
