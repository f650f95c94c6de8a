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
            format!("m=audio {port} RTP/AVP {pt}{events}\r\na=rtpmap:{pt} {}\r\n", encoding(self.codec));
        if self.codec == Codec::Opus {
            // We would like redundancy for what gets lost, and nothing while nobody talks (RFC 7587 section 6.1).
            lines.push_str(&format!("a=fmtp:{pt} useinbandfec=1;usedtx=1\r\n"));
        }
        if let Some(event) = self.telephone_event {
            let clock_hz = self.event_clock_hz;
            lines
                .push_str(&format!("a=rtpmap:{event} telephone-event/{clock_hz}\r\na=fmtp:{event} 0-15\r\n"));
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

/// As `rtpmap` writes it. Opus is always called stereo there (RFC 7587 section 7).
fn encoding(codec: Codec) -> String {
    let channels = if codec == Codec::Opus { "/2" } else { "" };
    format!("{}/{}{channels}", codec.name(), codec.clock_hz())
}

/// Of the offered codecs that are ours the one that sounds best; among equals the offerer's first choice.
fn best_codec(media: &Media) -> Option<(Codec, u8)> {
    let ours = payload_types(media).filter_map(|pt| Some((codec(media, pt)?, pt)));
    // The last of the greatest would be taken, so backwards.
    let ours: Vec<_> = ours.collect();
    ours.into_iter().rev().max_by_key(|(codec, _)| codec.rate())
}

/// Payload types 0, 8 and 9 need no rtpmap (RFC 3551 section 6).
fn codec(media: &Media, pt: u8) -> Option<Codec> {
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

/// A parameter of a payload type that is a number.
fn fmtp(media: &Media, payload_type: u8, name: &str) -> Option<u32> {
    media.attributes.iter().filter(|a| a.attribute == "fmtp").find_map(|a| {
        let (pt, parameters) = a.value.as_deref()?.split_once(' ')?;
        let mut pairs = parameters.split(';').filter_map(|pair| pair.split_once('='));
        let found = pairs.find(|(key, _)| key.trim().eq_ignore_ascii_case(name))?.1;
        if pt.parse() == Ok(payload_type) { found.trim().parse().ok() } else { None }
    })
}

/// (payload type, clock) of the telephone-events that go with a codec: of its clock if they can be had (RFC 4733
/// section 2.1), else the common ones of 8 kHz.
fn telephone_event(media: &Media, codec: Codec) -> Option<(u8, u32)> {
    [codec.clock_hz(), 8_000].into_iter().find_map(|clock_hz| {
        let name = format!("telephone-event/{clock_hz}");
        let is_it = |found: String| found == name || found.strip_suffix("/1") == Some(&name);
        let pt = payload_types(media).find(|pt| rtpmap(media, *pt).is_some_and(is_it))?;
        Some((pt, clock_hz))
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

/// The next port, or what `a=rtcp` says (RFC 3605).
fn rtcp_address(media: &Media, remote: SocketAddr) -> SocketAddr {
    let named = media.attributes.iter().find(|a| a.attribute == "rtcp").and_then(|a| {
        let mut words = a.value.as_deref()?.split_ascii_whitespace();
        let port = words.next()?.parse().ok()?;
        let ip = words.nth(2).and_then(|ip| ip.parse().ok()).unwrap_or(remote.ip());
        (!ip.is_multicast()).then(|| SocketAddr::new(ip, port))
    });
    named.unwrap_or(SocketAddr::new(remote.ip(), remote.port().saturating_add(1)))
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
    let wanted = number(media, "ptime").unwrap_or(20).min(number(media, "maxptime").unwrap_or(60));
    match wanted {
        10 | 20 | 30 | 40 | 50 | 60 => wanted as u8,
        _ => 20,
    }
}

/// An attribute that is a number.
fn number(media: &Media, name: &str) -> Option<u32> {
    let attribute = media.attributes.iter().find(|a| a.attribute == name)?;
    attribute.value.as_deref()?.trim().parse().ok()
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
    fn takes_the_codec_that_sounds_best() {
        let taken = |media: &str| offer(media).map(|o| (o.codec, o.payload_type, o.telephone_event));
        let all = "m=audio 4000 RTP/AVP 0 9 107 8 101 110\r\na=rtpmap:107 opus/48000/2\r\n\
            a=rtpmap:101 telephone-event/8000\r\na=rtpmap:110 telephone-event/48000\r\n";
        assert_eq!(taken(all), Ok((Codec::Opus, 107, Some(110))));
        assert_eq!(taken("m=audio 4000 RTP/AVP 0 9 8\r\n"), Ok((Codec::G722, 9, None)));
        let slow = format!("{all}a=fmtp:107 stereo=0; maxaveragebitrate=16000\r\n");
        assert_eq!(taken(&slow), Ok((Codec::G722, 9, Some(101))));
        assert_eq!(taken(&format!("{all}a=maxptime:10\r\n")), Ok((Codec::G722, 9, Some(101))));
        // Mono is no Opus of RFC 7587.
        assert_eq!(taken("m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 opus/48000\r\n"), Err(OfferError::NoCodec));
    }

    #[test]
    fn answers_opus_with_what_we_would_like_to_get() {
        let o = offer("m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\na=ptime:60\r\n").unwrap();
        let answer = o.answer("127.0.0.1:20000".parse().unwrap(), 7, 1);
        assert!(
            answer.contains("a=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1;usedtx=1\r\n"),
            "{answer}"
        );
        assert!(answer.contains("a=ptime:20\r\n"), "{answer}");
    }

    #[test]
    fn reports_go_to_the_next_port_or_where_the_offer_says() {
        let to = |media: &str| offer(media).unwrap().rtcp_remote.to_string();
        assert_eq!(to("m=audio 4000 RTP/AVP 0\r\n"), "127.0.0.1:4001");
        assert_eq!(to("m=audio 4000 RTP/AVP 0\r\na=rtcp:5003\r\n"), "127.0.0.1:5003");
        assert_eq!(to("m=audio 4000 RTP/AVP 0\r\na=rtcp:5003 IN IP4 192.0.2.1\r\n"), "192.0.2.1:5003");
        assert_eq!(to("m=audio 4000 RTP/AVP 0\r\na=rtcp:x\r\n"), "127.0.0.1:4001");
        assert_eq!(to("m=audio 65535 RTP/AVP 0\r\n"), "127.0.0.1:65535");
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
