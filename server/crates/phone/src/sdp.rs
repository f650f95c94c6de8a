//! Session descriptions (RFC 4566), as much as one audio stream needs, and the answers to offers (RFC 3264).

use crate::codec::Codec;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

/// The payload type under which we offer telephone-events (dynamic: RFC 3551 section 3).
pub const TELEPHONE_EVENT_PT: u8 = 101;
/// Bytes of a description that are read; a longer one is refused.
const MAX_BYTES: usize = 8 * 1024;

/// Which way sound may go, as seen by the one who wrote the description (RFC 3264 section 5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    #[default]
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

impl Direction {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }

    #[must_use]
    pub fn sends(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::SendOnly)
    }

    #[must_use]
    pub fn receives(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::RecvOnly)
    }

    fn of(sends: bool, receives: bool) -> Direction {
        match (sends, receives) {
            (true, true) => Direction::SendRecv,
            (true, false) => Direction::SendOnly,
            (false, true) => Direction::RecvOnly,
            (false, false) => Direction::Inactive,
        }
    }

    /// What we do when we want `self` and the other side described itself as `theirs`.
    #[must_use]
    pub fn agreed(self, theirs: Direction) -> Direction {
        Direction::of(self.sends() && theirs.receives(), self.receives() && theirs.sends())
    }
}

/// One side's audio stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Where this side wants its RTP.
    pub address: SocketAddr,
    /// The codecs that we know, in the order of preference. Never empty.
    pub codecs: Vec<Codec>,
    /// The payload type of RFC 4733 telephone-events at 8 kHz, if they are understood.
    pub telephone_event: Option<u8>,
    pub direction: Direction,
    /// Grows with each description of a session (RFC 4566 section 5.2, `sess-version`).
    pub version: u64,
}

#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum SdpError {
    #[error("the session description is longer than {MAX_BYTES} bytes")]
    TooLong,
    #[error("the session description is not text")]
    NotText,
    #[error("there is no audio in the session description")]
    NoAudio,
    #[error("the audio stream is refused (port 0)")]
    Refused,
    #[error("there is no IPv4 address in the session description")]
    NoAddress,
    #[error("no codec in common: PCMU or PCMA is needed")]
    NoCodec,
}

impl Description {
    /// Reads a description's first audio stream.
    ///
    /// # Errors
    /// [`SdpError`] if it holds no audio stream that we could join.
    pub fn parse(body: &[u8]) -> Result<Description, SdpError> {
        if body.len() > MAX_BYTES {
            return Err(SdpError::TooLong);
        }
        let text = std::str::from_utf8(body).map_err(|_| SdpError::NotText)?;
        let mut reader = Reader::default();
        for line in text.lines() {
            reader.line(line.trim_end());
        }
        reader.finish()
    }

    /// Writes the description, as an offer or an answer.
    #[must_use]
    pub fn write(&self) -> String {
        let (ip, port, version) = (self.address.ip(), self.address.port(), self.version);
        let family = if ip.is_ipv4() { "IP4" } else { "IP6" };
        let mut types: Vec<u8> = self.codecs.iter().map(|codec| codec.payload_type()).collect();
        types.extend(self.telephone_event);
        let types: Vec<String> = types.iter().map(u8::to_string).collect();
        let mut text = format!(
            "v=0\r\no=- {port} {version} IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP {}\r\n",
            types.join(" ")
        );
        for codec in &self.codecs {
            // Writing to a String cannot fail.
            let _ = write!(text, "a=rtpmap:{} {}/8000\r\n", codec.payload_type(), codec.name());
        }
        if let Some(event) = self.telephone_event {
            let _ = write!(text, "a=rtpmap:{event} telephone-event/8000\r\na=fmtp:{event} 0-15\r\n");
        }
        let _ = write!(text, "a=ptime:20\r\na={}\r\n", self.direction.name());
        text
    }
}

/// What has been read so far; media-level lines win over session-level ones.
#[derive(Default)]
struct Reader {
    section: Section,
    session_ip: Option<IpAddr>,
    media_ip: Option<IpAddr>,
    port: Option<u16>,
    payload_types: Vec<u8>,
    telephone_event: Option<u8>,
    session_direction: Option<Direction>,
    media_direction: Option<Direction>,
    version: u64,
}

#[derive(Default, PartialEq)]
enum Section {
    #[default]
    Session,
    Audio,
    OtherMedia,
}

impl Reader {
    fn line(&mut self, line: &str) {
        if let Some(media) = line.strip_prefix("m=") {
            self.media(media);
        } else if self.section == Section::OtherMedia {
            // Not our stream.
        } else if let Some(address) = line.strip_prefix("c=IN IP4 ") {
            let ip = address.split('/').next().and_then(|ip| ip.trim().parse().ok());
            match self.section {
                Section::Session => self.session_ip = ip,
                _ => self.media_ip = ip,
            }
        } else if let Some(origin) = line.strip_prefix("o=") {
            self.version = origin.split_whitespace().nth(2).and_then(|v| v.parse().ok()).unwrap_or(0);
        } else if let Some(attribute) = line.strip_prefix("a=") {
            self.attribute(attribute);
        }
    }

