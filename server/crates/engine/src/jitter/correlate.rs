//! How alike two stretches of sound are.

/// Largest magnitude that samples are scaled down to, so that 160 products fit into 32 bits.
const SCALED_BITS: u32 = 11;

/// Sound scaled down so that its products can be summed fast and without overflow.
pub(crate) struct Scaled<const N: usize> {
    samples: [i16; N],
}

impl<const N: usize> Scaled<N> {
    /// Takes the first `N` samples; what is missing is silence.
    pub(crate) fn new(source: &[i16]) -> Self {
        let peak = source.iter().take(N).map(|s| s.unsigned_abs()).max().unwrap_or(0);
        let bits = u16::BITS - peak.leading_zeros();
        let shift = bits.saturating_sub(SCALED_BITS);
        let mut samples = [0; N];
        samples.iter_mut().zip(source).for_each(|(to, from)| *to = from >> shift);
        Scaled { samples }
    }

    fn window(&self, start: usize, len: usize) -> &[i16] {
        self.samples.get(start..start + len).unwrap_or(&[])
    }

    /// The normalised cross-correlation of two stretches of `len` (at most 160) samples: -1 ..= 1, 0 if one is silent.
    pub(crate) fn likeness(&self, a: usize, b: usize, len: usize) -> f32 {
        let (a, b) = (self.window(a, len), self.window(b, len));
        let norm = dot(a, a) as f32 * dot(b, b) as f32;
        if norm <= 0.0 { 0.0 } else { dot(a, b) as f32 / norm.sqrt() }
    }
}

fn dot(a: &[i16], b: &[i16]) -> i32 {
    a.iter().zip(b).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_scale_does_not_overflow() {
        let scaled = Scaled::<320>::new(&[i16::MIN; 320]);
        assert!((scaled.likeness(0, 160, 160) - 1.0).abs() < 1e-3);
        let mut half = [i16::MIN; 320];
        half[160..].fill(i16::MAX);
        assert!((Scaled::<320>::new(&half).likeness(0, 160, 160) + 1.0).abs() < 1e-2);
    }

    #[test]
    fn silence_is_like_nothing() {
        assert_eq!(Scaled::<320>::new(&[0; 320]).likeness(0, 160, 160), 0.0);
    }
}
