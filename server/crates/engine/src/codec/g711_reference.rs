//! G.711 against tables of another implementation, complete; see `tests/data/README.md`.

use crate::codec::{Decoder, FRAME_BYTES, encode};
use crate::params::Codec;

macro_rules! data {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/g711/", $name))
    };
}

fn encoded(codec: Codec, sample: i16) -> u8 {
    let mut out = [0; FRAME_BYTES];
    encode(codec, &[sample; FRAME_BYTES], &mut out);
    out[0]
}

/// The reference's code of each sample, from the lowest on.
fn codes(runs: &[u8]) -> Vec<u8> {
    let runs = runs.as_chunks::<3>().0;
    let starts = runs.iter().map(|run| i32::from(i16::from_le_bytes([run[0], run[1]])));
    let ends = starts.clone().skip(1).chain([1 << 15]);
    starts.zip(ends).zip(runs).flat_map(|((start, end), run)| (start..end).map(|_| run[2])).collect()
}

#[test]
fn every_sample_of_a_law_is_coded_as_the_reference_codes_it() {
    let codes = codes(data!("pcma.runs"));
    assert_eq!(codes.len(), 1 << 16);
    for (sample, code) in (i16::MIN..=i16::MAX).zip(codes) {
        assert_eq!(encoded(Codec::Pcma, sample), code, "{sample}");
    }
}

#[test]
fn every_sample_of_mu_law_is_coded_as_the_reference_codes_it() {
    let codes = codes(data!("pcmu.runs"));
    assert_eq!(codes.len(), 1 << 16);
    for sample in i16::MIN..=i16::MAX {
        // Its negative magnitudes are two's complement, ours one's complement as in G.191; 0 has no negative.
        let theirs = match sample {
            ..-1 => codes[(i32::from(sample) + 1 + (1 << 15)) as usize],
            -1 => 0x7F,
            0.. => codes[(i32::from(sample) + (1 << 15)) as usize],
        };
        assert_eq!(encoded(Codec::Pcmu, sample), theirs, "{sample}");
    }
}

#[test]
fn every_code_is_heard_as_the_reference_hears_it() {
    let bytes: Vec<u8> = (0..=255).collect();
    for (codec, reference) in [(Codec::Pcma, data!("pcma.pcm")), (Codec::Pcmu, data!("pcmu.pcm"))] {
        let mut heard = [0; 256];
        Decoder::new(codec).decode(&bytes, &mut heard);
        let theirs: Vec<i16> =
            reference.as_chunks().0.iter().map(|sample| i16::from_le_bytes(*sample)).collect();
        assert_eq!(heard.as_slice(), theirs, "{}", codec.name());
    }
}
