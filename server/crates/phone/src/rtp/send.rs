//! RTP packets of one sender.

use crate::codec::{FRAMES_PER_SECOND, MAX_PAYLOAD_BYTES};
use crate::dtmf::Event;
use crate::sdp::TelephoneEvent;
use rand::RngExt as _;
use rtp_rs::RtpPacketBuilder;

/// Largest packet that is made: 12 bytes of header, and the largest payload.
pub(crate) const PACKET_BYTES: usize = 12 + MAX_PAYLOAD_BYTES;

/// Numbers and stamps packets (RFC 3550 section 5.1).
#[derive(Debug)]
pub(crate) struct Sender {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    /// Timestamp of the digit being sent (RFC 4733 section 2.5.1.2: all its packets carry the first's).
    event_timestamp: u32,
    /// The next packet of sound begins a talkspurt.
    marker: bool,
    /// As a sender report counts them: packets, and bytes of payload (RFC 3550 section 6.4.1).
    packets: u32,
    payload_bytes: u32,
}

impl Sender {
    /// A new source: SSRC, first sequence number and timestamp are random (RFC 3550 section 5.1).
    pub(crate) fn new(rng: &mut impl rand::Rng) -> Sender {
        Sender {
            ssrc: rng.random(),
            sequence: rng.random(),
            timestamp: rng.random(),
            event_timestamp: 0,
            marker: true,
            packets: 0,
            payload_bytes: 0,
        }
    }

    pub(crate) fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The timestamp of the next packet.
    pub(crate) fn timestamp(&self) -> u32 {
        self.timestamp
    }

    /// Packets and bytes of payload so far.
    pub(crate) fn counts(&self) -> (u32, u32) {
        (self.packets, self.payload_bytes)
    }

    /// Writes a packet of sound; returns its length.
    pub(crate) fn sound(
        &mut self,
        payload_type: u8,
        payload: &[u8],
        packet: &mut [u8; PACKET_BYTES],
    ) -> Option<usize> {
        let marker = std::mem::take(&mut self.marker);
        self.write(payload_type, marker, self.timestamp, payload, packet)
    }

    /// Writes a packet of a telephone-event; returns its length.
    pub(crate) fn event(
        &mut self,
        format: TelephoneEvent,
        event: Event,
        begins: bool,
        packet: &mut [u8; PACKET_BYTES],
    ) -> Option<usize> {
        if begins {
            self.event_timestamp = self.timestamp;
        }
        self.marker = true;
        // 160 or 960.
        let frame_units = (format.clock_hz / FRAMES_PER_SECOND) as u16;
        self.write(format.payload_type, begins, self.event_timestamp, &event.payload(frame_units), packet)
    }

    /// So many timestamp units have passed, whether or not a packet was sent.
    pub(crate) fn advance(&mut self, units: u32) {
        self.timestamp = self.timestamp.wrapping_add(units);
    }

    fn write(
        &mut self,
        payload_type: u8,
        marker: bool,
        timestamp: u32,
        payload: &[u8],
        packet: &mut [u8; PACKET_BYTES],
    ) -> Option<usize> {
        let written = RtpPacketBuilder::new()
            .payload_type(payload_type)
            .marked(marker)
            .sequence(self.sequence.into())
            .timestamp(timestamp)
            .ssrc(self.ssrc)
            .payload(payload)
            .build_into(packet);
        self.sequence = self.sequence.wrapping_add(1);
        self.packets = self.packets.wrapping_add(1);
        self.payload_bytes = self.payload_bytes.wrapping_add(payload.len() as u32);
        written.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtmf::{DialPad, Digit, Due, Manner};
    use rand::SeedableRng as _;
    use rtp_rs::RtpReader;

    #[test]
    fn sound_counts_up_and_marks_its_beginning() {
        let mut sender = Sender::new(&mut rand::rngs::StdRng::seed_from_u64(1));
        (sender.sequence, sender.timestamp) = (u16::MAX, u32::MAX - 159);
        let mut seen = Vec::new();
        for _ in 0..2 {
            let mut packet = [0; PACKET_BYTES];
            let length = sender.sound(8, &[0; 160], &mut packet).unwrap();
            sender.advance(160);
            let read = RtpReader::new(&packet[..length]).unwrap();
            assert_eq!((read.payload_type(), read.payload().len()), (8, 160));
            seen.push((u16::from(read.sequence_number()), read.timestamp(), read.mark()));
        }
        assert_eq!(seen, [(u16::MAX, u32::MAX - 159, true), (0, 0, false)]);
        assert_eq!(sender.counts(), (2, 320));
    }

    #[test]
    fn all_packets_of_a_digit_carry_its_first_timestamp() {
        let mut sender = Sender::new(&mut rand::rngs::StdRng::seed_from_u64(1));
        let mut pad = DialPad::default();
        pad.press(&Digit::parse_all("12").unwrap());
        let mut seen = Vec::new();
        for tick in 0..19u32 {
            if let Due::Event { event, begins } = pad.tick(Manner::Events) {
                let mut packet = [0; PACKET_BYTES];
                let length = sender
                    .event(TelephoneEvent { payload_type: 101, clock_hz: 8_000 }, event, begins, &mut packet)
                    .unwrap();
                let read = RtpReader::new(&packet[..length]).unwrap();
                seen.push((tick, read.timestamp(), read.mark(), read.payload()[1] & 0x80 != 0));
            }
            sender.advance(160);
        }
        let first = seen[0].1;
        assert_eq!(seen.len(), 14);
        for (tick, timestamp, marker, end) in seen {
            let (start, begin) = if tick < 11 { (first, 0) } else { (first.wrapping_add(11 * 160), 11) };
            assert_eq!((timestamp, marker, end), (start, tick == begin, tick >= begin + 4), "tick {tick}");
        }
    }
}
