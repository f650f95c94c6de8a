use super::*;
use proptest::prelude::*;

/// The files of `tests/data`; see the README there.
macro_rules! data {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/g722/", $name))
    };
}

fn samples(bytes: &[u8]) -> Vec<i16> {
    bytes.as_chunks().0.iter().map(|sample| i16::from_le_bytes(*sample)).collect()
}

fn encode(encoder: &mut G722Encoder, pcm: &[i16]) -> Vec<u8> {
    let mut out = vec![0; pcm.len() / 2];
    encoder.encode(pcm, &mut out);
    out
}

fn decode(decoder: &mut G722Decoder, bytes: &[u8]) -> Vec<i16> {
    let mut out = vec![0; 2 * bytes.len()];
    decoder.decode(bytes, &mut out);
    out
}

#[test]
fn sound_is_coded_as_others_code_it() {
    let coded = encode(&mut G722Encoder::new(), &samples(data!("sound.pcm")));
    assert_eq!(coded, data!("sound.g722"));
}

#[test]
fn codes_are_heard_as_others_hear_them() {
    let heard = decode(&mut G722Decoder::new(), data!("codes.g722"));
    assert_eq!(heard, samples(data!("codes.pcm")));
    assert!(heard.contains(&i16::MAX) && heard.contains(&i16::MIN), "saturation is tried, too");
}

#[test]
fn a_block_may_have_any_length() {
    let pcm = samples(data!("sound.pcm"));
    let (coded, heard) = (data!("codes.g722").as_slice(), samples(data!("codes.pcm")));
    for bytes in [1, 7, 80, 159, 160, 161, 480] {
        let (mut encoder, mut decoder) = (G722Encoder::new(), G722Decoder::new());
        let pieces: Vec<u8> = pcm.chunks(2 * bytes).flat_map(|pcm| encode(&mut encoder, pcm)).collect();
        assert_eq!(pieces, data!("sound.g722"), "{bytes}");
        let pieces: Vec<i16> = coded.chunks(bytes).flat_map(|codes| decode(&mut decoder, codes)).collect();
        assert_eq!(pieces, heard, "{bytes}");
    }
}

#[test]
fn bands_are_limited() {
    // The signs of the coefficients are those of the loudest sound that there is.
    let loudest = QMF.map(|c| if c > 0 { i16::MAX } else { i16::MIN });
    assert_eq!(split(&loudest).0, LIMIT.1);
    assert_eq!(split(&loudest.map(|x| !x)).0, LIMIT.0);
    let loudest = QMF_MIRRORED.map(|c| if c > 0 { i16::MAX } else { i16::MIN });
    assert_eq!(split(&loudest).1, LIMIT.1);
    assert_eq!(split(&loudest.map(|x| !x)).1, LIMIT.0);
}

/// Sound that drives the predictors to their limits: runs of a value, tones, noise.
fn sound() -> impl Strategy<Value = Vec<i16>> {
    let run = prop_oneof![Just(i16::MIN), Just(i16::MAX), Just(0), any::<i16>()];
    let run = (run, 1..400usize).prop_map(|(value, count)| vec![value; count]);
    let square = (any::<i16>(), 1..40usize, 1..800usize).prop_map(|(value, half, count)| {
        (0..count).map(|i| if i / half % 2 == 0 { value } else { !value }).collect()
    });
    let noise = prop::collection::vec(any::<i16>(), 1..400);
    prop::collection::vec(prop_oneof![run, square, noise], 1..12).prop_map(|parts| {
        let mut pcm = parts.concat();
        pcm.truncate(pcm.len() / 2 * 2);
        pcm
    })
}

proptest! {
    /// The encoder goes sample by sample and the decoder by blocks, so each judges the other.
    #[test]
    fn the_decoder_follows_the_encoder(pcm in sound()) {
        let (mut encoder, mut decoder) = (G722Encoder::new(), G722Decoder::new());
        for pcm in pcm.chunks(320) {
            let coded = encode(&mut encoder, pcm);
            decode(&mut decoder, &coded);
            prop_assert_eq!((&encoder.low, &encoder.high), (&decoder.low, &decoder.high));
        }
    }

    #[test]
    fn equal_states_code_alike(before in sound(), after in sound()) {
        let mut one = G722Encoder::new();
        encode(&mut one, &before);
        let mut other = one.clone();
        prop_assert_eq!(encode(&mut one, &after), encode(&mut other, &after));
        prop_assert_eq!(one, other);
    }

    /// Runs of a code drive the predictors further than any encoder does.
    #[test]
    fn all_bytes_are_decoded(runs in prop::collection::vec((any::<u8>(), 1..300usize), 1..40)) {
        let codes: Vec<u8> = runs.iter().flat_map(|(code, count)| vec![*code; *count]).collect();
        let mut whole = G722Decoder::new();
        let mut single = whole.clone();
        let heard = decode(&mut whole, &codes);
        let pieces: Vec<i16> = codes.iter().flat_map(|code| decode(&mut single, &[*code])).collect();
        prop_assert_eq!(heard, pieces);
        prop_assert_eq!(whole, single);
    }
}
