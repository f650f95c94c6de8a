//! What a telephone hears: levels, and tones by Goertzel's filter.

use crate::sound::FULL_SCALE;
use std::f64::consts::TAU;

/// What is reported for silence, in dBov.
pub const SILENCE_DBOV: f64 = -127.0;
/// A tone at this level or above counts as heard, in dBov. G.711's own noise beside a loud talker stays below.
pub const HEARD_DBOV: f64 = -45.0;
/// How much sound is looked at, in frames: 100 ms. Tones 40 Hz apart are told from each other.
const WINDOW_FRAMES: usize = 5;

/// The level of `pcm`, in dBov: its RMS against a full-scale square wave; [`SILENCE_DBOV`] to 0.
#[must_use]
pub fn level_dbov(pcm: &[i16]) -> f64 {
    if pcm.is_empty() {
        return SILENCE_DBOV;
    }
    let power = pcm.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / pcm.len() as f64;
    decibels(power.sqrt() / FULL_SCALE)
}

/// The level of the sine of `frequency_hz` in `pcm` of `rate_hz`, in dBov; [`SILENCE_DBOV`] to -3.
///
/// Goertzel's filter behind a Hann window: the side lobes of other tones are down by 31 dB and more.
#[must_use]
pub fn tone_dbov(pcm: &[i16], frequency_hz: f64, rate_hz: u32) -> f64 {
    if pcm.is_empty() {
        return SILENCE_DBOV;
    }
    let turn = TAU * frequency_hz / f64::from(rate_hz);
    let coefficient = 2.0 * turn.cos();
    let (mut last, mut before, mut weight) = (0.0, 0.0, 0.0);
    for (i, sample) in pcm.iter().enumerate() {
        let window = 0.5 - 0.5 * (TAU * (i as f64 + 0.5) / pcm.len() as f64).cos();
        weight += window;
        let next = f64::from(*sample) * window + coefficient * last - before;
        (last, before) = (next, last);
    }
    let power = last * last + before * before - coefficient * last * before;
    // |X| = amplitude * weight / 2, and a sine's RMS is its amplitude / √2.
    decibels(power.max(0.0).sqrt() * 2f64.sqrt() / weight / FULL_SCALE)
}

fn decibels(ratio: f64) -> f64 {
    if ratio <= 0.0 { SILENCE_DBOV } else { (20.0 * ratio.log10()).max(SILENCE_DBOV) }
}

/// What was heard just now: a snapshot of the last 100 ms.
#[derive(Clone, Debug)]
pub struct Heard {
    window: Vec<i16>,
    rate_hz: u32,
    /// Frames of 20 ms played since the call was answered.
    pub frames: u64,
}

impl Heard {
    /// Level of the last 100 ms, in dBov.
    #[must_use]
    pub fn level_dbov(&self) -> f64 {
        level_dbov(&self.window)
    }

    /// Level of the tone of `frequency_hz` over the last 100 ms, in dBov.
    #[must_use]
    pub fn tone_dbov(&self, frequency_hz: f64) -> f64 {
        tone_dbov(&self.window, frequency_hz, self.rate_hz)
    }

    /// Whether the tone is there, at [`HEARD_DBOV`] or above.
    #[must_use]
    pub fn tone(&self, frequency_hz: f64) -> bool {
        self.tone_dbov(frequency_hz) >= HEARD_DBOV
    }

    /// Whether nothing is heard that a person would call a sound.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.level_dbov() < HEARD_DBOV
    }
}

/// Keeps the last 100 ms.
#[derive(Debug)]
pub(crate) struct Ear {
    ring: Vec<i16>,
    rate_hz: u32,
    frames: u64,
}

impl Ear {
    pub(crate) fn new(rate_hz: u32) -> Ear {
        Ear { ring: vec![0; rate_hz as usize / 50 * WINDOW_FRAMES], rate_hz, frames: 0 }
    }

    /// Forgets what was heard at another rate; time goes on.
    pub(crate) fn change_rate(&mut self, rate_hz: u32) {
        if rate_hz != self.rate_hz {
            *self = Ear { frames: self.frames, ..Ear::new(rate_hz) };
        }
    }

    /// `frame`: 20 ms at the ear's rate.
    pub(crate) fn listen(&mut self, frame: &[i16]) {
        let at = self.frames as usize % WINDOW_FRAMES * frame.len();
        if let Some(place) = self.ring.get_mut(at..at + frame.len()) {
            place.copy_from_slice(frame);
        }
        self.frames += 1;
    }

    pub(crate) fn heard(&self) -> Heard {
        let at = self.frames as usize % WINDOW_FRAMES * (self.ring.len() / WINDOW_FRAMES);
        let mut window = self.ring[at..].to_vec();
        window.extend_from_slice(&self.ring[..at]);
        Heard { window, rate_hz: self.rate_hz, frames: self.frames }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sound::{Player, Sound};

    fn hear_at(sounds: &[Sound], frames: usize, rate_hz: u32) -> Heard {
        let player = |sound: &Sound| Player::new(sound.clone(), rate_hz);
        let mut players: Vec<Player> = sounds.iter().map(player).collect();
        let mut ear = Ear::new(rate_hz);
        let mut frame = vec![0; rate_hz as usize / 50];
        for _ in 0..frames {
            let mut sum = vec![0; frame.len()];
            for player in &mut players {
                player.next_frame(&mut frame);
                sum.iter_mut().zip(&frame).for_each(|(sum, sample)| *sum += sample);
            }
            ear.listen(&sum);
        }
        ear.heard()
    }

    fn hear(sounds: &[Sound], frames: usize) -> Heard {
        hear_at(sounds, frames, 8_000)
    }

    #[test]
    fn a_tone_is_heard_at_its_level_wherever_the_ring_stands() {
        for (frames, rate_hz) in (5..12).flat_map(|frames| [8_000, 16_000, 48_000].map(|rate| (frames, rate)))
        {
            let heard = hear_at(&[Sound::tone(440.0)], frames, rate_hz);
            assert!((heard.tone_dbov(440.0) + 20.0).abs() < 0.1, "{}", heard.tone_dbov(440.0));
            assert!((heard.level_dbov() + 20.0).abs() < 0.2);
            assert!(heard.tone(440.0) && !heard.is_silent());
        }
    }

    #[test]
    fn tones_beside_each_other_are_told_apart() {
        let heard = hear(&[Sound::tone(440.0), Sound::Tone { frequency_hz: 700.0, level_dbov: -30.0 }], 8);
        assert!(heard.tone(440.0) && heard.tone(700.0));
        assert!((heard.tone_dbov(700.0) + 30.0).abs() < 0.5);
        for absent in [300.0, 560.0, 900.0, 1500.0] {
            assert!(!heard.tone(absent), "{absent} Hz at {}", heard.tone_dbov(absent));
        }
    }

    #[test]
    fn silence_is_silent() {
        let heard = hear(&[], 7);
        assert_eq!(
            (heard.level_dbov(), heard.tone_dbov(440.0), heard.frames),
            (SILENCE_DBOV, SILENCE_DBOV, 7)
        );
        assert!(heard.is_silent());
        assert_eq!(level_dbov(&[]), SILENCE_DBOV);
    }

    #[test]
    fn full_scale_is_0_dbov() {
        assert!(level_dbov(&[i16::MAX, i16::MIN]).abs() < 0.001);
    }
}
