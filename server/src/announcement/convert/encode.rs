//! Writes Ogg Opus (RFC 7845), which telephones' sound is made of and browsers play.

use super::decode::RATE_HZ;
use ogg::{PacketWriteEndInfo, PacketWriter};
use opus::{Application, Bitrate, Channels, Encoder};

/// As exact as 16 kHz need for speech and music.
const BITS_PER_SECOND: i32 = 32_000;
const FRAME: usize = RATE_HZ / 50;
/// Granule positions count samples of 48 kHz (RFC 7845 section 4).
const GRANULES_PER_SAMPLE: usize = 48_000 / RATE_HZ;
/// Bytes of the longest frame (RFC 6716 section 3.4).
const FRAME_BYTES: usize = 1_275;
const SERIAL: u32 = 1;

#[derive(Debug, thiserror::Error)]
pub(super) enum EncodeError {
    #[error("the sound cannot be encoded: {0}")]
    Opus(#[from] opus::Error),
    #[error("the file cannot be written: {0}")]
    Ogg(#[from] std::io::Error),
}

pub(super) fn ogg_opus(sound: &[f32]) -> Result<Vec<u8>, EncodeError> {
    let mut encoder = Encoder::new(RATE_HZ as u32, Channels::Mono, Application::Audio)?;
    encoder.set_bitrate(Bitrate::Bits(BITS_PER_SECOND))?;
    let pre_skip = usize::try_from(encoder.get_lookahead()?).unwrap_or(0) * GRANULES_PER_SAMPLE;
    let mut file = Vec::new();
    let mut writer = PacketWriter::new(&mut file);
    let mut head = b"OpusHead\x01\x01".to_vec();
    head.extend((pre_skip as u16).to_le_bytes());
    head.extend((RATE_HZ as u32).to_le_bytes());
    // No gain, one stream.
    head.extend([0, 0, 0]);
    writer.write_packet(head, SERIAL, PacketWriteEndInfo::EndPage, 0)?;
    writer.write_packet(&b"OpusTags\0\0\0\0\0\0\0\0"[..], SERIAL, PacketWriteEndInfo::EndPage, 0)?;
    let end = pre_skip + sound.len() * GRANULES_PER_SAMPLE;
    let frames = end.div_ceil(FRAME * GRANULES_PER_SAMPLE);
    for n in 0..frames {
        let mut frame = [0.0; FRAME];
        let rest = sound.get(n * FRAME..).unwrap_or(&[]);
        frame.iter_mut().zip(rest).for_each(|(f, s)| *f = *s);
        let packet = encoder.encode_vec_float(&frame, FRAME_BYTES)?;
        let (kind, at) = match n + 1 == frames {
            true => (PacketWriteEndInfo::EndStream, end),
            false => (PacketWriteEndInfo::NormalPacket, (n + 1) * FRAME * GRANULES_PER_SAMPLE),
        };
        writer.write_packet(packet, SERIAL, kind, at as u64)?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sound_file;
    use engine::Rate;

    #[test]
    fn what_is_written_is_read_again_as_long_and_as_loud() {
        let angle = |n: usize| n as f32 * 400.0 * std::f32::consts::TAU / RATE_HZ as f32;
        let sound: Vec<f32> = (0..RATE_HZ + 77).map(|n| 0.25 * angle(n).sin()).collect();
        let file = ogg_opus(&sound).unwrap();
        let read = sound_file::decode(file, Rate::Wide).unwrap();
        assert_eq!(read.len(), sound.len());
        for n in [4_000, 8_001, 12_003] {
            let difference = f32::from(read[n]) / 32_768.0 - sound[n];
            assert!(difference.abs() < 0.02, "{n}: {difference}");
        }
    }
}
