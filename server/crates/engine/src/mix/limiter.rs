//! What keeps a sum of voices inside 16 bits.
//!
//! A gain that follows, and behind it a curve that catches what the gain was too late for. The gain falls within a
//! sub-block of 2.5 ms, ahead of the peak wherever the peak lies inside the frame: the frame is whole before it is
//! sent. It stays down as long as it is needed again and again, since a gain that moves with each peak distorts as a
//! bent curve does, and comes back when the loud part is over. Ten loud talkers are turned down, not squeezed.
//!
//! A room has one gain, made for the loudest of the mixes that its hearers get: whoever changes between the shared mix
//! and one of his own hears no difference in gain. It has no unit of samples, so it holds at any rate.

/// Where the gain begins to work and the curve begins to bend: 2.2 dB below full scale.
pub(crate) const KNEE: i32 = 25_600;
const ROOM: i64 = i16::MAX as i64 - KNEE as i64;

/// Samples of a frame at 8, 16 and 48 kHz. The compiler makes the better loops the more it knows of their length.
const FRAME_8: usize = 160;
const FRAME_16: usize = 320;
const FRAME_48: usize = 960;
/// Sub-blocks of a frame, 2.5 ms each: a gain that falls in less is heard as a click, in more it falls too late.
pub(crate) const BLOCKS: usize = 8;
/// The gain falls 0.5 dB further than a peak needs, so that the next slightly higher one does not move it again.
const SPARE: f32 = 0.944;
/// A peak that needs a gain within 2 dB of the present one keeps it where it is.
const NEAR: f32 = 1.259;
/// 30 ms, in sub-blocks: some periods of a low voice. A slammed door costs no more than that.
const HOLD_BLOCKS: u32 = 12;
/// A passage that goes on being loud is held longer, two sub-blocks for each loud one, up to 300 ms: the peaks of many
/// voices together are that irregular.
const HOLD_PER_LOUD_BLOCK: u32 = 2;
const LONGEST_HOLD_BLOCKS: u32 = 120;
/// 40 dB a second, in a sub-block: the 6 dB that two loud talkers cost come back in 150 ms, the 14 dB of ten in 350 ms.
const RELEASE: f32 = 1.011_579;

/// The gain of a room.
#[derive(Clone, Debug)]
pub(crate) struct Limiter {
    /// At the end of the last frame: above 0, 1 at most.
    gain: f32,
    /// Sub-blocks until the gain may rise.
    hold_blocks: u32,
    /// Loud sub-blocks since the gain fell, less those in which it rose.
    loud_blocks: u32,
}

impl Limiter {
    pub(crate) fn new() -> Self {
        Limiter { gain: 1.0, hold_blocks: 0, loud_blocks: 0 }
    }

    /// The gain of a frame, whose largest magnitude over all mixes that will be made of it is `peaks[b]` in sub-block
    /// `b`. To be called for each frame, silent ones too.
    pub(crate) fn plan(&mut self, peaks: &[u32; BLOCKS]) -> Gain {
        let mut knots = [self.gain; BLOCKS + 1];
        for (b, knot) in knots[1..].iter_mut().enumerate() {
            // Between two sub-blocks the gain must suit both. What the next frame needs is not known.
            let peak = peaks[b].max(peaks.get(b + 1).copied().unwrap_or(0));
            self.follow(if peak > KNEE as u32 { KNEE as f32 / peak as f32 } else { 1.0 });
            *knot = self.gain;
        }
        Gain { knots, bends: peaks[0] as f32 * knots[0] > KNEE as f32 }
    }

    /// One sub-block that can bear no more gain than `bearable`.
    fn follow(&mut self, bearable: f32) {
        if bearable < 1.0 {
            self.loud_blocks = (self.loud_blocks + 1).min(LONGEST_HOLD_BLOCKS / HOLD_PER_LOUD_BLOCK);
        }
        if bearable < self.gain {
            self.gain = bearable * SPARE;
        }
        if bearable < 1.0 && bearable < self.gain * NEAR {
            let hold_blocks = HOLD_BLOCKS + HOLD_PER_LOUD_BLOCK * self.loud_blocks;
            self.hold_blocks = hold_blocks.min(LONGEST_HOLD_BLOCKS);
        } else if self.hold_blocks > 0 {
            self.hold_blocks -= 1;
        } else {
            self.gain = (self.gain * RELEASE).min(1.0);
            self.loud_blocks = self.loud_blocks.saturating_sub(1);
        }
    }
}

