//! What a telephone says: silence, a tone, clips.

use crate::resample::resample;
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
    /// A sine. `frequency_hz` below half of the call's rate; `level_dbov` -3 or lower.
    Tone { frequency_hz: f64, level_dbov: f64 },
    /// Clips, each at its time; silence between and after them; mixed where they overlap.
    Clips(Vec<Clip>),
    /// One clip over and over, without a pause.
    Loop(Pcm),
}

/// Samples, mono, and how many of them make a second. A call says them at its codec's rate, whatever theirs is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pcm {
    pub samples: Arc<[i16]>,
    /// Above 0.
    pub rate_hz: u32,
}

/// A piece of sound, and when it starts.
#[derive(Clone, Debug)]
pub struct Clip {
    /// From the moment when the [`Sound`] is given to the call.
    pub at: Duration,
    pub pcm: Pcm,
}

impl Pcm {
    #[must_use]
    pub fn new(samples: impl Into<Arc<[i16]>>, rate_hz: u32) -> Pcm {
        Pcm { samples: samples.into(), rate_hz }
    }

    /// How long it lasts.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.samples.len() as f64 / f64::from(self.rate_hz))
    }

    /// The same sound at another rate.
    #[must_use]
    pub fn at_rate(&self, rate_hz: u32) -> Pcm {
        if self.rate_hz == rate_hz {
            return self.clone();
        }
        Pcm::new(resample(&self.samples, self.rate_hz, rate_hz), rate_hz)
    }
}

impl Sound {
    /// A clip that starts at once.
    #[must_use]
    pub fn clip(pcm: Pcm) -> Sound {
        Sound::Clips(vec![Clip { at: Duration::ZERO, pcm }])
    }

    /// A tone at -20 dBov, as loud as the prompts.
    #[must_use]
    pub fn tone(frequency_hz: f64) -> Sound {
        Sound::Tone { frequency_hz, level_dbov: -20.0 }
    }

    fn at_rate(&self, rate_hz: u32) -> Sound {
        match self {
            Sound::Clips(clips) => {
                let at_rate = |clip: &Clip| Clip { at: clip.at, pcm: clip.pcm.at_rate(rate_hz) };
                Sound::Clips(clips.iter().map(at_rate).collect())
            }
            Sound::Loop(pcm) => Sound::Loop(pcm.at_rate(rate_hz)),
            Sound::Silence | Sound::Tone { .. } => self.clone(),
        }
    }
}

/// Plays a [`Sound`] frame by frame, at a call's rate.
#[derive(Debug)]
pub(crate) struct Player {
    /// As it was given.
    original: Sound,
    /// At the call's rate.
    sound: Sound,
    rate_hz: u32,
    /// Samples played of this sound.
    position: u64,
}

impl Player {
    /// Resamples what is not at `rate_hz`: a long piece takes a while.
    pub(crate) fn new(sound: Sound, rate_hz: u32) -> Player {
        Player { sound: sound.at_rate(rate_hz), original: sound, rate_hz, position: 0 }
    }

    /// Goes on where it is, at another rate.
    pub(crate) fn change_rate(&mut self, rate_hz: u32) {
        if rate_hz != self.rate_hz {
            self.position = self.position * u64::from(rate_hz) / u64::from(self.rate_hz);
            self.sound = self.original.at_rate(rate_hz);
            self.rate_hz = rate_hz;
        }
    }

    /// Fills the whole of `frame`.
    pub(crate) fn next_frame(&mut self, frame: &mut [i16]) {
        frame.fill(0);
        match &self.sound {
            Sound::Silence => {}
            Sound::Tone { frequency_hz, level_dbov } => {
                add_tone(frame, *frequency_hz, *level_dbov, self.position, self.rate_hz);
            }
            Sound::Clips(clips) => clips.iter().for_each(|clip| mix_clip(frame, clip, self.position)),
            Sound::Loop(pcm) => repeat(frame, &pcm.samples, self.position),
        }
        self.position += frame.len() as u64;
    }
}

/// Adds a sine of which `position` samples have been before.
pub(crate) fn add_tone(frame: &mut [i16], frequency_hz: f64, level_dbov: f64, position: u64, rate_hz: u32) {
    let amplitude = FULL_SCALE * 2f64.sqrt() * 10f64.powf(level_dbov / 20.0);
    let step = frequency_hz / f64::from(rate_hz);
    for (i, sample) in frame.iter_mut().enumerate() {
        let turns = (position + i as u64) as f64 * step;
        // `as` saturates: a tone that is asked for too loud is clipped, not wrapped.
        *sample = sample.saturating_add((amplitude * (TAU * turns.fract()).sin()).round() as i16);
    }
}

