//! Between the three rates of sound: 8, 16 and 48 kHz.
//!
//! One polyphase filter a pair of rates, a Kaiser-windowed sinc: its response is symmetric, so all frequencies are
//! delayed alike. It has 24 taps per sample of the lower rate, about the least that leaves the telephone's band whole
//! and keeps images and aliases 60 dB down. The transition is centred a little below half the lower rate. Hence, for
//! a lower rate of 8 kHz: within 0.5 dB up to 3.5 kHz, and what lies above 4.6 kHz on the higher side is neither made
//! nor let through; for 16 kHz twice these figures.
//!
//! A filter of finite response has no state but the last samples it has heard, less than a frame of them. So there is
//! no edge between frames, and two resamplers of a pair that have heard the same last frame are the same: a hearer may
//! take over a clone of another's, or a new one that was fed the frame before, and the change cannot be heard.

use std::f64::consts::PI;
use std::sync::LazyLock;

/// Taps per sample of the lower rate.
const TAPS: usize = 24;
/// The middle of the transition, in units of the lower rate: 3.92 kHz at 8 kHz.
const CUTOFF: f64 = 3.92 / 8.0;
/// The Kaiser window's parameter for a stop band at -63 dB: 0.1102 * (63 - 8.7).
const BETA: f64 = 5.98;
/// How far the longest filter looks back before a frame: six times the rate.
const PAST: usize = 6 * (TAPS - 1);
/// 20 ms at 48 kHz.
const LONGEST_FRAME: usize = 960;
/// 20 ms at 16 kHz: the lower rate of a pair is that at most.
const LONGEST_AT_LOWER: usize = 320;
/// Sums that are kept in registers at once: eight registers of four.
const BLOCK: usize = 32;

/// The taps of a pair of rates, for each of the phases of the higher one, in the order of time.
type Phases<const L: usize> = [[f32; TAPS]; L];
/// Samples at the lower rate, with those before the frame that its first needs.
type Line = [f32; TAPS - 1 + LONGEST_AT_LOWER];
type Sums = [f32; LONGEST_AT_LOWER];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ratio {
    Same,
    Up2,
    Up3,
    Up6,
    Down2,
    Down3,
    Down6,
}

/// Takes frames at one rate and gives them at another.
#[derive(Clone, Debug)]
pub(crate) struct Resampler {
    ratio: Ratio,
    /// The newest samples of the frames before.
    past: [i16; PAST],
}

impl Resampler {
    /// Between any two of 8,000, 16,000 and 48,000 Hz. From one to the same, sound passes as it is.
    pub(crate) fn new(from_hz: u32, to_hz: u32) -> Self {
        let ratio = match (from_hz, to_hz) {
            (8_000, 16_000) => Ratio::Up2,
            (16_000, 48_000) => Ratio::Up3,
            (8_000, 48_000) => Ratio::Up6,
            (16_000, 8_000) => Ratio::Down2,
            (48_000, 16_000) => Ratio::Down3,
            (48_000, 8_000) => Ratio::Down6,
            _ => Ratio::Same,
        };
        debug_assert!(ratio != Ratio::Same || from_hz == to_hz, "{from_hz} Hz to {to_hz} Hz");
        Resampler { ratio, past: [0; PAST] }
    }

    /// `input` and `output` last equally long: 20 ms, or less by a whole number of samples of the lower rate.
    pub(crate) fn process(&mut self, input: &[i16], output: &mut [i16]) {
        debug_assert!(input.len() <= LONGEST_FRAME);
        match self.ratio {
            Ratio::Same => output.copy_from_slice(input),
            Ratio::Up2 => self.up(input, &UP_2, output),
            Ratio::Up3 => self.up(input, &UP_3, output),
            Ratio::Up6 => self.up(input, &UP_6, output),
            Ratio::Down2 => self.down(input, &DOWN_2, output),
            Ratio::Down3 => self.down(input, &DOWN_3, output),
            Ratio::Down6 => self.down(input, &DOWN_6, output),
        }
        let kept = PAST.saturating_sub(input.len());
        self.past.copy_within(PAST - kept.., 0);
        self.past[kept..].copy_from_slice(&input[input.len() - (PAST - kept)..]);
    }

