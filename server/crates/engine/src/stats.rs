//! Counters for the server's metrics.

use crate::jitter::Pushed;

/// What an engine holds now and has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineStats {
    /// Now.
    pub legs: usize,
    /// Of these, in a conference.
    pub members: usize,
    /// Rooms with a leg.
    pub rooms: usize,
    pub ticks: u64,
    /// Ticks that were left out because the engine was called too late.
    pub ticks_skipped: u64,
    /// Valid packets from an admitted source.
    pub packets_in: u64,
    pub packets_out: u64,
    /// Valid RTCP datagrams from an admitted source.
    pub reports_in: u64,
    /// Frames, of members, that hold made-up sound.
    pub frames_concealed: u64,
    pub dropped: Dropped,
}

/// Packets that came and were not used, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// The leg was closed.
    pub stale: u64,
    /// Not RTP, or no event where one should be.
    pub malformed: u64,
    pub payload_type: u64,
    /// Not from where the leg's packets come.
    pub source: u64,
    /// The leg was agreed not to send.
    pub on_hold: u64,
    pub duplicate: u64,
    pub late: u64,
    /// A jump in the sequence that nothing confirmed.
    pub doubtful: u64,
    /// More than a second waited.
    pub overflow: u64,
}

impl Dropped {
    pub(crate) fn count(&mut self, pushed: Pushed) {
        match pushed {
            Pushed::Stored => {}
            Pushed::Duplicate => self.duplicate += 1,
            Pushed::Late => self.late += 1,
            Pushed::Doubtful => self.doubtful += 1,
            Pushed::Overflow => self.overflow += 1,
            Pushed::Empty => self.malformed += 1,
        }
    }
}
