//! Sound files become PCM at a telephone's rate.

use engine::Rate;
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
    #[error("the sound file has no mono sound track")]
    NoTrack,
    #[error("the sound cannot be resampled: {0}")]
    Resample(String),
}

/// Decodes a mono FLAC file of ours to 16-bit samples.
pub(crate) fn decode(file: &'static [u8], rate: Rate) -> Result<Vec<i16>, SoundFileError> {
    let source = MediaSourceStream::new(Box::new(Cursor::new(file)), Default::default());
    let (format, metadata) = (FormatOptions::default(), MetadataOptions::default());
    let mut reader = symphonia::default::get_probe().probe(&Hint::new(), source, format, metadata)?;
    let (rate_hz, samples) = samples(&mut *reader)?;
    resample(&samples, rate_hz, rate.hz())
}

fn samples(reader: &mut dyn FormatReader) -> Result<(u32, Vec<f32>), SoundFileError> {
    let track = reader.default_track(TrackType::Audio).ok_or(SoundFileError::NoTrack)?;
    let params = track.codec_params.as_ref().and_then(|p| p.audio()).ok_or(SoundFileError::NoTrack)?;
    let is_mono = params.channels.as_ref().is_some_and(|channels| channels.count() == 1);
    let rate_hz = params.sample_rate.filter(|_| is_mono).ok_or(SoundFileError::NoTrack)?;
    let mut decoder =
        symphonia::default::get_codecs().make_audio_decoder(params, &AudioDecoderOptions::default())?;
    let (mut all, mut packet_samples) = (Vec::new(), Vec::new());
    while let Some(packet) = reader.next_packet()? {
        decoder.decode(&packet)?.copy_to_vec_interleaved::<f32>(&mut packet_samples);
        all.extend_from_slice(&packet_samples);
    }
    Ok((rate_hz, all))
}

fn resample(samples: &[f32], rate_hz: u32, wanted_hz: u32) -> Result<Vec<i16>, SoundFileError> {
    let to_pcm = |sample: f32| (sample * 32_767.0).round().clamp(-32_768.0, 32_767.0) as i16;
    if rate_hz == wanted_hz {
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
