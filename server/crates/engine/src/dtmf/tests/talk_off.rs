//! What is no key: voices, noise, rubbish.

use super::*;
use crate::rng::Rng;
use ogg::PacketReader;
use opus::{Channels, Decoder};
use proptest::prelude::*;
use std::fs::File;
use std::path::{Path, PathBuf};

/// The service's prompts in six languages, its chimes and music, and the demo's callers, all in one, at 16,000 Hz.
fn voices() -> Vec<i16> {
    let prompts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../prompts");
    let mut files: Vec<PathBuf> = list(&prompts).into_iter().flat_map(|folder| list(&folder)).collect();
    files.retain(|file| file.extension().is_some_and(|e| e == "opus"));
    files.sort();
    files.iter().flat_map(|file| decode(file)).collect()
}

fn list(folder: &Path) -> Vec<PathBuf> {
    if !folder.is_dir() {
        return Vec::new();
    }
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn decode(file: &Path) -> Vec<i16> {
    let mut packets = PacketReader::new(File::open(file).unwrap());
    let mut decoder = Decoder::new(16_000, Channels::Mono).unwrap();
    let mut all = Vec::new();
    // The first two packets are heads.
    for number in 0.. {
        let Some(packet) = packets.read_packet().unwrap() else { break };
        if number >= 2 {
            let mut samples = [0; 1_920];
            let count = decoder.decode(&packet.data, &mut samples, false).unwrap();
            all.extend_from_slice(&samples[..count]);
        }
    }
    all
}

/// A reader at another speed: as many more voices, with other pitches and formants.
fn sped(sound: &[i16], speed: f64) -> Vec<i16> {
    let samples = ((sound.len() - 1) as f64 / speed) as usize;
    let sample = |n: usize| {
        let at = n as f64 * speed;
        let (i, part) = (at as usize, at.fract());
        pcm(f64::from(sound[i]) * (1.0 - part) + f64::from(sound[i + 1]) * part)
    };
    (0..samples).map(sample).collect()
}

#[test]
fn voices_are_no_keys() {
    let voices = voices();
    assert!(voices.len() > 16_000 * 1_200, "all prompts, not {} samples", voices.len());
    // All of them as they are, and a quarter of them at each other speed.
    let quarters = voices.chunks(voices.len().div_ceil(4));
    for (speed, voices) in
        [(1.0, &voices[..])].into_iter().chain([0.8, 0.9, 1.1, 1.2].into_iter().zip(quarters))
    {
        let sound = sped(voices, speed);
        let folded: Vec<i16> = sound.iter().step_by(2).copied().collect();
        let tripled: Vec<i16> = sound.iter().flat_map(|s| [*s; 3]).collect();
        for (rate_hz, sound) in [(8_000, folded), (16_000, sound), (48_000, tripled)] {
            for gain in [0.1, 1.0, 4.0] {
                let sound: Vec<i16> = sound.iter().map(|s| pcm(f64::from(*s) * gain)).collect();
                assert_eq!(hear(rate_hz, &sound), [], "{rate_hz} Hz, speed {speed}, gain {gain}");
                let muted = tones_in(rate_hz, &sound);
                let muted_frames = muted.iter().filter(|is_tone| **is_tone).count();
                assert!(muted_frames * 200 < muted.len(), "{muted_frames} of {} frames", muted.len());
            }
        }
    }
}

#[test]
fn hears_keys_while_a_voice_talks_beside() {
    // A prompt's echo, 15 dB below.
    let voices: Vec<i16> = voices().iter().step_by(2).copied().collect();
    let power = voices.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / voices.len() as f64;
    let gain = amplitude(-22.0) / 2_f64.sqrt() / power.sqrt();
    let tones = Tones { on_ms: 80.0, off_ms: 80.0, presses: voices.len() / 1_280 - 2, ..KEY };
    let sound: Vec<i16> =
        tones.sound().iter().zip(&voices).map(|(a, b)| pcm(f64::from(*a) + gain * f64::from(*b))).collect();
    let heard = hear(8_000, &sound);
    assert!(heard.iter().all(|key| *key == Key::Digit(5)));
    let missed = tones.presses - heard.len();
    assert!(missed * 50 <= tones.presses, "{missed} of {}", tones.presses);
}

#[test]
fn noise_is_no_key_at_any_level() {
    // White, pink-like, brown-like: a leaky sum of white noise whose variance is held at one.
    for (rate_hz, leak) in RATES_HZ.into_iter().zip([0.0, 0.7, 0.95]).chain([(8_000, 0.9), (16_000, 0.0)]) {
        let mut rng = Rng::new(u64::from(rate_hz));
        let (mut detector, mut state) = (DtmfDetector::new(rate_hz), 0.0);
        // Ninety seconds, of which each second is one decibel weaker, from beyond full scale to nothing.
        for frame in 0..4_500 {
            let rms = amplitude(10.0 - f64::from(frame / 50 % 90));
            let sound: Vec<i16> = (0..rate_hz / 50)
                .map(|_| {
                    state = leak * state + (1.0_f64 - leak * leak).sqrt() * noise(&mut rng);
                    pcm(rms * state)
                })
                .collect();
            assert_eq!(detector.hear(&sound), None, "{rate_hz} Hz, leak {leak}, frame {frame}");
        }
    }
}

#[test]
fn a_frame_of_any_length_is_survived() {
    for len in [0, 1, 159, 161, 959, 961, 200_000] {
        let mut detector = DtmfDetector::new(48_000);
        assert_eq!(detector.hear(&vec![i16::MIN; len]), None, "{len}");
    }
}

#[test]
fn a_leg_needs_few_bytes() {
    assert!(size_of::<DtmfDetector>() < 1_024);
}

proptest! {
    #[test]
    fn any_sound_is_survived(
        rate_hz in prop_oneof![Just(8_000), Just(16_000), Just(48_000), any::<u32>()],
        frames in prop::collection::vec(prop::collection::vec(any::<i16>(), 0..1_200), 1..12),
    ) {
        let mut detector = DtmfDetector::new(rate_hz);
        for frame in frames {
            detector.hear(&frame);
        }
    }

    #[test]
    fn the_extremes_are_survived(
        rate_hz in prop::sample::select(&RATES_HZ[..]),
        bits in prop::collection::vec(any::<u64>(), 15),
        zeros in any::<bool>(),
    ) {
        let extreme = |n: usize| match (bits[n / 64 % 15] >> (n % 64) & 1 == 0, zeros) {
            (true, _) => i16::MIN,
            (false, true) => 0,
            (false, false) => i16::MAX,
        };
        let sound: Vec<i16> = (0..960 * 4).map(extreme).collect();
        hear(rate_hz, &sound);
    }
}
