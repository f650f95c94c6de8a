//! What a telephone says: silence, a tone, clips.

use crate::codec::{FRAME_SAMPLES, Frame, SAMPLE_RATE_HZ};
use std::f64::consts::TAU;
use std::sync::Arc;
use std::time::Duration;

/// Root mean square of 0 dBov: a full-scale square wave (RFC 6464 section 3). A full-scale sine has -3 dBov.
pub const FULL_SCALE: f64 = 32_768.0;

/// Sound to send, from the moment when it is given to a call.
#[derive(Clone, Debug, Default)]
pub enum Sound {
    #[default]
    Silence,
    /// A sine. `frequency_hz` below 4,000; `level_dbov` -3 or lower.
    Tone { frequency_hz: f64, level_dbov: f64 },
    /// Clips, each at its time; silence between and after them; mixed where they overlap.
    Clips(Vec<Clip>),
    /// One clip over and over, without a pause.
    Loop(Arc<[i16]>),
}

/// A piece of sound at 8 kHz, and when it starts.
#[derive(Clone, Debug)]
pub struct Clip {
    /// From the moment when the [`Sound`] is given to the call.
    pub at: Duration,
    pub pcm: Arc<[i16]>,
}

impl Sound {
    /// A clip that starts at once.
    #[must_use]
    pub fn clip(pcm: impl Into<Arc<[i16]>>) -> Sound {
        Sound::Clips(vec![Clip { at: Duration::ZERO, pcm: pcm.into() }])
    }

    /// A tone at -20 dBov, as loud as the prompts.
    #[must_use]
    pub fn tone(frequency_hz: f64) -> Sound {
        Sound::Tone { frequency_hz, level_dbov: -20.0 }
    }
}

/// How long `pcm` lasts at 8 kHz.
#[must_use]
pub fn duration(pcm: &[i16]) -> Duration {
    Duration::from_secs_f64(pcm.len() as f64 / f64::from(SAMPLE_RATE_HZ))
}

/// Plays a [`Sound`] frame by frame.
#[derive(Debug, Default)]
pub(crate) struct Player {
    sound: Sound,
    /// Samples played of this sound.
    position: u64,
}

impl Player {
    pub(crate) fn new(sound: Sound) -> Player {
        Player { sound, position: 0 }
    }

    pub(crate) fn next_frame(&mut self) -> Frame {
        let mut frame = [0; FRAME_SAMPLES];
        match &self.sound {
            Sound::Silence => {}
            Sound::Tone { frequency_hz, level_dbov } => {
                tone(&mut frame, *frequency_hz, *level_dbov, self.position)
            }
            Sound::Clips(clips) => clips.iter().for_each(|clip| mix_clip(&mut frame, clip, self.position)),
            Sound::Loop(pcm) => repeat(&mut frame, pcm, self.position),
        }
        self.position += FRAME_SAMPLES as u64;
        frame
    }
}

fn tone(frame: &mut Frame, frequency_hz: f64, level_dbov: f64, position: u64) {
    let amplitude = FULL_SCALE * 2f64.sqrt() * 10f64.powf(level_dbov / 20.0);
    let step = frequency_hz / f64::from(SAMPLE_RATE_HZ);
    for (i, sample) in frame.iter_mut().enumerate() {
        let turns = (position + i as u64) as f64 * step;
        // `as` saturates: a tone that is asked for too loud is clipped, not wrapped.
        *sample = (amplitude * (TAU * turns.fract()).sin()).round() as i16;
    }
}

fn mix_clip(frame: &mut Frame, clip: &Clip, position: u64) {
    let start = (clip.at.as_secs_f64() * f64::from(SAMPLE_RATE_HZ)).round() as u64;
    for (i, sample) in frame.iter_mut().enumerate() {
        let inside = (position + i as u64).checked_sub(start).and_then(|at| usize::try_from(at).ok());
        if let Some(said) = inside.and_then(|at| clip.pcm.get(at)) {
            *sample = sample.saturating_add(*said);
        }
    }
}

fn repeat(frame: &mut Frame, pcm: &[i16], position: u64) {
    if pcm.is_empty() {
        return;
    }
    for (i, sample) in frame.iter_mut().enumerate() {
        *sample = pcm[((position + i as u64) % pcm.len() as u64) as usize];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hear::level_dbov;

    fn play(sound: Sound, frames: usize) -> Vec<i16> {
        let mut player = Player::new(sound);
        (0..frames).flat_map(|_| player.next_frame()).collect()
    }

    #[test]
    fn a_tone_has_the_level_asked_for_and_no_seam_between_frames() {
        let heard = play(Sound::Tone { frequency_hz: 1000.0, level_dbov: -20.0 }, 50);
        assert!((level_dbov(&heard) + 20.0).abs() < 0.05);
        // 8 samples a turn: each equals the one 8 samples before, over the frames' borders too.
        assert!(heard.windows(9).all(|w| (i32::from(w[0]) - i32::from(w[8])).abs() <= 1));
    }

    #[test]
    fn a_tone_too_loud_is_clipped() {
        let heard = play(Sound::Tone { frequency_hz: 1000.0, level_dbov: 6.0 }, 1);
        assert!(heard.contains(&i16::MAX) && heard.contains(&i16::MIN));
    }

    #[test]
    fn clips_start_on_time_and_are_mixed_where_they_overlap() {
        let at = |ms, value: i16, len| Clip { at: Duration::from_millis(ms), pcm: vec![value; len].into() };
        let heard = play(Sound::Clips(vec![at(0, 100, 240), at(20, 10, 100)]), 3);
        assert_eq!(heard[159..162], [100, 110, 110]);
        assert_eq!(heard[239..242], [110, 10, 10]);
        assert_eq!(heard[259..262], [10, 0, 0]);
        assert!(heard[260..].iter().all(|s| *s == 0));
    }

    #[test]
    fn a_loop_has_no_pause_and_an_empty_one_is_silent() {
        assert_eq!(play(Sound::Loop(vec![1, 2, 3].into()), 2)[157..164], [2, 3, 1, 2, 3, 1, 2]);
        assert!(play(Sound::Loop(Vec::new().into()), 1).iter().all(|s| *s == 0));
        assert!(play(Sound::Silence, 1).iter().all(|s| *s == 0));
    }

    #[test]
    fn durations_are_those_of_8_khz() {
        assert_eq!(duration(&[0; 400]), Duration::from_millis(50));
    }
}
