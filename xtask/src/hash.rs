//! Names by content.

use sha2::{Digest, Sha256};

/// The first 64 bits of SHA-256 over all parts, as 16 hexadecimal digits. Every part is preceded by its
/// length, so that moving a byte from one to the next changes the result.
pub(crate) fn short_hash<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_part_ends_matters() {
        let hash = short_hash([b"ab".as_slice(), b"c"]);
        assert_eq!(hash.len(), 16);
        assert_eq!(hash, short_hash([b"ab".as_slice(), b"c"]));
        assert_ne!(hash, short_hash([b"a".as_slice(), b"bc"]));
    }
}
