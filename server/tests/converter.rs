//! `conference convert`, the process that decodes uploaded files, given files that are good, wrong and hostile.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};

const SOUNDS: [(&str, &[u8]); 8] = [
    ("wav", include_bytes!("sounds/tone.wav")),
    ("mp3", include_bytes!("sounds/tone.mp3")),
    ("ogg", include_bytes!("sounds/tone.ogg")),
    ("flac", include_bytes!("sounds/tone.flac")),
    ("aiff", include_bytes!("sounds/tone.aiff")),
    ("au", include_bytes!("sounds/tone.au")),
    ("m4a", include_bytes!("sounds/tone.m4a")),
    ("opus", include_bytes!("sounds/tone.opus")),
];
const TOO_BIG: i32 = 40;
const TOO_LONG: i32 = 41;
const NOT_SOUND: i32 = 42;
const DAMAGED: i32 = 43;
const SILENT: i32 = 44;
/// Of each format.
const MUTATIONS: u64 = 40;

fn convert(file: &[u8]) -> (ExitStatus, Vec<u8>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_conference"))
        .arg("convert")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut said = Vec::new();
    std::thread::scope(|scope| {
        // It may refuse before it has read all.
        scope.spawn(move || drop(stdin.write_all(file)));
        stdout.read_to_end(&mut said).unwrap();
    });
    (child.wait().unwrap(), said)
}

fn refused(file: &[u8]) -> Option<i32> {
    let (status, said) = convert(file);
    assert!(said.is_empty(), "a refused file has no sound");
    status.code()
}

/// A head of a WAV file of one channel of 16 bits that says it holds `bytes`.
fn wav_head(rate_hz: u32, bytes: u32) -> Vec<u8> {
    let mut file = b"RIFF".to_vec();
    file.extend(bytes.saturating_add(36).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(rate_hz.to_le_bytes());
    file.extend((rate_hz.wrapping_mul(2)).to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend(bytes.to_le_bytes());
    file
}

#[test]
fn every_format_becomes_the_same_sound() {
    for (format, file) in SOUNDS {
        let (status, said) = convert(file);
        assert_eq!(status.code(), Some(0), "{format}");
        let ms = u32::from_le_bytes(said[..4].try_into().unwrap());
        assert!((1_450..=1_600).contains(&ms), "{format}: {ms} ms");
        assert!(said[64..].starts_with(b"OggS"), "{format}");
        // A steady tone: loud in all its parts but the edges.
        assert!(said[8..60].iter().all(|part| *part > 150), "{format}: {:?}", &said[4..64]);
    }
}

#[test]
fn files_that_are_none_are_told_apart() {
    assert_eq!(refused(b""), Some(NOT_SOUND));
    assert_eq!(refused(&b"Bonjour, ceci n'est pas un son. ".repeat(500)), Some(NOT_SOUND));
    assert_eq!(refused(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01"), Some(NOT_SOUND));
    assert_eq!(refused(&vec![0; 11 * 1_024 * 1_024]), Some(TOO_BIG));
    let mut silent = wav_head(8_000, 16_000);
    silent.resize(silent.len() + 16_000, 0);
    assert_eq!(refused(&silent), Some(SILENT));
    // 301 seconds.
    let mut long = wav_head(8_000, 301 * 16_000);
    long.resize(long.len() + 301 * 16_000, 1);
    assert_eq!(refused(&long), Some(TOO_LONG));
}

#[test]
fn half_a_file_is_damaged() {
    for (format, file) in SOUNDS {
        let code = refused_half(file);
        // MP3 and Vorbis say nowhere near their beginning how long they are.
        let may_play = matches!(format, "mp3" | "ogg" | "opus");
        assert!(
            code == Some(DAMAGED) || code == Some(NOT_SOUND) || (may_play && code == Some(0)),
            "{format}: {code:?}"
        );
    }
}

fn refused_half(file: &[u8]) -> Option<i32> {
    convert(&file[..file.len() / 2]).0.code()
}

#[test]
fn more_is_promised_than_there_is() {
    // Four gigabytes, and a rate that nobody has.
    for head in [wav_head(8_000, u32::MAX - 40), wav_head(u32::MAX, 1_000), wav_head(0, 1_000)] {
        let mut file = head;
        file.extend([1; 2_000]);
        assert!(matches!(refused(&file), Some(DAMAGED | NOT_SOUND)));
    }
}

/// An hour of silence is a file of some hundred kilobytes, and would be gigabytes decoded.
#[test]
fn an_endless_sound_is_given_up_after_five_minutes() {
    let frame = opus_of_silence();
    let mut file = Vec::new();
    let mut writer = ogg::PacketWriter::new(&mut file);
    let end = ogg::PacketWriteEndInfo::EndPage;
    writer.write_packet(&b"OpusHead\x01\x02\0\0\x80\xbb\0\0\0\0\0"[..], 1, end, 0).unwrap();
    writer.write_packet(&b"OpusTags\0\0\0\0\0\0\0\0"[..], 1, end, 0).unwrap();
    for n in 1..=3_600_u64 * 50 {
        let normal = ogg::PacketWriteEndInfo::NormalPacket;
        writer.write_packet(frame.clone(), 1, normal, n * 960).unwrap();
    }
    assert!(file.len() < 2_000_000, "{}", file.len());
    assert_eq!(refused(&file), Some(TOO_LONG));
}

fn opus_of_silence() -> Vec<u8> {
    let mut encoder = opus::Encoder::new(48_000, opus::Channels::Stereo, opus::Application::Audio).unwrap();
    encoder.encode_vec(&[0; 1_920], 100).unwrap()
}

/// Whatever is in a file: the process ends by itself, with one of its own codes, in its own time.
#[test]
fn mutated_files_end_nothing_but_the_process() {
    let mut random = StdRng::seed_from_u64(5);
    let mut ends = std::collections::BTreeMap::new();
    for (format, file) in SOUNDS {
        for _ in 0..MUTATIONS {
            let mutated = mutate(file, &mut random);
            let (status, _) = convert(&mutated);
            // Processor time, and a kill from outside, are the ends that must not come.
            assert!(!matches!(status.signal(), Some(9 | 24)), "{format}: {status}");
            *ends.entry((format, status.to_string())).or_insert(0) += 1;
        }
    }
    println!("{ends:#?}");
}

fn mutate(file: &[u8], random: &mut StdRng) -> Vec<u8> {
    let mut file = file.to_vec();
    for _ in 0..random.random_range(1..=8) {
        // Most of what can go wrong stands in the head.
        let range = if random.random_bool(0.7) { file.len().min(200) } else { file.len() };
        let at = random.random_range(0..range.max(1));
        match random.random_range(0..5) {
            0 => file[at] = random.random(),
            1 => file[at] ^= 1 << random.random_range(0..8),
            2 => file[at..].iter_mut().take(4).for_each(|byte| *byte = 0xff),
            3 => file.truncate(at.max(16)),
            _ => {
                let piece: Vec<u8> = file[at..].iter().copied().take(64).collect();
                file.splice(at..at, piece);
            }
        }
    }
    file
}
