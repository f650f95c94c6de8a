//! G.711: A-law and µ-law, 8 kHz, a byte a sample.
//!
//! Tables made by the compiler from the reference algorithm (ITU-T G.191). The crate `audio-codec` codes negative A-law
//! values half a step too small; it is the judge of the decoding in the tests.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Law {
    /// µ-law.
    Mu,
    A,
}

impl Law {
    /// Decodes as many bytes as both have.
    pub(crate) fn decode(self, payload: &[u8], out: &mut [i16]) {
        let table = match self {
            Law::Mu => &ULAW_DECODED,
            Law::A => &ALAW_DECODED,
        };
        out.iter_mut().zip(payload).for_each(|(sample, byte)| *sample = table[usize::from(*byte)]);
    }

    /// Encodes as many samples as both have.
    pub(crate) fn encode(self, pcm: &[i16], out: &mut [u8]) {
        let pairs = out.iter_mut().zip(pcm);
        match self {
            Law::Mu => pairs.for_each(|(byte, s)| *byte = ULAW_ENCODED[usize::from(*s as u16 >> 2)]),
            Law::A => pairs.for_each(|(byte, s)| *byte = ALAW_ENCODED[usize::from(*s as u16 >> 4)]),
        }
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

    const LAWS: [Law; 2] = [Law::Mu, Law::A];

    fn encoded(law: Law, sample: i16) -> u8 {
        let mut byte = [0];
        law.encode(&[sample], &mut byte);
        byte[0]
    }

    fn decoded(law: Law, byte: u8) -> i16 {
        let mut sample = [0];
        law.decode(&[byte], &mut sample);
        sample[0]
    }

    #[test]
    fn every_byte_survives_decoding_and_encoding() {
        for law in LAWS {
            for byte in 0..=255 {
                let again = encoded(law, decoded(law, byte));
                // µ-law has two zeros.
                let same = again == byte || (law == Law::Mu && byte == 0x7F && again == 0xFF);
                assert!(same, "{law:?} {byte:#x} -> {again:#x}");
            }
        }
    }

    #[test]
    fn the_error_is_that_of_g711() {
        for law in LAWS {
            for x in i16::MIN..=i16::MAX {
                let y = decoded(law, encoded(law, x));
                // 16 steps a segment, so half a step is 1/32 of the value, and 8 at least.
                let error = (i32::from(x) - i32::from(y)).abs();
                assert!(error <= i32::from(x).abs() / 32 + 8, "{law:?} {x} {y}");
            }
        }
    }

    #[test]
    fn another_decoder_hears_the_same() {
        let bytes: Vec<u8> = (0..=255).collect();
        let (mut ours, mut theirs) = ([0; 256], [0; 256]);
        Law::Mu.decode(&bytes, &mut ours);
        audio_codec::pcmu::PcmuDecoder::new().decode_into(&bytes, &mut theirs).unwrap();
        assert_eq!(ours, theirs);
        Law::A.decode(&bytes, &mut ours);
        audio_codec::pcma::PcmaDecoder::new().decode_into(&bytes, &mut theirs).unwrap();
        assert_eq!(ours, theirs);
    }
}
