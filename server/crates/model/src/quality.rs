//! How good a member's line is.

use serde::{Deserialize, Serialize};

/// The worse of both directions, over the last seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Quality {
    /// Packets that did not come, or too late, in thousandths: 0..=1000.
    pub loss_permille: u16,
    /// Interarrival jitter (RFC 3550 section 6.4.1) in milliseconds.
    pub jitter_ms: u16,
    /// There and back, in milliseconds; `None` while the phone has not reported.
    pub round_trip_ms: Option<u16>,
    /// The R-factor of the E-model (ITU-T G.107): 0..=100, 93 is a line without fault.
    pub r_factor: u8,
    /// The mean opinion score that follows from it, in tenths: 10 (bad) ..= 45 (as good as a telephone can be).
    pub mos_tenths: u8,
}
