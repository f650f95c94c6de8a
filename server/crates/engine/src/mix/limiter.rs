//! What keeps a sum of voices inside 16 bits.
//!
//! A curve without memory: straight up to the knee, so that one or two voices pass unchanged and mix-minus is exact;
//! above it a hyperbola that meets the line with the same slope and never reaches full scale. Since it has no state, a
//! member who changes between the shared mix and a mix of its own hears no difference in gain.

/// Where the curve begins to bend: 2.2 dB below full scale.
pub(crate) const KNEE: i32 = 25_600;
const ROOM: i64 = i16::MAX as i64 - KNEE as i64;

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
