//! Session descriptions (RFC 4566), as much as one audio stream needs, and the answers to offers (RFC 3264).

mod read;

use crate::codec::Codec;
use read::Reader;
use std::fmt::Write as _;
use std::net::SocketAddr;

/// The payload types under which we offer telephone-events, by the clock that they share with the sound (RFC 4733
/// section 2.1). Dynamic (RFC 3551 section 3); these two are the usual ones.
const TELEPHONE_EVENTS: [TelephoneEvent; 2] = [
    TelephoneEvent { payload_type: 101, clock_hz: 8_000 },
    TelephoneEvent { payload_type: 110, clock_hz: 48_000 },
];
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

/// A codec, and the payload type under which one side wants to receive it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    pub codec: Codec,
    pub payload_type: u8,
}

/// Telephone-events, by their payload type and the units of their duration in a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TelephoneEvent {
    pub payload_type: u8,
    pub clock_hz: u32,
}

/// One side's audio stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Where this side wants its RTP.
    pub address: SocketAddr,
    /// Where this side wants its RTCP: the port after, unless it says another (RFC 3605).
    pub rtcp_address: SocketAddr,
    /// The codecs that we know, in the order of preference. Never empty.
    pub formats: Vec<Format>,
    /// RFC 4733 telephone-events, if they are understood.
    pub telephone_events: Vec<TelephoneEvent>,
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
    #[error("no codec in common")]
    NoCodec,
}

impl Description {
    /// The first description of a call: these codecs in this order, and telephone-events if they are wanted.
    #[must_use]
    pub fn offer(address: SocketAddr, codecs: &[Codec], telephone_event: bool) -> Description {
        let formats = codecs.iter().map(|codec| Format { codec: *codec, payload_type: codec.payload_type() });
        let of_a_codec = |event: &TelephoneEvent| {
            telephone_event && codecs.iter().any(|codec| codec.clock_hz() == event.clock_hz)
        };
        Description {
            address,
            rtcp_address: after(address),
            formats: formats.collect(),
            telephone_events: TELEPHONE_EVENTS.into_iter().filter(of_a_codec).collect(),
            direction: Direction::SendRecv,
            version: 1,
        }
    }

    /// Our answer to `theirs`, where `self` is what we can do: what was offered and we know, under the offer's payload
    /// types (RFC 3264 section 6.1).
    ///
    /// # Errors
    /// If no codec is common.
    pub fn answer(&self, theirs: &Description) -> Result<Description, SdpError> {
        let known = |format: &&Format| self.formats.iter().any(|ours| ours.codec == format.codec);
        let formats: Vec<Format> = theirs.formats.iter().filter(known).copied().collect();
        if formats.is_empty() {
            return Err(SdpError::NoCodec);
        }
        let telephone_events =
            if self.telephone_events.is_empty() { Vec::new() } else { theirs.telephone_events.clone() };
        let direction = self.direction.agreed(theirs.direction);
        Ok(Description { formats, telephone_events, direction, ..self.clone() })
    }

    /// The media move to another port.
    pub fn move_to(&mut self, address: SocketAddr) {
        (self.address, self.rtcp_address) = (address, after(address));
    }

    /// Uses the payload types of `theirs` from now on: in one session a type keeps its meaning (RFC 3264 section 8.3.2).
    pub fn adopt_types(&mut self, theirs: &Description) {
        for ours in &mut self.formats {
            if let Some(format) = theirs.formats.iter().find(|format| format.codec == ours.codec) {
                ours.payload_type = format.payload_type;
            }
        }
        for ours in &mut self.telephone_events {
            if let Some(event) = theirs.telephone_events.iter().find(|event| event.clock_hz == ours.clock_hz)
            {
                ours.payload_type = event.payload_type;
            }
        }
    }

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
        let types = self.formats.iter().map(|format| format.payload_type);
        let types = types.chain(self.telephone_events.iter().map(|event| event.payload_type));
        let types: Vec<String> = types.map(|payload_type| payload_type.to_string()).collect();
        let mut text = format!(
            "v=0\r\no=- {port} {version} IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP {}\r\n",
            types.join(" ")
        );
        // Writing to a String cannot fail.
        for Format { codec, payload_type } in &self.formats {
            let _ = write!(text, "a=rtpmap:{payload_type} {}\r\n", codec.rtpmap());
            if let Some(fmtp) = codec.fmtp() {
                let _ = write!(text, "a=fmtp:{payload_type} {fmtp}\r\n");
            }
        }
        for TelephoneEvent { payload_type, clock_hz } in &self.telephone_events {
            let _ = write!(
                text,
                "a=rtpmap:{payload_type} telephone-event/{clock_hz}\r\na=fmtp:{payload_type} 0-15\r\n"
            );
        }
        if self.rtcp_address != after(self.address) {
            let _ = write!(text, "a=rtcp:{}\r\n", self.rtcp_address.port());
        }
        let _ = write!(text, "a=ptime:20\r\na={}\r\n", self.direction.name());
        text
    }
}

