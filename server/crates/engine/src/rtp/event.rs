//! Telephone-events, RFC 4733: a key is a series of packets with one timestamp, of which the last is sent three times,
//! and any of which may be lost.

use crate::time::Micros;

/// Without a packet for so long, the key's last packets were lost: updates come at the sender's ptime, 50 ms at most.
const RELEASE: Micros = Micros::from_ms(200);

/// A key of a telephone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// 0..=9.
    Digit(u8),
    Star,
    Pound,
}

impl Key {
    /// RFC 4733 section 3.2. A to D and all that is not a key of a common telephone are `None`.
    fn from_event(event: u8) -> Option<Key> {
        match event {
            0..=9 => Some(Key::Digit(event)),
            10 => Some(Key::Star),
            11 => Some(Key::Pound),
            _ => None,
        }
    }
}

/// The payload, section 2.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Payload {
    event: u8,
    end: bool,
}

impl Payload {
    fn parse(payload: &[u8]) -> Option<Self> {
        let (&[event, flags, _, _], _) = payload.split_first_chunk::<4>()?;
        Some(Payload { event, end: flags & 0x80 != 0 })
    }
}

/// What one source's event packets say.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Keypad {
    last: Option<Press>,
}

#[derive(Clone, Copy, Debug)]
struct Press {
    event: u8,
    ssrc: u32,
    timestamp: u32,
    heard: Micros,
    released: bool,
}

impl Keypad {
    /// Reads a packet; the answer is a key that was pressed just now. `Err` for bytes that are no event.
    pub(crate) fn receive(
        &mut self,
        now: Micros,
        ssrc: u32,
        timestamp: u32,
        marker: bool,
        payload: &[u8],
    ) -> Result<Option<Key>, Malformed> {
        let Payload { event, end } = Payload::parse(payload).ok_or(Malformed)?;
        if let Some(last) = &mut self.last
            && last.ssrc == ssrc
        {
            let ahead = timestamp.wrapping_sub(last.timestamp) as i32;
            if ahead == 0 && last.event == event {
                last.heard = now;
                last.released |= end;
                return Ok(None);
            }
            // An older key's packet that was overtaken.
            if ahead < 0 && now.since(last.heard) < RELEASE {
                return Ok(None);
            }
            // Section 2.5.1.3: a long event goes on in segments with later timestamps, without marker. Some phones
            // move the timestamp in every packet, which looks the same.
            if !last.released && !marker && last.event == event && now.since(last.heard) < RELEASE {
                *last = Press { event, ssrc, timestamp, heard: now, released: end };
                return Ok(None);
            }
        }
        self.last = Some(Press { event, ssrc, timestamp, heard: now, released: end });
        Ok(Key::from_event(event))
    }

    /// A key is held down: what the microphone hears is its tone, and nobody else's business.
    pub(crate) fn is_down(&self, now: Micros) -> bool {
        self.last.is_some_and(|press| !press.released && now.since(press.heard) < RELEASE)
    }
}

/// Not a telephone-event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

#[cfg(test)]
mod tests {
    use super::*;

    const END: u8 = 0x80;

    fn at(ms: u64) -> Micros {
        Micros::from_ms(1_000 + ms)
    }

    fn press(pad: &mut Keypad, ms: u64, ts: u32, event: u8, flags: u8) -> Option<Key> {
        pad.receive(at(ms), 7, ts, false, &[event, flags, 0, 160]).unwrap()
    }

    #[test]
    fn one_key_is_one_press_however_often_its_end_is_sent() {
        let mut pad = Keypad::default();
        assert_eq!(press(&mut pad, 0, 800, 5, 0), Some(Key::Digit(5)));
        assert!(pad.is_down(at(0)));
        for (ms, flags) in [(20, 0), (40, END), (40, END), (60, END)] {
            assert_eq!(press(&mut pad, ms, 800, 5, flags), None);
        }
        assert!(!pad.is_down(at(60)));
        assert_eq!(press(&mut pad, 200, 2400, 5, 0), Some(Key::Digit(5)));
    }

    #[test]
    fn a_key_counts_by_whichever_packet_comes_first() {
        let mut pad = Keypad::default();
        assert_eq!(press(&mut pad, 0, 800, 11, END), Some(Key::Pound));
        assert_eq!(press(&mut pad, 1, 800, 11, 0), None);
        assert!(!pad.is_down(at(1)));
    }

    #[test]
    fn a_lost_end_is_a_time_out() {
        let mut pad = Keypad::default();
        press(&mut pad, 0, u32::MAX - 100, 1, 0);
        assert!(pad.is_down(at(199)) && !pad.is_down(at(200)));
        assert_eq!(press(&mut pad, 300, 2299, 1, 0), Some(Key::Digit(1)), "the timestamp wrapped");
    }

    #[test]
    fn overtaken_packets_of_an_older_key_are_nothing() {
        let mut pad = Keypad::default();
        press(&mut pad, 0, 800, 1, 0);
        assert_eq!(press(&mut pad, 100, 1600, 2, 0), Some(Key::Digit(2)));
        assert_eq!(press(&mut pad, 101, 800, 1, END), None);
        assert!(pad.is_down(at(101)));
    }

    #[test]
    fn a_long_key_goes_on_in_segments() {
        let mut pad = Keypad::default();
        press(&mut pad, 0, 0, 9, 0);
        assert_eq!(press(&mut pad, 150, 65_535, 9, 0), None);
        assert_eq!(press(&mut pad, 170, 65_535, 9, END), None);
        assert!(!pad.is_down(at(170)));
    }

    #[test]
    fn knows_the_twelve_keys_and_refuses_rubbish() {
        let mut pad = Keypad::default();
        assert_eq!(press(&mut pad, 0, 1, 10, END), Some(Key::Star));
        assert_eq!(press(&mut pad, 0, 9, 12, END), None);
        assert_eq!(press(&mut pad, 0, 99, 255, END), None);
        assert_eq!(pad.receive(at(0), 7, 1, false, &[1, 2, 3]), Err(Malformed));
    }
}
