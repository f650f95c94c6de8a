//! What the fuzz targets call: bytes from the network, given to the parts of the engine that read them.

use crate::rng::Rng;
use crate::rtcp::{Equipment, Line, REPORT_BYTES_MAX, Reception, RtcpSession, Sent};
use crate::rtp::event::Keypad;
use crate::time::{Arrival, Micros};
use rtcp_types::Compound;

/// Takes values off the front; bytes that have ended give zeros.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn bytes(&mut self, n: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(n.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn number(&mut self, bytes: usize) -> u64 {
        self.bytes(bytes).iter().fold(0, |number, byte| (number << 8) | u64::from(*byte))
    }
}

/// A call's RTCP as the bytes say: datagrams, RTP packets that are counted, and reports. Must never panic.
pub fn rtcp(bytes: &[u8]) {
    const SSRC: u32 = 0x0102_0304;
    let mut input = Input(bytes);
    let mut now = Micros(input.number(7));
    let mut rng = Rng::new(1);
    let mut session = RtcpSession::new(now, SSRC, &mut rng);
    let mut reception = Reception::new(if input.number(1) & 1 == 0 { 8_000 } else { 48_000 });
    let mut sent = Sent { at: now, clock_hz: 8_000, ..Sent::default() };
    let mut out = Vec::with_capacity(REPORT_BYTES_MAX);
    while !input.0.is_empty() {
        match input.number(1) {
            0..=63 => {
                let length = input.number(2) as usize % 1_600;
                let _read_or_refused = session.handle(now, input.bytes(length));
            }
            64..=127 => {
                let (sequence, timestamp, ssrc) = (input.number(2), input.number(4), input.number(1));
                reception.received(Arrival::At(now), sequence as u16, timestamp as u32, ssrc as u32);
                // Its successor, so that sources begin and jumps are believed.
                reception.received(
                    Arrival::At(now),
                    (sequence as u16).wrapping_add(1),
                    timestamp as u32,
                    ssrc as u32,
                );
            }
            128..=191 => now = now.saturating_add(Micros(input.number(3))),
            192..=223 => {
                sent.packets = sent.packets.wrapping_add(input.number(1) as u32);
                sent.timestamp = input.number(4) as u32;
            }
            _ => {
                now = now.max(session.due());
                out.clear();
                let written = session.poll(now, &sent, &mut reception, &mut rng, &mut out);
                assert_eq!(written, Some(out.len()));
                check_report(&out);
            }
        }
    }
    let (packet, buffer) = (Micros::from_ms(20), Micros::from_ms(40));
    let line = Line::new(now, &session, &reception, 8_000, Equipment::G711, packet, buffer);
    if let Some(quality) = line.quality() {
        assert!(quality.loss_permille <= 1_000 && (10..=44).contains(&quality.mos_tenths));
    }
    out.clear();
    if session.bye(now, &sent, &mut reception, &mut out).is_some() {
        check_report(&out);
    }
}

/// What we write, another's parser reads.
fn check_report(bytes: &[u8]) {
    assert!(bytes.len() <= REPORT_BYTES_MAX);
    assert!(Compound::parse(bytes).is_ok_and(|mut packets| packets.all(|packet| packet.is_ok())));
}

/// Telephone-events (RFC 4733) as the bytes say, of two sources that take turns. Must never panic.
pub fn telephone_events(bytes: &[u8]) {
    let mut input = Input(bytes);
    let mut keypad = Keypad::default();
    let (mut now, mut timestamp) = (Micros(input.number(7)), 0u32);
    while !input.0.is_empty() {
        let flags = input.number(1) as u8;
        now = now.saturating_add(Micros::from_ms(u64::from(flags & 0x3F) * 8));
        timestamp = timestamp.wrapping_add((input.number(2) as i16 as i32 * 16) as u32);
        let length = input.number(1) as usize % 9;
        let payload = input.bytes(length);
        let heard = keypad.receive(now, u32::from(flags >> 7), timestamp, flags & 0x40 != 0, payload);
        assert_eq!(heard.is_err(), payload.len() < 4);
        if let Ok(Some(_)) = heard {
            let end = payload.get(1).is_some_and(|flags| flags & 0x80 != 0);
            assert_eq!(keypad.is_down(now), !end, "a key is down until its end");
        }
        assert!(!keypad.is_down(now.saturating_add(Micros::from_ms(200))));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn no_bytes_make_rtcp_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
            super::rtcp(&bytes);
        }

        #[test]
        fn no_bytes_make_a_keypad_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            super::telephone_events(&bytes);
        }
    }
}
