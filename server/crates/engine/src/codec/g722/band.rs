//! The adaptive part of a band, and the ADPCM encoder, which needs it sample by sample.

use super::saturate;
use super::tables::{Core, HIGH_DECISION, HIGH_SOUNDS, LAST_DECISION, LOW_CODES, PASSED, SCALES};

/// The zeros of the predictor.
pub(super) const TAPS: usize = 6;
/// While no doubled difference in the predictor is greater, no sum of its six products saturates (no coefficient is
/// greater than 1), and their order does not matter.
const LOUD: i32 = i16::MAX as i32 / TAPS as i32;
/// The greatest NB of the lower and of the upper band (LOGSCL, LOGSCH).
const LOW_TOP: i32 = 18_432;
const HIGH_TOP: i32 = 22_528;
/// The lower band's scale factors begin two octaves higher in the table (SCALEL).
const LOW_SCALES: usize = 64;

/// The state of a band; every value is of 16 bits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Band {
    /// NB: the logarithm of the scale factor, 0..=[`HIGH_TOP`].
    pub(super) log_scale: i32,
    /// SZ: what the zeros expect of the next sample.
    pub(super) zeros_sum: i32,
    /// The signs of the last two P, newest first: 0 or -1.
    pub(super) signs: [i32; 2],
    /// B1 to B6.
    pub(super) zeros: [i32; TAPS],
    /// The last differences D, newest first, doubled as FILTEZ does.
    pub(super) differences: [i32; TAPS],
    pub(super) poles: Poles,
}

/// The poles' half of a band.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Poles {
    /// A1 and A2.
    a1: i32,
    a2: i32,
    /// The last reconstructed value R, doubled as FILTEP does.
    rebuilt: i32,
    /// S: what zeros and poles expect of the next sample.
    pub(super) expected: i32,
}

impl Poles {
    /// UPPOL2, UPPOL1, RECONS, FILTEP and PREDIC, by the doubled difference, the zeros' new sum, and whether the sign
    /// of P differs from the last and from the last but one: 0 or -1.
    #[inline(always)]
    pub(super) fn step(&mut self, difference: i32, zeros_sum: i32, turned: i32, turned_2: i32) {
        // A shift by two to the left, saturation, and a shift by seven to the right.
        let pull = (signed(-self.a1, turned) >> 5).clamp(-256, 255);
        self.a2 = (pull + signed(128, turned_2) + ((self.a2 * 127) >> 7)).clamp(-12_288, 12_288);
        let limit = 15_360 - self.a2;
        self.a1 = (signed(192, turned) + ((self.a1 * 255) >> 8)).min(limit).max(-limit);
        let rebuilt = saturate(2 * self.expected + difference);
        let sum = saturate(((self.a1 * rebuilt) >> 15) + ((self.a2 * self.rebuilt) >> 15));
        self.rebuilt = rebuilt;
        self.expected = saturate(sum + zeros_sum);
    }
}

/// `x`, or `-x` if `turned` is -1 and not 0.
#[inline(always)]
fn signed(x: i32, turned: i32) -> i32 {
    (x ^ turned) - turned
}

impl Band {
    pub(super) fn new() -> Self {
        Band {
            log_scale: 0,
            zeros_sum: 0,
            signs: [0; 2],
            zeros: [0; TAPS],
            differences: [0; TAPS],
            poles: Poles { a1: 0, a2: 0, rebuilt: 0, expected: 0 },
        }
    }

    /// For how many samples the predictor will hold a loud difference.
    pub(super) fn loud(&self) -> usize {
        self.differences.iter().position(|d| d.abs() > LOUD).map_or(0, |age| TAPS - age)
    }

    #[inline(always)]
    pub(super) fn low_scale(&self) -> i32 {
        SCALES[LOW_SCALES + (self.log_scale >> 6) as usize].into()
    }

    #[inline(always)]
    pub(super) fn high_scale(&self) -> i32 {
        SCALES[(self.log_scale >> 6) as usize].into()
    }

    /// LOGSCL.
    #[inline(always)]
    pub(super) fn rescale_low(&mut self, core: Core) {
        self.rescale(core, LOW_TOP);
    }

    /// LOGSCH.
    #[inline(always)]
    pub(super) fn rescale_high(&mut self, core: Core) {
        self.rescale(core, HIGH_TOP);
    }

    #[inline(always)]
    fn rescale(&mut self, core: Core, top: i32) {
        self.log_scale = (((self.log_scale * 127) >> 7) + i32::from(core.log_step)).clamp(0, top);
    }

    /// SUBTRA, QUANTL and the predictor: a sample of the lower band to its six bits.
    #[inline(always)]
    pub(super) fn encode_low(&mut self, sample: i32, loud: &mut usize) -> u8 {
        let scale = self.low_scale();
        let error = saturate(sample - self.poles.expected);
        // A magnitude reaches the level Q * scale / 4096, rounded down, exactly if Q is not above this ratio.
        let magnitude = (error ^ (error >> 31)) as u32;
        let ratio = (((magnitude + 1) << 12) - 1) / scale as u32;
        let passed = usize::from(PASSED[(ratio as usize).min(LAST_DECISION)]);
        let found = &LOW_CODES[if error < 0 { passed } else { passed + 32 }];
        self.rescale_low(found.core);
        self.adapt(found.core.difference(scale), loud);
        found.code
    }

    /// SUBTRA, QUANTH and the predictor: a sample of the upper band to its two bits.
    #[inline(always)]
    pub(super) fn encode_high(&mut self, sample: i32, loud: &mut usize) -> u8 {
        let scale = self.high_scale();
        let error = saturate(sample - self.poles.expected);
        let near = (error ^ (error >> 31)) < (HIGH_DECISION * scale) >> 15;
        let code = u8::from(near) | u8::from(error >= 0) << 1;
        let core = HIGH_SOUNDS[usize::from(code)];
        self.rescale_high(core);
        self.adapt(core.difference(scale), loud);
        code
    }

    /// PARREC, UPZERO, FILTEZ, and the poles.
    #[inline(always)]
    fn adapt(&mut self, difference: i32, loud: &mut usize) {
        let sign = (difference + self.zeros_sum) >> 31;
        let step = if difference == 0 { 0 } else { 128 };
        let doubled = 2 * difference;
        let [d1, d2, d3, d4, d5, _] = self.differences;
        let shifted = [doubled, d1, d2, d3, d4, d5];
        let mut products = [0; TAPS];
        for i in (0..TAPS).rev() {
            let turned = (self.differences[i] >> 31) ^ (doubled >> 31);
            self.zeros[i] = signed(step, turned) + ((self.zeros[i] * 255) >> 8);
            products[i] = (self.zeros[i] * shifted[i]) >> 15;
        }
        self.differences = shifted;
        *loud = if doubled.abs() > LOUD { TAPS } else { loud.saturating_sub(1) };
        self.zeros_sum = if *loud == 0 {
            products.iter().rev().sum()
        } else {
            // From the oldest on, as FILTEZ does.
            products.iter().rev().fold(0, |sum, product| saturate(sum + product))
        };
        self.poles.step(doubled, self.zeros_sum, sign ^ self.signs[0], sign ^ self.signs[1]);
        self.signs = [sign, self.signs[0]];
    }
}
