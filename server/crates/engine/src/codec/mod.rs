//! The codecs: packets are decoded in order, at the moment when their sound is due.

pub(crate) mod g711;
#[cfg(test)]
mod g711_reference;
pub(crate) mod g722;
pub(crate) mod opus;

use crate::params::Codec;
use g711::Law;
use g722::{G722Decoder, G722Encoder};
use opus::{OpusDecoder, OpusEncoder};

/// Bytes of one encoded tick of G.711 and of G.722.
pub(crate) const FRAME_BYTES: usize = 160;
/// Bytes of one encoded tick, at most; those of Opus are the most.
pub(crate) const ENCODED_BYTES_MAX: usize = opus::PACKET_BYTES_MAX;

/// One leg's incoming codec with its state.
pub(crate) enum Decoder {
    G711(Law),
    G722(Box<G722Decoder>),
    Opus(OpusDecoder),
}

impl Decoder {
    pub(crate) fn new(codec: Codec) -> Self {
        match codec {
            Codec::Pcmu => Decoder::G711(Law::Mu),
            Codec::Pcma => Decoder::G711(Law::A),
            Codec::G722 => Decoder::G722(Box::new(G722Decoder::new())),
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
            Decoder::G722(decoder) => decoder.decode(payload, out),
            Decoder::Opus(decoder) => decoder.decode(payload, out),
        }
    }

    /// Leaves out a packet that nobody is to hear, if decoding costs much and the packet says of itself that it is no
    /// voice, or `whatever` it says. `false`, and nothing done, if it has to be decoded.
    pub(crate) fn leave_out(&mut self, payload: &[u8], whatever: bool) -> bool {
        match self {
            Decoder::G711(_) | Decoder::G722(_) => false,
            Decoder::Opus(decoder) => {
                (whatever || opus::is_without_voice(payload)) && decoder.leave_out(payload)
            }
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

/// One outgoing stream's codec with its state.
///
/// A hearer's decoder follows the encoder bit by bit, so it may change from one encoder's stream to another's only where
/// their states agree, or nearly: see [`Encoder::follow`] and [`Encoder::agrees_with`].
pub(crate) enum Encoder {
    G711(Law),
    G722(G722Encoder),
    /// `None` where libopus found no memory: nothing is sent then.
    Opus(Option<Box<OpusEncoder>>),
}

impl Encoder {
    pub(crate) fn new(codec: Codec) -> Self {
        match codec {
            Codec::Pcmu => Encoder::G711(Law::Mu),
            Codec::Pcma => Encoder::G711(Law::A),
            Codec::G722 => Encoder::G722(G722Encoder::new()),
            Codec::Opus => Encoder::Opus(OpusEncoder::new().ok().map(Box::new)),
        }
    }

    /// What another can [follow](Self::follow), and nothing that encodes.
    pub(crate) fn memory(codec: Codec) -> Self {
        match codec {
            Codec::Opus => Encoder::Opus(None),
            codec => Encoder::new(codec),
        }
    }

    /// Goes on from where `other` is, of the same codec: whoever heard that one can hear this one next.
    pub(crate) fn follow(&mut self, other: &Encoder) {
        match (self, other) {
            (Encoder::G722(own), Encoder::G722(other)) => own.clone_from(other),
            (Encoder::Opus(Some(own)), _) => own.restart(),
            _ => {}
        }
    }

    /// How a hearer may go over from this encoder's stream to `other`'s.
    pub(crate) fn agrees_with(&self, other: &Encoder) -> Agreement {
        match (self, other) {
            (Encoder::G711(_), _) => Agreement::Now,
            (Encoder::G722(own), Encoder::G722(other)) if own == other => Agreement::Now,
            (Encoder::G722(_), _) => Agreement::InQuiet { ticks: 3, patience_ticks: 1_500 },
            (Encoder::Opus(_), _) => Agreement::InQuiet { ticks: 1, patience_ticks: 100 },
        }
    }

    /// The next frame can be the first that a hearer gets of this stream.
    pub(crate) fn refresh(&mut self) {
        if let Encoder::Opus(Some(encoder)) = self {
            encoder.refresh();
        }
    }

    /// Encodes one tick of the codec's rate; the answer is how many bytes of `out` it takes, 0 if it cannot be encoded.
    /// `out` has room for [`FRAME_BYTES`], for Opus for [`ENCODED_BYTES_MAX`].
    pub(crate) fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> usize {
        match self {
            Encoder::G711(law) => {
                law.encode(pcm, out);
                pcm.len()
            }
            Encoder::G722(encoder) => {
                let bytes = pcm.len() / 2;
                encoder.encode(pcm, &mut out[..bytes]);
                bytes
            }
            Encoder::Opus(encoder) => encoder.as_mut().map_or(0, |encoder| encoder.encode(pcm, out)),
        }
    }
}

/// A payload holds 20 ms of sound, or more.
pub(crate) fn holds_a_tick(codec: Codec, payload: &[u8]) -> bool {
    match codec {
        Codec::Pcmu | Codec::Pcma | Codec::G722 => payload.len() >= 160,
        Codec::Opus => OpusDecoder::samples_in(payload) >= codec.rate().frame_samples(),
    }
}

/// Nothing of its past is left in what it encodes.
pub(crate) const fn is_stateless(codec: Codec) -> bool {
    matches!(codec, Codec::Pcmu | Codec::Pcma)
}

/// How two encoders of one codec stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Agreement {
    /// A hearer hears no difference.
    Now,
    /// While there was nothing worth listening to for so many ticks, the change is not heard either. For G.722 that is the
    /// only way: two encoders with different pasts never come together, and a decoder that was moved between them in the
    /// midst of speech is 16 dB below the speech even seconds later, but 60 ms into a pause it is below the coding's own
    /// noise. An Opus stream that was [refreshed](Encoder::refresh) can be entered anywhere, and best there.
    InQuiet {
        ticks: u16,
        /// After so long the change is made all the same.
        patience_ticks: u16,
    },
}

/// Encodes one tick of G.711.
#[cfg(test)]
pub(crate) fn encode(codec: Codec, frame: &[i16; FRAME_BYTES], out: &mut [u8; FRAME_BYTES]) {
    let law = if codec == Codec::Pcma { Law::A } else { Law::Mu };
    law.encode(frame, out);
}