    fn media(&mut self, media: &str) {
        let mut words = media.split_whitespace();
        if words.next() != Some("audio") || self.port.is_some() {
            self.section = Section::OtherMedia;
            return;
        }
        self.section = Section::Audio;
        self.port = words.next().and_then(|port| port.split('/').next()).and_then(|port| port.parse().ok());
        self.payload_types = words.skip(1).filter_map(|pt| pt.parse().ok()).collect();
    }

    fn attribute(&mut self, attribute: &str) {
        let direction = match attribute {
            "sendrecv" => Some(Direction::SendRecv),
            "sendonly" => Some(Direction::SendOnly),
            "recvonly" => Some(Direction::RecvOnly),
            "inactive" => Some(Direction::Inactive),
            _ => None,
        };
        match (direction, &self.section) {
            (Some(_), Section::Session) => self.session_direction = direction,
            (Some(_), _) => self.media_direction = direction,
            (None, _) => self.rtpmap(attribute),
        }
    }

    fn rtpmap(&mut self, attribute: &str) {
        let Some((payload_type, map)) = attribute.strip_prefix("rtpmap:").and_then(|map| map.split_once(' '))
        else {
            return;
        };
        let Ok(payload_type) = payload_type.parse() else { return };
        if self.payload_types.contains(&payload_type)
            && map.trim().eq_ignore_ascii_case("telephone-event/8000")
        {
            self.telephone_event = Some(payload_type);
        }
    }

    fn finish(self) -> Result<Description, SdpError> {
        let port = match self.port.ok_or(SdpError::NoAudio)? {
            0 => return Err(SdpError::Refused),
            port => port,
        };
        let ip = self.media_ip.or(self.session_ip).ok_or(SdpError::NoAddress)?;
        let codecs: Vec<Codec> =
            self.payload_types.iter().filter_map(|pt| Codec::from_payload_type(*pt)).collect();
        if codecs.is_empty() {
            return Err(SdpError::NoCodec);
        }
        Ok(Description {
            address: SocketAddr::new(ip, port),
            codecs,
            telephone_event: self.telephone_event,
            direction: self.media_direction.or(self.session_direction).unwrap_or_default(),
            version: self.version,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn offer() -> Description {
        Description {
            address: "127.0.0.1:4000".parse().unwrap(),
            codecs: vec![Codec::Pcma, Codec::Pcmu],
            telephone_event: Some(TELEPHONE_EVENT_PT),
            direction: Direction::SendOnly,
            version: 7,
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        assert_eq!(Description::parse(offer().write().as_bytes()), Ok(offer()));
    }

    #[test]
    fn media_lines_win_over_session_lines_and_other_media_are_let_go() {
        let body = "v=0\r\no=x 1 3 IN IP4 10.0.0.1\r\nc=IN IP4 10.0.0.1\r\na=inactive\r\nm=video 9 RTP/AVP 96\r\n\
                    c=IN IP4 10.0.0.2\r\na=sendonly\r\nm=audio 4002/1 RTP/AVP 18 0 97\r\nc=IN IP4 10.0.0.3/127\r\n\
                    a=rtpmap:97 TELEPHONE-EVENT/8000\r\na=recvonly\r\n";
        let read = Description::parse(body.as_bytes()).unwrap();
        assert_eq!(read.address, "10.0.0.3:4002".parse().unwrap());
        assert_eq!(read.codecs, [Codec::Pcmu]);
        assert_eq!(read.telephone_event, Some(97));
        assert_eq!((read.direction, read.version), (Direction::RecvOnly, 3));
    }

    #[test]
    fn descriptions_without_a_usable_stream_are_refused() {
        let parse = |body: &str| Description::parse(body.as_bytes());
        assert_eq!(parse(""), Err(SdpError::NoAudio));
        assert_eq!(parse("c=IN IP4 1.2.3.4\r\nm=audio 0 RTP/AVP 0\r\n"), Err(SdpError::Refused));
        assert_eq!(parse("m=audio 4000 RTP/AVP 0\r\n"), Err(SdpError::NoAddress));
        assert_eq!(parse("c=IN IP4 1.2.3.4\r\nm=audio 4000 RTP/AVP 18\r\n"), Err(SdpError::NoCodec));
        assert_eq!(Description::parse(&[0xff, 0xfe]), Err(SdpError::NotText));
        assert_eq!(Description::parse(&vec![b'a'; MAX_BYTES + 1]), Err(SdpError::TooLong));
    }

    #[test]
    fn a_hold_is_mirrored() {
        use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
        assert_eq!(SendRecv.agreed(SendOnly), RecvOnly);
        assert_eq!(SendRecv.agreed(SendRecv), SendRecv);
        assert_eq!(SendOnly.agreed(SendRecv), SendOnly);
        assert_eq!(SendOnly.agreed(SendOnly), Inactive);
        assert_eq!(SendRecv.agreed(Inactive), Inactive);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = Description::parse(&body);
        }

        #[test]
        fn no_text_of_sdp_s_own_words_makes_it_panic(body in "((m=audio|c=IN IP4|a=rtpmap:|o=| |[0-9]|/|RTP/AVP|\r\n){0,40})") {
            let _ = Description::parse(body.as_bytes());
        }
    }
}
