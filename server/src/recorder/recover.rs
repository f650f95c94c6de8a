//! Recordings that a crash left open: half a page at the end is cut off, and the last whole page says how long they are.

use super::track::PRE_SKIP;
use ogg::reading::PageParser;
use std::fs::OpenOptions;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use store::RecordedSound;

/// A page's head without its table of segments (RFC 3533 section 6).
const HEAD_BYTES: usize = 27;
/// The last page that was written whole begins within so much of the end: two pages of the largest size.
const TAIL_BYTES: u64 = 2 * (HEAD_BYTES as u64 + 255 + 255 * 255);
const GRANULES_PER_MS: u64 = 48;

/// The last whole page of some bytes.
struct LastPage {
    /// Where it ends.
    end: usize,
    /// How much sound there is up to its end.
    granules: u64,
}

/// Closes the file, and says what it holds. A file without a whole page is left empty. What was lost of it before the crash
/// is not known any more.
pub(super) fn close(path: &Path) -> std::io::Result<RecordedSound> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    let from = length.saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut tail)?;
    let last = last_page(&tail);
    let bytes = last.as_ref().map_or(0, |page| from + page.end as u64);
    let file = OpenOptions::new().write(true).open(path)?;
    if bytes < length {
        file.set_len(bytes)?;
    }
    file.sync_all()?;
    let granules = last.map_or(0, |page| page.granules);
    Ok(RecordedSound { length_ms: granules.saturating_sub(PRE_SKIP) / GRANULES_PER_MS, bytes, gaps_ms: 0 })
}

fn last_page(bytes: &[u8]) -> Option<LastPage> {
    (0..bytes.len().saturating_sub(HEAD_BYTES - 1)).rev().find_map(|at| page(bytes, at))
}

/// The page that begins there, if one does, all of it is there, and its checksum is right.
fn page(bytes: &[u8], at: usize) -> Option<LastPage> {
    let page = &bytes[at..];
    if !page.starts_with(b"OggS") {
        return None;
    }
    let head: [u8; HEAD_BYTES] = page.get(..HEAD_BYTES)?.try_into().ok()?;
    let (mut parser, segments) = PageParser::new(head).ok()?;
    let table = page.get(HEAD_BYTES..HEAD_BYTES + segments)?;
    let body = parser.parse_segments(table.to_vec());
    let begin = HEAD_BYTES + segments;
    parser.parse_packet_data(page.get(begin..begin + body)?.to_vec()).ok()?;
    let granules = u64::from_le_bytes(head[6..14].try_into().ok()?);
    Some(LastPage { end: at + begin + body, granules })
}
