//! Any rate to that of the voices, piece by piece: the whole of a file at its own rate would not fit.

use super::decode::RATE_HZ;
use model::UploadProblem;
use rubato::audioadapter_buffers::owned::InterleavedOwned;
use rubato::{Fft, FixedSync, Resampler};

/// About as many samples are taken at once.
const CHUNK: usize = 1_024;

pub(super) struct ToVoiceRate {
    rate_hz: usize,
    /// `None`: it is the voices' rate already.
    resampler: Option<Fft<f32>>,
    waiting: Vec<f32>,
    done: Vec<f32>,
    /// Samples that came in.
    taken: usize,
}

impl ToVoiceRate {
    pub(super) fn from(rate_hz: u32) -> Result<Self, UploadProblem> {
        let rate_hz = rate_hz as usize;
        let resampler = match rate_hz {
            RATE_HZ => None,
            hz => Some(Fft::new(hz, RATE_HZ, CHUNK, 1, FixedSync::Both).map_err(|_| UploadProblem::Failed)?),
        };
        Ok(ToVoiceRate { rate_hz, resampler, waiting: Vec::new(), done: Vec::new(), taken: 0 })
    }

    pub(super) fn take(&mut self, samples: impl Iterator<Item = f32>) -> Result<(), UploadProblem> {
        let before = self.waiting.len();
        self.waiting.extend(samples);
        self.taken += self.waiting.len() - before;
        self.resample()
    }

    /// Milliseconds that came in.
    pub(super) fn taken_ms(&self) -> usize {
        self.taken * 1_000 / self.rate_hz
    }

    pub(super) fn taken(&self) -> usize {
        self.taken
    }

    /// All of it, as long as it was.
    pub(super) fn finish(mut self) -> Result<Vec<f32>, UploadProblem> {
        let Some(resampler) = &self.resampler else { return Ok(self.done) };
        let (delay, chunk) = (resampler.output_delay(), resampler.input_frames_next());
        let wanted = self.taken * RATE_HZ / self.rate_hz;
        while self.done.len() < wanted + delay {
            self.waiting.resize(chunk, 0.0);
            self.resample()?;
        }
        self.done.drain(..delay);
        self.done.truncate(wanted);
        Ok(self.done)
    }

    fn resample(&mut self) -> Result<(), UploadProblem> {
        let Some(resampler) = &mut self.resampler else {
            self.done.append(&mut self.waiting);
            return Ok(());
        };
        let failed = |_| UploadProblem::Failed;
        loop {
            let chunk = resampler.input_frames_next();
            if self.waiting.len() < chunk {
                return Ok(());
            }
            let rest = self.waiting.split_off(chunk);
            let piece = std::mem::replace(&mut self.waiting, rest);
            let input = InterleavedOwned::new_from(piece, 1, chunk).map_err(|_| UploadProblem::Failed)?;
            let mut output = InterleavedOwned::new(0.0, 1, resampler.output_frames_next());
            let (_, made) = resampler.process_into_buffer(&input, &mut output, None).map_err(failed)?;
            self.done.extend(output.take_data().into_iter().take(made));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_stays_in_its_place_at_every_rate() {
        for rate_hz in [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 44_056] {
            let seconds = |n: usize| n as f64 / f64::from(rate_hz);
            let tone = |n: usize| (seconds(n) * 400.0 * std::f64::consts::TAU).sin() as f32;
            let mut resampled = ToVoiceRate::from(rate_hz).unwrap();
            for start in (0..rate_hz as usize).step_by(777) {
                resampled.take((start..(start + 777).min(rate_hz as usize)).map(tone)).unwrap();
            }
            assert_eq!(resampled.taken_ms(), 1_000);
            let sound = resampled.finish().unwrap();
            assert_eq!(sound.len(), RATE_HZ, "{rate_hz}");
            // The resampler counts its delay in whole samples: half of one may be left of it.
            let sample_s = 1.0 / f64::from(rate_hz.min(RATE_HZ as u32));
            let most = 0.02 + (400.0 * std::f64::consts::TAU * sample_s / 2.0) as f32;
            for n in [4_000, 8_003, 12_001] {
                let wanted = (n as f64 / RATE_HZ as f64 * 400.0 * std::f64::consts::TAU).sin() as f32;
                assert!((sound[n] - wanted).abs() < most, "{rate_hz} at {n}: {} {wanted}", sound[n]);
            }
        }
    }
}
