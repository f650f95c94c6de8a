//! Keys for SRTP in session descriptions (RFC 4568, with the suites of RFC 6188 and RFC 7714).

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use model::limits::{SDP_CRYPTO_CHARS, SDP_CRYPTO_LINES};
use rand::Rng;
use sdp_types::Media;
use std::fmt;

/// Some phones leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How packets are encrypted and authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suite {
    Aes128CmSha1_80,
    Aes128CmSha1_32,
    Aes256CmSha1_80,
    Aes256CmSha1_32,
    Aes128Gcm,
    Aes256Gcm,
}

impl Suite {
    pub(crate) const ALL: [Suite; 6] = [
        Suite::Aes128CmSha1_80,
        Suite::Aes128CmSha1_32,
        Suite::Aes256CmSha1_80,
        Suite::Aes256CmSha1_32,
        Suite::Aes128Gcm,
        Suite::Aes256Gcm,
    ];

    /// As session descriptions write it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Suite::Aes128CmSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Suite::Aes128CmSha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Suite::Aes256CmSha1_80 => "AES_256_CM_HMAC_SHA1_80",
            Suite::Aes256CmSha1_32 => "AES_256_CM_HMAC_SHA1_32",
            Suite::Aes128Gcm => "AEAD_AES_128_GCM",
            Suite::Aes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    /// Bytes of the master key.
    pub(crate) fn key_bytes(self) -> usize {
        match self {
            Suite::Aes128CmSha1_80 | Suite::Aes128CmSha1_32 | Suite::Aes128Gcm => 16,
            Suite::Aes256CmSha1_80 | Suite::Aes256CmSha1_32 | Suite::Aes256Gcm => 32,
        }
    }

    /// Bytes of the master salt.
    pub(crate) fn salt_bytes(self) -> usize {
        match self {
            Suite::Aes128Gcm | Suite::Aes256Gcm => 12,
            _ => 14,
        }
    }
}

/// A master key and its salt. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct MasterKey {
    bytes: Vec<u8>,
    key_bytes: usize,
}

impl MasterKey {
    pub(super) fn random(suite: Suite, rng: &mut impl Rng) -> MasterKey {
        let mut bytes = vec![0; suite.key_bytes() + suite.salt_bytes()];
        rng.fill_bytes(&mut bytes);
        MasterKey { bytes, key_bytes: suite.key_bytes() }
    }

    fn decode(suite: Suite, base64: &str) -> Option<MasterKey> {
        let bytes = BASE64.decode(base64).ok()?;
        let fits = bytes.len() == suite.key_bytes() + suite.salt_bytes();
        fits.then_some(MasterKey { bytes, key_bytes: suite.key_bytes() })
    }

    pub(crate) fn key(&self) -> &[u8] {
        &self.bytes[..self.key_bytes]
    }

    pub(crate) fn salt(&self) -> &[u8] {
        &self.bytes[self.key_bytes..]
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey")
    }
}

/// What both sides of a call have agreed upon: each has a key of its own for what it sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SrtpKeys {
    pub(crate) suite: Suite,
    pub(crate) ours: MasterKey,
    pub(crate) theirs: MasterKey,
}

impl SrtpKeys {
    #[cfg(test)]
    pub(crate) fn random(suite: Suite, rng: &mut impl Rng) -> SrtpKeys {
        SrtpKeys { suite, ours: MasterKey::random(suite, rng), theirs: MasterKey::random(suite, rng) }
    }
}

/// An `a=crypto` line that we can take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Crypto {
    tag: u32,
    suite: Suite,
    key: MasterKey,
}

impl Crypto {
    /// `tag SP suite SP inline:key||salt[|lifetime] [SP parameter …]` (RFC 4568 section 9.2). `None` for all that we do not
    /// have: other suites, several keys, a key's identifier (MKI), and parameters that change what a packet looks like. How
    /// long a key lives is the sender's business.
    fn parse(value: &str) -> Option<Crypto> {
        if value.len() > SDP_CRYPTO_CHARS {
            return None;
        }
        let mut words = value.split_ascii_whitespace();
        let tag = words.next().filter(|tag| tag.len() <= 9)?.parse().ok()?;
        let name = words.next()?;
        let suite = Suite::ALL.into_iter().find(|suite| suite.name().eq_ignore_ascii_case(name))?;
        let (method, key) = words.next()?.split_once(':')?;
        let mut parts = key.split('|');
        let key = MasterKey::decode(suite, parts.next()?)?;
        let lifetimes = parts.all(|part| !part.contains(':'));
        // "WSH" is a hint to the receiver; all others must be understood (section 6.3).
        let understood = words.all(|parameter| parameter.starts_with("WSH="));
        (method.eq_ignore_ascii_case("inline") && lifetimes && understood).then_some(Crypto {
            tag,
            suite,
            key,
        })
    }

