//! `conference convert`, the process that decodes uploaded files, given files that are good, wrong and hostile.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};

const SOUNDS: [(&str, &[u8]); 10] = [
    ("wav", include_bytes!("sounds/tone.wav")),
    ("mp3", include_bytes!("sounds/tone.mp3")),
    ("ogg", include_bytes!("sounds/tone.ogg")),
    ("flac", include_bytes!("sounds/tone.flac")),
    ("aiff", include_bytes!("sounds/tone.aiff")),
    ("au", include_bytes!("sounds/tone.au")),
    ("m4a", include_bytes!("sounds/tone.m4a")),
    ("opus", include_bytes!("sounds/tone.opus")),
    ("webm", include_bytes!("sounds/tone.webm")),
    ("fragmented m4a", include_bytes!("sounds/tone-fragmented.m4a")),
];
const TOO_BIG: i32 = 40;
const TOO_LONG: i32 = 41;
const NOT_SOUND: i32 = 42;
const DAMAGED: i32 = 43;
const SILENT: i32 = 44;
/// Of each format.
const MUTATIONS: u64 = 200;

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
        assert!(said[8..60].iter().all(|part| *part > 120), "{format}: {:?}", &said[4..64]);
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
        // These say nowhere near their beginning how long they are: they may be made while it is not known.
        let may_play = matches!(format, "mp3" | "ogg" | "opus" | "webm" | "fragmented m4a");
        assert!(
            code == Some(DAMAGED)
                || code == Some(NOT_SOUND)
                || (may_play && [Some(0), Some(SILENT)].contains(&code)),
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

/// Bits as Vorbis writes them, the least significant one first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: usize,
}

impl Bits {
    fn put(&mut self, value: u32, bits: usize) {
        for bit in 0..bits {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let last = self.bytes.len() - 1;
            self.bytes[last] |= ((value >> bit & 1) as u8) << (self.used % 8);
            self.used += 1;
        }
    }
}

/// A head of five kilobytes whose 256 codebooks have as many entries as the decoder takes: two gigabytes of them.
fn vorbis_bomb() -> Vec<u8> {
    const ENTRIES_BITS: u32 = 17;
    let mut books = Bits::default();
    books.put(255, 8);
    for _ in 0..256 {
        books.put(0x56_4342, 24);
        books.put(ENTRIES_BITS, 16);
        books.put(1 << ENTRIES_BITS, 24);
        // Ordered by length: all of them are as long.
        books.put(1, 1);
        books.put(ENTRIES_BITS - 1, 5);
        books.put(1 << ENTRIES_BITS, ENTRIES_BITS as usize + 1);
        // Two values for all the vectors: a minimum, a step, their bits, no sequence, themselves.
        books.put(1, 4);
        books.put(0, 32);
        books.put(0, 32);
        books.put(0, 4);
        books.put(0, 1);
        books.put(0b11, 2);
    }
    let setup = [&b"\x05vorbis"[..], &books.bytes].concat();
    // One channel at 8 kHz, blocks of 64 and 8,192 samples.
    let mut head = b"\x01vorbis\0\0\0\0\x01".to_vec();
    head.extend(8_000_u32.to_le_bytes());
    head.extend([0; 12]);
    head.extend([0xd6, 1]);
    let mut file = Vec::new();
    let mut writer = ogg::PacketWriter::new(&mut file);
    let (page, packet) = (ogg::PacketWriteEndInfo::EndPage, ogg::PacketWriteEndInfo::NormalPacket);
    writer.write_packet(head, 1, page, 0).unwrap();
    writer.write_packet(&b"\x03vorbis\0\0\0\0\0\0\0\0\x01"[..], 1, packet, 0).unwrap();
    writer.write_packet(setup, 1, page, 0).unwrap();
    for n in 1..=10 {
        writer.write_packet(vec![0; 50], 1, page, n * 4_096).unwrap();
    }
    file
}

/// A WebM that says its codec's head has a terabyte, and all that it stands in two.
fn webm_bomb() -> Vec<u8> {
    let saying = |id: &[u8], bytes: u64, data: &[u8]| {
        // A size of seven bytes behind its length's mark.
        [id, &[1], &bytes.to_be_bytes()[1..], data].concat()
    };
    let element = |id: &[u8], data: &[u8]| saying(id, data.len() as u64, data);
    let entry = [
        element(b"\xd7", &[1]),
        element(b"\x73\xc5", &[1]),
        element(b"\x83", &[2]),
        element(b"\x86", b"A_OPUS"),
        saying(b"\x63\xa2", 1 << 40, b"OpusHead"),
    ];
    let tracks = saying(b"\x16\x54\xae\x6b", 1 << 41, &saying(b"\xae", 1 << 41, &entry.concat()));
    let head = element(b"\x1a\x45\xdf\xa3", &element(b"\x42\x82", b"webm"));
    [head, saying(b"\x18\x53\x80\x67", 1 << 42, &tracks)].concat()
}

/// Bytes that the largest process used which has ended so far.
fn most_memory() -> u64 {
    let children = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_CHILDREN).unwrap();
    children.max_rss() as u64 * 1_024
}

/// What a small file grows into ends at the limit, and ends the process alone.
#[test]
fn a_bomb_ends_at_the_limit_of_memory() {
    const ABORTED: i32 = 6;
    let bomb = vorbis_bomb();
    assert!(bomb.len() < 10_000, "{}", bomb.len());
    let (status, said) = convert(&bomb);
    // Rust's allocator aborts where there is no memory left.
    assert_eq!((status.signal(), said.len()), (Some(ABORTED), 0), "{status}");
    let most = most_memory();
    let limit = model::limits::CONVERSION_MEMORY_BYTES;
    assert!((limit / 2..limit).contains(&most), "{most} bytes were used");
    let (status, said) = convert(&webm_bomb());
    assert!(said.is_empty() && status.code() != Some(0), "{status}");
    assert!(most_memory() < limit);
}

/// Whatever is in a file: the process ends by itself, with one of its own codes, a panic's or an allocator's, in its own time
/// and memory.
#[test]
fn mutated_files_end_nothing_but_the_process() {
    let ends = std::thread::scope(|scope| {
        let halves: Vec<_> = (0..2).map(|half| scope.spawn(move || mutants(half))).collect();
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect::<Vec<_>>()
    });
    let mut counts = std::collections::BTreeMap::new();
    for (format, status) in ends {
        let known = matches!(status.code(), Some(0 | 40..=45 | 101)) || status.signal() == Some(6);
        assert!(known, "{format}: {status}");
        *counts.entry((format, status.to_string())).or_insert(0) += 1;
    }
    println!("{counts:#?}");
    assert!(most_memory() < model::limits::CONVERSION_MEMORY_BYTES);
}

/// Every second mutant of each format.
fn mutants(half: u64) -> Vec<(&'static str, ExitStatus)> {
    let mut random = StdRng::seed_from_u64(5 + half);
    let all = SOUNDS.into_iter().flat_map(|sound| std::iter::repeat_n(sound, MUTATIONS as usize / 2));
    all.map(|(format, file)| (format, convert(&mutate(file, &mut random)).0)).collect()
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