/// The gain over a frame: straight lines between the ends of its sub-blocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gain {
    knots: [f32; BLOCKS + 1],
    /// The first sub-block is louder than the gain at its beginning can bear.
    bends: bool,
}

impl Gain {
    /// Nothing is changed.
    pub(crate) const UNITY: Gain = Gain { knots: [1.0; BLOCKS + 1], bends: false };

    /// The mix goes out as it is.
    pub(crate) fn is_unity(&self) -> bool {
        self.knots == [1.0; BLOCKS + 1]
    }

    /// `sum` and `out` are a frame at one of the three rates, or `out` the shorter of the two.
    pub(crate) fn apply(&self, sum: &[i32], out: &mut [i16]) {
        if self.is_unity() {
            out.iter_mut().zip(sum).for_each(|(out, sum)| *out = narrow(*sum));
            return;
        }
        match sum.len() {
            FRAME_8 => self.scale::<{ FRAME_8 / BLOCKS }>(sum, out),
            FRAME_16 => self.scale::<{ FRAME_16 / BLOCKS }>(sum, out),
            len => {
                debug_assert_eq!(len, FRAME_48);
                self.scale::<{ FRAME_48 / BLOCKS }>(sum, out);
            }
        }
    }

    fn scale<const LEN: usize>(&self, sum: &[i32], out: &mut [i16]) {
        let blocks = sum.as_chunks::<LEN>().0.iter().zip(out.as_chunks_mut::<LEN>().0);
        for (b, ((sum, out), [from, to])) in blocks.zip(self.knots.array_windows()).enumerate() {
            let step = (to - from) / LEN as f32;
            let mut scaled = [0.0; LEN];
            for (i, (x, sum)) in scaled.iter_mut().zip(sum).enumerate() {
                *x = *sum as f32 * (from + step * i as u16 as f32);
            }
            if b == 0 && self.bends {
                out.iter_mut().zip(scaled).for_each(|(out, x)| *out = limit(x.round() as i32));
            } else {
                out.iter_mut().zip(scaled).for_each(|(out, x)| *out = round(x));
            }
        }
    }
}

fn narrow(x: i32) -> i16 {
    x.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}

/// To the nearest. The gain has taken care of the range; what is said here is what a wrong peak would lead to.
fn round(x: f32) -> i16 {
    /// 1.5 * 2^23: added to it, a number's whole part is in the lowest bits.
    const WHOLE: f32 = 12_582_912.0;
    (x.clamp(f32::from(i16::MIN), f32::from(i16::MAX)) + WHOLE).to_bits() as i16
}

/// Raises `into[b]` to the largest magnitude in sub-block `b` of a frame. From several mixes: one call for each.
pub(crate) fn peaks(sum: &[i32], into: &mut [u32; BLOCKS]) {
    match sum.len() {
        FRAME_8 => raise::<{ FRAME_8 / BLOCKS }>(sum, into),
        FRAME_16 => raise::<{ FRAME_16 / BLOCKS }>(sum, into),
        len => {
            debug_assert_eq!(len, FRAME_48);
            raise::<{ FRAME_48 / BLOCKS }>(sum, into);
        }
    }
}

fn raise<const LEN: usize>(sum: &[i32], into: &mut [u32; BLOCKS]) {
    for (block, peak) in sum.as_chunks::<LEN>().0.iter().zip(into) {
        // A sum is never `i32::MIN`: 65,535 voices at full scale do not reach it.
        let highest = block.iter().fold(0, |highest, s| s.wrapping_abs().max(highest));
        *peak = (*peak).max(highest.unsigned_abs());
    }
}

/// A curve without memory: straight up to the knee, above it a hyperbola that meets the line with the same slope and
/// never reaches full scale.
pub(crate) fn limit(x: i32) -> i16 {
    let magnitude = x.unsigned_abs();
    if magnitude <= KNEE as u32 {
        return x as i16;
    }
    let over = i64::from(magnitude) - i64::from(KNEE);
    let bent = i64::from(KNEE) + ROOM * over / (ROOM + over);
    if x < 0 { -bent as i16 } else { bent as i16 }
}

#[cfg(test)]
mod tests {
    use super::super::tone;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn is_odd_monotone_and_in_range(x: i32, y: i32) {
            prop_assert!(limit(x) > i16::MIN);
            prop_assert_eq!(i32::from(limit(x)), -i32::from(limit(x.saturating_neg())));
            prop_assert!(limit(x.min(y)) <= limit(x.max(y)));
        }

