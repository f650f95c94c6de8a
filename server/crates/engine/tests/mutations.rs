//! The fuzz target's harness on thousands of seeded inputs: a change that makes some bytes panic is found by every run
//! of the tests, not by the fuzzer alone.

#[path = "support/harness.rs"]
mod harness;

use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        harness::run(&bytes);
    }

    /// A real stream, of which some bytes are changed: it gets further into the engine than noise does.
    #[test]
    fn no_change_of_a_real_stream_makes_it_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..40),
    ) {
        let mut bytes = vec![0];
        for i in 0u8..80 {
            // A packet of each of two legs, then 20 ms.
            for leg in [0, 1] {
                bytes.extend([112, leg, 0, 0, i, 0, 0, i / 2, i.wrapping_mul(160), 0, 0x20, 0xA0, 0x30, 0xB0]);
            }
            bytes.extend([32, 0, 20]);
        }
        for (index, byte) in changes {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        harness::run(&bytes);
    }
}
