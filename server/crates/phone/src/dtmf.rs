//! Digits, as telephone-events (RFC 4733) or as tones in the sound (ITU-T Q.23): what is sent, and when.

mod tones;

use std::collections::VecDeque;

/// How long a digit is pressed, in frames of 20 ms: 100 ms, twice what exchanges must recognise (ITU-T Q.24).
const PRESS_FRAMES: u16 = 5;
/// Between two digits, in frames of 20 ms: with the two repeated packets of an event's end, 120 ms in all.
const GAP_FRAMES: u16 = 4;
/// Silence between two digits that are tones, in frames of 20 ms: as long as they sound.
const TONES_GAP_FRAMES: u16 = 5;
/// The last packet is sent three times in all, for one may be lost (RFC 4733 section 2.5.1.4).
const END_PACKETS: u16 = 3;
/// Power of the tone, in -dBm0 (RFC 4733 section 2.3.5).
const VOLUME: u8 = 10;

/// A key of a telephone: `0`-`9`, `*`, `#`, `A`-`D`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digit(u8);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("“{0}” is not a key of a telephone")]
pub struct DigitError(pub char);

impl Digit {
    const KEYS: &'static [u8; 16] = b"0123456789*#ABCD";

    /// The event code (RFC 4733 table 3).
    #[must_use]
    pub fn event(self) -> u8 {
        self.0
    }

    #[must_use]
    pub fn key(self) -> char {
        char::from(Self::KEYS[usize::from(self.0 & 15)])
    }

    /// Reads keys such as `1234#`.
    ///
    /// # Errors
    /// Names the first character that is not a key.
    pub fn parse_all(keys: &str) -> Result<Vec<Digit>, DigitError> {
        keys.chars().map(Digit::try_from).collect()
    }
}

impl TryFrom<char> for Digit {
    type Error = DigitError;

    fn try_from(key: char) -> Result<Digit, DigitError> {
        let code = Self::KEYS.iter().position(|known| char::from(*known) == key.to_ascii_uppercase());
        code.and_then(|code| u8::try_from(code).ok()).map(Digit).ok_or(DigitError(key))
    }
}

/// A telephone-event's payload (RFC 4733 section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub digit: Digit,
    /// The E bit: the key has been let go.
    pub end: bool,
    /// How long it has been pressed so far, in frames of 20 ms.
    pub frames: u16,
}

impl Event {
    /// `frame_units`: 20 ms by the clock of the telephone-events, 160 or 960.
    #[must_use]
    pub fn payload(self, frame_units: u16) -> [u8; 4] {
        let [high, low] = self.frames.wrapping_mul(frame_units).to_be_bytes();
        [self.digit.0, if self.end { 0x80 | VOLUME } else { VOLUME }, high, low]
    }
}

/// What the dial pad wants sent in a tick of 20 ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing: the sound goes out.
    Sound,
    /// An event's packet in the sound's place. `begins` for the first of a digit: it carries the marker bit, and
    /// its timestamp is that of all packets of the digit (RFC 4733 section 2.5.1).
    Event { event: Event, begins: bool },
    /// The digit's two tones in the sound's place, from their `frame`-th 20 ms on.
    Tones { digit: Digit, frame: u16 },
}

/// How digits are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// In packets of their own (RFC 4733).
    Events,
    /// In the sound.
    Tones,
}

/// Digits waiting to be sent, and the one being sent.
#[derive(Debug, Default)]
pub struct DialPad {
    waiting: VecDeque<Digit>,
    state: State,
    /// Digits fully sent since the beginning, gap included.
    sent: u64,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Idle,
    /// `packets` of the digit have been sent.
    Pressed {
        digit: Digit,
        packets: u16,
        manner: Manner,
    },
    Gap {
        frames_left: u16,
    },
}