        #[test]
        fn is_exact_below_the_knee(x in -KNEE..=KNEE) {
            prop_assert_eq!(i32::from(limit(x)), x);
        }
    }

    /// What a room hears, its gains, and what the curve alone would have made of it.
    fn limited(rate_hz: u32, sound: &[i32]) -> (Vec<i16>, Vec<Gain>, Vec<i16>) {
        let len = rate_hz as usize / 50;
        let mut limiter = Limiter::new();
        let mut out = vec![0; sound.len()];
        let mut gains = Vec::new();
        for (sum, out) in sound.chunks_exact(len).zip(out.chunks_exact_mut(len)) {
            let mut highest = [0; BLOCKS];
            peaks(sum, &mut highest);
            let gain = limiter.plan(&highest);
            gain.apply(sum, out);
            gains.push(gain);
        }
        (out, gains, sound.iter().map(|s| limit(*s)).collect())
    }

    fn whole(sound: &[f64]) -> Vec<i32> {
        sound.iter().map(|s| s.round() as i32).collect()
    }

    /// -6 dBFS each: ten of them reach five times full scale.
    fn ten_talkers(rate_hz: u32, frequencies: &[f64; 10], tenths: usize) -> Vec<i32> {
        whole(&tone::tones(rate_hz, &frequencies.map(|hz| (hz, 16_384.0)), rate_hz as usize / 10 * tenths))
    }

    /// Measured: -87 dB; the curve alone -9 dB, which is why it is not alone.
    #[test]
    fn ten_loud_talkers_stay_clean() {
        let frequencies = [310., 470., 620., 790., 950., 1_130., 1_370., 1_610., 1_870., 2_230.];
        for rate_hz in [8_000, 16_000, 48_000] {
            let (out, _, bent) = limited(rate_hz, &ten_talkers(rate_hz, &frequencies, 6));
            let settled = rate_hz as usize / 10..;
            let clean = tone::fit(rate_hz, &out[settled.clone()], &frequencies);
            assert!(clean.rest_db() < -80.0, "{rate_hz} Hz: {}", clean.rest_db());
            assert!(tone::fit(rate_hz, &bent[settled], &frequencies).rest_db() > -12.0);
            // Nobody is turned down more than the others.
            let level = clean.amplitudes[0];
            assert!(
                clean.amplitudes.iter().all(|a| (a / level - 1.0).abs() < 0.001),
                "{:?}",
                clean.amplitudes
            );
        }
    }

    /// Tones that never meet again as they were: peaks higher than all before come late, and move the gain once more.
    #[test]
    fn the_gain_stands_still_nearly_all_the_time() {
        let frequencies = [313.7, 471.3, 622.9, 789.1, 953.3, 1_131.9, 1_371.1, 1_613.7, 1_873.9, 2_239.3];
        let (out, _, _) = limited(8_000, &ten_talkers(8_000, &frequencies, 30));
        let tenths = out.chunks_exact(800).skip(1);
        let clean = tenths.filter(|tenth| tone::fit(8_000, tenth, &frequencies).rest_db() < -60.0).count();
        assert!(clean >= 26, "{clean} of 29 tenths of a second");
    }

    #[test]
    fn a_sudden_loud_talker_makes_no_click() {
        for start in (8_000..8_160).step_by(3) {
            let voice = tone::tones(8_000, &[(220.0, 8_000.0)], 9_600);
            let loud = tone::tones(8_000, &[(400.0, 90_000.0)], 9_600 - start);
            let mut sum = voice;
            sum[start..].iter_mut().zip(loud).for_each(|(s, l)| *s += l);
            let sum = whole(&sum);
            let (out, gains, _) = limited(8_000, &sum);
            let own: Vec<u32> = sum.windows(2).map(|w| w[0].abs_diff(w[1])).collect();
            for (n, w) in out.windows(2).enumerate() {
                // The sound's own steps within 2.5 ms before and after.
                let near = own[n.saturating_sub(20)..(n + 20).min(own.len())].iter().max().unwrap();
                assert!(u32::from(w[0].abs_diff(w[1])) <= near + 1, "start {start}, sample {n}");
            }
            assert!(gains[..50].iter().all(Gain::is_unity) && !gains[51].is_unity());
        }
    }

    #[test]
    fn the_gain_comes_back_and_a_single_voice_is_untouched() {
        let bang = |loud_ms: usize| {
            let voice = tone::tones(8_000, &[(220.0, 25_000.0)], 16_000);
            let mut sum = whole(&voice);
            sum[1_600..1_600 + 8 * loud_ms].iter_mut().for_each(|s| *s *= 3);
            let (out, gains, _) = limited(8_000, &sum);
            let back = gains.iter().rposition(|gain| !gain.is_unity()).unwrap() + 1;
            let untouched =
                out.iter().zip(&sum).enumerate().filter(|(n, _)| !(10..back).contains(&(n / 160)));
            untouched.for_each(|(n, (out, sum))| assert_eq!(i32::from(*out), *sum, "sample {n}"));
            // From the end of the bang, in ms.
            20 * back - 200 - loud_ms
        };
        assert!((200..=320).contains(&bang(5)), "{}", bang(5));
        assert!((450..=600).contains(&bang(500)), "{}", bang(500));
    }

    fn sums(reach: i32) -> impl Strategy<Value = Vec<i32>> {
        prop::sample::select(vec![FRAME_8, FRAME_16, FRAME_48]).prop_flat_map(move |len| {
            prop::collection::vec(prop_oneof![Just(-reach), Just(reach), -reach..=reach], 3 * len)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Two thousand talkers at full scale, and a second mix that is louder than the first.
        #[test]
        fn whatever_comes_stays_in_range_and_keeps_its_sign(
            sum in sums(1 << 26),
            own in -30_000..30_000i32,
            quiet in 0..3u32,
        ) {
            let len = sum.len() / 3;
            let mut limiter = Limiter::new();
            for (n, sum) in sum.chunks_exact(len).enumerate() {
                // Some frames are quiet, so that the gain has a way to go.
                let sum: Vec<i32> = sum.iter().map(|s| if n as u32 == quiet { s >> 12 } else { *s }).collect();
                let minus: Vec<i32> = sum.iter().map(|s| s - own).collect();
                let mut highest = [0; BLOCKS];
                peaks(&sum, &mut highest);
                peaks(&minus, &mut highest);
                let gain = limiter.plan(&highest);
                for mix in [&sum, &minus] {
                    let mut out = vec![0; len];
                    gain.apply(mix, &mut out);
                    for (i, (out, mix)) in out.iter().zip(mix).enumerate() {
                        prop_assert!(i32::from(*out) * mix.signum() >= 0 && *out > i16::MIN, "{} {}", out, mix);
                        prop_assert!(i < len / BLOCKS || i32::from(*out).abs() <= KNEE, "{}", out);
                    }
                }
            }
        }

        #[test]
        fn a_sum_below_the_knee_passes_bit_by_bit(sum in sums(KNEE)) {
            let rate_hz = sum.len() as u32 / 3 * 50;
            let (out, gains, _) = limited(rate_hz, &sum);
            prop_assert!(gains.iter().all(Gain::is_unity));
            prop_assert!(out.iter().zip(&sum).all(|(out, sum)| i32::from(*out) == *sum));
        }

        /// A mix that nobody has looked at is clipped, not wrapped.
        #[test]
        fn wrong_peaks_do_not_wrap(sum in sums(1 << 26), wrong in any::<[u32; BLOCKS]>()) {
            let len = sum.len() / 3;
            let mut limiter = Limiter::new();
            for wrong in [[0; BLOCKS], wrong, [0; BLOCKS]] {
                let gain = limiter.plan(&wrong);
                let mut out = vec![0; len];
                gain.apply(&sum[..len], &mut out);
                prop_assert!(out.iter().zip(&sum).all(|(out, sum)| i32::from(*out) * sum.signum() >= 0));
            }
        }

        #[test]
        fn the_peaks_are_the_largest_magnitudes(sum in sums(1 << 26)) {
            let frame = &sum[..sum.len() / 3];
            let mut highest = [7; BLOCKS];
            peaks(frame, &mut highest);
            for (block, highest) in frame.chunks(frame.len() / BLOCKS).zip(highest) {
                prop_assert_eq!(highest, block.iter().map(|s| s.unsigned_abs()).max().unwrap().max(7));
            }
        }
    }

    #[test]
    fn bends_without_a_corner_or_a_jump() {
        for x in KNEE..KNEE + 200_000 {
            let step = i32::from(limit(x + 1)) - i32::from(limit(x));
            assert!((0..=1).contains(&step), "{x}");
        }
        assert_eq!(limit(i32::MAX), 32_766);
        assert_eq!(limit(i32::MIN), -32_766);
    }
}