    /// Our keys for it: those of before, if the caller's is that of before.
    pub(super) fn answered(&self, before: Option<&SrtpKeys>, rng: &mut impl Rng) -> SrtpKeys {
        let same = before.filter(|keys| keys.suite == self.suite && keys.theirs == self.key);
        same.cloned().unwrap_or_else(|| SrtpKeys {
            suite: self.suite,
            ours: MasterKey::random(self.suite, rng),
            theirs: self.key.clone(),
        })
    }

    pub(super) fn is_of(&self, suite: Suite) -> bool {
        self.suite == suite
    }

    /// Their key as an answer to ours, which is of the same suite.
    pub(super) fn with(&self, ours: &MasterKey) -> SrtpKeys {
        SrtpKeys { suite: self.suite, ours: ours.clone(), theirs: self.key.clone() }
    }

    pub(super) fn answers(&self, tag: u32, suite: Suite) -> bool {
        (self.tag, self.suite) == (tag, suite)
    }

    /// The line that tells the caller our key (section 5.1.2): its tag and suite are those of the offer.
    pub(super) fn answer_line(&self, keys: &SrtpKeys) -> String {
        crypto_line(self.tag, keys.suite, &keys.ours)
    }
}

pub(super) fn crypto_line(tag: u32, suite: Suite, key: &MasterKey) -> String {
    format!("a=crypto:{tag} {} inline:{}\r\n", suite.name(), BASE64.encode(&key.bytes))
}

/// The first of the caller's choices that we can take (RFC 4568 section 5.1.2).
pub(super) fn best_crypto(media: &Media) -> Option<Crypto> {
    let lines = media.attributes.iter().filter(|a| a.attribute == "crypto").take(SDP_CRYPTO_LINES);
    lines.filter_map(|a| a.value.as_deref()).find_map(Crypto::parse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

    #[test]
    fn the_lines_of_the_rfc_are_read() {
        let line = |rest: &str| Crypto::parse(&format!("1 AES_CM_128_HMAC_SHA1_80 inline:{rest}"));
        let plain = line(KEY).unwrap();
        assert_eq!((plain.tag, plain.suite), (1, Suite::Aes128CmSha1_80));
        assert_eq!((plain.key.key().len(), plain.key.salt().len()), (16, 14));
        for same in ["|2^20", "|1048576", " WSH=64"] {
            assert_eq!(line(&format!("{KEY}{same}")).unwrap().key, plain.key, "{same}");
        }
    }

    #[test]
    fn what_we_do_not_have_is_passed_over() {
        for bad in [
            String::new(),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNENCRYPTED_SRTP"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} KDR=1"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY};inline:{KEY}"),
            format!("1 AES_CM_128_HMAC_SHA1_80 prompt:{KEY}"),
            format!("1 F8_128_HMAC_SHA1_80 inline:{KEY}"),
            format!("x AES_CM_128_HMAC_SHA1_80 inline:{KEY}"),
            format!("1234567890 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"),
            "1 AES_CM_128_HMAC_SHA1_80 inline:short".to_owned(),
            format!("1 AEAD_AES_128_GCM inline:{KEY}"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}{}", " WSH=64".repeat(40)),
        ] {
            assert_eq!(Crypto::parse(&bad), None, "{bad}");
        }
    }

    #[test]
    fn every_suite_is_answered_with_a_key_that_it_can_read_itself() {
        let mut rng = StdRng::seed_from_u64(1);
        for (tag, suite) in Suite::ALL.into_iter().enumerate() {
            let crypto = Crypto { tag: tag as u32, suite, key: MasterKey::random(suite, &mut rng) };
            let keys = crypto.answered(None, &mut rng);
            let line = crypto.answer_line(&keys);
            let read = Crypto::parse(line.trim_end().strip_prefix("a=crypto:").unwrap()).unwrap();
            assert_eq!((read.tag, read.suite, &read.key), (tag as u32, suite, &keys.ours));
            assert_ne!(keys.ours, keys.theirs);
            // The padding is optional.
            let bare = line.trim_end().trim_end_matches('=').strip_prefix("a=crypto:").unwrap().to_owned();
            assert_eq!(Crypto::parse(&bare).unwrap().key, keys.ours);
        }
    }

    #[test]
    fn our_key_lives_as_long_as_the_callers() {
        let mut rng = StdRng::seed_from_u64(2);
        let suite = Suite::Aes128CmSha1_80;
        let mut crypto = Crypto { tag: 1, suite, key: MasterKey::random(suite, &mut rng) };
        let first = crypto.answered(None, &mut rng);
        assert_eq!(crypto.answered(Some(&first), &mut rng), first);
        crypto.key = MasterKey::random(suite, &mut rng);
        let second = crypto.answered(Some(&first), &mut rng);
        assert!(second.ours != first.ours && second.theirs == crypto.key);
    }

    #[test]
    fn a_key_is_not_printed() {
        let key = MasterKey::random(Suite::Aes128CmSha1_80, &mut StdRng::seed_from_u64(3));
        assert_eq!(format!("{key:?}"), "MasterKey");
    }
}