impl DialPad {
    /// Queues digits; returns what [`DialPad::sent`] will be when the last of them is through.
    pub fn press(&mut self, digits: &[Digit]) -> u64 {
        self.waiting.extend(digits);
        let unfinished = self.waiting.len() as u64 + u64::from(!matches!(self.state, State::Idle));
        self.sent + unfinished
    }

    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Advances by one tick; a digit that begins now is sent in this manner.
    pub fn tick(&mut self, manner: Manner) -> Due {
        if let State::Idle = self.state {
            let Some(digit) = self.waiting.pop_front() else { return Due::Sound };
            self.state = State::Pressed { digit, packets: 0, manner };
        }
        match self.state {
            State::Idle => Due::Sound,
            State::Pressed { digit, packets, manner: Manner::Events } => self.event(digit, packets),
            State::Pressed { digit, packets, manner: Manner::Tones } => self.tones(digit, packets),
            State::Gap { frames_left } => {
                self.state = match frames_left.checked_sub(1) {
                    Some(frames_left) if frames_left > 0 => State::Gap { frames_left },
                    _ => {
                        self.sent += 1;
                        State::Idle
                    }
                };
                Due::Sound
            }
        }
    }

    fn event(&mut self, digit: Digit, packets: u16) -> Due {
        let frames = (packets + 1).min(PRESS_FRAMES);
        let event = Event { digit, end: packets + 1 >= PRESS_FRAMES, frames };
        self.state = if packets + 1 < PRESS_FRAMES + END_PACKETS - 1 {
            State::Pressed { digit, packets: packets + 1, manner: Manner::Events }
        } else {
            State::Gap { frames_left: GAP_FRAMES }
        };
        Due::Event { event, begins: packets == 0 }
    }

    fn tones(&mut self, digit: Digit, frame: u16) -> Due {
        self.state = if frame + 1 < PRESS_FRAMES {
            State::Pressed { digit, packets: frame + 1, manner: Manner::Tones }
        } else {
            State::Gap { frames_left: TONES_GAP_FRAMES }
        };
        Due::Tones { digit, frame }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_codes_of_the_rfc() {
        let codes = |keys| Digit::parse_all(keys).unwrap().into_iter().map(Digit::event).collect::<Vec<_>>();
        assert_eq!(codes("09*#AdD"), [0, 9, 10, 11, 12, 15, 15]);
        assert_eq!(Digit::parse_all("12x"), Err(DigitError('x')));
        assert_eq!(Digit::try_from('#').unwrap().key(), '#');
    }

    #[test]
    fn a_digit_grows_ends_three_times_and_is_followed_by_a_gap() {
        let mut pad = DialPad::default();
        let done_at = pad.press(&Digit::parse_all("5").unwrap());
        let mut events = Vec::new();
        let mut ticks = 0;
        while pad.sent() < done_at {
            if let Due::Event { event, begins } = pad.tick(Manner::Events) {
                events.push((event.frames, event.end, begins));
            }
            ticks += 1;
        }
        let expected = [
            (1, false, true),
            (2, false, false),
            (3, false, false),
            (4, false, false),
            (5, true, false),
            (5, true, false),
            (5, true, false),
        ];
        assert_eq!(events, expected);
        assert_eq!(ticks, 7 + GAP_FRAMES);
        assert_eq!(pad.tick(Manner::Events), Due::Sound);
    }

    #[test]
    fn tones_last_100_ms_and_are_100_ms_apart() {
        let mut pad = DialPad::default();
        let done_at = pad.press(&Digit::parse_all("5#").unwrap());
        let mut line = String::new();
        while pad.sent() < done_at {
            line.push(match pad.tick(Manner::Tones) {
                Due::Tones { digit, .. } => digit.key(),
                _ => '.',
            });
        }
        assert_eq!(line, "55555.....#####.....");
    }

    #[test]
    fn digits_pressed_while_others_are_sent_wait_their_turn() {
        let mut pad = DialPad::default();
        assert_eq!(pad.press(&Digit::parse_all("12").unwrap()), 2);
        pad.tick(Manner::Events);
        assert_eq!(pad.press(&Digit::parse_all("3").unwrap()), 3);
        let mut begun = vec!['1'];
        while pad.sent() < 3 {
            if let Due::Event { event, begins: true } = pad.tick(Manner::Events) {
                begun.push(event.digit.key());
            }
        }
        assert_eq!(begun, ['1', '2', '3']);
    }

    #[test]
    fn the_payload_is_laid_out_as_the_rfc_says() {
        let event = Event { digit: Digit(11), end: true, frames: 5 };
        assert_eq!(event.payload(160), [11, 0x8a, 0x03, 0x20]);
        // 4,800 units of 48 kHz are the same 100 ms.
        assert_eq!(event.payload(960), [11, 0x8a, 0x12, 0xc0]);
    }
}
