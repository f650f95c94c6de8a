//! Sound files become PCM at a telephone's rate.

mod ogg_opus;

use engine::Rate;
use model::limits::{PROMPT_SECONDS, SOUND_FILE_HZ};
use rubato::audioadapter_buffers::owned::InterleavedOwned;
use rubato::{Fft, FixedSync, Resampler};
use std::io::Cursor;
use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

#[derive(Debug, thiserror::Error)]
pub(crate) enum SoundFileError {
    #[error("the sound file cannot be read: {0}")]
    Decode(#[from] symphonia::core::errors::Error),
    #[error("the Ogg file cannot be read: {0}")]
    Ogg(#[from] ogg::OggReadError),
    #[error("the Opus stream cannot be decoded: {0}")]
    Opus(#[from] opus::Error),
    #[error("the Opus stream has no head that is known")]
    OpusHead,
    #[error("the sound file has no sound track of {} to {} Hz", SOUND_FILE_HZ.start(), SOUND_FILE_HZ.end())]
    NoTrack,
    #[error("the sound file lasts longer than {PROMPT_SECONDS} s")]
    TooLong,
    #[error("the sound file is empty")]
    Empty,
    #[error("the sound cannot be resampled: {0}")]
    Resample(String),
}

/// What holds a file's bytes.
pub(crate) trait Bytes: AsRef<[u8]> + Send + Sync + 'static {}

impl<T: AsRef<[u8]> + Send + Sync + 'static> Bytes for T {}

/// Decodes a file (WAV, FLAC, Ogg Vorbis or Ogg Opus, told by its content) to one channel of 16-bit samples.
pub(crate) fn decode(file: impl Bytes, rate: Rate) -> Result<Vec<i16>, SoundFileError> {
    let samples = if ogg_opus::is_one(file.as_ref()) {
        ogg_opus::decode(file.as_ref(), rate)?
    } else {
        let source = MediaSourceStream::new(Box::new(Cursor::new(file)), Default::default());
        let (format, metadata) = (FormatOptions::default(), MetadataOptions::default());
        let mut reader = symphonia::default::get_probe().probe(&Hint::new(), source, format, metadata)?;
        let (rate_hz, samples) = samples(&mut *reader)?;
        resample(&samples, rate_hz, rate.hz())?
    };
    if samples.is_empty() { Err(SoundFileError::Empty) } else { Ok(samples) }
}

/// The sound's rate, and the mean of its channels.
fn samples(reader: &mut dyn FormatReader) -> Result<(u32, Vec<f32>), SoundFileError> {
    let track = reader.default_track(TrackType::Audio).ok_or(SoundFileError::NoTrack)?;
    let params = track.codec_params.as_ref().and_then(|p| p.audio()).ok_or(SoundFileError::NoTrack)?;
    let channels = params.channels.as_ref().map(|channels| channels.count()).filter(|count| *count > 0);
    let channels = channels.ok_or(SoundFileError::NoTrack)?;
    let rate_hz =
        params.sample_rate.filter(|hz| SOUND_FILE_HZ.contains(hz)).ok_or(SoundFileError::NoTrack)?;
    let mut decoder =
        symphonia::default::get_codecs().make_audio_decoder(params, &AudioDecoderOptions::default())?;
    let (mut all, mut packet_samples) = (Vec::new(), Vec::<f32>::new());
    while let Some(packet) = reader.next_packet()? {
        let decoded = decoder.decode(&packet)?;
        if decoded.spec().channels().count() != channels {
            return Err(SoundFileError::NoTrack);
        }
        decoded.copy_to_vec_interleaved(&mut packet_samples);
        all.extend(packet_samples.chunks_exact(channels).map(|c| c.iter().sum::<f32>() / channels as f32));
        if all.len() > PROMPT_SECONDS * rate_hz as usize {
            return Err(SoundFileError::TooLong);
        }
    }
    Ok((rate_hz, all))
}

fn resample(samples: &[f32], rate_hz: u32, wanted_hz: u32) -> Result<Vec<i16>, SoundFileError> {
    let to_pcm = |sample: f32| (sample * 32_767.0).round().clamp(-32_768.0, 32_767.0) as i16;
    if rate_hz == wanted_hz || samples.is_empty() {
        return Ok(samples.iter().copied().map(to_pcm).collect());
    }
    let failed = |e: &dyn std::fmt::Display| SoundFileError::Resample(e.to_string());
    let chunk = 1_024;
    let mut resampler = Fft::<f32>::new(rate_hz as usize, wanted_hz as usize, chunk, 1, FixedSync::Both)
        .map_err(|e| failed(&e))?;
    let input = InterleavedOwned::new_from(samples.to_vec(), 1, samples.len()).map_err(|e| failed(&e))?;
    let longest = resampler.process_all_needed_output_len(samples.len());
    let mut output = InterleavedOwned::<f32>::new(0.0, 1, longest);
    let (_, produced) = resampler
        .process_all_into_buffer(&input, &mut output, samples.len(), None)
        .map_err(|e| failed(&e))?;
    Ok(output.take_data().into_iter().take(produced).map(to_pcm).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 16-bit PCM in a WAV file.
    fn wav(rate_hz: u32, channels: u16, samples: &[i16]) -> Vec<u8> {
        let bytes = samples.len() as u32 * 2;
        let mut file = b"RIFF".to_vec();
        file.extend((36 + bytes).to_le_bytes());
        file.extend(b"WAVEfmt \x10\0\0\0\x01\0");
        file.extend(channels.to_le_bytes());
        file.extend(rate_hz.to_le_bytes());
        file.extend((rate_hz * 2 * u32::from(channels)).to_le_bytes());
        file.extend((2 * channels).to_le_bytes());
        file.extend(b"\x10\0data");
        file.extend(bytes.to_le_bytes());
        file.extend(samples.iter().flat_map(|s| s.to_le_bytes()));
        file
    }

    #[test]
    fn channels_are_averaged_and_rates_adapted() {
        let stereo: Vec<i16> = (0..44_100).flat_map(|_| [2_000, 1_000]).collect();
        let mono = decode(wav(44_100, 2, &stereo), Rate::Narrow).unwrap();
        assert_eq!(mono.len(), 8_000);
        assert!(mono[1_000..7_000].iter().all(|s| (1_490..=1_510).contains(s)));
    }

    /// Made by SoX: a sine of 400 Hz, a quarter of full scale, 250 ms at 22,050 Hz.
    #[test]
    fn flac_and_vorbis_sound_as_they_did() {
        for file in [&include_bytes!("tests/tone.flac")[..], include_bytes!("tests/tone.ogg")] {
            let sound = decode(file, Rate::Wide).unwrap();
            assert!((3_990..=4_010).contains(&sound.len()), "{}", sound.len());
            let middle = &sound[800..3_200];
            let turns = middle.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
            assert!((59..=61).contains(&turns), "{turns}");
            let loudest = middle.iter().map(|s| s.unsigned_abs()).max().unwrap();
            assert!((7_900..8_500).contains(&loudest), "{loudest}");
        }
    }

    #[test]
    fn a_file_that_is_none_is_refused() {
        assert!(matches!(decode(b"no sound at all".to_vec(), Rate::Wide), Err(SoundFileError::Decode(_))));
        assert!(matches!(decode(wav(8_000, 1, &[]), Rate::Wide), Err(SoundFileError::Empty)));
        assert!(decode(wav(1_000, 1, &[0; 100]), Rate::Wide).is_err());
        let long = wav(8_000, 1, &vec![0; (PROMPT_SECONDS + 1) * 8_000]);
        assert!(matches!(decode(long, Rate::Wide), Err(SoundFileError::TooLong)));
    }
}
