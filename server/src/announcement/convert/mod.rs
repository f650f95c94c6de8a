//! `conference convert`: one uploaded file on the standard input, the sound that telephones hear on the standard output.
//!
//! A process of its own, because files come from anywhere and decoders are large: it may open nothing, has little memory
//! and little time, and whatever happens to it happens to it alone. [`super::converter`] starts it.

mod au;
mod decode;
mod encode;
mod level;
mod limits;
mod resample;

use super::verdict::Verdict;
use model::UploadProblem;
use model::limits::ANNOUNCEMENT_BYTES;
use std::io::{Read, Write};

/// Parts of the sound whose loudest sample the page draws.
pub(super) const WAVE_PARTS: usize = 60;

/// Never returns: how it went is its exit code.
pub(crate) fn run() -> ! {
    let verdict = match converted() {
        Ok(()) => Verdict::Done,
        Err(problem) => Verdict::Refused(problem),
    };
    std::process::exit(verdict.exit_code())
}

fn converted() -> Result<(), UploadProblem> {
    limits::set().map_err(|_| UploadProblem::Failed)?;
    let mut file = Vec::new();
    let most = ANNOUNCEMENT_BYTES as u64 + 1;
    std::io::stdin().lock().take(most).read_to_end(&mut file).map_err(|_| UploadProblem::Failed)?;
    if file.len() > ANNOUNCEMENT_BYTES {
        return Err(UploadProblem::TooBig);
    }
    let answer = convert(file)?;
    let mut out = std::io::stdout().lock();
    out.write_all(&answer).and_then(|()| out.flush()).map_err(|_| UploadProblem::Failed)
}

/// Milliseconds in four bytes, little endian; [`WAVE_PARTS`] bytes; a file of Ogg Opus.
fn convert(file: Vec<u8>) -> Result<Vec<u8>, UploadProblem> {
    let sound = level::levelled(decode::decode(file)?)?;
    let length_ms = u32::try_from(sound.len() * 1_000 / decode::RATE_HZ).unwrap_or(u32::MAX);
    let mut answer = length_ms.to_le_bytes().to_vec();
    answer.extend(wave(&sound));
    answer.extend(encode::ogg_opus(&sound).map_err(|_| UploadProblem::Failed)?);
    Ok(answer)
}

/// The loudest of each part, as shares of the loudest of all: 0 to 255.
fn wave(sound: &[f32]) -> [u8; WAVE_PARTS] {
    let loudest = |samples: &[f32]| samples.iter().fold(0.0_f32, |most, s| most.max(s.abs()));
    let most = loudest(sound).max(f32::MIN_POSITIVE);
    std::array::from_fn(|part| {
        let at = |n: usize| n * sound.len() / WAVE_PARTS;
        let samples = sound.get(at(part)..at(part + 1)).unwrap_or(&[]);
        (loudest(samples) / most * 255.0) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outline_shows_where_it_is_loud() {
        let mut sound = vec![0.1; 6_000];
        sound[3_000..].fill(-0.2);
        let wave = wave(&sound);
        assert_eq!((wave[0], wave[29], wave[30], wave[59]), (127, 127, 255, 255));
        assert_eq!(super::wave(&[0.5; 10])[WAVE_PARTS - 1], 255);
    }
}
