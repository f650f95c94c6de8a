//! Opus (RFC 6716) by libopus: one channel, 48 kHz.

use opus::{Application, Bitrate, Channels, Decoder, Encoder, Error, Signal};

/// Bits a second: full-band speech without audible loss, and room in the SILK layer for the packets before (FEC).
const BITS_PER_SECOND: i32 = 32_000;
/// Of 0..=10: from here on a listener gains nothing from speech, and a tick would pay twice.
const COMPLEXITY: i32 = 5;
/// Loss that the redundancy is made for, in per cent: it costs a tenth of the bits on a clean line.
const LOSS_PERCENT: i32 = 10;
/// 2.5 ms, of which libopus conceals whole multiples.
const CONCEALED_SAMPLES: usize = 120;
/// Most sound in a packet: 120 ms (RFC 6716 section 3.2.5).
const PACKET_SAMPLES_MAX: usize = 5_760;
/// Bytes of a packet of 20 ms, at most (RFC 6716 section 3.2.1).
pub(crate) const PACKET_BYTES_MAX: usize = 1_275;

/// One stream that comes in.
#[derive(Debug)]
pub(crate) struct OpusDecoder(Option<Decoder>);

impl OpusDecoder {
    /// Without memory for libopus' state it decodes to silence.
    pub(crate) fn new() -> Self {
        OpusDecoder(Decoder::new(48_000, Channels::Mono).ok())
    }

    /// Samples in a packet; 0 if it is none.
    pub(crate) fn samples_in(payload: &[u8]) -> usize {
        let samples = match payload {
            [] => 0,
            payload => opus::packet::get_nb_samples(payload, 48_000).unwrap_or(0),
        };
        if samples > PACKET_SAMPLES_MAX { 0 } else { samples }
    }

    /// Fills `out`, which has room for just [`Self::samples_in`] samples; what cannot be decoded is silence.
    pub(crate) fn decode(&mut self, payload: &[u8], out: &mut [i16]) {
        self.run(payload, out, false);
    }

    /// Makes up what was lost; `false`, and nothing done, for a length that libopus cannot.
    pub(crate) fn conceal(&mut self, out: &mut [i16]) -> bool {
        if out.is_empty() || !out.len().is_multiple_of(CONCEALED_SAMPLES) || out.len() > PACKET_SAMPLES_MAX {
            return false;
        }
        self.run(&[], out, false)
    }

    /// Decodes what the packet `next` says again of the packet before it; `false`, and nothing done, if it does not.
    pub(crate) fn recover(&mut self, next: &[u8], out: &mut [i16]) -> bool {
        if !has_redundancy(next) || !out.len().is_multiple_of(CONCEALED_SAMPLES) {
            return false;
        }
        self.run(next, out, true)
    }

    fn run(&mut self, payload: &[u8], out: &mut [i16], redundancy: bool) -> bool {
        let decoded = self.0.as_mut().and_then(|decoder| decoder.decode(payload, out, redundancy).ok());
        out.iter_mut().skip(decoded.unwrap_or(0)).for_each(|s| *s = 0);
        decoded.is_some()
    }
}

/// The packet has in-band FEC: it is of SILK or hybrid mode, and the first frame's LBRR flag is set
/// (RFC 6716 sections 3.1 and 4.2.4). Only packets with one frame are looked into; that is what 20 ms packets are.
fn has_redundancy(packet: &[u8]) -> bool {
    let [toc, first, ..] = *packet else { return false };
    let (config, code) = (toc >> 3, toc & 0b11);
    // SILK in one channel begins with a voice-activity flag for each 20 ms, and then the flag that is meant.
    let silk_frames = match config {
        0..=11 => [1, 1, 2, 3][usize::from(config & 0b11)],
        12..=15 => 1,
        _ => return false,
    };
    let stereo = toc & 0b100 != 0;
    code == 0 && !stereo && first & (0x80 >> silk_frames) != 0
}

/// One stream that goes out, in packets of 20 ms.
#[derive(Debug)]
pub(crate) struct OpusEncoder {
    encoder: Encoder,
    /// The next frame leans on nothing before it.
    fresh: bool,
}

impl OpusEncoder {
    /// # Errors
    /// Where libopus finds no memory for its state.
    pub(crate) fn new() -> Result<Self, Error> {
        let mut encoder = Encoder::new(48_000, Channels::Mono, Application::Voip)?;
        encoder.set_bitrate(Bitrate::Bits(BITS_PER_SECOND))?;
        encoder.set_complexity(COMPLEXITY)?;
        encoder.set_signal(Signal::Voice)?;
        encoder.set_inband_fec(true)?;
        encoder.set_packet_loss_perc(LOSS_PERCENT)?;
        Ok(OpusEncoder { encoder, fresh: false })
    }

    /// Forgets what was encoded, and its next frame can follow any other stream's.
    pub(crate) fn restart(&mut self) {
        // It cannot fail on an encoder that exists.
        let _ = self.encoder.reset_state();
        self.refresh();
    }

    /// The next frame can be the first that a hearer gets of this stream.
    pub(crate) fn refresh(&mut self) {
        self.fresh = true;
    }

    /// Encodes 960 samples; the answer is how many bytes of `out` they take.
    pub(crate) fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> usize {
        let fresh = std::mem::take(&mut self.fresh);
        if fresh {
            let _ = self.encoder.set_prediction_disabled(true);
        }
        let bytes = self.encoder.encode(pcm, out).unwrap_or(0);
        if fresh {
            let _ = self.encoder.set_prediction_disabled(false);
        }
        bytes
    }
}
