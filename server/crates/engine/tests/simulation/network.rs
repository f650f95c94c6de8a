//! A network that loses, doubles, delays and reorders, as its seed says.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// SplitMix64, the simulation's own: it does not share the engine's.
#[derive(Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Dice(seed ^ 0x5EED)
    }

    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.roll() % n.max(1)
    }

    pub fn chance(&mut self, percent: f64) -> bool {
        (self.roll() >> 11) as f64 / (1u64 << 53) as f64 * 100.0 < percent
    }
}

#[derive(Clone, Copy)]
pub struct Line {
    pub delay_us: u64,
    /// Uniformly more delay, up to so much.
    pub jitter_us: u64,
    pub loss_percent: f64,
    /// A loss takes so many packets of all phones in a row.
    pub burst_packets: u32,
    pub double_percent: f64,
    /// So many packets are held back by another 30 ms.
    pub reorder_percent: f64,
}

impl Line {
    pub const CLEAN: Line = Line {
        delay_us: 1_000,
        jitter_us: 0,
        loss_percent: 0.0,
        burst_packets: 1,
        double_percent: 0.0,
        reorder_percent: 0.0,
    };
    pub const LOSSY: Line = Line {
        delay_us: 20_000,
        jitter_us: 25_000,
        loss_percent: 1.0,
        burst_packets: 1,
        double_percent: 1.0,
        reorder_percent: 1.0,
    };
}

/// What is under way: a datagram from a phone's address.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub struct UnderWay {
    pub arrives_us: u64,
    order: u64,
    pub phone: usize,
    pub port: u16,
    pub datagram: Vec<u8>,
}

pub struct Network {
    dice: Dice,
    /// Packets that the present burst still takes.
    burst_left: u32,
    order: u64,
    heap: BinaryHeap<Reverse<UnderWay>>,
}

impl Network {
    pub fn new(seed: u64) -> Self {
        Network { dice: Dice::new(seed), burst_left: 0, order: 0, heap: BinaryHeap::new() }
    }

    pub fn send(&mut self, line: &Line, now_us: u64, phone: usize, port: u16, datagram: &[u8]) {
        if self.burst_left == 0 && self.dice.chance(line.loss_percent) {
            self.burst_left = line.burst_packets;
        }
        if self.burst_left > 0 {
            self.burst_left -= 1;
            return;
        }
        let copies = 1 + u64::from(self.dice.chance(line.double_percent));
        for _ in 0..copies {
            let held = if self.dice.chance(line.reorder_percent) { 30_000 } else { 0 };
            let arrives_us = now_us + line.delay_us + self.dice.below(line.jitter_us + 1) + held;
            self.order += 1;
            let datagram = datagram.to_vec();
            self.heap.push(Reverse(UnderWay { arrives_us, order: self.order, phone, port, datagram }));
        }
    }

    pub fn next_us(&self) -> u64 {
        self.heap.peek().map_or(u64::MAX, |Reverse(first)| first.arrives_us)
    }

    pub fn receive(&mut self) -> Option<UnderWay> {
        self.heap.pop().map(|Reverse(first)| first)
    }
}
