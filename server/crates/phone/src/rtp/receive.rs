//! Packets in: counted, and played where somebody listens.

use super::agreed::Agreed;
use super::playout::Playout;
use super::statistics::{Gaps, Source, Statistics};
use rtp_rs::RtpReader;
use std::time::Instant;

#[derive(Debug, Default)]
pub(crate) struct Receiver {
    source: Option<Source>,
    /// Counts of sources that are gone.
    past: Statistics,
    playout: Option<Playout>,
    gaps: Gaps,
    received: u64,
    received_payload_bytes: u64,
    refused: u64,
    late: u64,
    sources: u32,
}

impl Receiver {
    /// Takes a datagram, and keeps its sound if somebody listens.
    pub(crate) fn datagram(&mut self, now: Instant, datagram: &[u8], agreed: &Agreed, listens: bool) {
        let Ok(packet) = RtpReader::new(datagram) else {
            self.refused += 1;
            return;
        };
        let codec = agreed.received_codec(packet.payload_type());
        if codec.is_none() && !agreed.receives_event(packet.payload_type()) {
            self.refused += 1;
            return;
        }
        self.received += 1;
        self.received_payload_bytes += packet.payload().len() as u64;
        self.follow(now, &packet, codec.unwrap_or(agreed.codec()).clock_hz());
        let (payload, timestamp) = (packet.payload(), packet.timestamp());
        let Some(codec) = codec.filter(|_| listens) else { return };
        let Some(units) = codec.payload_units(payload) else { return };
        let playout = match &mut self.playout {
            Some(playout) if playout.codec() == codec => playout,
            playout => playout.insert(Playout::new(codec, timestamp)),
        };
        self.late += u64::from(!playout.insert(timestamp, units, payload));
    }

    fn follow(&mut self, now: Instant, packet: &RtpReader<'_>, clock_hz: u32) {
        let (sequence, timestamp) = (u16::from(packet.sequence_number()), packet.timestamp());
        match &mut self.source {
            Some(source) if source.ssrc == packet.ssrc() && source.clock_hz == clock_hz => {
                source.packet(sequence, timestamp, now);
                self.gaps.packet(now);
            }
            source => {
                if let Some(gone) = source.take() {
                    self.past.packets_lost += gone.lost();
                    self.past.packets_out_of_order += gone.out_of_order;
                }
                *source = Some(Source::new(packet.ssrc(), sequence, timestamp, now, clock_hz));
                self.sources += 1;
                self.playout = None;
                self.gaps.begin(now);
            }
        }
    }

    /// The other side may be silent from here on, or be another one: the time until its next packet is no gap.
    pub(crate) fn expect_pause(&mut self) {
        self.gaps.pause();
    }

    /// The source that is heard now.
    pub(crate) fn source(&mut self) -> Option<&mut Source> {
        self.source.as_mut()
    }

    /// The next 20 ms; silence where nothing came, or came at another rate.
    pub(crate) fn next_frame(&mut self, frame: &mut [i16]) {
        match &mut self.playout {
            Some(playout) if playout.codec().frame_samples() == frame.len() => playout.next_frame(frame),
            _ => frame.fill(0),
        }
    }

    /// Forgets sound that waits to be played.
    pub(crate) fn stop_playing(&mut self) {
        self.playout = None;
    }

