//! From a room's sound to a codec's bytes: the resampler and the encoder of one stream.

use super::PerCodec;
use crate::codec::{Agreement, ENCODED_BYTES_MAX, Encoder, FRAME_BYTES};
use crate::mix::resample::Resampler;
use crate::params::Codec;
use crate::time::Rate;
use crate::wire::{Encoded, Wire};

pub(crate) struct Chain {
    codec: Codec,
    /// What comes in.
    rate: Rate,
    /// `None` where the rates are the same.
    resampler: Option<Resampler>,
    encoder: Encoder,
}

impl Chain {
    pub(crate) fn new(codec: Codec, rate: Rate) -> Self {
        Chain { codec, rate, resampler: resampler(rate, codec), encoder: Encoder::new(codec) }
    }

    /// What [`Self::follow`] needs of a chain, and no more.
    pub(crate) fn memory(codec: Codec, rate: Rate) -> Self {
        Chain { codec, rate, resampler: resampler(rate, codec), encoder: Encoder::memory(codec) }
    }

    /// Another rate comes in from now on. What was in the filter is lost: that needs a silent moment.
    pub(crate) fn set_rate(&mut self, rate: Rate) {
        if self.rate != rate {
            self.rate = rate;
            self.resampler = resampler(rate, self.codec);
        }
    }

    /// Goes on from where `other` is, of the same codec: who heard that one can hear this one next.
    pub(crate) fn follow(&mut self, other: &Chain) {
        self.encoder.follow(&other.encoder);
        match (&mut self.resampler, &other.resampler) {
            (Some(own), Some(other_one)) if self.rate == other.rate => own.clone_from(other_one),
            (Some(own), _) => own.reset(),
            (None, _) => {}
        }
    }

    pub(crate) fn codec(&self) -> Codec {
        self.codec
    }

    /// What comes in.
    pub(crate) fn rate(&self) -> Rate {
        self.rate
    }

    pub(crate) fn agrees_with(&self, other: &Chain) -> Agreement {
        self.encoder.agrees_with(&other.encoder)
    }

    pub(crate) fn refresh(&mut self) {
        self.encoder.refresh();
    }

    /// Makes the codec's 20 ms of the room's.
    pub(crate) fn resample(&mut self, mix: &[i16], out: &mut [i16]) {
        match &mut self.resampler {
            Some(resampler) => resampler.process(mix, out),
            None => out.copy_from_slice(mix),
        }
    }

    /// Encodes 20 ms of the codec's rate.
    pub(crate) fn encode(&mut self, pcm: &[i16], wire: &mut Wire) -> Encoded {
        if self.codec == Codec::Opus {
            self.encode_with(pcm, &mut [0; ENCODED_BYTES_MAX], wire)
        } else {
            self.encode_with(pcm, &mut [0; FRAME_BYTES], wire)
        }
    }

    fn encode_with(&mut self, pcm: &[i16], bytes: &mut [u8], wire: &mut Wire) -> Encoded {
        let length = self.encoder.encode(pcm, bytes);
        wire.keep(bytes.get(..length).unwrap_or(&[]))
    }
}

fn resampler(from: Rate, codec: Codec) -> Option<Resampler> {
    let to = codec.rate();
    (from != to).then(|| Resampler::new(from.hz(), to.hz()))
}

/// Chains that nobody uses now: a talker's first word does not wait for memory.
#[expect(
    clippy::vec_box,
    reason = "a chain goes to and fro between here and a leg, and is too large to be copied each time"
)]
pub(crate) struct Spare(PerCodec<Vec<Box<Chain>>>);

/// So many are kept: more than begin to talk in all rooms before as many others have ended. All callers have one while
/// they are greeted, and most of them never again.
fn kept(codec: Codec) -> usize {
    match codec {
        Codec::Pcmu | Codec::Pcma | Codec::G722 => 256,
        // An encoder of libopus takes as much memory as all else of a call.
        Codec::Opus => 32,
    }
}

impl Spare {
    pub(crate) fn new() -> Self {
        Spare(PerCodec::new(|_| Vec::new()))
    }

    /// A chain with any past: [`Chain::follow`] must be next.
    pub(crate) fn take(&mut self, codec: Codec, rate: Rate) -> Box<Chain> {
        let mut chain = self.0.get(codec).pop().unwrap_or_else(|| Box::new(Chain::new(codec, rate)));
        chain.set_rate(rate);
        chain
    }

    pub(crate) fn give(&mut self, chain: Box<Chain>) {
        let most = kept(chain.codec);
        let spare = self.0.get(chain.codec);
        if spare.len() < most {
            spare.push(chain);
        }
    }
}