    /// Forgets what was heard.
    pub(crate) fn reset(&mut self) {
        self.past.fill(0);
    }

    /// How much later sound of `from_hz` comes out, in microseconds, rounded down: the same at all frequencies. At most
    /// 1.5 ms.
    #[cfg(test)]
    fn delay_us(&self, from_hz: u32) -> u32 {
        // In half samples of the higher rate: half of the taps but one. Downwards, a frame's first output may
        // already look at the newest of the input samples that it stands for.
        let up = |ratio: u32| (TAPS as u32 * ratio - 1) * 500_000 / (from_hz * ratio);
        let down = |ratio: u32| (TAPS as u32 * ratio - 1 - 2 * (ratio - 1)) * 500_000 / from_hz;
        match self.ratio {
            Ratio::Same => 0,
            Ratio::Up2 => up(2),
            Ratio::Up3 => up(3),
            Ratio::Up6 => up(6),
            Ratio::Down2 => down(2),
            Ratio::Down3 => down(3),
            Ratio::Down6 => down(6),
        }
    }

    /// Each phase is a filter of its own over all of the input; their results are dealt out in turn.
    fn up<const L: usize>(&self, input: &[i16], phases: &Phases<L>, output: &mut [i16]) {
        let mut line: Line = [0.0; _];
        let past = &self.past[PAST - (TAPS - 1)..];
        line.iter_mut().zip(past.iter().chain(input)).for_each(|(x, s)| *x = f32::from(*s));
        for (phase, taps) in phases.iter().enumerate() {
            let mut sums: Sums = [0.0; _];
            filter(&line, taps, &mut sums, input.len());
            let every_lth = output.iter_mut().skip(phase).step_by(L);
            every_lth.zip(sums).for_each(|(out, sum)| *out = narrow(sum));
        }
    }

    /// Each phase is a filter over every `M`th sample of the input; their results are added up.
    fn down<const M: usize>(&self, input: &[i16], phases: &Phases<M>, output: &mut [i16]) {
        let past = self.past[PAST - M * (TAPS - 1)..].as_chunks::<M>().0;
        let groups = input.as_chunks::<M>().0;
        let mut sums: Sums = [0.0; _];
        for (phase, taps) in phases.iter().enumerate() {
            let mut line: Line = [0.0; _];
            let every_mth = past.iter().chain(groups).map(|group| group[phase]);
            line.iter_mut().zip(every_mth).for_each(|(x, s)| *x = f32::from(s));
            filter(&line, taps, &mut sums, groups.len());
        }
        output.iter_mut().zip(sums).for_each(|(out, sum)| *out = narrow(sum));
    }
}

/// Adds to each of the first `len` sums the 24 samples from its place on, weighted.
fn filter(line: &Line, taps: &[f32; TAPS], sums: &mut Sums, len: usize) {
    let blocks = sums.as_chunks_mut::<BLOCK>().0.iter_mut().take(len.div_ceil(BLOCK));
    for (i, block) in blocks.enumerate() {
        if let Some(window) = line.get(i * BLOCK..).and_then(|rest| rest.first_chunk()) {
            filter_block(window, taps, block);
        }
    }
}

/// A function of its own, so that the compiler sees no more than these two loops and keeps the sums in registers.
/// Each sum is made in the same order wherever it lies in its block: frames of any length give the same bits.
#[inline(never)]
fn filter_block(window: &[f32; TAPS - 1 + BLOCK], taps: &[f32; TAPS], sums: &mut [f32; BLOCK]) {
    for k in 0..TAPS {
        for i in 0..BLOCK {
            sums[i] += taps[k] * window[k + i];
        }
    }
}

