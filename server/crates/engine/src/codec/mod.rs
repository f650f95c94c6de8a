//! The codecs: packets are decoded in order, at the moment when their sound is due.

pub(crate) mod g711;
pub(crate) mod opus;

use crate::params::Codec;
use crate::time::Frame;
use audio_codec::Decoder as _;
use g711::Law;
use opus::OpusDecoder;

/// Bytes of one encoded tick of G.711.
pub(crate) const FRAME_BYTES: usize = 160;

/// One leg's incoming codec with its state.
pub(crate) enum Decoder {
    G711(Law),
    G722(Box<audio_codec::g722::G722Decoder>),
    Opus(OpusDecoder),
}

impl Decoder {
    pub(crate) fn new(codec: Codec) -> Self {
        match codec {
            Codec::Pcmu => Decoder::G711(Law::Mu),
            Codec::Pcma => Decoder::G711(Law::A),
            Codec::G722 => Decoder::G722(Box::new(audio_codec::g722::G722Decoder::new())),
            Codec::Opus => Decoder::Opus(OpusDecoder::new()),
        }
    }

    /// Samples that a payload holds, at the codec's rate; 0 if it cannot be decoded.
    pub(crate) fn samples_in(&self, payload: &[u8]) -> usize {
        match self {
            Decoder::G711(_) => payload.len(),
            Decoder::G722(_) => 2 * payload.len(),
            Decoder::Opus(_) => OpusDecoder::samples_in(payload),
        }
    }

    /// Decodes into `out`, which has room for just [`Self::samples_in`] samples.
    pub(crate) fn decode(&mut self, payload: &[u8], out: &mut [i16]) {
        match self {
            Decoder::G711(law) => law.decode(payload, out),
            Decoder::G722(decoder) => {
                let _ = decoder.decode_into(payload, out);
            }
            Decoder::Opus(decoder) => decoder.decode(payload, out),
        }
    }

    /// Makes up sound for what was lost, the codec's own way; `false`, and nothing done, if it has none for this length.
    pub(crate) fn conceal(&mut self, out: &mut [i16]) -> bool {
        match self {
            Decoder::G711(_) | Decoder::G722(_) => false,
            Decoder::Opus(decoder) => decoder.conceal(out),
        }
    }

    /// Decodes what `next` says again of the packet before it (in-band FEC); `false`, and nothing done, if it does not.
    pub(crate) fn recover(&mut self, next: &[u8], out: &mut [i16]) -> bool {
        match self {
            Decoder::G711(_) | Decoder::G722(_) => false,
            Decoder::Opus(decoder) => decoder.recover(next, out),
        }
    }
}

/// Encodes one tick. G.711 has no state, so one function serves a mix that many hear.
pub(crate) fn encode(codec: Codec, frame: &Frame, out: &mut [u8; FRAME_BYTES]) {
    match codec {
        Codec::Pcma => Law::A.encode(frame, out),
        _ => Law::Mu.encode(frame, out),
    }
}

/// One tick of silence: the code of the value 0.
pub(crate) const fn silence(codec: Codec) -> &'static [u8; FRAME_BYTES] {
    match codec {
        Codec::Pcma => &[0xD5; FRAME_BYTES],
        _ => &[0xFF; FRAME_BYTES],
    }
}
