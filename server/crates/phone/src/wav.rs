//! WAV files: what a call says and what it recorded.

use crate::sound::Pcm;

/// Longest file that is read, in bytes: ten minutes as on a CD, an hour and a half as on the telephone.
pub const MAX_BYTES: usize = 100 * 1024 * 1024;
/// Rates that are read, in Hz.
const RATES_HZ: std::ops::RangeInclusive<u32> = 4_000..=192_000;

/// PCM of a WAV file (`wFormatTag`).
const TAG_PCM: u16 = 1;
const TAG_IEEE_FLOAT: u16 = 3;
/// The tag stands at the beginning of the sub-format's GUID instead.
const TAG_EXTENSIBLE: u16 = 0xfffe;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum WavError {
    #[error("this is not a WAV file")]
    NotWav,
    #[error("the WAV file is cut short")]
    Truncated,
    #[error("this WAV file's format is not read: only PCM of 8, 16, 24 or 32 bits, and 32-bit float")]
    Format,
    #[error("this WAV file has {0} samples a second; 4,000 to 192,000 are read")]
    Rate(u32),
    #[error("the file is longer than {MAX_BYTES} bytes")]
    TooLong,
}

/// The sound of a WAV file, mono, at the file's own rate.
///
/// # Errors
/// [`WavError`] if it is none that we read.
pub fn read(file: &[u8]) -> Result<Pcm, WavError> {
    if file.len() > MAX_BYTES {
        return Err(WavError::TooLong);
    }
    let chunks = file.strip_prefix(b"RIFF").and_then(|rest| rest.get(4..)).ok_or(WavError::NotWav)?;
    let mut rest = chunks.strip_prefix(b"WAVE").ok_or(WavError::NotWav)?;
    let mut format = None;
    loop {
        let (header, after) = rest.split_at_checked(8).ok_or(WavError::Truncated)?;
        let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        match &header[..4] {
            b"fmt " => format = Some(Format::parse(after.get(..length).ok_or(WavError::Truncated)?)?),
            // A recorder that was cut off leaves a length of 0 or too much: take what is there.
            b"data" => {
                let length = if length == 0 { after.len() } else { length.min(after.len()) };
                return Ok(format.ok_or(WavError::Format)?.mono(&after[..length]));
            }
            _ => {}
        }
        // Chunks are padded to even lengths.
        rest = after.get(length.saturating_add(length % 2)..).ok_or(WavError::Truncated)?;
    }
}

struct Format {
    float: bool,
    channels: usize,
    rate_hz: u32,
    bytes_per_sample: usize,
}

impl Format {
    fn parse(chunk: &[u8]) -> Result<Format, WavError> {
        let word = |at: usize| chunk.get(at..at + 2).map(|b| u16::from_le_bytes([b[0], b[1]]));
        let tag = match word(0).ok_or(WavError::Truncated)? {
            TAG_EXTENSIBLE => word(24).ok_or(WavError::Truncated)?,
            tag => tag,
        };
        let (Some(channels), Some(low), Some(high), Some(bits)) = (word(2), word(4), word(6), word(14))
        else {
            return Err(WavError::Truncated);
        };
        let rate_hz = u32::from(high) << 16 | u32::from(low);
        if !RATES_HZ.contains(&rate_hz) {
            return Err(WavError::Rate(rate_hz));
        }
        if channels == 0 || !matches!((tag, bits), (TAG_PCM, 8 | 16 | 24 | 32) | (TAG_IEEE_FLOAT, 32)) {
            return Err(WavError::Format);
        }
        let (channels, bytes_per_sample) = (usize::from(channels), usize::from(bits / 8));
        Ok(Format { float: tag == TAG_IEEE_FLOAT, channels, rate_hz, bytes_per_sample })
    }

    fn mono(&self, data: &[u8]) -> Pcm {
        let frames = data.chunks_exact(self.bytes_per_sample * self.channels);
        let mono = frames.map(|frame| {
            let samples = frame.chunks_exact(self.bytes_per_sample);
            let sum: f64 = samples.map(|sample| self.sample(sample)).sum();
            // `as` saturates: a float beyond full scale is clipped.
            (sum / self.channels as f64).round() as i16
        });
        Pcm::new(mono.collect::<Vec<i16>>(), self.rate_hz)
    }

    /// A sample in the scale of 16 bits.
    fn sample(&self, bytes: &[u8]) -> f64 {
        match *bytes {
            [byte] => (f64::from(byte) - 128.0) * 256.0,
            [low, high] => f64::from(i16::from_le_bytes([low, high])),
            [low, middle, high] => f64::from(i32::from_le_bytes([0, low, middle, high])) / 65_536.0,
            [a, b, c, d] if self.float => {
                let sample = f64::from(f32::from_le_bytes([a, b, c, d]));
                if sample.is_finite() { sample * 32_768.0 } else { 0.0 }
            }
            [a, b, c, d] => f64::from(i32::from_le_bytes([a, b, c, d])) / 65_536.0,
            _ => 0.0,
        }
    }
}

