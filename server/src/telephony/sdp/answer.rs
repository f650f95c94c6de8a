//! The answer's text: our address, the one codec, and the other streams refused.

use super::{Offer, Wiring};
use engine::Codec;
use std::net::SocketAddr;

impl Offer {
    /// The answer: our address, the one codec, and the other streams refused (RFC 3264 section 6).
    ///
    /// `version` grows with each answer of one session (RFC 4566 section 5.2).
    /// `wiring` is what [`Offer::wiring`] made of this offer.
    pub(crate) fn answer(&self, local: SocketAddr, session: u64, version: u64, wiring: &Wiring) -> String {
        let mut sdp = head(local, session, version);
        for (index, (media, proto, formats)) in self.lines.iter().enumerate() {
            if index != self.stream {
                sdp.push_str(&format!("m={media} 0 {proto} {formats}\r\n"));
                continue;
            }
            sdp.push_str(&self.answered_stream(local.port(), proto, wiring));
        }
        sdp
    }

    fn answered_stream(&self, port: u16, proto: &str, wiring: &Wiring) -> String {
        let pt = self.payload_type;
        let events = self.telephone_event.map(|pt| format!(" {pt}")).unwrap_or_default();
        let mut lines =
            format!("m=audio {port} {proto} {pt}{events}\r\na=rtpmap:{pt} {}\r\n", encoding(self.codec));
        if self.codec == Codec::Opus {
            // We would like redundancy for what gets lost, and nothing while nobody talks (RFC 7587 section 6.1).
            lines.push_str(&format!("a=fmtp:{pt} useinbandfec=1;usedtx=1\r\n"));
        }
        if let Some(event) = self.telephone_event {
            let clock_hz = self.event_clock_hz;
            lines
                .push_str(&format!("a=rtpmap:{event} telephone-event/{clock_hz}\r\na=fmtp:{event} 0-15\r\n"));
        }
        if let (Some(keys), Some(theirs)) = (&wiring.keys, &self.crypto) {
            lines.push_str(&theirs.answer_line(keys));
        }
        if wiring.rtcp_mux {
            lines.push_str("a=rtcp-mux\r\n");
        }
        lines.push_str(&format!("a=ptime:{}\r\na={}\r\n", self.ptime_ms, self.answered_direction()));
        lines
    }

    /// RFC 3264 section 6.1: what the caller only sends we only receive, and the other way round.
    pub(super) fn answered_direction(&self) -> &'static str {
        match (self.wants_media, self.sends_media) {
            (true, true) => "sendrecv",
            (true, false) => "sendonly",
            (false, true) => "recvonly",
            (false, false) => "inactive",
        }
    }
}

/// What stands above the media lines.
pub(super) fn head(local: SocketAddr, session: u64, version: u64) -> String {
    let family = if local.is_ipv4() { "IP4" } else { "IP6" };
    let ip = local.ip();
    format!(
        "v=0\r\no=- {session} {version} IN {family} {ip}\r\ns=conference\r\nc=IN {family} {ip}\r\nt=0 0\r\n"
    )
}

/// As `rtpmap` writes it. Opus is always called stereo there (RFC 7587 section 7).
pub(super) fn encoding(codec: Codec) -> String {
    let channels = if codec == Codec::Opus { "/2" } else { "" };
    format!("{}/{}{channels}", codec.name(), codec.clock_hz())
}
