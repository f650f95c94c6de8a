//! Offer and answer (RFC 3264) for one audio stream: what a caller offers becomes [`Offer`], what we take of it
//! becomes the answer's text.

mod answer;
mod codecs;
mod read;

use codecs::{best_codec, telephone_event};
use engine::{Codec, MediaParams};
use model::limits;
use read::{direction, ptime_ms, remote_address, rtcp_address};
use sdp_types::{Media, Session};
use std::net::SocketAddr;

/// The part of an offer that we can take: one plain RTP audio stream with a codec of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) codec: Codec,
    pub(crate) payload_type: u8,
    /// Payload type of RFC 4733 events, if offered.
    pub(crate) telephone_event: Option<u8>,
    event_clock_hz: u32,
    /// Where the caller wants its packets.
    pub(crate) remote: SocketAddr,
    /// Where the caller wants our reports.
    pub(crate) rtcp_remote: SocketAddr,
    /// Whether the caller wants to hear.
    pub(crate) wants_media: bool,
    /// Whether the caller will talk.
    pub(crate) sends_media: bool,
    pub(crate) ptime_ms: u8,
    /// Index of our stream among all media lines of the offer; the others are refused with port 0.
    stream: usize,
    /// Each media line's (media, protocol, formats), for the answer must have as many as the offer.
    lines: Vec<(String, String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OfferError {
    #[error("no session description")]
    Missing,
    #[error("the session description cannot be read")]
    Malformed,
    #[error("no RTP/AVP audio stream")]
    NoAudio,
    #[error("no common codec: opus, G722, PCMA and PCMU are served")]
    NoCodec,
    #[error("no usable media address")]
    NoAddress,
}

impl Offer {
    /// Reads a body of type `application/sdp`.
    pub(crate) fn parse(body: &[u8]) -> Result<Offer, OfferError> {
        if body.is_empty() {
            return Err(OfferError::Missing);
        }
        let lines = body.iter().filter(|b| **b == b'\n').count();
        if body.len() > limits::SDP_BYTES || lines > limits::SDP_LINES {
            return Err(OfferError::Malformed);
        }
        let sdp = Session::parse(body).map_err(|_| OfferError::Malformed)?;
        let is_audio = |m: &Media| m.media == "audio" && m.port != 0 && m.proto == "RTP/AVP";
        let stream = sdp.medias.iter().position(is_audio).ok_or(OfferError::NoAudio)?;
        let media = &sdp.medias[stream];
        let (codec, payload_type) = best_codec(media).ok_or(OfferError::NoCodec)?;
        let remote = remote_address(&sdp, media)?;
        let (wants_media, sends_media) = direction(&sdp, media, remote.ip());
        let events = telephone_event(media, codec);
        Ok(Offer {
            codec,
            payload_type,
            telephone_event: events.map(|(pt, _)| pt),
            event_clock_hz: events.map_or(8_000, |(_, clock_hz)| clock_hz),
            remote,
            rtcp_remote: rtcp_address(media, remote),
            wants_media,
            sends_media,
            // What we send of Opus is cut into 20 ms; ptime is a wish (RFC 7587 section 6.1).
            ptime_ms: if codec == Codec::Opus { 20 } else { ptime_ms(media) },
            stream,
            lines: sdp.medias.iter().map(|m| (m.media.clone(), m.proto.clone(), m.fmt.clone())).collect(),
        })
    }

    /// What the engine needs to know of it.
    pub(crate) fn media(&self) -> MediaParams {
        MediaParams {
            codec: self.codec,
            payload_type: self.payload_type,
            telephone_event: self.telephone_event,
            remote: self.remote,
            rtcp_remote: self.rtcp_remote,
            send: self.wants_media,
            receive: self.sends_media,
            ptime_ms: self.ptime_ms,
        }
    }
}

#[cfg(test)]
mod tests;