/// A WAV file of 16-bit PCM, mono.
#[must_use]
pub fn write(pcm: &Pcm) -> Vec<u8> {
    let (pcm, rate_hz) = (&pcm.samples, pcm.rate_hz);
    // A recording is an hour of 48 kHz at most, 346 MB: no length overflows.
    let data_bytes = (pcm.len() * 2) as u32;
    let mut file = Vec::with_capacity(44 + pcm.len() * 2);
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(36 + data_bytes).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt ");
    file.extend_from_slice(&16u32.to_le_bytes());
    file.extend_from_slice(&TAG_PCM.to_le_bytes());
    file.extend_from_slice(&1u16.to_le_bytes());
    file.extend_from_slice(&rate_hz.to_le_bytes());
    file.extend_from_slice(&(rate_hz * 2).to_le_bytes());
    file.extend_from_slice(&2u16.to_le_bytes());
    file.extend_from_slice(&16u16.to_le_bytes());
    file.extend_from_slice(b"data");
    file.extend_from_slice(&data_bytes.to_le_bytes());
    file.extend(pcm.iter().flat_map(|sample| sample.to_le_bytes()));
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A WAV file whose samples are already bytes.
    fn file(tag: u16, channels: u16, rate_hz: u32, bits: u16, data: &[u8]) -> Vec<u8> {
        let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0".to_vec();
        file.extend(tag.to_le_bytes().into_iter().chain(channels.to_le_bytes()).chain(rate_hz.to_le_bytes()));
        file.extend([0; 6].into_iter().chain(bits.to_le_bytes()));
        // A chunk of odd length that is not ours, padded.
        file.extend(b"LIST\x03\0\0\0abc\0data".iter().chain(&(data.len() as u32).to_le_bytes()).chain(data));
        file
    }

    fn samples(file: &[u8]) -> Vec<i16> {
        read(file).unwrap().samples.to_vec()
    }

    #[test]
    fn what_is_written_is_read_back() {
        for rate_hz in [8_000, 16_000, 44_100, 48_000] {
            let pcm = Pcm::new([0, 1, -1, i16::MAX, i16::MIN], rate_hz);
            assert_eq!(read(&write(&pcm)).unwrap(), pcm);
        }
    }

    #[test]
    fn sample_formats_agree() {
        assert_eq!(samples(&file(TAG_PCM, 1, 8_000, 8, &[128, 192, 0])), [0, 16_384, -32_768]);
        assert_eq!(samples(&file(TAG_PCM, 1, 8_000, 24, &[0, 0, 0x40, 0xff, 0xff, 0x7f])), [16_384, 32_767]);
        assert_eq!(samples(&file(TAG_PCM, 1, 8_000, 32, &[0, 0, 0, 0x40])), [16_384]);
        assert_eq!(samples(&file(TAG_IEEE_FLOAT, 1, 8_000, 32, &0.5f32.to_le_bytes())), [16_384]);
        assert_eq!(samples(&file(TAG_IEEE_FLOAT, 1, 8_000, 32, &f32::NAN.to_le_bytes())), [0]);
    }

    #[test]
    fn stereo_is_mixed() {
        let left_right: Vec<u8> = [1_000i16, 3_000].iter().flat_map(|s| s.to_le_bytes()).collect();
        assert_eq!(samples(&file(TAG_PCM, 2, 8_000, 16, &left_right)), [2_000]);
    }

    #[test]
    fn what_is_no_wav_file_is_said() {
        assert_eq!(read(b"OggS"), Err(WavError::NotWav));
        assert_eq!(read(b"RIFF\0\0\0\0AVI "), Err(WavError::NotWav));
        assert_eq!(read(b"RIFF\0\0\0\0WAVEfmt "), Err(WavError::Truncated));
        assert_eq!(read(&file(7, 1, 8_000, 8, &[0])), Err(WavError::Format));
        assert_eq!(read(&file(TAG_PCM, 0, 8_000, 16, &[0, 0])), Err(WavError::Format));
        assert_eq!(read(&file(TAG_PCM, 1, 0, 16, &[0, 0])), Err(WavError::Rate(0)));
    }

    proptest! {
        #[test]
        fn no_file_makes_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0usize..60, byte: u8) {
            let _ = read(&bytes);
            let mut wav = file(TAG_PCM, 2, 16_000, 16, &bytes);
            let at = at % wav.len();
            wav[at] = byte;
            let _ = read(&wav);
            bytes.splice(0..0, *b"RIFF\0\0\0\0WAVE");
            let _ = read(&bytes);
        }
    }
}
