//! The sound that an owner gave to a room: callers hear it before anything else.

use crate::prompt::Kept;
use std::fmt;
use std::sync::Arc;

/// One channel of 16-bit PCM, the same sound at 8 and at 16 kHz, as phrases are kept. All legs that hear it share it.
#[derive(Clone, Default)]
pub struct Announcement {
    narrow: Arc<[i16]>,
    wide: Arc<[i16]>,
}

impl Announcement {
    /// `narrow`: at 8 kHz; `wide`: at 16 kHz.
    pub fn new(narrow: Arc<[i16]>, wide: Arc<[i16]>) -> Self {
        Announcement { narrow, wide }
    }

    pub(crate) fn samples(&self, kept: Kept) -> &[i16] {
        match kept {
            Kept::Narrow => &self.narrow,
            Kept::Wide => &self.wide,
        }
    }
}

/// Without its samples.
impl fmt::Debug for Announcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (narrow, wide) = (self.narrow.len(), self.wide.len());
        f.debug_struct("Announcement").field("narrow", &narrow).field("wide", &wide).finish()
    }
}
