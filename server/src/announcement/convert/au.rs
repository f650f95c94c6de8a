//! AU files, which symphonia does not read, become AIFF-C files, which it does: only the head differs.

use model::UploadProblem;

/// Bytes of the shortest head.
const HEAD_BYTES: usize = 24;
/// "Until the end": what a program writes that cannot know better.
const UNKNOWN: u32 = u32::MAX;

/// The same sound as AIFF-C. `None`: it is no AU file.
///
/// # Errors
/// [`UploadProblem::NotSound`] where its encoding is none of the usual; [`UploadProblem::Damaged`] where less is there
/// than its head says.
pub(super) fn as_aiff(file: &[u8]) -> Result<Option<Vec<u8>>, UploadProblem> {
    if !file.starts_with(b".snd") {
        return Ok(None);
    }
    let word = |n: usize| {
        let bytes = file.get(n * 4..n * 4 + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map(u32::from_be_bytes).ok_or(UploadProblem::Damaged)
    };
    let (offset, size, encoding, rate_hz, channels) = (word(1)?, word(2)?, word(3)?, word(4)?, word(5)?);
    let (kind, sample_bytes): (&[u8; 4], usize) = match encoding {
        1 => (b"ulaw", 1),
        2 => (b"NONE", 1),
        3 => (b"NONE", 2),
        4 => (b"NONE", 3),
        5 => (b"NONE", 4),
        6 => (b"fl32", 4),
        7 => (b"fl64", 8),
        27 => (b"alaw", 1),
        _ => return Err(UploadProblem::NotSound),
    };
    let start = usize::try_from(offset).unwrap_or(usize::MAX).max(HEAD_BYTES);
    let data = file.get(start..).ok_or(UploadProblem::Damaged)?;
    let data = match usize::try_from(size) {
        Ok(bytes) if size != UNKNOWN => data.get(..bytes).ok_or(UploadProblem::Damaged)?,
        _ => data,
    };
    let channels = u16::try_from(channels).ok().filter(|n| *n > 0).ok_or(UploadProblem::NotSound)?;
    let frames = data.len() / (sample_bytes * usize::from(channels));
    let data = data.get(..frames * sample_bytes * usize::from(channels)).unwrap_or(data);
    // G.711 stands for samples of 16 bits.
    let bits = if matches!(kind, b"ulaw" | b"alaw") { 16 } else { sample_bytes as u16 * 8 };
    let common = common(channels, frames as u32, bits, rate_hz, kind);
    Ok(Some(aiff(&common, data)))
}

fn common(channels: u16, frames: u32, bits: u16, rate_hz: u32, kind: &[u8; 4]) -> Vec<u8> {
    let mut chunk = channels.to_be_bytes().to_vec();
    chunk.extend(frames.to_be_bytes());
    chunk.extend(bits.to_be_bytes());
    chunk.extend(extended(rate_hz));
    chunk.extend(kind);
    // The kind's name, as a string of a length byte and none of characters, and one to make it even.
    chunk.extend([0, 0]);
    chunk
}

fn aiff(common: &[u8], data: &[u8]) -> Vec<u8> {
    let chunk = |name: &[u8; 4], parts: &[&[u8]]| {
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        let mut chunk = name.to_vec();
        chunk.extend((bytes as u32).to_be_bytes());
        parts.iter().for_each(|part| chunk.extend_from_slice(part));
        if bytes % 2 == 1 {
            chunk.push(0);
        }
        chunk
    };
    let version = chunk(b"FVER", &[&0xA280_5140_u32.to_be_bytes()]);
    let sound = chunk(b"SSND", &[&[0; 8], data]);
    chunk(b"FORM", &[b"AIFC", &version, &chunk(b"COMM", &[common]), &sound])
}

/// A whole number as an 80-bit float: a sign and exponent of 16 bits, and a mantissa of 64 that begins with its 1.
fn extended(n: u32) -> [u8; 10] {
    let mut bytes = [0; 10];
    if n > 0 {
        let shift = n.leading_zeros();
        let exponent = 16_383 + 31 - shift as u16;
        bytes[..2].copy_from_slice(&exponent.to_be_bytes());
        bytes[2..6].copy_from_slice(&(n << shift).to_be_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn au(size: u32, encoding: u32, data: &[u8]) -> Vec<u8> {
        let mut file = b".snd".to_vec();
        for word in [24, size, encoding, 8_000, 1] {
            file.extend(word.to_be_bytes());
        }
        file.extend(data);
        file
    }

    #[test]
    fn rates_are_as_apple_writes_them() {
        assert_eq!(extended(44_100), [0x40, 0x0e, 0xac, 0x44, 0, 0, 0, 0, 0, 0]);
        assert_eq!(extended(8_000), [0x40, 0x0b, 0xfa, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(extended(0), [0; 10]);
    }

    #[test]
    fn what_is_cut_or_unknown_is_refused() {
        assert!(as_aiff(b"RIFF").unwrap().is_none());
        for size in [4, u32::MAX] {
            let aiff = as_aiff(&au(size, 3, &[1, 2, 3, 4])).unwrap().unwrap();
            assert!(aiff.starts_with(b"FORM") && aiff.ends_with(&[1, 2, 3, 4]), "{size}");
        }
        assert_eq!(as_aiff(&au(5, 3, &[1, 2, 3, 4])), Err(UploadProblem::Damaged));
        assert_eq!(as_aiff(&au(4, 99, &[1, 2, 3, 4])), Err(UploadProblem::NotSound));
        let whole = au(4, 3, &[1, 2, 3, 4]);
        for length in 4..whole.len() {
            assert_eq!(as_aiff(&whole[..length]), Err(UploadProblem::Damaged), "{length}");
        }
    }
}
