//! One recording's file: Ogg Opus (RFC 7845), one channel of 24 kbit/s, written in whole pages. Wherever it is cut, what
//! was written before the page that was cut can be played.

use super::queue::TICK_SAMPLES;
use engine::{Rate, Take};
use model::limits::{RECORDING_MS, RECORDING_PAGE_MS};
use ogg::{PacketWriteEndInfo, PacketWriter};
use opus::{Application, Bitrate, Channels, Encoder};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store::RecordedSound;

const BITS_PER_SECOND: i32 = 24_000;
/// Of 0 to 10: from 5 on libopus needs half as long again for what is hardly heard.
const COMPLEXITY: i32 = 5;
/// Samples of 48 kHz, which granule positions count, in 20 ms (RFC 7845 section 4).
const GRANULES: u64 = 960;
/// What the encoder is late by, at any rate: 6.5 ms.
pub(super) const PRE_SKIP: u64 = 312;
const TICK_MS: u64 = 20;
const PAGE_TICKS: u64 = RECORDING_PAGE_MS / TICK_MS;
/// Bytes of a packet at most (RFC 6716 section 3.2.1).
const PACKET_BYTES: usize = 1_275;

#[derive(Debug, thiserror::Error)]
pub(super) enum TrackError {
    #[error("the file cannot be written: {0}")]
    File(#[from] std::io::Error),
    #[error("the sound cannot be encoded: {0}")]
    Opus(#[from] opus::Error),
}

/// A file that is written by one thread, and by another one through to the disk.
pub(super) struct SharedFile {
    pub(super) file: File,
    /// It could not be written through.
    failed: AtomicBool,
}

impl SharedFile {
    pub(super) fn sync(&self) -> std::io::Result<()> {
        let synced = self.file.sync_data();
        if synced.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
        synced
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }
}

/// A recording that is being written.
pub(super) struct Track {
    pub(super) take: Take,
    file: Arc<SharedFile>,
    serial: u32,
    pages: PacketWriter<'static, Vec<u8>>,
    encoder: Encoder,
    /// What the encoder is fed at.
    rate: Rate,
    /// Encoded so far.
    ticks: u64,
    /// Of these, on the disk or on the way to it.
    written_ticks: u64,
    /// Of these, silence in the place of sound that was lost.
    gap_ticks: u64,
    bytes: u64,
}

impl Track {
    /// Makes the file, which must not be there yet, readable by its user only, and writes its head.
    pub(super) fn create(path: &Path, take: Take, rate: Rate) -> Result<Track, TrackError> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        let mut track = Track {
            take,
            file: Arc::new(SharedFile { file, failed: AtomicBool::new(false) }),
            // The last bits of the id are random.
            serial: take.recording.0.as_u128() as u32,
            pages: PacketWriter::new(Vec::new()),
            encoder: encoder(rate)?,
            rate,
            ticks: 0,
            written_ticks: 0,
            gap_ticks: 0,
            bytes: 0,
        };
        for packet in [head(), tags(&take)] {
            track.pages.write_packet(packet, track.serial, PacketWriteEndInfo::EndPage, 0)?;
        }
        track.write_pages()?;
        Ok(track)
    }

    pub(super) fn file(&self) -> &Arc<SharedFile> {
        &self.file
    }

    /// Writes a tick; where some before it are missing, silence in their place.
    pub(super) fn record(&mut self, tick: u64, rate: Rate, samples: &[i16]) -> Result<(), TrackError> {
        self.fill(tick)?;
        if rate != self.rate {
            // The room fades out and in where its rate changes, so nobody hears that an encoder begins.
            (self.encoder, self.rate) = (encoder(rate)?, rate);
        }
        self.encode(samples)
    }

    /// Ends the file where its sound ends, after so many ticks.
    pub(super) fn finish(&mut self, ticks: u64) -> Result<(), TrackError> {
        self.fill(ticks)?;
        // What the encoder is late by, and more; the last page says where the sound ends (RFC 7845 section 4.4).
        let packet = self.packet(&[0; TICK_SAMPLES][..self.rate.frame_samples()])?;
        let end = PRE_SKIP + self.ticks * GRANULES;
        self.pages.write_packet(packet, self.serial, PacketWriteEndInfo::EndStream, end)?;
        self.write_pages()
    }

    /// Up to now.
    pub(super) fn ticks(&self) -> u64 {
        self.ticks
    }

    /// What the file holds.
    pub(super) fn sound(&self) -> RecordedSound {
        RecordedSound {
            length_ms: self.written_ticks * TICK_MS,
            bytes: self.bytes,
            gaps_ms: self.gap_ticks * TICK_MS,
        }
    }

    fn fill(&mut self, until: u64) -> Result<(), TrackError> {
        while self.ticks < until.min(RECORDING_MS / TICK_MS) {
            self.gap_ticks += 1;
            self.encode(&[0; TICK_SAMPLES][..self.rate.frame_samples()])?;
        }
        Ok(())
    }

    fn encode(&mut self, samples: &[i16]) -> Result<(), TrackError> {
        let packet = self.packet(samples)?;
        self.ticks += 1;
        let is_full = self.ticks.is_multiple_of(PAGE_TICKS);
        let kind = if is_full { PacketWriteEndInfo::EndPage } else { PacketWriteEndInfo::NormalPacket };
        self.pages.write_packet(packet, self.serial, kind, self.ticks * GRANULES)?;
        if is_full { self.write_pages() } else { Ok(()) }
    }

    fn packet(&mut self, samples: &[i16]) -> Result<Vec<u8>, TrackError> {
        Ok(self.encoder.encode_vec(samples, PACKET_BYTES)?)
    }

    /// Writes the pages that are whole. Where that fails, no half page is left behind.
    fn write_pages(&mut self) -> Result<(), TrackError> {
        let pages = self.pages.inner_mut();
        if let Err(error) = (&self.file.file).write_all(pages) {
            // A second failure would say nothing more.
            let _ = self.file.file.set_len(self.bytes);
            return Err(error.into());
        }
        self.bytes += pages.len() as u64;
        self.written_ticks = self.ticks;
        pages.clear();
        Ok(())
    }
}

fn encoder(rate: Rate) -> Result<Encoder, opus::Error> {
    let mut encoder = Encoder::new(rate.hz(), Channels::Mono, Application::Voip)?;
    encoder.set_bitrate(Bitrate::Bits(BITS_PER_SECOND))?;
    encoder.set_complexity(COMPLEXITY)?;
    Ok(encoder)
}

/// RFC 7845 section 5.1: version 1, one channel, the pre-skip, made from 48 kHz as far as a player needs to know, no gain,
/// the mapping of one stream.
fn head() -> Vec<u8> {
    let mut head = b"OpusHead\x01\x01".to_vec();
    head.extend((PRE_SKIP as u16).to_le_bytes());
    head.extend(48_000_u32.to_le_bytes());
    head.extend([0, 0, 0]);
    head
}

/// RFC 7845 section 5.2: who made it and when. Nothing in it was typed by anybody.
fn tags(take: &Take) -> Vec<u8> {
    let began = i64::try_from(take.began.as_ms() / 1_000).unwrap_or(i64::MAX);
    let date = jiff::Timestamp::from_second(began).map(|date| date.to_string()).unwrap_or_default();
    let comments = [
        concat!("ENCODER=conference ", env!("CARGO_PKG_VERSION")).to_owned(),
        format!("DATE={date}"),
        format!("CONFERENCE={}", take.conference),
    ];
    let mut tags = b"OpusTags".to_vec();
    add_text(&mut tags, opus::version());
    tags.extend((comments.len() as u32).to_le_bytes());
    comments.iter().for_each(|comment| add_text(&mut tags, comment));
    tags
}

fn add_text(tags: &mut Vec<u8>, text: &str) {
    tags.extend((text.len() as u32).to_le_bytes());
    tags.extend(text.as_bytes());
}
