//! Packets in the order in which they were sent.
//!
//! Sequence numbers and timestamps are made 64 bits wide on the way in (RFC 3550 appendix A.1), so nothing behind this
//! file knows of wraps.

use std::collections::VecDeque;

/// Packets that may wait: one second at 10 ms, and then some; of Opus' shortest, 320 ms.
const CAPACITY: usize = 128;
/// What a waiting packet's memory begins with: Opus packets differ in length, and none of them should make it grow.
const PAYLOAD_BYTES: usize = 256;
/// A sequence number further ahead than this is not believed at once (RFC 3550 appendix A.1, MAX_DROPOUT).
const MAX_DROPOUT: i64 = 3_000;
/// Nor is one further back than this (MAX_MISORDER).
const MAX_MISORDER: i64 = 100;
/// Where counting begins: far enough from zero to go backwards.
const ORIGIN: u64 = 1 << 62;

/// A packet that waits to be played.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) sequence: u64,
    pub(crate) timestamp: u64,
    pub(crate) payload: Vec<u8>,
}

/// Where a packet stands in its stream. Timestamps count samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) sequence: u64,
    pub(crate) timestamp: u64,
}

/// What came of counting a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    At(Place),
    /// It was counted before.
    Again,
    /// Not believed unless the next one confirms it.
    Doubtful,
    /// The sender began anew.
    Restarted(Place),
}

/// Widens the counters of one stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counter {
    /// Samples for each unit of RTP timestamps.
    scale: u32,
    highest: Option<Place>,
    /// The highest's timestamp as it came.
    timestamp: u32,
    /// Bit `n`: the packet `n` before the highest was counted. Wider than [`MAX_MISORDER`].
    seen: u128,
    /// The sequence number that would confirm a jump.
    expected: Option<u16>,
}

impl Counter {
    pub(crate) fn new(scale: u32) -> Self {
        Counter { scale, highest: None, timestamp: 0, seen: 0, expected: None }
    }

    pub(crate) fn count(&mut self, sequence: u16, timestamp: u32) -> Counted {
        let Some(highest) = self.highest else {
            return Counted::At(self.begin(sequence, timestamp));
        };
        let ahead = i64::from(sequence.wrapping_sub(highest.sequence as u16) as i16);
        if !(-MAX_MISORDER..=MAX_DROPOUT).contains(&ahead) {
            if self.expected == Some(sequence) {
                return Counted::Restarted(self.begin(sequence, timestamp));
            }
            self.expected = Some(sequence.wrapping_add(1));
            return Counted::Doubtful;
        }
        self.expected = None;
        let later = i64::from(timestamp.wrapping_sub(self.timestamp) as i32) * i64::from(self.scale);
        let place = Place {
            sequence: highest.sequence.wrapping_add_signed(ahead),
            timestamp: highest.timestamp.wrapping_add_signed(later),
        };
        if ahead > 0 {
            self.highest = Some(place);
            self.timestamp = timestamp;
            self.seen = self.seen.checked_shl(ahead as u32).unwrap_or(0) | 1;
            return Counted::At(place);
        }
        let bit = 1 << ahead.unsigned_abs();
        if self.seen & bit != 0 {
            return Counted::Again;
        }
        self.seen |= bit;
        Counted::At(place)
    }

    fn begin(&mut self, sequence: u16, timestamp: u32) -> Place {
        let place = Place { sequence: ORIGIN + u64::from(sequence), timestamp: ORIGIN };
        *self = Counter { highest: Some(place), timestamp, seen: 1, expected: None, ..*self };
        place
    }
}

/// The packets that wait, ordered by sequence number. Payload memory is used again, so a steady stream allocates
/// nothing.
#[derive(Debug, Default)]
pub(crate) struct PacketQueue {
    packets: VecDeque<Queued>,
    spare: Vec<Vec<u8>>,
}

