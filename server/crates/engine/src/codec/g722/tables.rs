//! The tables of ITU-T G.722 (09/2012), section 6.2.1, arranged so that a code leads to all that follows from it.

/// Both quadrature mirror filters, section 6.2.1.1; symmetrical, so the order of time does not matter.
pub(super) const QMF: [i16; 24] = [
    3, -11, -11, 53, 12, -156, 32, 362, -210, -805, 951, 3876, //
    3876, 951, -805, -210, 362, 32, -156, 12, 53, -11, -11, 3,
];

/// [`QMF`] with every other sign turned: the difference of the filter's two halves in one product.
pub(super) const QMF_MIRRORED: [i16; 24] = {
    let mut mirrored = QMF;
    let mut i = 0;
    while i < QMF.len() {
        mirrored[i] = -mirrored[i];
        i += 2;
    }
    mirrored
};

/// The greatest of QUANTL's decision levels.
pub(super) const LAST_DECISION: usize = 2919;

/// How many of QUANTL's decision levels Q6 a ratio reaches, the first of them being 0: 1..=30.
pub(super) static PASSED: [u8; LAST_DECISION + 1] = {
    const Q6: [usize; 30] = [
        0,
        35,
        72,
        110,
        150,
        190,
        233,
        276,
        323,
        370,
        422,
        473,
        530,
        587,
        650,
        714,
        786,
        858,
        940,
        1023,
        1121,
        1219,
        1339,
        1458,
        1612,
        1765,
        1980,
        2195,
        2557,
        LAST_DECISION,
    ];
    let mut table = [0; LAST_DECISION + 1];
    let mut ratio = 0;
    let mut passed = 0;
    while ratio < table.len() {
        if passed < Q6.len() && Q6[passed] == ratio {
            passed += 1;
        }
        table[ratio] = passed as u8;
        ratio += 1;
    }
    table
};

/// What a code of the lower band means to the predictor: its upper four bits alone (INVQAL and LOGSCL).
#[derive(Clone, Copy)]
pub(super) struct Core {
    /// The difference in units of the scale factor / 2^15.
    difference: i16,
    /// What it adds to the logarithm of the scale factor.
    pub(super) log_step: i16,
}

impl Core {
    /// D, by the scale factor.
    #[inline(always)]
    pub(super) fn difference(self, scale: i32) -> i32 {
        (i32::from(self.difference) * scale) >> 15
    }
}

/// A code of the lower band as the encoder finds it.
#[derive(Clone, Copy)]
pub(super) struct LowCode {
    pub(super) core: Core,
    pub(super) code: u8,
}

/// A code of the lower band as the decoder hears it.
#[derive(Clone, Copy)]
pub(super) struct LowSound {
    pub(super) core: Core,
    /// The difference by all six bits (INVQBL), in the same units.
    difference: i16,
}

impl LowSound {
    /// DL, by the scale factor.
    #[inline(always)]
    pub(super) fn difference(&self, scale: i32) -> i32 {
        (i32::from(self.difference) * scale) >> 15
    }
}

const fn low_core(code: u8) -> Core {
    const RIL4: [usize; 16] = [0, 7, 6, 5, 4, 3, 2, 1, 7, 6, 5, 4, 3, 2, 1, 0];
    const OQ4: [i16; 8] = [0, 150, 323, 530, 786, 1121, 1612, 2557];
    const WL: [i16; 8] = [-60, -30, 58, 172, 334, 538, 1198, 3042];
    let upper = (code >> 2) as usize;
    let magnitude = OQ4[RIL4[upper]] * 8;
    let negative = upper >= 1 && upper <= 7;
    Core { difference: if negative { -magnitude } else { magnitude }, log_step: WL[RIL4[upper]] }
}

/// By 32 times "not negative" plus the number of decision levels passed: 1..=30 (table MISIL).
pub(super) static LOW_CODES: [LowCode; 64] = {
    let mut table = [LowCode { core: low_core(0), code: 0 }; 64];
    let mut passed = 1;
    while passed <= 30 {
        let negative = if passed <= 2 { 64 - passed } else { 34 - passed };
        let positive = 62 - passed;
        table[passed] = LowCode { core: low_core(negative as u8), code: negative as u8 };
        table[32 + passed] = LowCode { core: low_core(positive as u8), code: positive as u8 };
        passed += 1;
    }
    table
};

/// By the six bits of the lower band. The encoder never sends the codes 0..=3; they decode as the smallest negative.
pub(super) static LOW_SOUNDS: [LowSound; 64] = {
    const OQ6: [i16; 31] = [
        0, 17, 54, 91, 130, 170, 211, 254, 300, 347, 396, 447, 501, 558, 618, 682, 750, 822, 899, 982, 1072,
        1170, 1279, 1399, 1535, 1689, 1873, 2088, 2376, 2738, 3101,
    ];
    let mut table = [LowSound { core: low_core(0), difference: 0 }; 64];
    let mut code = 0;
    while code < 64 {
        let (level, negative) = match code {
            0..=3 => (1, true),
            4..=31 => (34 - code, true),
            32..=61 => (62 - code, false),
            _ => (64 - code, true),
        };
        let magnitude = OQ6[level] * 8;
        table[code] = LowSound {
            core: low_core(code as u8),
            difference: if negative { -magnitude } else { magnitude },
        };
        code += 1;
    }
    table
};

/// Q2 of QUANTH, times 8 as the reference shifts it.
pub(super) const HIGH_DECISION: i32 = 564 * 8;

/// By the two bits of the upper band (INVQAH and LOGSCH).
pub(super) static HIGH_SOUNDS: [Core; 4] = [
    Core { difference: -926 * 8, log_step: 798 },
    Core { difference: -202 * 8, log_step: -214 },
    Core { difference: 926 * 8, log_step: 798 },
    Core { difference: 202 * 8, log_step: -214 },
];

/// The scale factors of SCALEL and SCALEH, by the logarithm's upper bits: table ILA plus one, times four.
pub(super) static SCALES: [i16; 353] = {
    const ILB: [i16; 32] = [
        2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896,
        2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
    ];
    let mut table = [0; 353];
    let mut i = 0;
    while i < table.len() {
        let octave = i / 32;
        let mantissa = ILB[i % 32];
        table[i] = if octave > 10 { mantissa << (octave - 10) } else { mantissa >> (10 - octave) } << 2;
        i += 1;
    }
    table
};
