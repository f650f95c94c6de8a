//! Offer and answer (RFC 3264) for one audio stream: what a caller offers becomes [`Offer`], what we take of it
//! becomes the answer's text.

mod answer;
mod codecs;
mod crypto;
mod ours;
mod read;

pub(crate) use crypto::{MasterKey, SrtpKeys, Suite};
pub(crate) use ours::OurOffer;

use codecs::{best_codec, telephone_event};
use crypto::{Crypto, best_crypto};
use engine::{Codec, MediaParams};
use model::limits;
use rand::Rng;
use read::{direction, has, ptime_ms, remote_address, rtcp_address};
use sdp_types::{Media, Session};
use serde::Deserialize;
use std::net::SocketAddr;

/// Whether sound is encrypted (SRTP, with keys by RFC 4568).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SrtpPolicy {
    /// Never.
    Off,
    /// As the caller offers it.
    #[default]
    Allowed,
    /// Always; a call that does not offer it is refused.
    Required,
}

/// What the media thread has to know of how packets travel, and the engine has not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wiring {
    /// `None`: in the clear.
    pub(crate) keys: Option<SrtpKeys>,
    /// Reports come and go by the port of the sound (RFC 5761).
    pub(crate) rtcp_mux: bool,
}

/// The part of an offer that we can take: one RTP audio stream with a codec of ours.
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
    /// The caller's key, if the sound is encrypted.
    crypto: Option<Crypto>,
    rtcp_mux: bool,
    /// Index of our stream among all media lines of the offer; the others are refused with port 0.
    stream: usize,
    /// Each media line's (media, protocol, formats), for the answer must have as many as the offer.
    lines: Vec<(String, String, String)>,
}

/// What is taken of a stream.
struct Taken {
    codec: Codec,
    payload_type: u8,
    crypto: Option<Crypto>,
    rtcp_mux: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OfferError {
    #[error("no session description")]
    Missing,
    #[error("the session description cannot be read")]
    Malformed,
    #[error("no RTP/AVP or RTP/SAVP audio stream")]
    NoAudio,
    #[error(
        "no common encryption: AES_CM_128, AES_256_CM and AEAD_AES are served, with one key and without MKI"
    )]
    NoCrypto,
    #[error("encrypted sound (RTP/SAVP) is required")]
    PlainRefused,
    #[error("no common codec: opus, G722, PCMA and PCMU are served")]
    NoCodec,
    #[error("no usable media address")]
    NoAddress,
}

impl Offer {
    /// Reads a body of type `application/sdp`, and takes of it the first audio stream that `policy` allows; an encrypted one
    /// rather than a plain one.
    pub(crate) fn parse(body: &[u8], policy: SrtpPolicy) -> Result<Offer, OfferError> {
        let sdp = read_session(body)?;
        let (stream, crypto) = choose(&sdp.medias, policy)?;
        let media = &sdp.medias[stream];
        let (codec, payload_type) = best_codec(media).ok_or(OfferError::NoCodec)?;
        let rtcp_mux = has(media, "rtcp-mux");
        Offer::of(&sdp, stream, Taken { codec, payload_type, crypto, rtcp_mux })
    }

    /// What a description says of one of its streams, as far as [`Taken`] leaves it open.
    fn of(sdp: &Session, stream: usize, taken: Taken) -> Result<Offer, OfferError> {
        let Taken { codec, payload_type, crypto, rtcp_mux } = taken;
        let media = sdp.medias.get(stream).ok_or(OfferError::NoAudio)?;
        let remote = remote_address(sdp, media)?;
        let (wants_media, sends_media) = direction(sdp, media, remote.ip());
        let events = telephone_event(media, codec);
        Ok(Offer {
            codec,
            payload_type,
            telephone_event: events.map(|(pt, _)| pt),
            event_clock_hz: events.map_or(8_000, |(_, clock_hz)| clock_hz),
            remote,
            rtcp_remote: if rtcp_mux { remote } else { rtcp_address(media, remote) },
            wants_media,
            sends_media,
            // What we send of Opus is cut into 20 ms; ptime is a wish (RFC 7587 section 6.1).
            ptime_ms: if codec == Codec::Opus { 20 } else { ptime_ms(media) },
            crypto,
            rtcp_mux,
            stream,
            lines: sdp.medias.iter().map(|m| (m.media.clone(), m.proto.clone(), m.fmt.clone())).collect(),
        })
    }

