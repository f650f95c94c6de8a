//! A sound file of any usual kind becomes one channel at the rate of the voices.

use super::au;
use super::resample::ToVoiceRate;
use model::UploadProblem;
use model::limits::{ANNOUNCEMENT_SECONDS, SOUND_FILE_HZ};
use std::io::{Cursor, ErrorKind};
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::codecs::registry::CodecRegistry;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;
use symphonia_adapter_libopus::OpusDecoder;

pub(super) const RATE_HZ: usize = 16_000;
/// Packets that cannot be decoded, of a thousand: MP3 files that were cut out of others begin with some.
const BAD_PACKETS_PER_MILLE: usize = 20;
/// Bad packets that make no file a bad one.
const BAD_PACKETS: usize = 2;
/// Samples that may be missing at the end, beside a fiftieth: encoders count their own delay, or not.
const MISSING_SAMPLES: u64 = 5_000;

/// # Errors
/// [`UploadProblem::NotSound`], [`UploadProblem::Damaged`], [`UploadProblem::TooLong`], or [`UploadProblem::Silent`]
/// where there is no sample in it.
pub(super) fn decode(file: Vec<u8>) -> Result<Vec<f32>, UploadProblem> {
    let file = au::as_aiff(&file)?.unwrap_or(file);
    let source = MediaSourceStream::new(Box::new(Cursor::new(file)), Default::default());
    let (format, metadata) = (FormatOptions::default(), MetadataOptions::default());
    let probed = symphonia::default::get_probe().probe(&Hint::new(), source, format, metadata);
    let mut reader = probed.map_err(|_| UploadProblem::NotSound)?;
    let mut track = Track::of(&*reader)?;
    let sound = track.read(&mut *reader)?;
    if sound.is_empty() { Err(UploadProblem::Silent) } else { Ok(sound) }
}

/// The sound in a file: the first, where there are several.
struct Track {
    id: u32,
    rate_hz: u32,
    decoder: Box<dyn AudioDecoder>,
    /// Samples of each channel, as the file says.
    announced: Option<u64>,
}

impl Track {
    fn of(reader: &dyn FormatReader) -> Result<Track, UploadProblem> {
        let track = reader.default_track(TrackType::Audio).ok_or(UploadProblem::NotSound)?;
        let params = track.codec_params.as_ref().and_then(|p| p.audio()).ok_or(UploadProblem::NotSound)?;
        let rate_hz = params.sample_rate.filter(|hz| SOUND_FILE_HZ.contains(hz));
        let rate_hz = rate_hz.ok_or(UploadProblem::NotSound)?;
        let mut codecs = CodecRegistry::new();
        symphonia::default::register_enabled_codecs(&mut codecs);
        codecs.register_audio_decoder::<OpusDecoder>();
        let decoder = codecs.make_audio_decoder(params, &AudioDecoderOptions::default());
        let decoder = decoder.map_err(|_| UploadProblem::NotSound)?;
        Ok(Track { id: track.id, rate_hz, decoder, announced: track.num_frames })
    }

    fn read(&mut self, reader: &mut dyn FormatReader) -> Result<Vec<f32>, UploadProblem> {
        let mut sound = ToVoiceRate::from(self.rate_hz)?;
        let (mut packets, mut bad) = (0, 0);
        let mut samples = Vec::<f32>::new();
        loop {
            let packet = match reader.next_packet() {
                Ok(Some(packet)) => packet,
                // Another stream begins where this one ends: the first is the announcement.
                Ok(None) | Err(Error::ResetRequired) => break,
                // So ends a WebM that was made while it was not known how long it would be, as browsers' recorders make them.
                // Where the file says how much there is, what is missing is seen below.
                Err(Error::IoError(error)) if error.kind() == ErrorKind::UnexpectedEof => break,
                Err(_) => return Err(UploadProblem::Damaged),
            };
            if packet.track_id != self.id {
                continue;
            }
            packets += 1;
            match self.decoder.decode(&packet) {
                Ok(decoded) => {
                    let channels = decoded.spec().channels().count();
                    if decoded.spec().rate() != self.rate_hz || channels == 0 {
                        return Err(UploadProblem::Damaged);
                    }
                    decoded.copy_to_vec_interleaved(&mut samples);
                    sound.take(samples.chunks_exact(channels).map(mean))?;
                }
                Err(Error::DecodeError(_) | Error::IoError(_)) => bad += 1,
                Err(_) => return Err(UploadProblem::Damaged),
            }
            if sound.taken_ms() > ANNOUNCEMENT_SECONDS * 1_000 {
                return Err(UploadProblem::TooLong);
            }
        }
        if bad > BAD_PACKETS + packets * BAD_PACKETS_PER_MILLE / 1_000 || self.is_cut(sound.taken() as u64) {
            return Err(UploadProblem::Damaged);
        }
        sound.finish()
    }

    /// Less was there than the file says.
    fn is_cut(&self, taken: u64) -> bool {
        self.announced.is_some_and(|all| taken.saturating_add(all / 50 + MISSING_SAMPLES) < all)
    }
}

/// Of all channels; what is no number is silence.
fn mean(channels: &[f32]) -> f32 {
    let mean = channels.iter().sum::<f32>() / channels.len() as f32;
    if mean.is_finite() { mean.clamp(-1.0, 1.0) } else { 0.0 }
}
