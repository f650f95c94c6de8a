//! Ogg Opus (RFC 7845) by libopus, which decodes straight to a telephone's rate.

use super::SoundFileError;
use engine::Rate;
use model::limits::PROMPT_SECONDS;
use ogg::PacketReader;
use opus::{Channels, Decoder};
use std::io::Cursor;

/// Most sound in a packet: 120 ms (RFC 6716 section 3.2.5).
const PACKET_MS: usize = 120;
/// Granule positions and the pre-skip count samples of 48 kHz, whatever the rate (RFC 7845 section 4).
const GRANULES_HZ: usize = 48_000;
/// With the pre-skip, and what the last packet holds beyond the end.
const LONGEST_S: usize = PROMPT_SECONDS + 1;

/// The first page of Ogg has a head of 28 bytes where it holds a packet of less than 255 bytes (RFC 3533 section 6).
pub(super) fn is_one(file: &[u8]) -> bool {
    file.starts_with(b"OggS") && file.get(28..).is_some_and(|packet| packet.starts_with(b"OpusHead"))
}

pub(super) fn decode(file: &[u8], rate: Rate) -> Result<Vec<i16>, SoundFileError> {
    let hz = rate.hz() as usize;
    let samples_of = |granules: usize| granules * hz / GRANULES_HZ;
    let mut packets = PacketReader::new(Cursor::new(file));
    let head = packets.read_packet()?.ok_or(SoundFileError::OpusHead)?;
    let (pre_skip, gain) = read_head(&head.data)?;
    // The comments.
    packets.read_packet()?;
    // One channel: libopus mixes the two of a stereo stream.
    let mut decoder = Decoder::new(rate.hz(), Channels::Mono)?;
    decoder.set_gain(gain)?;
    let mut all = Vec::new();
    let mut packet_samples = vec![0; hz * PACKET_MS / 1_000];
    let mut end = None;
    while let Some(packet) = packets.read_packet()?.filter(|p| p.stream_serial() == head.stream_serial()) {
        let count = decoder.decode(&packet.data, &mut packet_samples, false)?;
        all.extend_from_slice(packet_samples.get(..count).unwrap_or(&packet_samples));
        if all.len() > LONGEST_S * hz {
            return Err(SoundFileError::TooLong);
        }
        if packet.last_in_stream() {
            // Where the sound ends within the last packet (RFC 7845 section 4.4).
            end = usize::try_from(packet.absgp_page()).ok().filter(|end| *end <= GRANULES_HZ * LONGEST_S);
        }
    }
    all.truncate(end.map_or(all.len(), samples_of));
    all.drain(..samples_of(pre_skip).min(all.len()));
    Ok(all)
}

/// The pre-skip in granules, and the gain in 1/256 dB (RFC 7845 section 5.1).
fn read_head(head: &[u8]) -> Result<(usize, i32), SoundFileError> {
    match *head {
        // Versions 0.x; one stream of one or two channels.
        [
            b'O',
            b'p',
            b'u',
            b's',
            b'H',
            b'e',
            b'a',
            b'd',
            0..=15,
            1 | 2,
            p0,
            p1,
            _,
            _,
            _,
            _,
            g0,
            g1,
            0,
            ..,
        ] => Ok((usize::from(u16::from_le_bytes([p0, p1])), i32::from(i16::from_le_bytes([g0, g1])))),
        _ => Err(SoundFileError::OpusHead),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ogg::{PacketWriteEndInfo, PacketWriter};
    use opus::{Application, Encoder};

    const PRE_SKIP: u16 = 312;

    fn head(channels: u8, family: u8) -> Vec<u8> {
        let mut head = b"OpusHead\x01".to_vec();
        head.push(channels);
        head.extend(PRE_SKIP.to_le_bytes());
        head.extend(48_000_u32.to_le_bytes());
        head.extend([0, 0, family]);
        head
    }

    /// `ms` of a sine of 400 Hz; the last packet holds more than is to be heard.
    fn file(head: Vec<u8>, ms: usize) -> Vec<u8> {
        let mut encoder = Encoder::new(48_000, Channels::Mono, Application::Audio).unwrap();
        let sample =
            |i: usize| (8_000.0 * (i as f64 * 400.0 * std::f64::consts::TAU / 48_000.0).sin()) as i16;
        let end = usize::from(PRE_SKIP) + ms * 48;
        let packets = end.div_ceil(960);
        let mut out = Vec::new();
        let mut writer = PacketWriter::new(&mut out);
        writer.write_packet(head, 1, PacketWriteEndInfo::EndPage, 0).unwrap();
        writer.write_packet(&b"OpusTags\0\0\0\0\0\0\0\0"[..], 1, PacketWriteEndInfo::EndPage, 0).unwrap();
        for n in 0..packets {
            let pcm: Vec<i16> = (n * 960..(n + 1) * 960).map(sample).collect();
            let packet = encoder.encode_vec(&pcm, 1_275).unwrap();
            let (kind, at) = match n + 1 == packets {
                true => (PacketWriteEndInfo::EndStream, end),
                false => (PacketWriteEndInfo::NormalPacket, (n + 1) * 960),
            };
            writer.write_packet(packet, 1, kind, at as u64).unwrap();
        }
        out
    }

    #[test]
    fn begins_and_ends_where_the_file_says() {
        let file = file(head(1, 0), 130);
        assert!(is_one(&file));
        for rate in [Rate::Narrow, Rate::Wide] {
            let sound = decode(&file, rate).unwrap();
            assert_eq!(sound.len(), 130 * rate.hz() as usize / 1_000, "{rate:?}");
            let middle = &sound[sound.len() / 2..sound.len() * 3 / 4];
            let loudest = middle.iter().map(|s| s.unsigned_abs()).max().unwrap();
            assert!((7_000..9_000).contains(&loudest), "{rate:?}: {loudest}");
        }
    }

    #[test]
    fn a_file_that_is_cut_or_strange_is_refused_or_shorter() {
        let whole = file(head(1, 0), 130);
        let longest = decode(&whole, Rate::Narrow).unwrap().len();
        for length in 0..whole.len() {
            if let Ok(sound) = decode(&whole[..length], Rate::Narrow) {
                assert!(sound.len() <= longest + 160, "{length}: {}", sound.len());
            }
        }
        let surround = file(head(6, 1), 130);
        assert!(matches!(decode(&surround, Rate::Narrow), Err(SoundFileError::OpusHead)));
        assert!(!is_one(b"OggS") && !is_one(b"RIFF"));
    }
}
