//! The codecs, behind enums so that stateful ones (G.722, Opus) find their place: packets are decoded in order, at the
//! moment when their sound is due.
//!
//! G.711 is ours, as tables made by the compiler from the reference algorithm (ITU-T G.191). The crate `audio-codec`
//! codes negative A-law values half a step too small; it is the judge of the decoding in the tests.

use crate::params::Codec;
use crate::time::Frame;

/// Bytes of one encoded tick of G.711.
pub(crate) const FRAME_BYTES: usize = 160;

/// One leg's incoming codec with its state.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Decoder {
    Pcmu,
    Pcma,
}

impl Decoder {
    pub(crate) fn new(codec: Codec) -> Self {
        match codec {
            Codec::Pcmu => Decoder::Pcmu,
            Codec::Pcma => Decoder::Pcma,
        }
    }

    /// Samples that a payload holds; 0 if it cannot be decoded.
    pub(crate) fn samples_in(&self, payload: &[u8]) -> usize {
        match self {
            Decoder::Pcmu | Decoder::Pcma => payload.len(),
        }
    }

    /// Decodes into the beginning of `out`, which has room for [`Self::samples_in`] samples.
    pub(crate) fn decode(&mut self, payload: &[u8], out: &mut [i16]) {
        let table = match self {
            Decoder::Pcmu => &ULAW_DECODED,
            Decoder::Pcma => &ALAW_DECODED,
        };
        out.iter_mut().zip(payload).for_each(|(sample, byte)| *sample = table[usize::from(*byte)]);
    }
}

/// Encodes one tick. G.711 has no state, so one function serves a mix that many hear.
pub(crate) fn encode(codec: Codec, frame: &Frame, out: &mut [u8; FRAME_BYTES]) {
    match codec {
        Codec::Pcmu => {
            out.iter_mut().zip(frame).for_each(|(byte, s)| *byte = ULAW_ENCODED[usize::from(*s as u16 >> 2)]);
        }
        Codec::Pcma => {
            out.iter_mut().zip(frame).for_each(|(byte, s)| *byte = ALAW_ENCODED[usize::from(*s as u16 >> 4)]);
        }
    }
}

/// One tick of silence: the code of the value 0.
pub(crate) const fn silence(codec: Codec) -> &'static [u8; FRAME_BYTES] {
    match codec {
        Codec::Pcmu => &[0xFF; FRAME_BYTES],
        Codec::Pcma => &[0xD5; FRAME_BYTES],
    }
}

static ULAW_DECODED: [i16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = ulaw_decode(byte as u8);
        byte += 1;
    }
    table
};

static ALAW_DECODED: [i16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = alaw_decode(byte as u8);
        byte += 1;
    }
    table
};

/// By the upper 14 bits of a sample: µ-law does not look at more.
static ULAW_ENCODED: [u8; 1 << 14] = {
    let mut table = [0; 1 << 14];
    let mut upper = 0;
    while upper < table.len() {
        table[upper] = ulaw_encode((upper << 2) as u16 as i16);
        upper += 1;
    }
    table
};

/// By the upper 12 bits of a sample: A-law does not look at more.
static ALAW_ENCODED: [u8; 1 << 12] = {
    let mut table = [0; 1 << 12];
    let mut upper = 0;
    while upper < table.len() {
        table[upper] = alaw_encode((upper << 4) as u16 as i16);
        upper += 1;
    }
    table
};

const fn ulaw_encode(sample: i16) -> u8 {
    // One's complement, as the reference: the negative half mirrors the positive one.
    let magnitude = (if sample < 0 { !sample } else { sample } >> 2) + 33;
    let magnitude = if magnitude > 0x1FFF { 0x1FFF } else { magnitude };
    // 33 is the least magnitude, so there are at least six significant bits, of which four are the mantissa.
    let segment = 10 - magnitude.leading_zeros() as i16;
    let mantissa = (magnitude >> (segment + 1)) & 0x0F;
    let code = ((segment << 4) | mantissa) as u8;
    !code & if sample < 0 { 0x7F } else { 0xFF }
}

const fn ulaw_decode(byte: u8) -> i16 {
    let code = !byte;
    let segment = (code >> 4) & 0x07;
    let magnitude = (((((code & 0x0F) as i16) << 3) + 0x84) << segment) - 0x84;
    if code & 0x80 != 0 { -magnitude } else { magnitude }
}

const fn alaw_encode(sample: i16) -> u8 {
    let magnitude = if sample < 0 { !sample } else { sample } >> 4;
    let code = if magnitude < 32 {
        magnitude
    } else {
        let exponent = 11 - magnitude.leading_zeros() as i16;
        ((exponent + 1) << 4) | ((magnitude >> exponent) & 0x0F)
    };
    (code as u8 | if sample < 0 { 0x00 } else { 0x80 }) ^ 0x55
}

const fn alaw_decode(byte: u8) -> i16 {
    let code = byte ^ 0x55;
    let segment = (code >> 4) & 0x07;
    let step = (((code & 0x0F) as i16) << 4) + 8;
    let magnitude = if segment == 0 { step } else { (step + 0x100) << (segment - 1) };
    if code & 0x80 != 0 { magnitude } else { -magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;
    use audio_codec::Decoder as _;

    #[test]
    fn silence_is_what_zero_encodes_to() {
        for codec in Codec::ALL {
            let mut out = [0; FRAME_BYTES];
            encode(codec, &[0; 160], &mut out);
            assert_eq!(&out, silence(codec), "{}", codec.name());
        }
    }

    #[test]
    fn every_byte_survives_decoding_and_encoding() {
        for codec in Codec::ALL {
            let bytes: Vec<u8> = (0..=255).collect();
            let mut pcm = [0; 256];
            Decoder::new(codec).decode(&bytes, &mut pcm);
            for (byte, sample) in bytes.iter().zip(pcm) {
                let mut again = [0; FRAME_BYTES];
                encode(codec, &[sample; 160], &mut again);
                // µ-law has two zeros.
                let same = again[0] == *byte || (codec == Codec::Pcmu && *byte == 0x7F && again[0] == 0xFF);
                assert!(same, "{} {byte:#x} -> {sample} -> {:#x}", codec.name(), again[0]);
            }
        }
    }

    #[test]
    fn the_error_is_that_of_g711() {
        for codec in Codec::ALL {
            for x in i16::MIN..=i16::MAX {
                let mut byte = [0; FRAME_BYTES];
                encode(codec, &[x; 160], &mut byte);
                let mut y = [0; 1];
                Decoder::new(codec).decode(&byte[..1], &mut y);
                // 16 steps a segment, so half a step is 1/32 of the value, and 8 at least.
                let error = (i32::from(x) - i32::from(y[0])).abs();
                assert!(error <= i32::from(x).abs() / 32 + 8, "{} {x} {}", codec.name(), y[0]);
            }
        }
    }

    #[test]
    fn another_decoder_hears_the_same() {
        let bytes: Vec<u8> = (0..=255).collect();
        let (mut ours, mut theirs) = ([0; 256], [0; 256]);
        Decoder::new(Codec::Pcmu).decode(&bytes, &mut ours);
        audio_codec::pcmu::PcmuDecoder::new().decode_into(&bytes, &mut theirs).unwrap();
        assert_eq!(ours, theirs);
        Decoder::new(Codec::Pcma).decode(&bytes, &mut ours);
        audio_codec::pcma::PcmaDecoder::new().decode_into(&bytes, &mut theirs).unwrap();
        assert_eq!(ours, theirs);
    }
}