    /// Fills in the receiving half of `statistics`.
    pub(crate) fn report(&self, statistics: &mut Statistics) {
        statistics.packets_received = self.received;
        statistics.payload_bytes_received = self.received_payload_bytes;
        statistics.packets_late = self.late;
        statistics.datagrams_refused = self.refused;
        statistics.sources = self.sources;
        statistics.packets_lost = self.past.packets_lost + self.source.as_ref().map_or(0, Source::lost);
        statistics.packets_out_of_order =
            self.past.packets_out_of_order + self.source.as_ref().map_or(0, |source| source.out_of_order);
        statistics.jitter_ms = self.source.as_ref().map_or(0.0, Source::jitter_ms);
        statistics.longest_gap = self.gaps.longest;
        statistics.gaps = self.gaps.count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::tests::{decode, encode};
    use crate::codec::{Codec, Encoder, MAX_PAYLOAD_BYTES};
    use crate::hear::tone_dbov;
    use crate::rtp::agreed::tests::agreed;
    use crate::sdp::Direction;
    use crate::sound::{Player, Sound};
    use proptest::prelude::*;
    use rtp_rs::RtpPacketBuilder;
    use std::time::Duration;

    fn a_law() -> Agreed {
        agreed(Codec::Pcma, Direction::SendRecv)
    }

    fn packet(ssrc: u32, sequence: u16, timestamp: u32, value: i16) -> Vec<u8> {
        rtp(8, ssrc, sequence, timestamp, &encode(Codec::Pcma, &[value; 160]))
    }

    fn rtp(payload_type: u8, ssrc: u32, sequence: u16, timestamp: u32, payload: &[u8]) -> Vec<u8> {
        let builder = RtpPacketBuilder::new().payload_type(payload_type).ssrc(ssrc).sequence(sequence.into());
        builder.timestamp(timestamp).payload(payload).build().unwrap()
    }

    /// Values that A-law keeps exactly, by number.
    fn value(n: u32) -> i16 {
        decode(Codec::Pcma, &[0x80 | n as u8 & 0x7f])[0]
    }

    fn next_frame(receiver: &mut Receiver, codec: Codec) -> Vec<i16> {
        let mut frame = vec![1; codec.frame_samples()];
        receiver.next_frame(&mut frame);
        frame
    }

    /// Gives the packets (by number) of each tick, and returns the numbers that were played (or None).
    fn play(ticks: &[&[u32]]) -> (Vec<Option<u32>>, Receiver) {
        let mut receiver = Receiver::default();
        let mut played = Vec::new();
        for arrivals in ticks {
            for n in *arrivals {
                // Start just below the wraps of sequence and timestamp.
                let (sequence, timestamp) =
                    (65_535u16.wrapping_add(*n as u16), u32::MAX.wrapping_add(n * 160));
                let packet = packet(7, sequence, timestamp, value(*n));
                receiver.datagram(Instant::now(), &packet, &a_law(), true);
            }
            let frame = next_frame(&mut receiver, Codec::Pcma);
            played.push((0..128).find(|n| value(*n) == frame[0] && frame == [frame[0]; 160]));
        }
        (played, receiver)
    }

    fn statistics(receiver: &Receiver) -> Statistics {
        let mut statistics = Statistics::default();
        receiver.report(&mut statistics);
        statistics
    }

    #[test]
    fn frames_come_out_in_order_after_40_ms() {
        let (played, _) = play(&[&[1], &[2], &[3], &[5], &[4], &[6], &[7]]);
        assert_eq!(played, [None, None, Some(1), Some(2), Some(3), Some(4), Some(5)]);
    }

    #[test]
    fn what_is_lost_or_late_is_silence_and_is_counted() {
        let (played, receiver) = play(&[&[1], &[3], &[4], &[5], &[6, 2], &[7]]);
        assert_eq!(played, [None, None, Some(1), None, Some(3), Some(4)]);
        let statistics = statistics(&receiver);
        assert_eq!((statistics.packets_late, statistics.packets_lost), (1, 0));
        assert_eq!((statistics.packets_received, statistics.packets_out_of_order), (7, 1));
    }

    #[test]
    fn a_pause_of_the_sender_starts_the_delay_anew() {
        let (played, _) = play(&[&[1], &[], &[], &[], &[90], &[91], &[92]]);
        assert_eq!(played, [None, None, Some(1), None, None, None, Some(90)]);
    }

    #[test]
    fn a_sender_that_falls_behind_for_good_is_followed() {
        let late: Vec<Vec<u32>> =
            (1..20u32).map(|n| if n < 3 { vec![n] } else { vec![n.saturating_sub(4)] }).collect();
        let late: Vec<&[u32]> = late.iter().map(Vec::as_slice).collect();
        let (played, _) = play(&late);
        assert_eq!(played.last(), Some(&Some(13)), "{played:?}");
    }

    #[test]
    fn another_source_takes_over_at_once() {
        let mut receiver = Receiver::default();
        receiver.datagram(Instant::now(), &packet(1, 5, 1_000, value(3)), &a_law(), true);
        for _ in 0..3 {
            next_frame(&mut receiver, Codec::Pcma);
        }
        receiver.datagram(Instant::now(), &packet(2, 900, 77, value(9)), &a_law(), true);
        let frames: Vec<i16> = (0..3).map(|_| next_frame(&mut receiver, Codec::Pcma)[0]).collect();
        assert_eq!(frames, [0, 0, value(9)]);
        assert_eq!((statistics(&receiver).sources, statistics(&receiver).packets_lost), (2, 0));
    }

    #[test]
    fn what_was_not_agreed_is_refused() {
        let mut receiver = Receiver::default();
        let event = rtp(101, 1, 1, 1, &[1, 10, 0, 160]);
        let other = rtp(9, 1, 1, 1, &[0; 160]);
        for datagram in [&event[..], &other, b"no RTP"] {
            receiver.datagram(Instant::now(), datagram, &a_law(), true);
        }
        assert_eq!((receiver.received, receiver.refused), (1, 2));
    }

    #[test]
    fn who_does_not_listen_counts_and_plays_nothing() {
        let mut receiver = Receiver::default();
        let start = Instant::now();
        for (n, ms) in [(0, 0), (1, 20), (2, 40), (3, 140), (4, 160)] {
            let at = start + Duration::from_millis(ms);
            receiver.datagram(at, &packet(1, n, u32::from(n) * 160, value(3)), &a_law(), false);
            assert_eq!(next_frame(&mut receiver, Codec::Pcma), [0; 160]);
        }
        let statistics = statistics(&receiver);
        assert_eq!((statistics.packets_received, statistics.gaps), (5, 1));
        assert_eq!(statistics.longest_gap, Duration::from_millis(100));
    }

    /// Ten frames of a tone, of which the packets of some never come; returns what was played in each frame's place.
    fn tone_with_losses(codec: Codec, lost: &[u32]) -> Vec<Vec<i16>> {
        let (mut receiver, agreed) = (Receiver::default(), agreed(codec, Direction::SendRecv));
        let mut player = Player::new(Sound::tone(440.0), codec.rate_hz());
        let mut encoder = Encoder::new(codec).unwrap();
        let mut frames = Vec::new();
        for n in 0..32u32 {
            let mut frame = vec![0; codec.frame_samples()];
            player.next_frame(&mut frame);
            let mut payload = [0; MAX_PAYLOAD_BYTES];
            let length = encoder.encode(&frame, &mut payload);
            if !lost.contains(&n) && n < 30 {
                let timestamp = n * codec.frame_units();
                let packet = rtp(codec.payload_type(), 1, n as u16, timestamp, &payload[..length]);
                receiver.datagram(Instant::now(), &packet, &agreed, true);
            }
            receiver.next_frame(&mut frame);
            frames.push(frame);
        }
        frames.split_off(2)
    }

    #[test]
    fn every_codec_s_sound_comes_through_and_losses_are_heard() {
        for codec in Codec::ALL {
            let frames = tone_with_losses(codec, &[20, 25, 26]);
            let level = |n: usize| tone_dbov(&frames[n], 440.0, codec.rate_hz());
            assert!((level(15) + 20.0).abs() < 3.0 && (level(29) + 20.0).abs() < 3.0, "{codec:?}");
            assert_eq!(frames[25], vec![0; codec.frame_samples()], "{codec:?}");
            // Opus tells one lost frame by the next packet; the others cannot.
            assert_eq!(level(20) > -30.0, codec == Codec::Opus, "{codec:?}: {}", level(20));
            assert_eq!(level(26) > -30.0, codec == Codec::Opus, "{codec:?}: {}", level(26));
        }
    }

    proptest! {
        #[test]
        fn no_datagrams_make_it_panic(
            datagrams in proptest::collection::vec((any::<u16>(), any::<u32>(), proptest::collection::vec(any::<u8>(), 0..60)), 1..40)
        ) {
            for codec in Codec::ALL {
                let (mut receiver, agreed) = (Receiver::default(), agreed(codec, Direction::SendRecv));
                for (sequence, timestamp, bytes) in &datagrams {
                    receiver.datagram(Instant::now(), bytes, &agreed, true);
                    let sound = rtp(codec.payload_type(), 1, *sequence, *timestamp, bytes);
                    receiver.datagram(Instant::now(), &sound, &agreed, true);
                    next_frame(&mut receiver, codec);
                }
                receiver.report(&mut Statistics::default());
            }
        }
    }
}
