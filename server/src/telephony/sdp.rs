//! Offer and answer (RFC 3264) for one audio stream: what a caller offers becomes [`Offer`], what we take of it
//! becomes the answer's text.

use engine::{Codec, MediaParams};
use model::limits;
use sdp_types::{Media, Session};
use std::net::{IpAddr, SocketAddr};

/// The part of an offer that we can take: one plain RTP audio stream with a codec of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) codec: Codec,
    pub(crate) payload_type: u8,
    /// Payload type of RFC 4733 events at 8 kHz, if offered.
    pub(crate) telephone_event: Option<u8>,
    /// Where the caller wants its packets.
    pub(crate) remote: SocketAddr,
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
    #[error("no common codec: PCMA and PCMU are served")]
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
        let (codec, payload_type) = first_codec(media).ok_or(OfferError::NoCodec)?;
        let remote = remote_address(&sdp, media)?;
        let (wants_media, sends_media) = direction(&sdp, media, remote.ip());
        Ok(Offer {
            codec,
            payload_type,
            telephone_event: telephone_event(media),
            remote,
            wants_media,
            sends_media,
            ptime_ms: ptime_ms(media),
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
            send: self.wants_media,
            receive: self.sends_media,
            ptime_ms: self.ptime_ms,
        }
    }

    /// The answer: our address, the one codec, and the other streams refused (RFC 3264 section 6).
    ///
    /// `version` grows with each answer of one session (RFC 4566 section 5.2).
    pub(crate) fn answer(&self, local: SocketAddr, session: u64, version: u64) -> String {
        let family = if local.is_ipv4() { "IP4" } else { "IP6" };
        let ip = local.ip();
        let mut sdp = format!(
            "v=0\r\no=- {session} {version} IN {family} {ip}\r\ns=conference\r\nc=IN {family} {ip}\r\nt=0 0\r\n"
        );
        for (index, (media, proto, formats)) in self.lines.iter().enumerate() {
            if index != self.stream {
                sdp.push_str(&format!("m={media} 0 {proto} {formats}\r\n"));
                continue;
            }
            sdp.push_str(&self.answered_stream(local.port()));
        }
        sdp
    }

    fn answered_stream(&self, port: u16) -> String {
        let pt = self.payload_type;
        let events = self.telephone_event.map(|pt| format!(" {pt}")).unwrap_or_default();
        let mut lines =
            format!("m=audio {port} RTP/AVP {pt}{events}\r\na=rtpmap:{pt} {}/8000\r\n", self.codec.name());
        if let Some(pt) = self.telephone_event {
            lines.push_str(&format!("a=rtpmap:{pt} telephone-event/8000\r\na=fmtp:{pt} 0-15\r\n"));
        }
        lines.push_str(&format!("a=ptime:{}\r\na={}\r\n", self.ptime_ms, self.answered_direction()));
        lines
    }

    /// RFC 3264 section 6.1: what the caller only sends we only receive, and the other way round.
    fn answered_direction(&self) -> &'static str {
        match (self.wants_media, self.sends_media) {
            (true, true) => "sendrecv",
            (true, false) => "sendonly",
            (false, true) => "recvonly",
            (false, false) => "inactive",
        }
    }
}

/// The offerer's first choice that is ours too. Payload types 0 and 8 need no rtpmap (RFC 3551 section 6).
fn first_codec(media: &Media) -> Option<(Codec, u8)> {
    payload_types(media).find_map(|pt| {
        let named = rtpmap(media, pt);
        let codec = match (named.as_deref(), pt) {
            (Some("pcmu/8000" | "pcmu/8000/1"), _) | (None, 0) => Codec::Pcmu,
            (Some("pcma/8000" | "pcma/8000/1"), _) | (None, 8) => Codec::Pcma,
            _ => return None,
        };
        Some((codec, pt))
    })
}

fn telephone_event(media: &Media) -> Option<u8> {
    payload_types(media).find(|pt| {
        matches!(rtpmap(media, *pt).as_deref(), Some("telephone-event/8000" | "telephone-event/8000/1"))
    })
}

fn payload_types(media: &Media) -> impl Iterator<Item = u8> + '_ {
    media.fmt.split_ascii_whitespace().filter_map(|pt| pt.parse().ok()).filter(|pt| *pt < 128)
}

/// The encoding of a payload type in lower case, as `pcmu/8000`.
fn rtpmap(media: &Media, payload_type: u8) -> Option<String> {
    media.attributes.iter().filter(|a| a.attribute == "rtpmap").find_map(|a| {
        let (pt, encoding) = a.value.as_deref()?.split_once(' ')?;
        (pt.parse() == Ok(payload_type)).then(|| encoding.trim().to_ascii_lowercase())
    })
}

fn remote_address(sdp: &Session, media: &Media) -> Result<SocketAddr, OfferError> {
    let connection = media.connections.first().or(sdp.connection.as_ref()).ok_or(OfferError::NoAddress)?;
    let ip = connection.try_address().map_err(|_| OfferError::NoAddress)?.ip;
    if ip.is_multicast() {
        return Err(OfferError::NoAddress);
    }
    Ok(SocketAddr::new(ip, media.port))
}

