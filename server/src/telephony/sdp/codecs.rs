//! Which of the offered codecs is taken, and which telephone-events go with it.

use super::read::{fmtp, number, payload_types, rtpmap};
use engine::Codec;
use sdp_types::Media;

/// Of the offered codecs that are ours the one that sounds best; among equals the offerer's first choice.
pub(super) fn best_codec(media: &Media) -> Option<(Codec, u8)> {
    let ours = payload_types(media).filter_map(|pt| Some((codec(media, pt)?, pt)));
    // The last of the greatest would be taken, so backwards.
    let ours: Vec<_> = ours.collect();
    ours.into_iter().rev().max_by_key(|(codec, _)| codec.rate())
}

/// Payload types 0, 8 and 9 need no rtpmap (RFC 3551 section 6).
pub(super) fn codec(media: &Media, pt: u8) -> Option<Codec> {
    let named = rtpmap(media, pt);
    match (named.as_deref(), pt) {
        (Some("pcmu/8000" | "pcmu/8000/1"), _) | (None, 0) => Some(Codec::Pcmu),
        (Some("pcma/8000" | "pcma/8000/1"), _) | (None, 8) => Some(Codec::Pcma),
        (Some("g722/8000" | "g722/8000/1"), _) | (None, 9) => Some(Codec::G722),
        (Some("opus/48000/2"), _) if takes_our_opus(media, pt) => Some(Codec::Opus),
        _ => None,
    }
}

/// Whether our packets are within the caller's limits: 32 kbit/s and 20 ms.
fn takes_our_opus(media: &Media, pt: u8) -> bool {
    let least = |value: Option<u32>, least: u32| value.is_none_or(|value| value >= least);
    least(fmtp(media, pt, "maxaveragebitrate"), 32_000) && least(number(media, "maxptime"), 20)
}

/// (payload type, clock) of the telephone-events that go with a codec: of its clock if they can be had (RFC 4733
/// section 2.1), else the common ones of 8 kHz.
pub(super) fn telephone_event(media: &Media, codec: Codec) -> Option<(u8, u32)> {
    [codec.clock_hz(), 8_000].into_iter().find_map(|clock_hz| {
        let name = format!("telephone-event/{clock_hz}");
        let is_it = |found: String| found == name || found.strip_suffix("/1") == Some(&name);
        let pt = payload_types(media).find(|pt| rtpmap(media, *pt).is_some_and(is_it))?;
        Some((pt, clock_hz))
    })
}