/// To the nearest, and no further than 16 bits: a steep edge overshoots.
fn narrow(sum: f32) -> i16 {
    /// 1.5 * 2^23: added to it, a number's whole part is in the lowest bits.
    const WHOLE: f32 = 12_582_912.0;
    (sum.clamp(f32::from(i16::MIN), f32::from(i16::MAX)) + WHOLE).to_bits() as i16
}

static UP_2: LazyLock<Phases<2>> = LazyLock::new(up_phases);
static UP_3: LazyLock<Phases<3>> = LazyLock::new(up_phases);
static UP_6: LazyLock<Phases<6>> = LazyLock::new(up_phases);
static DOWN_2: LazyLock<Phases<2>> = LazyLock::new(down_phases);
static DOWN_3: LazyLock<Phases<3>> = LazyLock::new(down_phases);
static DOWN_6: LazyLock<Phases<6>> = LazyLock::new(down_phases);

/// Phase `p` makes the `p`th of `L` output samples. It sees one sample where the filter sees `L - 1` zeros beside it,
/// hence the gain; its last tap is for the newest sample.
fn up_phases<const L: usize>() -> Phases<L> {
    let tap = |phase, k| L as f64 * response(phase + L * (TAPS - 1 - k), L);
    std::array::from_fn(|phase| std::array::from_fn(|k| tap(phase, k) as f32))
}

fn down_phases<const M: usize>() -> Phases<M> {
    std::array::from_fn(|phase| std::array::from_fn(|k| response(phase + M * k, M) as f32))
}

/// Tap `i` of `TAPS * ratio` at the higher rate, which is `ratio` times the lower one. They add up to 1, nearly.
fn response(i: usize, ratio: usize) -> f64 {
    let last = (TAPS * ratio - 1) as f64;
    // Twice the distance from the middle is a whole number, the same on both sides.
    let from_middle = (2.0 * i as f64 - last).abs() / 2.0;
    let cutoff = CUTOFF / ratio as f64;
    // The number of taps is even: none is in the middle, where this would be 0 / 0.
    let x = 2.0 * PI * cutoff * from_middle;
    let edge = 2.0 * from_middle / last;
    2.0 * cutoff * (x.sin() / x) * bessel_i0(BETA * (1.0 - edge * edge).sqrt()) / bessel_i0(BETA)
}

