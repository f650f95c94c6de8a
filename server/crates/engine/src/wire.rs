//! The packets of one tick.

use crate::leg_key::LegKey;
use crate::rtp::header::HEADER_BYTES;
use std::net::SocketAddr;
use std::ops::Range;

/// A datagram to send: header, then payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    pub leg: LegKey,
    pub channel: Channel,
    pub to: SocketAddr,
    /// RTP's 12 bytes of RFC 3550 section 5.1, the leg's own; nothing for RTCP.
    pub header: &'a [u8],
    /// Hearers of one stream share it: the very same memory.
    pub payload: &'a [u8],
}

/// From which of a leg's two sockets a datagram leaves, or by which it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Rtp,
    Rtcp,
}

/// Its memory is kept from tick to tick.
#[derive(Default)]
pub(crate) struct Wire {
    packets: Vec<Made>,
    bytes: Vec<u8>,
}

struct Made {
    leg: LegKey,
    channel: Channel,
    to: SocketAddr,
    header: [u8; HEADER_BYTES],
    payload: Encoded,
}

/// Bytes of this tick that lie in the [`Wire`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Encoded {
    start: u32,
    length: u16,
}

impl Encoded {
    pub(crate) fn len(self) -> usize {
        usize::from(self.length)
    }

    /// A part of it.
    pub(crate) fn part(self, range: Range<usize>) -> Encoded {
        debug_assert!(range.end <= self.len());
        Encoded { start: self.start + range.start as u32, length: range.len() as u16 }
    }
}

impl Wire {
    pub(crate) fn clear(&mut self) {
        self.packets.clear();
        self.bytes.clear();
    }

    /// Keeps bytes, for one leg or for all that hear the same; at most what fits into a datagram.
    pub(crate) fn keep(&mut self, bytes: &[u8]) -> Encoded {
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(bytes);
        Encoded { start, length: bytes.len() as u16 }
    }

    pub(crate) fn bytes(&self, encoded: Encoded) -> &[u8] {
        let start = encoded.start as usize;
        self.bytes.get(start..start + encoded.len()).unwrap_or(&[])
    }

    pub(crate) fn send_rtp(
        &mut self,
        leg: LegKey,
        to: SocketAddr,
        header: [u8; HEADER_BYTES],
        payload: Encoded,
    ) {
        self.packets.push(Made { leg, channel: Channel::Rtp, to, header, payload });
    }

    pub(crate) fn send_rtcp(&mut self, leg: LegKey, to: SocketAddr, report: &[u8]) {
        let payload = self.keep(report);
        self.packets.push(Made { leg, channel: Channel::Rtcp, to, header: [0; HEADER_BYTES], payload });
    }

    pub(crate) fn len(&self) -> usize {
        self.packets.len()
    }

    pub(crate) fn packets(&self) -> impl Iterator<Item = Packet<'_>> {
        self.packets.iter().map(|made| Packet {
            leg: made.leg,
            channel: made.channel,
            to: made.to,
            header: match made.channel {
                Channel::Rtp => &made.header,
                Channel::Rtcp => &[],
            },
            payload: self.bytes(made.payload),
        })
    }
}
