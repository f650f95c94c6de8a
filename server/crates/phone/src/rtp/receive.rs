//! Packets in, frames out: a playout buffer with a fixed delay.
//!
//! Fixed, for this is a measuring telephone: what the network or the server does to the sound must be heard,
//! not smoothed. Frames are placed by their timestamp, so that a sender who is silent for a while leaves silence.

use super::statistics::{Source, Statistics};
use crate::codec::{Codec, FRAME_SAMPLES, Frame};
use rtp_rs::RtpReader;
use std::collections::BTreeMap;
use std::time::Instant;

/// What is waited for packets on their way, in samples: 40 ms.
const DELAY_SAMPLES: i64 = 2 * FRAME_SAMPLES as i64;
/// A timestamp further ahead than this starts anew, in samples: 400 ms.
const AHEAD_SAMPLES: i64 = 20 * FRAME_SAMPLES as i64;
/// So many late packets in a row mean that the sender's clock has moved: start anew.
const LATE_IN_A_ROW: u32 = 5;
/// Longest payload that is taken, in samples: 120 ms.
const MAX_PAYLOAD: usize = 6 * FRAME_SAMPLES;

#[derive(Debug, Default)]
pub(crate) struct Receiver {
    source: Option<Source>,
    /// Counts of sources that are gone.
    past: Statistics,
    playout: Option<Playout>,
    received: u64,
    refused: u64,
    late: u64,
    sources: u32,
}

/// Where playing stands in one source's timestamps.
#[derive(Debug)]
struct Playout {
    /// Position of the next frame, and of the newest packet, in samples since the first packet.
    next: i64,
    newest: i64,
    newest_timestamp: u32,
    waiting: BTreeMap<i64, Vec<i16>>,
    late_in_a_row: u32,
}

impl Receiver {
    /// Takes a datagram. `telephone_event` is the payload type that was agreed for digits.
    pub(crate) fn datagram(&mut self, now: Instant, datagram: &[u8], telephone_event: Option<u8>) {
        let Ok(packet) = RtpReader::new(datagram) else {
            self.refused += 1;
            return;
        };
        let codec = Codec::from_payload_type(packet.payload_type());
        if codec.is_none() && Some(packet.payload_type()) != telephone_event {
            self.refused += 1;
            return;
        }
        self.received += 1;
        self.follow(now, &packet);
        let payload = packet.payload();
        if let Some(codec) = codec
            && (1..=MAX_PAYLOAD).contains(&payload.len())
            && !self.playout.get_or_insert_with(|| Playout::new(packet.timestamp())).insert(
                packet.timestamp(),
                codec,
                payload,
            )
        {
            self.late += 1;
        }
    }

    fn follow(&mut self, now: Instant, packet: &RtpReader<'_>) {
        let (sequence, timestamp) = (u16::from(packet.sequence_number()), packet.timestamp());
        match &mut self.source {
            Some(source) if source.ssrc == packet.ssrc() => source.packet(sequence, timestamp, now),
            source => {
                if let Some(gone) = source.take() {
                    self.past.packets_lost += gone.lost();
                    self.past.packets_out_of_order += gone.out_of_order;
                }
                *source = Some(Source::new(packet.ssrc(), sequence, timestamp, now));
                self.sources += 1;
                self.playout = None;
            }
        }
    }

    /// The next 20 ms; silence where nothing came.
    pub(crate) fn next_frame(&mut self) -> Frame {
        self.playout.as_mut().map_or([0; FRAME_SAMPLES], Playout::next_frame)
    }

    /// Fills in the receiving half of `statistics`.
    pub(crate) fn report(&self, statistics: &mut Statistics) {
        statistics.packets_received = self.received;
        statistics.packets_late = self.late;
        statistics.datagrams_refused = self.refused;
        statistics.sources = self.sources;
        statistics.packets_lost = self.past.packets_lost + self.source.as_ref().map_or(0, Source::lost);
        statistics.packets_out_of_order =
            self.past.packets_out_of_order + self.source.as_ref().map_or(0, |source| source.out_of_order);
        statistics.jitter_ms = self.source.as_ref().map_or(0.0, Source::jitter_ms);
    }
}

impl Playout {
    fn new(timestamp: u32) -> Playout {
        Playout {
            next: -DELAY_SAMPLES,
            newest: 0,
            newest_timestamp: timestamp,
            waiting: BTreeMap::new(),
            late_in_a_row: 0,
        }
    }