/// The modified Bessel function of the first kind and order 0, by its power series.
fn bessel_i0(x: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    // For arguments up to 6 the 25th term is below the precision of the sum.
    for k in 1..=25 {
        term *= (x / (2.0 * f64::from(k))).powi(2);
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::super::tone;
    use super::*;
    use proptest::prelude::*;

    const PAIRS: [(u32, u32); 6] = [
        (8_000, 16_000),
        (8_000, 48_000),
        (16_000, 48_000),
        (16_000, 8_000),
        (48_000, 8_000),
        (48_000, 16_000),
    ];

    /// In frames that last a 50th of a second, or `per_frame` times less.
    fn resampled((from_hz, to_hz): (u32, u32), sound: &[i16], per_frame: usize) -> Vec<i16> {
        let mut resampler = Resampler::new(from_hz, to_hz);
        let [input, output] = [from_hz, to_hz].map(|hz| hz as usize / 50 / per_frame);
        let mut out = vec![0; sound.len() / input * output];
        sound
            .chunks_exact(input)
            .zip(out.chunks_exact_mut(output))
            .for_each(|(i, o)| resampler.process(i, o));
        out
    }

    /// Level of a tone of amplitude 10,000 after the filter, and everything that is not this tone, in dB against it.
    fn tone_through(pair: (u32, u32), hz: f64) -> (f64, f64) {
        let out = resampled(pair, &tone::tone(pair.0, hz, 10_000.0, pair.0 as usize / 5), 1);
        let settled = &out[pair.1 as usize / 50..];
        let fit = tone::fit(pair.1, settled, &[hz]);
        (
            20.0 * (fit.amplitudes[0] / 10_000.0).log10(),
            20.0 * (fit.rest_rms / 10_000.0 * 2f64.sqrt()).log10(),
        )
    }

    #[test]
    fn tones_of_the_pass_band_keep_their_level_and_stay_alone() {
        for pair in PAIRS {
            // The telephone's band for the lower rate of 8 kHz, the wide band's for 16 kHz.
            let scale = f64::from(pair.0.min(pair.1)) / 8_000.0;
            for hz in [50.0, 300.0, 997.0, 1_800.0, 2_500.0, 3_100.0, 3_400.0] {
                let hz = hz * scale;
                let (level_db, rest_db) = tone_through(pair, hz);
                let flat_db = if hz <= 3_100.0 * scale { 0.05 } else { 0.5 };
                assert!(level_db.abs() < flat_db, "{pair:?}, {hz} Hz: {level_db} dB");
                assert!(rest_db < -60.0, "{pair:?}, {hz} Hz: {rest_db} dB of anything else");
            }
            let (level_db, _) = tone_through(pair, 3_500.0 * scale);
            assert!(level_db > -0.5, "{pair:?}, the edge: {level_db} dB");
        }
    }

    #[test]
    fn nothing_comes_back_from_above_the_transition() {
        for pair in PAIRS.into_iter().filter(|(from_hz, to_hz)| from_hz > to_hz) {
            let half = f64::from(pair.0) / 2.0;
            let scale = f64::from(pair.1) / 8_000.0;
            for hz in [4_600.0, 4_700.0, 5_000.0, 6_100.0, 7_900.0, 9_000.0, 12_100.0, 15_900.0, 23_000.0] {
                let hz = hz * scale;
                if hz < half {
                    let out = resampled(pair, &tone::tone(pair.0, hz, 20_000.0, pair.0 as usize / 5), 1);
                    let settled = &out[pair.1 as usize / 50..];
                    let power =
                        settled.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / settled.len() as f64;
                    let left_db = 10.0 * (power / (20_000f64.powi(2) / 2.0)).log10();
                    assert!(left_db < -60.0, "{pair:?}, {hz} Hz: {left_db} dB");
                }
            }
        }
    }

    #[test]
    fn an_impulse_comes_out_symmetric_and_as_late_as_is_said() {
        for pair in PAIRS {
            let resampler = Resampler::new(pair.0, pair.1);
            assert!((500..=1_500).contains(&resampler.delay_us(pair.0)));
            let ratio = pair.0.max(pair.1) as usize / pair.0.min(pair.1) as usize;
            // Downwards, the impulse at each of the phases gives a part of the response.
            let (starts, every) = if pair.0 > pair.1 { (ratio, ratio) } else { (1, 1) };
            let mut response = vec![0; TAPS * ratio];
            for start in 0..starts {
                let mut sound = vec![0; pair.0 as usize / 50];
                sound[start] = 30_000;
                let out = resampled(pair, &sound, 1);
                let taps = (every - 1 - start..).step_by(every);
                taps.zip(&out).take(TAPS * ratio / every).for_each(|(tap, s)| response[tap] = *s);
                assert!(out[TAPS * ratio / every..].iter().all(|s| *s == 0), "{pair:?}");
            }
            assert!(response.iter().eq(response.iter().rev()), "{pair:?}: {response:?}");
            assert!(response.iter().any(|s| *s > 4_000));
            // A constant keeps its value.
            let constant = resampled(pair, &vec![10_000; pair.0 as usize / 25], 1);
            assert!(
                constant[pair.1 as usize / 50..].iter().all(|s| (9_985..=10_015).contains(s)),
                "{pair:?}"
            );
        }
    }

    #[test]
    fn all_tones_are_equally_late() {
        for pair in PAIRS {
            for hz in [300.0, 1_000.0, 2_300.0, 3_300.0] {
                let out = resampled(pair, &tone::tone(pair.0, hz, 10_000.0, pair.0 as usize / 5), 1);
                let delay = f64::from(Resampler::new(pair.0, pair.1).delay_us(pair.0)) / 1e6;
                let at = |n: usize| 10_000.0 * (2.0 * PI * hz * (n as f64 / f64::from(pair.1) - delay)).sin();
                let off =
                    out.iter().enumerate().skip(pair.1 as usize / 50).map(|(n, s)| f64::from(*s) - at(n));
                let worst = off.map(f64::abs).fold(0.0, f64::max);
                // 1 µs of rounding is 2 % of a period at 3.3 kHz; a sample of the higher rate would be 41 %.
                assert!(worst < 600.0, "{pair:?}, {hz} Hz: {worst}");
            }
        }
    }

    #[test]
    fn silence_stays_silence_and_equal_rates_change_nothing() {
        for pair in PAIRS {
            assert!(resampled(pair, &vec![0; pair.0 as usize / 10], 1).iter().all(|s| *s == 0));
        }
        let mut resampler = Resampler::new(16_000, 16_000);
        let (input, mut output) = ([i16::MIN; 320], [0; 320]);
        resampler.process(&input, &mut output);
        assert_eq!(output, input);
        assert_eq!(resampler.delay_us(16_000), 0);
    }

    fn loud() -> impl Strategy<Value = i16> {
        prop_oneof![Just(i16::MIN), Just(i16::MAX), any::<i16>()]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        #[test]
        fn frames_have_no_borders(pair in 0..6usize, sound in prop::collection::vec(loud(), 2_880)) {
            let whole = resampled(PAIRS[pair], &sound, 1);
            prop_assert_eq!(&resampled(PAIRS[pair], &sound, 2), &whole);
            prop_assert_eq!(&resampled(PAIRS[pair], &sound, 8), &whole);
        }

        /// The reference is the filter's definition, without phases and frames.
        #[test]
        fn is_the_filter_that_it_says(pair in 0..6usize, sound in prop::collection::vec(loud(), 1_920)) {
            let (from_hz, to_hz) = PAIRS[pair];
            let out = resampled((from_hz, to_hz), &sound, 1);
            let ratio = (from_hz.max(to_hz) / from_hz.min(to_hz)) as usize;
            let up = if from_hz < to_hz { ratio } else { 1 };
            let down = if from_hz < to_hz { 1 } else { ratio };
            for (n, s) in out.iter().enumerate() {
                // The newest sample at the higher rate that this output may look at.
                let newest = n * down + down - 1;
                let seen = (0..TAPS * ratio).filter(|i| *i <= newest && (newest - i).is_multiple_of(up));
                let sum: f64 = seen
                    .map(|i| up as f64 * response(i, ratio) * f64::from(sound[(newest - i) / up]))
                    .sum();
                let wanted = sum.clamp(-32_768.0, 32_767.0);
                prop_assert!((f64::from(*s) - wanted).abs() < 0.52, "{} {} {}", n, s, wanted);
            }
        }

        #[test]
        fn who_heard_the_same_last_frame_goes_on_alike(
            pair in 0..6usize,
            before in prop::collection::vec(loud(), 960),
            last in prop::collection::vec(loud(), 960),
        ) {
            let (from_hz, to_hz) = PAIRS[pair];
            let [input, output] = [from_hz, to_hz].map(|hz| hz as usize / 50);
            let (mut old, mut new) = (Resampler::new(from_hz, to_hz), Resampler::new(from_hz, to_hz));
            let mut out = [[0; 960]; 3];
            old.process(&before[..input], &mut out[0][..output]);
            old.process(&last[..input], &mut out[0][..output]);
            new.process(&last[..input], &mut out[0][..output]);
            let mut taken_over = old.clone();
            for (resampler, out) in [&mut old, &mut new, &mut taken_over].into_iter().zip(&mut out) {
                resampler.process(&before[..input], &mut out[..output]);
            }
            prop_assert_eq!(out[0], out[1]);
            prop_assert_eq!(out[0], out[2]);
        }
    }
}
