//! RTP packets of one sender.

use crate::codec::{Codec, FRAME_SAMPLES, Frame};
use crate::dtmf::Event;
use rand::RngExt as _;
use rtp_rs::RtpPacketBuilder;

/// Largest packet that is made: 12 bytes of header and 20 ms of G.711.
pub(crate) const PACKET_BYTES: usize = 12 + FRAME_SAMPLES;

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
        }
    }

    /// Writes a packet of sound; returns its length.
    pub(crate) fn sound(
        &mut self,
        codec: Codec,
        frame: &Frame,
        packet: &mut [u8; PACKET_BYTES],
    ) -> Option<usize> {
        let marker = std::mem::take(&mut self.marker);
        self.write(codec.payload_type(), marker, self.timestamp, &codec.encode(frame), packet)
    }

    /// Writes a packet of a telephone-event; returns its length.
    pub(crate) fn event(
        &mut self,
        payload_type: u8,
        event: Event,
        begins: bool,
        packet: &mut [u8; PACKET_BYTES],
    ) -> Option<usize> {
        if begins {
            self.event_timestamp = self.timestamp;
        }
        self.marker = true;
        self.write(payload_type, begins, self.event_timestamp, &event.payload(), packet)
    }

    /// 20 ms have passed, whether or not a packet was sent.
    pub(crate) fn advance(&mut self, frames: u32) {
        self.timestamp = self.timestamp.wrapping_add(frames.wrapping_mul(FRAME_SAMPLES as u32));
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
        written.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtmf::{DialPad, Digit, Due};
    use rand::SeedableRng as _;
    use rtp_rs::RtpReader;

    #[test]
    fn sound_counts_up_and_marks_its_beginning() {
        let mut sender = Sender::new(&mut rand::rngs::StdRng::seed_from_u64(1));
        (sender.sequence, sender.timestamp) = (u16::MAX, u32::MAX - 159);
        let mut seen = Vec::new();
        for _ in 0..2 {
            let mut packet = [0; PACKET_BYTES];
            let length = sender.sound(Codec::Pcma, &[0; FRAME_SAMPLES], &mut packet).unwrap();
            sender.advance(1);
            let read = RtpReader::new(&packet[..length]).unwrap();
            assert_eq!((read.payload_type(), read.payload().len()), (8, 160));
            seen.push((u16::from(read.sequence_number()), read.timestamp(), read.mark()));
        }
        assert_eq!(seen, [(u16::MAX, u32::MAX - 159, true), (0, 0, false)]);
    }

    #[test]
    fn all_packets_of_a_digit_carry_its_first_timestamp() {
        let mut sender = Sender::new(&mut rand::rngs::StdRng::seed_from_u64(1));
        let mut pad = DialPad::default();
        pad.press(&Digit::parse_all("12").unwrap());
        let mut seen = Vec::new();
        for tick in 0..19u32 {
            if let Due::Event { event, begins } = pad.tick() {
                let mut packet = [0; PACKET_BYTES];
                let length = sender.event(101, event, begins, &mut packet).unwrap();
                let read = RtpReader::new(&packet[..length]).unwrap();
                seen.push((tick, read.timestamp(), read.mark(), read.payload()[1] & 0x80 != 0));
            }
            sender.advance(1);
        }
        let first = seen[0].1;
        assert_eq!(seen.len(), 14);
        for (tick, timestamp, marker, end) in seen {
            let (start, begin) = if tick < 11 { (first, 0) } else { (first.wrapping_add(11 * 160), 11) };
            assert_eq!((timestamp, marker, end), (start, tick == begin, tick >= begin + 4), "tick {tick}");
        }
    }
}
