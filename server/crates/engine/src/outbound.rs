//! What leaves: each leg's own sequence and timestamps.

use crate::leg_key::LegKey;
use crate::params::{Codec, MediaParams};
use crate::rng::Rng;
use crate::rtp::header::write_header;
use crate::wire::{Encoded, Wire};
use std::net::SocketAddr;

/// One leg's outgoing stream. Its clock runs with the ticks, also while nothing is sent (RFC 3550 section 5.1).
#[derive(Debug)]
pub(crate) struct Outbound {
    ssrc: u32,
    sequence: u16,
    /// Of the next packet's first sample.
    timestamp: u32,
    /// The next packet is the first one, or the first after a pause (RFC 3551 section 4.1).
    marker: bool,
    /// Encoded bytes that do not fill a packet yet, where a packet is not a whole tick.
    waiting: Vec<u8>,
    sent: Sent,
}

/// What was sent so far, for reports (RFC 3550 section 6.4.1); both wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) packets: u32,
    /// Of payload alone.
    pub(crate) bytes: u32,
}

/// Steps of the RTP clock in a tick.
fn tick_steps(codec: Codec) -> u32 {
    codec.clock_hz() / 50
}

impl Outbound {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        Outbound {
            ssrc: rng.next_u32(),
            // Its upper half is left out: whoever misses the first packets of an encrypted stream must not mistake the
            // first wrap (RFC 3711 section 3.3.1).
            sequence: rng.next_u16() >> 1,
            timestamp: rng.next_u32(),
            marker: true,
            waiting: Vec::new(),
            sent: Sent::default(),
        }
    }

    pub(crate) fn ssrc(&self) -> u32 {
        self.ssrc
    }

    pub(crate) fn sent(&self) -> Sent {
        self.sent
    }

    /// Of the next tick's first sample.
    pub(crate) fn timestamp(&self) -> u32 {
        // One byte of G.711 and G.722 is one step of their clock.
        self.timestamp.wrapping_add(self.waiting.len() as u32)
    }

    /// Lets `ticks` pass without sending.
    pub(crate) fn pause(&mut self, codec: Codec, ticks: u32) {
        self.timestamp = self.timestamp().wrapping_add(ticks.wrapping_mul(tick_steps(codec)));
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
        if media.codec == Codec::Opus {
            // A packet of Opus cannot be cut, and no phone needs it longer (RFC 7587 section 6.1: ptime is a wish).
            match sound.len() {
                0 => self.pause(media.codec, 1),
                _ => self.packet(wire, leg, to, media, sound, tick_steps(media.codec)),
            }
            return;
        }
        let size = media.packet_bytes();
        if self.waiting.is_empty() && sound.len().is_multiple_of(size) {
            for start in (0..sound.len()).step_by(size) {
                self.packet(wire, leg, to, media, sound.part(start..start + size), size as u32);
            }
            return;
        }
        self.waiting.extend_from_slice(wire.bytes(sound));
        let mut sent = 0;
        while let Some(payload) = self.waiting.get(sent..sent + size) {
            let payload = wire.keep(payload);
            self.packet(wire, leg, to, media, payload, size as u32);
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
        payload: Encoded,
        steps: u32,
    ) {
        let header = write_header(self.marker, media.payload_type, self.sequence, self.timestamp, self.ssrc);
        wire.send_rtp(leg, to, header, payload);
        self.marker = false;
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(steps);
        self.sent.packets = self.sent.packets.wrapping_add(1);
        self.sent.bytes = self.sent.bytes.wrapping_add(payload.len() as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::header::Rtp;

    fn media(ptime_ms: u8) -> MediaParams {
        MediaParams {
            codec: Codec::Pcmu,
            payload_type: 0,
            telephone_event: None,
            remote: "192.0.2.1:4000".parse().unwrap(),
            rtcp_remote: "192.0.2.1:4001".parse().unwrap(),
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
            let sound: [u8; 160] = std::array::from_fn(|i| (tick * 160 + i) as u8);
            let sound = wire.keep(&sound);
            outbound.send(&mut wire, LegKey::test(0), media(ptime_ms).remote, &media(ptime_ms), sound);
            for packet in wire.packets() {
                let datagram = [packet.header, packet.payload].concat();
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
        outbound.pause(Codec::Pcmu, 10);
        let after = stream(&mut outbound, 30, 12, 2);
        // 40 ms were made of which 30 went out; the next first sample is 240 ms after the first one.
        assert_eq!(after[0].1, before[0].1.wrapping_add(1));
        assert_eq!(after[0].2, before[0].2.wrapping_add(240 * 8));
        assert!(after[0].0);
    }
}
