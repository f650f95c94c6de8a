//! Secrets and identifiers, from the operating system's randomness.

use crate::{StoreError, UnixMs};
use rand::{TryRng, rngs::SysRng};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Crockford's base 32 in lower case: without i, l, o and u, so that nothing in it is misread for another.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], StoreError> {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes)?;
    Ok(bytes)
}

/// A secret of `N` bytes, five bits to a character.
pub(crate) fn token<const N: usize>() -> Result<String, StoreError> {
    Ok(base32(&bytes::<N>()?))
}

/// What is kept of a secret, or looked up in its place.
pub(crate) fn token_hash(token: &str) -> Vec<u8> {
    Sha256::digest(token).to_vec()
}

/// A UUID of version 7: in the order of time, with 74 random bits (RFC 9562 section 5.7).
pub(crate) fn id(now: UnixMs) -> Result<Uuid, StoreError> {
    Ok(uuid::Builder::from_unix_timestamp_millis(now, &bytes()?).into_uuid())
}

/// A number below a million, as even as nobody needs to measure: it only keeps NIC handles apart.
pub(crate) fn below_a_million() -> Result<u32, StoreError> {
    Ok(u32::from_le_bytes(bytes()?) % 1_000_000)
}

/// The bits that are left over at the end are filled up with zeros.
fn base32(bytes: &[u8]) -> String {
    let digit = |bits: u32| char::from(ALPHABET[(bits & 31) as usize]);
    let mut out = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut held, mut bits) = (0u32, 0u32);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push(digit(held >> bits));
        }
    }
    if bits > 0 {
        out.push(digit(held << (5 - bits)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_five_bits_to_a_character() {
        assert_eq!(base32(&[]), "");
        assert_eq!(base32(&[0xff]), "zw");
        assert_eq!(base32(&[0x00, 0x44, 0x32, 0x14, 0xc7]), "01234567");
        assert_eq!(base32(b"conference"), "cdqpwsk5e9jpwrv5");
    }

    #[test]
    fn no_two_tokens_are_alike_and_none_is_shorter() {
        let mut tokens: Vec<String> = (0..500).map(|_| token::<20>().unwrap()).collect();
        assert!(tokens.iter().all(|t| t.len() == 32 && t.bytes().all(|b| ALPHABET.contains(&b))));
        tokens.sort();
        tokens.dedup();
        assert_eq!(tokens.len(), 500);
    }

    #[test]
    fn identifiers_sort_by_time() {
        assert!(id(1_000).unwrap() < id(1_001).unwrap());
        assert_eq!(id(7).unwrap().get_version_num(), 7);
    }
}
