//! An announcement is as loud as the voices around it; `server/prompts/make.py` does the same to the prompts.

use super::decode::RATE_HZ;
use model::UploadProblem;

/// The level while somebody speaks; 0 dBFS is the square wave of full scale.
const LEVEL_DBFS: f32 = -20.0;
/// Where the loudest syllables are held, so that Opus stays below -3 dBFS.
const LIMIT_DBFS: f32 = -4.5;
/// Blocks that are quieter than this under the loudest are pauses.
const PAUSE_DB: f32 = 25.0;
/// Nobody would hear the loudest block of such a file, and what is heard after raising it is noise.
const SILENT_DBFS: f32 = -60.0;
const BLOCK: usize = RATE_HZ / 100;
/// The limiter's gain has one value in each 2.5 ms, and goes in lines between.
const LIMIT_BLOCK: usize = RATE_HZ / 400;
/// What the limiter takes is given back by the next round.
const ROUNDS: usize = 4;

/// # Errors
/// [`UploadProblem::Silent`].
pub(super) fn levelled(mut sound: Vec<f32>) -> Result<Vec<f32>, UploadProblem> {
    // A constant is not heard, but would count as loud.
    let mean = (sound.iter().map(|s| f64::from(*s)).sum::<f64>() / sound.len().max(1) as f64) as f32;
    sound.iter_mut().for_each(|sample| *sample -= mean);
    for _ in 0..ROUNDS {
        let level = active_dbfs(&sound).ok_or(UploadProblem::Silent)?;
        let gain = amplitude(LEVEL_DBFS - level);
        sound.iter_mut().for_each(|sample| *sample *= gain);
        limit(&mut sound);
    }
    Ok(sound)
}

/// The RMS over what is no pause; `None` where all is silent.
fn active_dbfs(sound: &[f32]) -> Option<f32> {
    let power = |block: &[f32]| block.iter().map(|s| s * s).sum::<f32>() / block.len() as f32;
    let powers: Vec<f32> = sound.chunks(BLOCK).map(power).collect();
    let loudest = powers.iter().copied().fold(0.0, f32::max);
    if decibels(loudest) < SILENT_DBFS {
        return None;
    }
    let least = loudest * amplitude(-PAUSE_DB).powi(2);
    let (sum, count) = powers.iter().filter(|p| **p >= least).fold((0.0, 0.0), |(s, n), p| (s + p, n + 1.0));
    Some(decibels(sum / count))
}

/// Turns down, smoothly, the few milliseconds that would go above the limit.
fn limit(sound: &mut [f32]) {
    let ceiling = amplitude(LIMIT_DBFS);
    let peak = |block: &[f32]| block.iter().fold(0.0_f32, |most, s| most.max(s.abs()));
    let gains: Vec<f32> =
        sound.chunks(LIMIT_BLOCK).map(|block| (ceiling / peak(block).max(1e-9)).min(1.0)).collect();
    let gain = |n: usize| gains.get(n).copied().unwrap_or(1.0);
    // A block takes its neighbours' gain too, so that the line between the middles never cuts a peak.
    let held: Vec<f32> =
        (0..gains.len()).map(|n| gain(n).min(gain(n + 1)).min(gain(n.wrapping_sub(1)))).collect();
    let held_at = |n: usize| held.get(n.min(held.len() - 1)).copied().unwrap_or(1.0);
    for (n, sample) in sound.iter_mut().enumerate() {
        let place = (n as f32 + 0.5) / LIMIT_BLOCK as f32 - 0.5;
        let before = place.max(0.0) as usize;
        let share = (place - before as f32).clamp(0.0, 1.0);
        *sample *= held_at(before) * (1.0 - share) + held_at(before + 1) * share;
    }
}

fn decibels(power: f32) -> f32 {
    10.0 * power.max(1e-20).log10()
}

fn amplitude(db: f32) -> f32 {
    10.0_f32.powf(db / 20.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(seconds: usize, amplitude: f32) -> Vec<f32> {
        let angle = |n: usize| n as f32 * 400.0 * std::f32::consts::TAU / RATE_HZ as f32;
        (0..seconds * RATE_HZ).map(|n| amplitude * angle(n).sin()).collect()
    }

    fn peak(sound: &[f32]) -> f32 {
        sound.iter().fold(0.0, |most, s| most.max(s.abs()))
    }

    #[test]
    fn loud_and_soft_files_become_alike_and_pauses_do_not_count() {
        for amplitude in [0.002, 0.1, 1.0] {
            let mut sound = tone(1, amplitude);
            sound.extend(vec![0.0; 3 * RATE_HZ]);
            sound.iter_mut().for_each(|s| *s += 0.3);
            let level = active_dbfs(&levelled(sound).unwrap()[..RATE_HZ]).unwrap();
            assert!((level - LEVEL_DBFS).abs() < 0.5, "{amplitude}: {level}");
        }
    }

    #[test]
    fn clicks_are_held_below_the_ceiling() {
        let mut sound = tone(2, 0.05);
        (0..sound.len()).step_by(4_000).for_each(|n| sound[n] = 1.0);
        let sound = levelled(sound).unwrap();
        assert!(peak(&sound) <= super::amplitude(LIMIT_DBFS) * 1.001, "{}", peak(&sound));
        assert!((active_dbfs(&sound).unwrap() - LEVEL_DBFS).abs() < 1.0);
    }

    #[test]
    fn silence_is_refused() {
        for silence in [vec![0.0; 16_000], vec![0.5; 16_000], tone(1, 0.0003), Vec::new()] {
            assert_eq!(levelled(silence), Err(UploadProblem::Silent));
        }
    }
}
