//! What a call hears: the last 100 ms, and all of it if it is recorded.

use crate::codec::Codec;
use crate::hear::{Ear, Heard};
use crate::sound::Pcm;

/// Longest recording that is kept, in frames of 20 ms: an hour. Take it before, and it goes on.
const RECORDING_FRAMES: usize = 3_600 * 50;

#[derive(Debug)]
pub(crate) struct Hearing {
    ear: Ear,
    rate_hz: u32,
    frame: Vec<i16>,
    recording: Option<Recording>,
}

#[derive(Debug, Default)]
struct Recording {
    frames: usize,
    /// A call whose codec changes has more than one.
    pieces: Vec<(u32, Vec<i16>)>,
}

/// A recording as it was made, at one rate or several.
#[derive(Debug)]
pub(crate) struct Recorded {
    pieces: Vec<(u32, Vec<i16>)>,
    rate_hz: u32,
}

impl Hearing {
    pub(crate) fn new(rate_hz: u32, record: bool) -> Hearing {
        let recording = record.then(Recording::default);
        Hearing { ear: Ear::new(rate_hz), rate_hz, frame: Vec::new(), recording }
    }

    pub(crate) fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    pub(crate) fn change_rate(&mut self, rate_hz: u32) {
        self.ear.change_rate(rate_hz);
        self.rate_hz = rate_hz;
    }

    /// Listens to the 20 ms that `play` fills in.
    pub(crate) fn listen(&mut self, codec: Codec, play: impl FnOnce(&mut [i16])) {
        self.frame.resize(codec.frame_samples(), 0);
        play(&mut self.frame);
        self.ear.listen(&self.frame);
        if let Some(recording) = &mut self.recording {
            recording.add(&self.frame, self.rate_hz);
        }
    }

    pub(crate) fn heard(&self) -> Heard {
        self.ear.heard()
    }

    pub(crate) fn take_recording(&mut self) -> Recorded {
        let taken = self.recording.as_mut().map(std::mem::take).unwrap_or_default();
        Recorded { pieces: taken.pieces, rate_hz: self.rate_hz }
    }
}

impl Recording {
    fn add(&mut self, frame: &[i16], rate_hz: u32) {
        if self.frames >= RECORDING_FRAMES {
            return;
        }
        self.frames += 1;
        match self.pieces.last_mut() {
            Some((piece_hz, pcm)) if *piece_hz == rate_hz => pcm.extend_from_slice(frame),
            _ => self.pieces.push((rate_hz, frame.to_vec())),
        }
    }
}

impl Recorded {
    /// As one piece at the rate that the call has now; takes a while where the codec has changed.
    pub(crate) fn into_pcm(self) -> Pcm {
        let rate_hz = self.rate_hz;
        let mut samples = Vec::new();
        for (piece_hz, pcm) in self.pieces {
            if piece_hz == rate_hz && samples.is_empty() {
                samples = pcm;
            } else {
                samples.extend_from_slice(&Pcm::new(pcm, piece_hz).at_rate(rate_hz).samples);
            }
        }
        Pcm::new(samples, rate_hz)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_over_a_change_of_codec_is_one_piece() {
        let mut hearing = Hearing::new(8_000, true);
        for codec in [Codec::Pcmu, Codec::Pcmu, Codec::Opus] {
            hearing.change_rate(codec.rate_hz());
            hearing.listen(codec, |frame| frame.fill(1_000));
        }
        let pcm = hearing.take_recording().into_pcm();
        assert_eq!((pcm.rate_hz, pcm.samples.len()), (48_000, 3 * 960));
        assert!((pcm.samples[1_000] - 1_000).abs() < 20 && pcm.samples[2_000] == 1_000);
        assert_eq!(hearing.take_recording().into_pcm().samples.len(), 0);
    }

    #[test]
    fn without_the_wish_nothing_is_recorded() {
        let mut hearing = Hearing::new(8_000, false);
        hearing.listen(Codec::Pcmu, |frame| frame.fill(1_000));
        assert_eq!(hearing.take_recording().into_pcm(), Pcm::new([], 8_000));
        assert!(!hearing.heard().is_silent());
    }
}
