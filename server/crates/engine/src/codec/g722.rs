//! G.722 at 64 kbit/s (ITU-T G.722, 09/2012): 16 kHz PCM, one byte for two samples, no heap.
//!
//! A quadrature mirror filter makes two bands of 8 kHz; each is coded by an ADPCM whose predictor has six zeros and two
//! poles. The codes are bit-exact with the reference software of ITU-T G.191, saturations included; blocks are named
//! in comments as in section 6.2.1. A state holds nothing but what decides about the future, so encoders whose states
//! are equal code alike for ever.

mod band;
mod block;
mod tables;
#[cfg(test)]
mod tests;

use band::Band;
use block::{BLOCK, Block};
use tables::{QMF, QMF_MIRRORED};

/// Samples that a mirror filter remembers.
const MEMORY: usize = QMF.len() - 2;
/// The range of the bands (LIMIT): 15 bits.
const LIMIT: (i32, i32) = (-16_384, 16_383);

/// One direction's encoder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct G722Encoder {
    memory: [i16; MEMORY],
    low: Band,
    high: Band,
}

/// One direction's decoder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct G722Decoder {
    memory: [i16; MEMORY],
    low: Band,
    high: Band,
}

/// What a mirror filter remembers, and a block after it.
type Line = [i16; MEMORY + 2 * BLOCK];

impl G722Encoder {
    pub(crate) fn new() -> Self {
        G722Encoder { memory: [0; MEMORY], low: Band::new(), high: Band::new() }
    }

    /// Encodes 16-bit PCM at 16 kHz, a byte for two samples; `pcm` is twice as long as `out`.
    pub(crate) fn encode(&mut self, pcm: &[i16], out: &mut [u8]) {
        debug_assert_eq!(pcm.len(), 2 * out.len());
        for (pcm, out) in pcm.chunks(2 * BLOCK).zip(out.chunks_mut(BLOCK)) {
            let mut line: Line = begin(&self.memory);
            line[MEMORY..][..pcm.len()].copy_from_slice(pcm);
            let mut bands = [(0, 0); BLOCK];
            for (n, band) in bands[..out.len()].iter_mut().enumerate() {
                *band = split(window(&line, n));
            }
            // Copies are held in registers: a tenth faster.
            let (mut low, mut high) = (self.low.clone(), self.high.clone());
            let (mut low_loud, mut high_loud) = (low.loud(), high.loud());
            for (byte, (low_sample, high_sample)) in out.iter_mut().zip(bands) {
                let low_code = low.encode_low(low_sample, &mut low_loud);
                *byte = low_code | high.encode_high(high_sample, &mut high_loud) << 6;
            }
            (self.low, self.high) = (low, high);
            self.memory.copy_from_slice(&line[2 * out.len()..][..MEMORY]);
        }
    }
}

impl G722Decoder {
    pub(crate) fn new() -> Self {
        G722Decoder { memory: [0; MEMORY], low: Band::new(), high: Band::new() }
    }

    /// Decodes any bytes to 16-bit PCM at 16 kHz, two samples for a byte; `out` is twice as long as `bytes`.
    pub(crate) fn decode(&mut self, bytes: &[u8], out: &mut [i16]) {
        debug_assert_eq!(2 * bytes.len(), out.len());
        for (bytes, out) in bytes.chunks(BLOCK).zip(out.chunks_mut(2 * BLOCK)) {
            let mut line: Line = begin(&self.memory);
            let bands = Block::decode(bytes, &mut self.low, &mut self.high);
            for (pair, [low, high]) in line[MEMORY..].as_chunks_mut().0.iter_mut().zip(bands) {
                *pair = [low + high, low - high];
            }
            for (n, pair) in out.as_chunks_mut().0.iter_mut().enumerate() {
                *pair = join(window(&line, n));
            }
            self.memory.copy_from_slice(&line[2 * bytes.len()..][..MEMORY]);
        }
    }
}

fn begin(memory: &[i16; MEMORY]) -> Line {
    let mut line = [0; MEMORY + 2 * BLOCK];
    line[..MEMORY].copy_from_slice(memory);
    line
}

/// The samples that the mirror filter weighs for the code `n` of a block.
#[inline(always)]
fn window(line: &Line, n: usize) -> &[i16; 24] {
    line[2 * n..][..24].try_into().expect("24 samples")
}

/// The transmitting mirror filter: the newest sample of the lower and of the upper band.
#[inline(always)]
fn split(window: &[i16; 24]) -> (i32, i32) {
    let (low, high) = (dot(window, &QMF) >> 14, dot(window, &QMF_MIRRORED) >> 14);
    (low.clamp(LIMIT.0, LIMIT.1), high.clamp(LIMIT.0, LIMIT.1))
}

/// The receiving mirror filter: two samples of sums and differences of the bands.
#[inline(always)]
fn join(window: &[i16; 24]) -> [i16; 2] {
    // The filter's halves are half the sum and half the difference of these, and their shift is 11.
    let (sum, difference) = (dot(window, &QMF), dot(window, &QMF_MIRRORED));
    [sum + difference, sum - difference].map(|x| saturate(x >> 12) as i16)
}

/// At most 12,964 * 2^15, so far from an overflow.
#[inline(always)]
fn dot(window: &[i16; 24], coefficients: &[i16; 24]) -> i32 {
    window.iter().zip(coefficients).map(|(x, c)| i32::from(*x) * i32::from(*c)).sum()
}

/// To 16 bits, as all sums of the recommendation.
#[inline(always)]
fn saturate(x: i32) -> i32 {
    x.clamp(i16::MIN.into(), i16::MAX.into())
}