fn mix_clip(frame: &mut [i16], clip: &Clip, position: u64) {
    let start = (clip.at.as_secs_f64() * f64::from(clip.pcm.rate_hz)).round() as u64;
    for (i, sample) in frame.iter_mut().enumerate() {
        let inside = (position + i as u64).checked_sub(start).and_then(|at| usize::try_from(at).ok());
        if let Some(said) = inside.and_then(|at| clip.pcm.samples.get(at)) {
            *sample = sample.saturating_add(*said);
        }
    }
}

fn repeat(frame: &mut [i16], pcm: &[i16], position: u64) {
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
    use crate::hear::{level_dbov, tone_dbov};

    fn play_at(sound: Sound, frames: usize, rate_hz: u32) -> Vec<i16> {
        let mut player = Player::new(sound, rate_hz);
        let mut played = Vec::new();
        for _ in 0..frames {
            let mut frame = vec![1; rate_hz as usize / 50];
            player.next_frame(&mut frame);
            played.extend(frame);
        }
        played
    }

    fn play(sound: Sound, frames: usize) -> Vec<i16> {
        play_at(sound, frames, 8_000)
    }

    fn at_8_khz(samples: Vec<i16>) -> Pcm {
        Pcm::new(samples, 8_000)
    }

    #[test]
    fn a_tone_has_the_level_asked_for_and_no_seam_between_frames() {
        for rate_hz in [8_000, 16_000, 48_000] {
            let heard = play_at(Sound::Tone { frequency_hz: 1000.0, level_dbov: -20.0 }, 50, rate_hz);
            assert!((level_dbov(&heard) + 20.0).abs() < 0.05);
            // Each sample equals the one a turn before, over the frames' borders too.
            let turn = rate_hz as usize / 1_000;
            assert!(heard.windows(turn + 1).all(|w| (i32::from(w[0]) - i32::from(w[turn])).abs() <= 1));
        }
    }

    #[test]
    fn a_tone_too_loud_is_clipped() {
        let heard = play(Sound::Tone { frequency_hz: 1000.0, level_dbov: 6.0 }, 1);
        assert!(heard.contains(&i16::MAX) && heard.contains(&i16::MIN));
    }

    #[test]
    fn clips_start_on_time_and_are_mixed_where_they_overlap() {
        let at =
            |ms, value: i16, len| Clip { at: Duration::from_millis(ms), pcm: at_8_khz(vec![value; len]) };
        let heard = play(Sound::Clips(vec![at(0, 100, 240), at(20, 10, 100)]), 3);
        assert_eq!(heard[159..162], [100, 110, 110]);
        assert_eq!(heard[239..242], [110, 10, 10]);
        assert_eq!(heard[259..262], [10, 0, 0]);
        assert!(heard[260..].iter().all(|s| *s == 0));
    }

    #[test]
    fn a_loop_has_no_pause_and_an_empty_one_is_silent() {
        assert_eq!(play(Sound::Loop(at_8_khz(vec![1, 2, 3])), 2)[157..164], [2, 3, 1, 2, 3, 1, 2]);
        assert!(play(Sound::Loop(at_8_khz(Vec::new())), 1).iter().all(|s| *s == 0));
        assert!(play(Sound::Silence, 1).iter().all(|s| *s == 0));
    }

    #[test]
    fn a_clip_is_said_at_the_call_s_rate_and_in_its_time() {
        let tone = at_8_khz(play(Sound::tone(1_000.0), 25));
        let heard = play_at(Sound::clip(tone), 30, 48_000);
        assert!((tone_dbov(&heard[2_400..21_600], 1_000.0, 48_000) + 20.0).abs() < 0.2);
        assert!(heard[24_000..].iter().all(|sample| *sample == 0));
    }

    #[test]
    fn a_change_of_rate_goes_on_in_the_middle() {
        let mut player = Player::new(Sound::clip(at_8_khz((0..320).collect())), 8_000);
        player.next_frame(&mut [0; 160]);
        player.change_rate(16_000);
        let mut frame = [0; 320];
        player.next_frame(&mut frame);
        assert!((158..=162).contains(&frame[0]), "{}", frame[0]);
        player.next_frame(&mut frame);
        assert_eq!(frame, [0; 320]);
    }

    #[test]
    fn durations_follow_the_rate() {
        assert_eq!(at_8_khz(vec![0; 400]).duration(), Duration::from_millis(50));
        assert_eq!(Pcm::new(vec![0; 960], 48_000).duration(), Duration::from_millis(20));
    }
}
