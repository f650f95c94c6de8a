//! The ADPCM decoder, a block at a time: differences follow from codes alone, and the zeros from the differences, so
//! that only the poles go sample by sample. Both bands lie side by side, and the compiler makes vectors of it.

use super::LIMIT;
use super::band::{Band, TAPS};
use super::tables::{HIGH_SOUNDS, LOW_SOUNDS};

/// Codes that are decoded at once: 20 ms.
pub(super) const BLOCK: usize = 160;
/// Both bands of a block.
const PAIRS: usize = 2 * BLOCK;

/// Lower and upper band in turns; the unused end of a short block holds zeros or noise that nobody reads.
pub(super) struct Block {
    /// The differences D, doubled, behind the last six of the block before.
    differences: [i16; 2 * TAPS + PAIRS],
    /// The differences as they are heard: the lower band's by all six bits.
    heard: [i16; PAIRS],
    /// SZ after each code.
    zeros_sums: [i16; PAIRS],
    /// The signs of P, 0 or -1, behind the last two of the block before.
    signs: [i16; 4 + PAIRS],
}

impl Block {
    /// Decodes up to [`BLOCK`] codes to samples of both bands.
    pub(super) fn decode(bytes: &[u8], low: &mut Band, high: &mut Band) -> [[i16; 2]; BLOCK] {
        let mut block = Block {
            differences: [0; 2 * TAPS + PAIRS],
            heard: [0; PAIRS],
            zeros_sums: [0; PAIRS],
            signs: [0; 4 + PAIRS],
        };
        block.dequantise(bytes, low, high);
        block.sum_zeros(bytes.len(), low, high);
        let mut samples = block.expect(bytes.len(), low, high);
        let heard = block.heard.as_chunks().0;
        for ([low, high], [d_low, d_high]) in samples.iter_mut().zip(heard) {
            // RECONS and LIMIT.
            let limit = |x: i16| x.clamp(LIMIT.0 as i16, LIMIT.1 as i16);
            (*low, *high) = (limit(low.saturating_add(*d_low)), limit(high.saturating_add(*d_high)));
        }
        samples
    }

    /// INVQAL, INVQBL, LOGSCL, SCALEL and INVQAH, LOGSCH, SCALEH.
    fn dequantise(&mut self, bytes: &[u8], low: &mut Band, high: &mut Band) {
        let (history, differences) = self.differences.split_at_mut(2 * TAPS);
        for (i, pair) in history.as_chunks_mut::<2>().0.iter_mut().rev().enumerate() {
            *pair = [low.differences[i] as i16, high.differences[i] as i16];
        }
        let heard = self.heard.as_chunks_mut::<2>().0;
        for ((byte, difference), heard) in bytes.iter().zip(differences.as_chunks_mut::<2>().0).zip(heard) {
            let (low_scale, high_scale) = (low.low_scale(), high.high_scale());
            let low_sound = &LOW_SOUNDS[usize::from(byte & 0x3F)];
            let high_core = HIGH_SOUNDS[usize::from(byte >> 6)];
            low.rescale_low(low_sound.core);
            high.rescale_high(high_core);
            let high = high_core.difference(high_scale);
            *heard = [low_sound.difference(low_scale) as i16, high as i16];
            *difference = [2 * low_sound.core.difference(low_scale) as i16, 2 * high as i16];
        }
    }

    /// UPZERO and FILTEZ.
    fn sum_zeros(&mut self, count: usize, low: &mut Band, high: &mut Band) {
        let now = &self.differences[2 * TAPS..];
        // From the oldest on, as FILTEZ adds and saturates.
        for tap in (0..TAPS).rev() {
            let mut track = [0; PAIRS];
            let before = &self.differences[2 * (TAPS - 1 - tap)..];
            for ((step, before), now) in track.iter_mut().zip(before).zip(now) {
                let turned = (before ^ now) >> 15;
                let size = if *now == 0 { 0 } else { 128 };
                *step = (size ^ turned) - turned;
            }
            let (mut b_low, mut b_high) = (low.zeros[tap], high.zeros[tap]);
            for [low, high] in track.as_chunks_mut().0.iter_mut().take(count) {
                b_low = ((b_low * 255) >> 8) + i32::from(*low);
                b_high = ((b_high * 255) >> 8) + i32::from(*high);
                (*low, *high) = (b_low as i16, b_high as i16);
            }
            (low.zeros[tap], high.zeros[tap]) = (b_low, b_high);
            let shifted = &self.differences[2 * (TAPS - tap)..];
            for ((sum, b), d) in self.zeros_sums.iter_mut().zip(track).zip(shifted) {
                *sum = sum.saturating_add(((i32::from(b) * i32::from(*d)) >> 15) as i16);
            }
        }
        let newest = self.differences[2 * count..][..2 * TAPS].as_chunks::<2>().0;
        for (i, [d_low, d_high]) in newest.iter().rev().enumerate() {
            (low.differences[i], high.differences[i]) = ((*d_low).into(), (*d_high).into());
        }
    }

    /// PARREC, and the poles: S before each code.
    fn expect(&mut self, count: usize, low: &mut Band, high: &mut Band) -> [[i16; 2]; BLOCK] {
        let (d, sums) = (self.differences[2 * TAPS..].as_chunks::<2>().0, self.zeros_sums.as_chunks::<2>().0);
        let (history, signs) = self.signs.split_at_mut(4);
        history.copy_from_slice(
            &[low.signs[1], high.signs[1], low.signs[0], high.signs[0]].map(|sign| sign as i16),
        );
        let mut last = [low.zeros_sum as i16, high.zeros_sum as i16];
        for ((signs, d), sums) in signs.as_chunks_mut::<2>().0.iter_mut().zip(d).zip(sums) {
            *signs = [(d[0] >> 1).saturating_add(last[0]) >> 15, (d[1] >> 1).saturating_add(last[1]) >> 15];
            last = *sums;
        }
        let (mut low_poles, mut high_poles) = (low.poles.clone(), high.poles.clone());
        let mut expected = [[0; 2]; BLOCK];
        let rows = expected.iter_mut().zip(d).zip(sums).zip(self.signs.array_windows::<6>().step_by(2));
        for (((expected, d), sums), signs) in rows.take(count) {
            *expected = [low_poles.expected as i16, high_poles.expected as i16];
            let turned = |i: usize, before: usize| i32::from(signs[i] ^ signs[before]);
            low_poles.step(d[0].into(), sums[0].into(), turned(4, 2), turned(4, 0));
            high_poles.step(d[1].into(), sums[1].into(), turned(5, 3), turned(5, 1));
        }
        (low.poles, high.poles) = (low_poles, high_poles);
        let newest = &self.signs[2 * count..][..4];
        low.signs = [newest[2].into(), newest[0].into()];
        high.signs = [newest[3].into(), newest[1].into()];
        if let Some([low_sum, high_sum]) = sums[..count].last() {
            (low.zeros_sum, high.zeros_sum) = ((*low_sum).into(), (*high_sum).into());
        }
        expected
    }
}