/// (the caller wants media, the caller sends media). An address of zeros is the old way to say "on hold"
/// (RFC 3264 section 8.4): nothing can be sent there.
fn direction(sdp: &Session, media: &Media, remote: IpAddr) -> (bool, bool) {
    let named = |name: &str| match name {
        "sendrecv" => Some((true, true)),
        "sendonly" => Some((false, true)),
        "recvonly" => Some((true, false)),
        "inactive" => Some((false, false)),
        _ => None,
    };
    let of = |attributes: &[sdp_types::Attribute]| attributes.iter().find_map(|a| named(&a.attribute));
    let (wants, sends) = of(&media.attributes).or_else(|| of(&sdp.attributes)).unwrap_or((true, true));
    (wants && !remote.is_unspecified(), sends)
}

/// The packet time that the caller wants, in 10..=60 ms and a multiple of 10; else 20.
fn ptime_ms(media: &Media) -> u8 {
    let value = |name: &str| {
        let attribute = media.attributes.iter().find(|a| a.attribute == name)?;
        attribute.value.as_deref()?.trim().parse::<u32>().ok()
    };
    let wanted = value("ptime").unwrap_or(20).min(value("maxptime").unwrap_or(60));
    match wanted {
        10 | 20 | 30 | 40 | 50 | 60 => wanted as u8,
        _ => 20,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(media: &str) -> Result<Offer, OfferError> {
        let sdp = format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n{media}");
        Offer::parse(sdp.as_bytes())
    }

    #[test]
    fn takes_the_offerers_first_codec_that_is_ours() {
        let o = offer("m=audio 4000 RTP/AVP 18 8 0 101\r\na=rtpmap:18 G729/8000\r\na=rtpmap:101 telephone-event/8000\r\n")
            .unwrap();
        assert_eq!((o.codec, o.payload_type, o.telephone_event), (Codec::Pcma, 8, Some(101)));
        assert_eq!(o.remote, "127.0.0.1:4000".parse().unwrap());
        assert!(o.wants_media && o.sends_media);
    }

    #[test]
    fn takes_g711_under_a_dynamic_payload_type() {
        let o = offer("m=audio 4000 RTP/AVP 97\r\na=rtpmap:97 PCMU/8000\r\n").unwrap();
        assert_eq!((o.codec, o.payload_type), (Codec::Pcmu, 97));
    }

    #[test]
    fn a_remapped_static_type_is_what_the_map_says() {
        assert_eq!(offer("m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 G726-32/8000\r\n"), Err(OfferError::NoCodec));
    }

    #[test]
    fn refuses_what_it_cannot_serve() {
        assert_eq!(offer("m=audio 4000 RTP/AVP 18\r\n"), Err(OfferError::NoCodec));
        assert_eq!(offer("m=audio 4000 RTP/SAVP 0\r\n"), Err(OfferError::NoAudio));
        assert_eq!(offer("m=video 4000 RTP/AVP 96\r\n"), Err(OfferError::NoAudio));
        assert_eq!(offer("m=audio 0 RTP/AVP 0\r\n"), Err(OfferError::NoAudio));
        assert_eq!(Offer::parse(b""), Err(OfferError::Missing));
        assert_eq!(Offer::parse(b"hello"), Err(OfferError::Malformed));
        let long = format!("v=0\r\n{}", "a=x\r\n".repeat(1_000));
        assert_eq!(Offer::parse(long.as_bytes()), Err(OfferError::Malformed));
    }

    #[test]
    fn the_answer_has_as_many_media_lines_as_the_offer() {
        let o = offer("m=video 5000 RTP/AVP 96\r\nm=audio 4000 RTP/AVP 0\r\na=ptime:30\r\n").unwrap();
        let answer = o.answer("127.0.0.1:20000".parse().unwrap(), 7, 1);
        assert!(answer.contains("m=video 0 RTP/AVP 96\r\nm=audio 20000 RTP/AVP 0\r\n"), "{answer}");
        assert!(answer.contains("a=ptime:30\r\na=sendrecv\r\n"), "{answer}");
        assert!(Session::parse(answer.as_bytes()).is_ok());
    }

    #[test]
    fn hold_is_answered_with_its_mirror() {
        let direction = |media: &str| offer(media).unwrap().answered_direction();
        assert_eq!(direction("m=audio 4000 RTP/AVP 0\r\na=sendonly\r\n"), "recvonly");
        assert_eq!(direction("m=audio 4000 RTP/AVP 0\r\na=recvonly\r\n"), "sendonly");
        assert_eq!(direction("m=audio 4000 RTP/AVP 0\r\na=inactive\r\n"), "inactive");
        assert_eq!(direction("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n"), "recvonly");
    }

    #[test]
    fn odd_packet_times_become_twenty() {
        for (said, meant) in [("10", 10), ("60", 60), ("25", 20), ("0", 20), ("200", 60), ("-1", 20)] {
            let o = offer(&format!("m=audio 4000 RTP/AVP 0\r\na=ptime:{said}\r\n")).unwrap();
            assert_eq!(o.ptime_ms, meant, "{said}");
        }
    }
}
