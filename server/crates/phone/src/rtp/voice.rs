//! What a call sends: sound that is encoded as it goes, or a loop of payloads that many calls share.

use crate::codec::{Codec, Encoder, MAX_PAYLOAD_BYTES};
use crate::dtmf::Digit;
use crate::sound::{Player, Sound};
use std::sync::Arc;

/// Frames that an encoder is given before a loop begins, so that it has settled: half a second.
const SETTLING_FRAMES: usize = 25;

/// Payloads of 20 ms, encoded once and sent over and over.
#[derive(Debug)]
pub(crate) struct Encoded {
    codec: Codec,
    payloads: Vec<Box<[u8]>>,
}

impl Encoded {
    /// Encodes so many frames of `sound`, at least one. A sound that is whole in them has no seam in G.711, and a
    /// short one in a codec with a memory. None if there is no encoder.
    pub(crate) fn new(sound: Sound, codec: Codec, frames: usize) -> Option<Encoded> {
        let mut player = Player::new(sound, codec.rate_hz());
        let mut encoder = Encoder::new(codec)?;
        let mut frame = vec![0; codec.frame_samples()];
        let mut payload = [0; MAX_PAYLOAD_BYTES];
        let mut payloads = Vec::with_capacity(frames);
        for number in 0..SETTLING_FRAMES + frames.max(1) {
            player.next_frame(&mut frame);
            let length = encoder.encode(&frame, &mut payload);
            if number >= SETTLING_FRAMES {
                payloads.push(payload[..length].into());
            }
        }
        Some(Encoded { codec, payloads })
    }
}

#[derive(Debug)]
pub(crate) struct Voice {
    player: Player,
    /// With room for what it writes. Made when it is needed: Opus' takes some 20 KB.
    encoder: Option<(Encoder, Box<[u8; MAX_PAYLOAD_BYTES]>)>,
    frame: Vec<i16>,
    /// What is sent instead of the player's sound, and where it stands.
    shared: Option<(Arc<Encoded>, usize)>,
}

impl Voice {
    /// `rate_hz`: as will probably be agreed.
    pub(crate) fn new(sound: Sound, rate_hz: u32) -> Voice {
        Voice { player: Player::new(sound, rate_hz), encoder: None, frame: Vec::new(), shared: None }
    }

    pub(crate) fn change_rate(&mut self, rate_hz: u32) {
        self.player.change_rate(rate_hz);
    }

    /// Says something else, encoded as it goes.
    pub(crate) fn say(&mut self, player: Player) {
        self.player = player;
        self.shared = None;
    }

    /// Sends these payloads over and over, as long as their codec is agreed.
    pub(crate) fn repeat(&mut self, encoded: Arc<Encoded>) {
        self.shared = Some((encoded, 0));
    }

    /// Passes over 20 ms.
    pub(crate) fn skip(&mut self, codec: Codec) {
        match &mut self.shared {
            Some((encoded, at)) if encoded.codec == codec => *at = (*at + 1) % encoded.payloads.len(),
            _ => self.play(codec),
        }
    }

    /// The payload of the next 20 ms; `tones`: a digit and how many 20 ms of it have been, in the sound's place.
    /// Empty if there is no encoder.
    pub(crate) fn next(&mut self, codec: Codec, tones: Option<(Digit, u16)>) -> &[u8] {
        self.skip(codec);
        if let Some((digit, number)) = tones {
            self.frame.resize(codec.frame_samples(), 0);
            digit.sound(number, codec.rate_hz(), &mut self.frame);
        } else if let Some((encoded, at)) = &self.shared
            && encoded.codec == codec
        {
            return &encoded.payloads[*at];
        }
        if self.encoder.as_ref().is_none_or(|(encoder, _)| encoder.codec() != codec) {
            self.encoder = Encoder::new(codec).map(|encoder| (encoder, Box::new([0; MAX_PAYLOAD_BYTES])));
        }
        let Some((encoder, payload)) = &mut self.encoder else { return &[] };
        let length = encoder.encode(&self.frame, payload);
        &payload[..length]
    }

    fn play(&mut self, codec: Codec) {
        self.player.change_rate(codec.rate_hz());
        self.frame.resize(codec.frame_samples(), 0);
        self.player.next_frame(&mut self.frame);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Decoder;
    use crate::hear::{HEARD_DBOV, level_dbov, tone_dbov};

    fn hear(voice: &mut Voice, codec: Codec, frames: usize) -> Vec<i16> {
        let mut decoder = Decoder::new(codec).unwrap();
        (0..frames).flat_map(|_| decoder.decode(voice.next(codec, None))).collect()
    }

    #[test]
    fn a_loop_sounds_on_over_its_seam_and_silence_stays_silent() {
        for codec in Codec::ALL {
            let mut voice = Voice::new(Sound::Silence, codec.rate_hz());
            voice.repeat(Arc::new(Encoded::new(Sound::tone(410.0), codec, 50).unwrap()));
            let heard = hear(&mut voice, codec, 160);
            let window = codec.frame_samples() * 5;
            for (n, pcm) in heard.chunks_exact(window).enumerate().skip(2) {
                let level = tone_dbov(pcm, 410.0, codec.rate_hz());
                assert!((level + 20.0).abs() < 4.0, "{codec:?} at {n}: {level}");
                // Other talkers' tones are not there, also at the seam.
                let beside = tone_dbov(pcm, 540.0, codec.rate_hz());
                assert!(beside < HEARD_DBOV, "{codec:?} at {n}: {beside}");
            }
            voice.repeat(Arc::new(Encoded::new(Sound::Silence, codec, 1).unwrap()));
            let heard = hear(&mut voice, codec, 150);
            let settled = &heard[heard.len() / 2..];
            assert!(level_dbov(settled) < -65.0, "{codec:?}: {}", level_dbov(settled));
        }
    }

    #[test]
    fn tones_stand_in_the_place_of_any_sound() {
        for codec in Codec::ALL {
            let mut voice = Voice::new(Sound::tone(410.0), codec.rate_hz());
            let mut decoder = Decoder::new(codec).unwrap();
            let digit = Digit::try_from('8').unwrap();
            let mut heard = Vec::new();
            for number in 0..5 {
                heard.extend(decoder.decode(voice.next(codec, Some((digit, number)))));
            }
            for tone_hz in [852.0, 1336.0] {
                let level = tone_dbov(&heard, tone_hz, codec.rate_hz());
                assert!((level + 16.15).abs() < 3.0, "{codec:?} {tone_hz} Hz: {level}");
            }
        }
    }

    #[test]
    fn a_loop_of_another_codec_is_not_sent() {
        let mut voice = Voice::new(Sound::tone(410.0), 8_000);
        voice.repeat(Arc::new(Encoded::new(Sound::Silence, Codec::G722, 1).unwrap()));
        assert!(tone_dbov(&hear(&mut voice, Codec::Pcmu, 5), 410.0, 8_000) > -21.0);
    }
}