/// The port after: RTCP's, beside RTP's (RFC 3550 section 11).
fn after(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), address.port().saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn offer() -> Description {
        let address = "127.0.0.1:4000".parse().unwrap();
        let offer = Description::offer(address, &[Codec::Opus, Codec::G722, Codec::Pcma], true);
        Description { direction: Direction::SendOnly, version: 7, ..offer }
    }

    #[test]
    fn what_is_written_is_read_back() {
        assert_eq!(Description::parse(offer().write().as_bytes()), Ok(offer()));
        let elsewhere = Description { rtcp_address: "127.0.0.1:5555".parse().unwrap(), ..offer() };
        assert_eq!(Description::parse(elsewhere.write().as_bytes()), Ok(elsewhere));
    }

    #[test]
    fn an_offer_names_its_codecs_as_their_rfcs_say() {
        let text = offer().write();
        let expected = "m=audio 4000 RTP/AVP 111 9 8 101 110\r\na=rtpmap:111 opus/48000/2\r\n\
                        a=fmtp:111 useinbandfec=1\r\na=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\n\
                        a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n\
                        a=rtpmap:110 telephone-event/48000\r\na=fmtp:110 0-15\r\na=ptime:20\r\n";
        assert!(text.contains(expected), "{text}");
        let without = Description::offer(offer().address, &[Codec::Pcmu], false).write();
        assert!(without.contains("RTP/AVP 0\r\n") && !without.contains("telephone-event"), "{without}");
    }

    #[test]
    fn an_answer_keeps_what_is_common_under_the_offer_s_types() {
        let body = "c=IN IP4 10.0.0.1\r\nm=audio 4002 RTP/AVP 96 0 97 100\r\na=rtpmap:96 OPUS/48000/2\r\n\
                    a=rtpmap:97 PCMA/8000/1\r\na=rtpmap:100 telephone-event/48000\r\n";
        let theirs = Description::parse(body.as_bytes()).unwrap();
        let answer = offer().answer(&theirs).unwrap();
        let formats: Vec<_> = answer.formats.iter().map(|f| (f.codec, f.payload_type)).collect();
        assert_eq!(formats, [(Codec::Opus, 96), (Codec::Pcma, 97)]);
        assert_eq!(answer.telephone_events, [TelephoneEvent { payload_type: 100, clock_hz: 48_000 }]);
        assert_eq!((answer.address, answer.direction), (offer().address, Direction::SendOnly));
        let pcmu = Description::parse(b"c=IN IP4 10.0.0.1\r\nm=audio 4002 RTP/AVP 0\r\n").unwrap();
        assert_eq!(offer().answer(&pcmu), Err(SdpError::NoCodec));
    }

    #[test]
    fn media_lines_win_over_session_lines_and_other_media_are_let_go() {
        let body = "v=0\r\no=x 1 3 IN IP4 10.0.0.1\r\nc=IN IP4 10.0.0.1\r\na=inactive\r\nm=video 9 RTP/AVP 96\r\n\
                    c=IN IP4 10.0.0.2\r\na=sendonly\r\nm=audio 4002/1 RTP/AVP 18 0 97\r\nc=IN IP4 10.0.0.3/127\r\n\
                    a=rtpmap:97 TELEPHONE-EVENT/8000\r\na=rtcp:4009 IN IP4 10.0.0.4\r\na=recvonly\r\n";
        let read = Description::parse(body.as_bytes()).unwrap();
        assert_eq!(read.address, "10.0.0.3:4002".parse().unwrap());
        assert_eq!(read.rtcp_address, "10.0.0.4:4009".parse().unwrap());
        assert_eq!(read.formats, [Format { codec: Codec::Pcmu, payload_type: 0 }]);
        assert_eq!(read.telephone_events, [TelephoneEvent { payload_type: 97, clock_hz: 8_000 }]);
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
        fn no_text_of_sdp_s_own_words_makes_it_panic(body in "((m=audio|c=IN IP4|a=rtpmap:|a=rtcp:|opus/48000/2|o=| |[0-9]|/|RTP/AVP|\r\n){0,40})") {
            let _ = Description::parse(body.as_bytes());
        }
    }
}
