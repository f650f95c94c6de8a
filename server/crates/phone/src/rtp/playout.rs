//! Payloads in, frames out: a playout buffer with a fixed delay.
//!
//! Fixed, for this is a measuring telephone: what the network or the server does to the sound must be heard,
//! not smoothed. Frames are placed by their timestamp, so that a sender who is silent for a while leaves silence.
//! Payloads are decoded in their order, when they are due: a codec with a memory must not see them as they came.

use crate::codec::{Codec, Decoder};
use std::collections::BTreeMap;

/// What is waited for packets on their way, in frames: 40 ms.
const DELAY_FRAMES: i64 = 2;
/// A timestamp further ahead than this starts anew, in frames: 400 ms.
const AHEAD_FRAMES: i64 = 20;
/// So many late packets in a row mean that the sender's clock has moved: start anew.
const LATE_IN_A_ROW: u32 = 5;

/// Where playing stands in one source's timestamps. Positions are in timestamp units since the first packet.
#[derive(Debug)]
pub(super) struct Playout {
    codec: Codec,
    decoder: Option<Decoder>,
    /// Position of the next frame, and of the newest packet.
    next: i64,
    newest: i64,
    newest_timestamp: u32,
    coded: BTreeMap<i64, Vec<u8>>,
    decoded: BTreeMap<i64, Vec<i16>>,
    late_in_a_row: u32,
}

impl Playout {
    pub(super) fn new(codec: Codec, timestamp: u32) -> Playout {
        Playout {
            codec,
            decoder: Decoder::new(codec),
            next: -DELAY_FRAMES * i64::from(codec.frame_units()),
            newest: 0,
            newest_timestamp: timestamp,
            coded: BTreeMap::new(),
            decoded: BTreeMap::new(),
            late_in_a_row: 0,
        }
    }

    pub(super) fn codec(&self) -> Codec {
        self.codec
    }

    /// Takes a payload of `units`; returns whether it came in time.
    pub(super) fn insert(&mut self, timestamp: u32, units: u32, payload: &[u8]) -> bool {
        let ahead = i64::from(timestamp.wrapping_sub(self.newest_timestamp).cast_signed());
        let position = self.newest + ahead;
        let in_time = position + i64::from(units) > self.next;
        self.late_in_a_row = if in_time { 0 } else { self.late_in_a_row + 1 };
        let furthest = self.next + AHEAD_FRAMES * i64::from(self.codec.frame_units());
        if position > furthest || self.late_in_a_row >= LATE_IN_A_ROW {
            // The decoder goes on: the sender's encoder does.
            let decoder = self.decoder.take();
            *self = Playout { decoder, ..Playout::new(self.codec, timestamp) };
            self.coded.insert(0, payload.to_vec());
            return in_time;
        }
        if position > self.newest {
            (self.newest, self.newest_timestamp) = (position, timestamp);
        }
        if in_time {
            self.coded.insert(position, payload.to_vec());
        }
        in_time
    }

    /// The next 20 ms; silence where nothing came.
    pub(super) fn next_frame(&mut self, frame: &mut [i16]) {
        frame.fill(0);
        let (start, end) = (self.next, self.next + i64::from(self.codec.frame_units()));
        self.decode_until(start, end);
        let samples_per_unit = i64::from(self.codec.rate_hz() / self.codec.clock_hz());
        for (position, pcm) in self.decoded.range(..end) {
            let first = (position - start) * samples_per_unit;
            for (i, sample) in pcm.iter().enumerate() {
                let at = usize::try_from(first + i as i64).ok();
                if let Some(heard) = at.and_then(|at| frame.get_mut(at)) {
                    *heard = *sample;
                }
            }
        }
        let units_of = |pcm: &Vec<i16>| pcm.len() as i64 / samples_per_unit;
        self.decoded.retain(|position, pcm| *position + units_of(pcm) > end);
        self.next = end;
    }

    fn decode_until(&mut self, start: i64, end: i64) {
        let Some(decoder) = &mut self.decoder else { return self.coded.clear() };
        let covered = self.decoded.range(..end).next_back().is_some();
        if !covered
            && self.coded.first_key_value().is_some_and(|(first, _)| *first == end)
            && let Some(after) = self.coded.get(&end)
        {
            // The packet of this frame is lost, and the one behind it there.
            let told = decoder.decode_lost(after);
            if start >= 0 && !told.is_empty() {
                self.decoded.insert(start, told);
            }
        }
        while let Some(first) = self.coded.first_entry()
            && *first.key() < end
        {
            let (position, payload) = first.remove_entry();
            self.decoded.insert(position, decoder.decode(&payload));
        }
    }
}
