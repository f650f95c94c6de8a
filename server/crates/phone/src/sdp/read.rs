//! Reading a description, line by line.

use super::{Description, Direction, Format, SdpError, TELEPHONE_EVENTS, TelephoneEvent, after};
use crate::codec::Codec;
use std::net::{IpAddr, SocketAddr};

/// What has been read so far; media-level lines win over session-level ones.
#[derive(Default)]
pub(super) struct Reader {
    section: Section,
    session_ip: Option<IpAddr>,
    media_ip: Option<IpAddr>,
    port: Option<u16>,
    rtcp: Option<(u16, Option<IpAddr>)>,
    payload_types: Vec<u8>,
    /// What `rtpmap` says of the payload types that are ours.
    maps: Vec<Format>,
    telephone_events: Vec<TelephoneEvent>,
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
    pub(super) fn line(&mut self, line: &str) {
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
            (None, Section::Audio) => {
                if let Some(map) = attribute.strip_prefix("rtpmap:") {
                    self.rtpmap(map);
                } else if let Some(rtcp) = attribute.strip_prefix("rtcp:") {
                    self.rtcp(rtcp);
                }
            }
            (None, _) => {}
        }
    }

    fn rtpmap(&mut self, map: &str) {
        let Some((payload_type, encoding)) = map.split_once(' ') else { return };
        let Ok(payload_type) = payload_type.parse() else { return };
        if !self.payload_types.contains(&payload_type) {
            return;
        }
        let encoding = encoding.trim();
        // One channel may be left out or said (RFC 4566 section 6).
        let is = |wanted: &str| encoding.strip_suffix("/1").unwrap_or(encoding).eq_ignore_ascii_case(wanted);
        if let Some(codec) = Codec::ALL.into_iter().find(|codec| is(codec.rtpmap())) {
            self.maps.push(Format { codec, payload_type });
        } else if let Some(event) =
            TELEPHONE_EVENTS.iter().find(|event| is(&format!("telephone-event/{}", event.clock_hz)))
        {
            self.telephone_events.push(TelephoneEvent { payload_type, ..*event });
        }
    }

    /// `port`, or `port IN IP4 address` (RFC 3605 section 2.1).
    fn rtcp(&mut self, rtcp: &str) {
        let mut words = rtcp.split_whitespace();
        if let Some(port) = words.next().and_then(|port| port.parse().ok()).filter(|port| *port != 0) {
            self.rtcp = Some((port, words.nth(2).and_then(|ip| ip.parse().ok())));
        }
    }

    fn formats(&self) -> Vec<Format> {
        let format = |payload_type: &u8| {
            let mapped = self.maps.iter().find(|format| format.payload_type == *payload_type).copied();
            mapped.or_else(|| {
                let codec = Codec::from_static_payload_type(*payload_type)?;
                Some(Format { codec, payload_type: *payload_type })
            })
        };
        self.payload_types.iter().filter_map(format).collect()
    }

    pub(super) fn finish(self) -> Result<Description, SdpError> {
        let port = match self.port.ok_or(SdpError::NoAudio)? {
            0 => return Err(SdpError::Refused),
            port => port,
        };
        let ip = self.media_ip.or(self.session_ip).ok_or(SdpError::NoAddress)?;
        let formats = self.formats();
        if formats.is_empty() {
            return Err(SdpError::NoCodec);
        }
        let address = SocketAddr::new(ip, port);
        let rtcp_address = match self.rtcp {
            Some((port, rtcp_ip)) => SocketAddr::new(rtcp_ip.unwrap_or(ip), port),
            None => after(address),
        };
        Ok(Description {
            address,
            rtcp_address,
            formats,
            telephone_events: self.telephone_events,
            direction: self.media_direction.or(self.session_direction).unwrap_or_default(),
            version: self.version,
        })
    }
}
