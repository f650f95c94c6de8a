//! What leaves: the packets of a tick, and each leg's own sequence and timestamps.

use crate::codec::FRAME_BYTES;
use crate::leg_key::LegKey;
use crate::params::MediaParams;
use crate::rng::Rng;
use crate::rtp::header::{HEADER_BYTES, write_header};
use crate::time::FRAME_SAMPLES;
use std::net::SocketAddr;
use std::ops::Range;

/// A datagram to send: header, then payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    pub leg: LegKey,
    pub to: SocketAddr,
    /// The 12 bytes of RFC 3550 section 5.1, the leg's own.
    pub header: [u8; HEADER_BYTES],
    /// Silent hearers of one codec share it: the very same memory.
    pub payload: &'a [u8],
}

/// The packets of one tick. Its memory is kept from tick to tick.
#[derive(Default)]
pub(crate) struct Wire {
    packets: Vec<Made>,
    payloads: Vec<u8>,
}

struct Made {
    leg: LegKey,
    to: SocketAddr,
    header: [u8; HEADER_BYTES],
    payload: Range<u32>,
}

/// An encoded frame of this tick that lies in the [`Wire`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Encoded {
    start: u32,
}

impl Wire {
    pub(crate) fn clear(&mut self) {
        self.packets.clear();
        self.payloads.clear();
    }

    /// Keeps one encoded tick, for one leg or for all that hear the same.
    pub(crate) fn keep(&mut self, bytes: &[u8; FRAME_BYTES]) -> Encoded {
        Encoded { start: self.put(bytes).start }
    }

    fn put(&mut self, bytes: &[u8]) -> Range<u32> {
        let start = self.payloads.len() as u32;
        self.payloads.extend_from_slice(bytes);
        start..self.payloads.len() as u32
    }

    fn bytes(&self, range: &Range<u32>) -> &[u8] {
        self.payloads.get(range.start as usize..range.end as usize).unwrap_or(&[])
    }

    pub(crate) fn len(&self) -> usize {
        self.packets.len()
    }

    pub(crate) fn packets(&self) -> impl Iterator<Item = Packet<'_>> {
        self.packets.iter().map(|made| Packet {
            leg: made.leg,
            to: made.to,
            header: made.header,
            payload: self.bytes(&made.payload),
        })
    }
}

/// One leg's outgoing stream. Its clock runs with the ticks, also while nothing is sent (RFC 3550 section 5.1).
#[derive(Debug)]
pub(crate) struct Outbound {
    ssrc: u32,
    sequence: u16,
    /// Of the next packet's first sample.
    timestamp: u32,
    /// The next packet is the first one, or the first after a pause (RFC 3551 section 4.1).
    marker: bool,
    /// Encoded samples that do not fill a packet yet, where a packet is not a whole tick.
    waiting: Vec<u8>,
}