    /// How its packets are to travel. `before` is what was agreed upon last: as long as the caller keeps its key we keep
    /// ours, and neither side begins to count its packets anew (RFC 4568 section 7.1.4).
    pub(crate) fn wiring(&self, before: Option<&Wiring>, rng: &mut impl Rng) -> Wiring {
        let before = before.and_then(|before| before.keys.as_ref());
        let keys = self.crypto.as_ref().map(|theirs| theirs.answered(before, rng));
        Wiring { keys, rtcp_mux: self.rtcp_mux }
    }

    /// The same where this is their answer to a description of ours: our key is in that already. `None` where it answers
    /// something else.
    pub(crate) fn wiring_as_answer(&self, ours: &Wiring) -> Option<Wiring> {
        let keys = match (&self.crypto, &ours.keys) {
            (None, None) => None,
            (Some(theirs), Some(ours)) if theirs.is_of(ours.suite) => Some(theirs.with(&ours.ours)),
            _ => return None,
        };
        Some(Wiring { keys, rtcp_mux: self.rtcp_mux })
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.crypto.is_some()
    }

    /// What a later offer of the same session has to keep: an encrypted call stays encrypted.
    pub(crate) fn policy_of_next(&self, policy: SrtpPolicy) -> SrtpPolicy {
        if self.is_encrypted() { SrtpPolicy::Required } else { policy }
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

/// The stream that is taken, by its place, and its key if it is encrypted.
fn choose(medias: &[Media], policy: SrtpPolicy) -> Result<(usize, Option<Crypto>), OfferError> {
    let audio = |m: &Media| m.media == "audio" && m.port != 0;
    let (mut plain, mut keyless, mut refused) = (None, false, false);
    for (place, media) in medias.iter().enumerate().filter(|(_, m)| audio(m)) {
        match media.proto.as_str() {
            "RTP/SAVP" | "RTP/SAVPF" if policy != SrtpPolicy::Off => match best_crypto(media) {
                Some(crypto) => return Ok((place, Some(crypto))),
                None => keyless = true,
            },
            "RTP/AVP" | "RTP/AVPF" if policy == SrtpPolicy::Required => {
                // A key beside the plain protocol: some phones offer encryption thus, for whoever understands it.
                match best_crypto(media) {
                    Some(crypto) => return Ok((place, Some(crypto))),
                    None => refused = true,
                }
            }
            "RTP/AVP" | "RTP/AVPF" => {
                let crypto = best_crypto(media).filter(|_| policy != SrtpPolicy::Off);
                plain = plain.or(Some((place, crypto)));
            }
            _ => {}
        }
    }
    match (plain, keyless, refused) {
        (Some(plain), ..) => Ok(plain),
        (None, true, _) => Err(OfferError::NoCrypto),
        (None, _, true) => Err(OfferError::PlainRefused),
        (None, false, false) => Err(OfferError::NoAudio),
    }
}

/// A description within our limits.
fn read_session(body: &[u8]) -> Result<Session, OfferError> {
    if body.is_empty() {
        return Err(OfferError::Missing);
    }
    let lines = body.iter().filter(|b| **b == b'\n').count();
    if body.len() > limits::SDP_BYTES || lines > limits::SDP_LINES {
        return Err(OfferError::Malformed);
    }
    Session::parse(body).map_err(|_| OfferError::Malformed)
}

#[cfg(test)]
mod tests;