    /// Returns whether the packet came in time.
    fn insert(&mut self, timestamp: u32, codec: Codec, payload: &[u8]) -> bool {
        let ahead = i64::from(timestamp.wrapping_sub(self.newest_timestamp).cast_signed());
        let position = self.newest + ahead;
        let in_time = position + payload.len() as i64 > self.next;
        self.late_in_a_row = if in_time { 0 } else { self.late_in_a_row + 1 };
        if position > self.next + AHEAD_SAMPLES || self.late_in_a_row >= LATE_IN_A_ROW {
            *self = Playout::new(timestamp);
            self.waiting.insert(0, codec.decode(payload));
            return in_time;
        }
        if position > self.newest {
            (self.newest, self.newest_timestamp) = (position, timestamp);
        }
        if in_time {
            self.waiting.insert(position, codec.decode(payload));
        }
        in_time
    }

    fn next_frame(&mut self) -> Frame {
        let mut frame = [0; FRAME_SAMPLES];
        let (start, end) = (self.next, self.next + FRAME_SAMPLES as i64);
        for (position, pcm) in self.waiting.range(..end) {
            for (i, sample) in pcm.iter().enumerate() {
                let at = usize::try_from(position + i as i64 - start).ok();
                if let Some(heard) = at.and_then(|at| frame.get_mut(at)) {
                    *heard = *sample;
                }
            }
        }
        self.waiting.retain(|position, pcm| position + pcm.len() as i64 > end);
        self.next = end;
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rtp_rs::RtpPacketBuilder;

    fn packet(ssrc: u32, sequence: u16, timestamp: u32, value: i16) -> Vec<u8> {
        let payload = Codec::Pcma.encode(&[value; FRAME_SAMPLES]);
        let builder = RtpPacketBuilder::new().payload_type(8).ssrc(ssrc).sequence(sequence.into());
        builder.timestamp(timestamp).payload(&payload).build().unwrap()
    }

    /// Values that A-law keeps exactly, by number.
    fn value(n: u32) -> i16 {
        Codec::Pcma.decode(&[0x80 | n as u8 & 0x7f])[0]
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
                receiver.datagram(Instant::now(), &packet(7, sequence, timestamp, value(*n)), None);
            }
            let frame = receiver.next_frame();
            played.push((0..128).find(|n| value(*n) == frame[0] && frame == [frame[0]; FRAME_SAMPLES]));
        }
        (played, receiver)
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
        let mut statistics = Statistics::default();
        receiver.report(&mut statistics);
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
        receiver.datagram(Instant::now(), &packet(1, 5, 1_000, value(3)), None);
        for _ in 0..3 {
            receiver.next_frame();
        }
        receiver.datagram(Instant::now(), &packet(2, 900, 77, value(9)), None);
        let frames: Vec<i16> = (0..3).map(|_| receiver.next_frame()[0]).collect();
        assert_eq!(frames, [0, 0, value(9)]);
        let mut statistics = Statistics::default();
        receiver.report(&mut statistics);
        assert_eq!((statistics.sources, statistics.packets_lost), (2, 0));
    }

    #[test]
    fn what_was_not_agreed_is_refused() {
        let mut receiver = Receiver::default();
        let event = RtpPacketBuilder::new().payload_type(101).payload(&[1, 10, 0, 160]).build().unwrap();
        receiver.datagram(Instant::now(), &event, None);
        receiver.datagram(Instant::now(), b"no RTP", None);
        receiver.datagram(Instant::now(), &event, Some(101));
        assert_eq!((receiver.received, receiver.refused), (1, 2));
    }

    proptest! {
        #[test]
        fn no_datagrams_make_it_panic(
            datagrams in proptest::collection::vec((any::<u16>(), any::<u32>(), proptest::collection::vec(any::<u8>(), 0..60)), 1..40)
        ) {
            let mut receiver = Receiver::default();
            for (sequence, timestamp, bytes) in datagrams {
                receiver.datagram(Instant::now(), &bytes, Some(101));
                let sound = RtpPacketBuilder::new().payload_type(0).sequence(sequence.into());
                let sound = sound.timestamp(timestamp).payload(&bytes).build();
                receiver.datagram(Instant::now(), &sound.unwrap(), Some(101));
                receiver.next_frame();
            }
            receiver.report(&mut Statistics::default());
        }
    }
}