impl PacketQueue {
    /// Each sequence number once: [`Counter`] sees to that.
    pub(crate) fn insert(&mut self, place: Place, payload: &[u8]) {
        // Nearly always it is the newest.
        let behind = self.packets.iter().rev().take_while(|p| p.sequence > place.sequence).count();
        let at = self.packets.len() - behind;
        let mut bytes = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(PAYLOAD_BYTES));
        bytes.extend_from_slice(payload);
        self.packets
            .insert(at, Queued { sequence: place.sequence, timestamp: place.timestamp, payload: bytes });
    }

    pub(crate) fn front(&self) -> Option<&Queued> {
        self.packets.front()
    }

    pub(crate) fn back(&self) -> Option<&Queued> {
        self.packets.back()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Queued> {
        self.packets.iter()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.packets.len() >= CAPACITY
    }

    /// Takes the first one out; give it back by [`Self::recycle`].
    pub(crate) fn pop(&mut self) -> Option<Queued> {
        self.packets.pop_front()
    }

    pub(crate) fn recycle(&mut self, packet: Queued) {
        let mut bytes = packet.payload;
        bytes.clear();
        self.spare.push(bytes);
    }

    pub(crate) fn drop_first(&mut self) {
        if let Some(packet) = self.pop() {
            self.recycle(packet);
        }
    }

    pub(crate) fn clear(&mut self) {
        while !self.packets.is_empty() {
            self.drop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever the first numbers are and however packets overtake each other, they come out as they were sent.
        #[test]
        fn order_survives_wraps_and_overtaking(
            first_sequence: u16,
            first_timestamp: u32,
            delays in prop::collection::vec(0u64..90, 1..110),
            copies in prop::collection::vec(any::<bool>(), 110),
            scale in 1u32..3,
        ) {
            let mut arrivals: Vec<(u64, u64)> = Vec::new();
            for (i, delay) in delays.iter().enumerate() {
                // The first arrives first: what came before it is not known to have existed.
                let delay = if i == 0 { 0 } else { *delay };
                arrivals.push((i as u64 + delay, i as u64));
                if copies[i] {
                    arrivals.push((i as u64 + delay + 3, i as u64));
                }
            }
            arrivals.sort();
            let (mut counter, mut queue) = (Counter::new(scale), PacketQueue::default());
            for (_, i) in arrivals {
                let sequence = first_sequence.wrapping_add(i as u16);
                let timestamp = first_timestamp.wrapping_add(i as u32 * 160);
                match counter.count(sequence, timestamp) {
                    Counted::At(place) => queue.insert(place, &[i as u8]),
                    Counted::Again => {}
                    other => prop_assert!(false, "{other:?}"),
                }
            }
            let sent: Vec<u8> = (0..delays.len() as u8).collect();
            let got: Vec<u8> = queue.iter().map(|p| p.payload[0]).collect();
            prop_assert_eq!(got, sent);
            let times: Vec<u64> = queue.iter().map(|p| p.timestamp).collect();
            prop_assert!(times.windows(2).all(|w| w[1] == w[0] + u64::from(160 * scale)));
        }
    }

    #[test]
    fn a_jump_needs_a_second_witness() {
        let mut counter = Counter::new(1);
        assert!(matches!(counter.count(10, 0), Counted::At(_)));
        assert_eq!(counter.count(40_000, 0), Counted::Doubtful);
        assert!(matches!(counter.count(11, 160), Counted::At(_)));
        assert_eq!(counter.count(40_001, 0), Counted::Doubtful);
        assert!(matches!(counter.count(40_002, 160), Counted::Restarted(_)));
        assert!(matches!(counter.count(40_003, 320), Counted::At(_)));
    }

    #[test]
    fn a_copy_is_recognised_as_long_as_it_can_come() {
        let mut counter = Counter::new(1);
        for sequence in 0..200 {
            assert!(matches!(counter.count(sequence, 0), Counted::At(_)));
        }
        for sequence in 100..200 {
            assert_eq!(counter.count(sequence, 0), Counted::Again);
        }
        assert!(matches!(counter.count(300, 0), Counted::At(_)));
        assert!(matches!(counter.count(250, 0), Counted::At(_)));
        assert_eq!(counter.count(250, 0), Counted::Again);
    }
}
