//! Opus (RFC 6716) by libopus: one channel, 48 kHz.

use crate::time::FRAME_SAMPLES_MAX;
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
pub(crate) struct OpusDecoder {
    /// Without memory for libopus' state it decodes to silence.
    decoder: Option<Decoder>,
    /// The packet that was left out last; the decoder's state is as it was before the first one of these.
    left_out: Vec<u8>,
}

impl OpusDecoder {
    pub(crate) fn new() -> Self {
        OpusDecoder {
            decoder: Decoder::new(48_000, Channels::Mono).ok(),
            left_out: Vec::with_capacity(PACKET_BYTES_MAX),
        }
    }

    /// Leaves a packet of 20 ms out, if it is one. The last one of a row is decoded before whatever comes next, so that
    /// the decoder's state is nearly the one that it would have.
    pub(crate) fn leave_out(&mut self, payload: &[u8]) -> bool {
        let fits = Self::samples_in(payload) == FRAME_SAMPLES_MAX && payload.len() <= PACKET_BYTES_MAX;
        if fits {
            self.left_out.clear();
            self.left_out.extend_from_slice(payload);
        }
        fits
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
        if !self.left_out.is_empty()
            && let Some(decoder) = &mut self.decoder
        {
            let _ = decoder.decode(&self.left_out, &mut [0; FRAME_SAMPLES_MAX], false);
            self.left_out.clear();
        }
        let decoded = self.decoder.as_mut().and_then(|decoder| decoder.decode(payload, out, redundancy).ok());
        out.iter_mut().skip(decoded.unwrap_or(0)).for_each(|s| *s = 0);
        decoded.is_some()
    }
}

/// The packet has in-band FEC: it is of SILK or hybrid mode, and the first frame's LBRR flag is set
/// (RFC 6716 sections 3.1 and 4.2.4). Only packets with one frame are looked into; that is what 20 ms packets are.
fn has_redundancy(packet: &[u8]) -> bool {
    silk_flags(packet).is_some_and(|(flags, frames)| flags & (0x80 >> frames) != 0)
}

/// The sender's encoder found no voice in the packet. What has no flag to tell may be voice.
pub(crate) fn is_without_voice(packet: &[u8]) -> bool {
    silk_flags(packet).is_some_and(|(flags, frames)| flags >> (8 - frames) == 0)
}

/// The SILK layer of one channel begins with a voice-activity flag for each 20 ms, and then the LBRR flag: the byte in
/// which they are the first bits, and the number of the former. `None` for other packets.
fn silk_flags(packet: &[u8]) -> Option<(u8, u8)> {
    let [toc, flags, ..] = *packet else { return None };
    let (config, code) = (toc >> 3, toc & 0b11);
    let frames = match config {
        0..=11 => [1, 1, 2, 3][usize::from(config & 0b11)],
        12..=15 => 1,
        _ => return None,
    };
    let stereo = toc & 0b100 != 0;
    (code == 0 && !stereo).then_some((flags, frames))
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    const TICKS: usize = 200;
    const SPEAKS_AT: usize = 150;

    /// A room's noise, and from a moment on a voice-like sound: harmonics of a gliding pitch.
    fn sound() -> Vec<[i16; FRAME_SAMPLES_MAX]> {
        let (mut random, mut phase) = (1u32, 0.0f64);
        let mut sample = |i: usize| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = f64::from(random >> 16) / 65_536.0 * 40.0 - 20.0;
            if i < SPEAKS_AT * FRAME_SAMPLES_MAX {
                return noise as i16;
            }
            phase += 2.0 * PI * (120.0 + 10.0 * (i as f64 / 9_600.0).sin()) / 48_000.0;
            let voice: f64 = (1..20).map(|n| (phase * f64::from(n)).sin() / f64::from(n)).sum();
            (voice * 4_000.0 + noise) as i16
        };
        let frame = |tick: usize| std::array::from_fn(|i| sample(tick * FRAME_SAMPLES_MAX + i));
        (0..TICKS).map(frame).collect()
    }

    fn packets() -> Vec<Vec<u8>> {
        let mut encoder = OpusEncoder::new().unwrap();
        let mut packet = [0; PACKET_BYTES_MAX];
        let encode = |frame: [i16; FRAME_SAMPLES_MAX]| {
            let bytes = encoder.encode(&frame, &mut packet);
            packet[..bytes].to_vec()
        };
        sound().into_iter().map(encode).collect()
    }

    #[test]
    fn the_flags_tell_noise_from_voice() {
        let packets = packets();
        let without =
            |range: std::ops::Range<usize>| packets[range].iter().filter(|p| is_without_voice(p)).count();
        assert_eq!(without(SPEAKS_AT + 1..TICKS), 0);
        assert!(without(50..SPEAKS_AT) > 90, "{}", without(50..SPEAKS_AT));
        for packet in [&[][..], &[0x78], &[0xF8, 0], &[0x79, 0, 0], &[0x7C, 0]] {
            assert!(!is_without_voice(packet), "{packet:?}");
        }
    }

    #[test]
    fn what_was_left_out_is_not_missed_when_the_voice_begins() {
        let (mut whole, mut part) = (OpusDecoder::new(), OpusDecoder::new());
        let (mut a, mut b) = ([0; FRAME_SAMPLES_MAX], [0; FRAME_SAMPLES_MAX]);
        let (mut signal, mut error) = (0.0, 0.0);
        let mut left_out = 0;
        for (tick, packet) in packets().iter().enumerate() {
            whole.decode(packet, &mut a);
            if tick > 50 && is_without_voice(packet) {
                assert!(part.leave_out(packet));
                left_out += 1;
                continue;
            }
            part.decode(packet, &mut b);
            if (SPEAKS_AT..SPEAKS_AT + 10).contains(&tick) {
                signal += a.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>();
                error += a.iter().zip(&b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
            }
        }
        let snr_db = 10.0 * (signal / error).log10();
        assert!(left_out > 90 && snr_db > 25.0, "{left_out} {snr_db}");
    }

    #[test]
    fn a_packet_of_another_length_is_not_left_out() {
        let mut decoder = OpusDecoder::new();
        for packet in [&[][..], &[0x70, 1, 2], &[0x79, 1, 2, 3]] {
            assert!(!decoder.leave_out(packet), "{packet:?}");
        }
    }
}