impl Outbound {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        Outbound {
            ssrc: rng.next_u32(),
            sequence: rng.next_u16(),
            timestamp: rng.next_u32(),
            marker: true,
            waiting: Vec::new(),
        }
    }

    /// Lets `ticks` pass without sending.
    pub(crate) fn pause(&mut self, ticks: u32) {
        let samples = ticks.wrapping_mul(FRAME_SAMPLES as u32).wrapping_add(self.waiting.len() as u32);
        self.timestamp = self.timestamp.wrapping_add(samples);
        self.waiting.clear();
        self.marker = true;
    }

    /// Sends one tick's sound, in as many packets as it completes.
    pub(crate) fn send(
        &mut self,
        wire: &mut Wire,
        leg: LegKey,
        to: SocketAddr,
        media: &MediaParams,
        sound: Encoded,
    ) {
        let size = media.packet_samples();
        let end = sound.start + FRAME_BYTES as u32;
        if self.waiting.is_empty() && FRAME_BYTES.is_multiple_of(size) {
            for start in (sound.start..end).step_by(size) {
                self.packet(wire, leg, to, media, start..start + size as u32);
            }
            return;
        }
        self.waiting.extend_from_slice(wire.bytes(&(sound.start..end)));
        let mut sent = 0;
        while let Some(payload) = self.waiting.get(sent..sent + size) {
            let payload = wire.put(payload);
            self.packet(wire, leg, to, media, payload);
            sent += size;
        }
        self.waiting.drain(..sent);
    }

    fn packet(
        &mut self,
        wire: &mut Wire,
        leg: LegKey,
        to: SocketAddr,
        media: &MediaParams,
        payload: Range<u32>,
    ) {
        let samples = payload.end - payload.start;
        let header = write_header(self.marker, media.payload_type, self.sequence, self.timestamp, self.ssrc);
        wire.packets.push(Made { leg, to, header, payload });
        self.marker = false;
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(samples);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Codec;
    use crate::rtp::header::Rtp;

    fn media(ptime_ms: u8) -> MediaParams {
        MediaParams {
            codec: Codec::Pcmu,
            payload_type: 0,
            telephone_event: None,
            remote: "192.0.2.1:4000".parse().unwrap(),
            send: true,
            receive: true,
            ptime_ms,
        }
    }

    /// What a receiver gets of `ticks` ticks, whose samples count upwards: (marker, sequence, timestamp, payload).
    fn stream(
        outbound: &mut Outbound,
        ptime_ms: u8,
        first: usize,
        ticks: usize,
    ) -> Vec<(bool, u16, u32, Vec<u8>)> {
        let mut wire = Wire::default();
        let mut out = Vec::new();
        for tick in first..first + ticks {
            wire.clear();
            let sound: [u8; FRAME_BYTES] = std::array::from_fn(|i| (tick * FRAME_BYTES + i) as u8);
            let sound = wire.keep(&sound);
            outbound.send(&mut wire, LegKey::test(0), media(ptime_ms).remote, &media(ptime_ms), sound);
            for packet in wire.packets() {
                let datagram = [&packet.header[..], packet.payload].concat();
                let rtp = Rtp::parse(&datagram).unwrap();
                out.push((rtp.marker, rtp.sequence, rtp.timestamp, rtp.payload.to_vec()));
            }
        }
        out
    }

    #[test]
    fn every_ptime_carries_every_sample_once_and_counts_right() {
        for ptime_ms in [10, 20, 30, 40, 50, 60] {
            let mut outbound = Outbound::new(&mut Rng::new(1));
            outbound.sequence = u16::MAX - 1;
            outbound.timestamp = u32::MAX - 500;
            let packets = stream(&mut outbound, ptime_ms, 0, 30);
            assert_eq!(packets.len(), 600 / usize::from(ptime_ms));
            let mut expected = (u16::MAX - 1, u32::MAX - 500);
            for (i, (marker, sequence, timestamp, payload)) in packets.iter().enumerate() {
                assert_eq!(*marker, i == 0);
                assert_eq!((*sequence, *timestamp), expected);
                assert_eq!(payload.len(), usize::from(ptime_ms) * 8);
                expected = (sequence.wrapping_add(1), timestamp.wrapping_add(payload.len() as u32));
            }
            let bytes: Vec<u8> = packets.into_iter().flat_map(|p| p.3).collect();
            assert!(bytes.iter().enumerate().all(|(i, b)| *b == i as u8), "{ptime_ms}");
        }
    }

    #[test]
    fn after_a_pause_the_clock_has_run_and_the_sequence_has_not() {
        let mut outbound = Outbound::new(&mut Rng::new(1));
        let before = stream(&mut outbound, 30, 0, 2);
        outbound.pause(10);
        let after = stream(&mut outbound, 30, 12, 2);
        // 40 ms were made of which 30 went out; the next first sample is 240 ms after the first one.
        assert_eq!(after[0].1, before[0].1.wrapping_add(1));
        assert_eq!(after[0].2, before[0].2.wrapping_add(240 * 8));
        assert!(after[0].0);
    }
}
