//! What a member asks for by keys: each command is one key pressed twice.

use crate::rtp::event::Key;
use crate::time::Micros;

/// The second press must follow within this time.
const DOUBLED_WITHIN: Micros = Micros::from_ms(2_000);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// `##`
    Leave,
    /// `00`: nobody hears me, and back.
    ToggleMute,
    /// `**`: nobody hears me and I hear nobody, and back.
    ToggleMuteAndDeaf,
    /// `77`: speak the room's announcement.
    Dictate,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DoubledKeys {
    last: Option<(Key, Micros)>,
}

impl DoubledKeys {
    pub(crate) fn press(&mut self, now: Micros, key: Key) -> Option<Command> {
        let doubled =
            self.last.take().is_some_and(|(last, when)| last == key && now.since(when) <= DOUBLED_WITHIN);
        if !doubled {
            self.last = Some((key, now));
            return None;
        }
        match key {
            Key::Pound => Some(Command::Leave),
            Key::Digit(0) => Some(Command::ToggleMute),
            Key::Star => Some(Command::ToggleMuteAndDeaf),
            Key::Digit(7) => Some(Command::Dictate),
            Key::Digit(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed(presses: &[(u64, Key)]) -> Vec<Option<Command>> {
        let mut keys = DoubledKeys::default();
        presses.iter().map(|(ms, key)| keys.press(Micros::from_ms(*ms), *key)).collect()
    }

    #[test]
    fn two_in_two_seconds_are_a_command() {
        assert_eq!(pressed(&[(0, Key::Pound), (2_000, Key::Pound)]), [None, Some(Command::Leave)]);
        assert_eq!(pressed(&[(0, Key::Star), (2_001, Key::Star)]), [None, None]);
        assert_eq!(
            pressed(&[(0, Key::Star), (2_001, Key::Star), (2_002, Key::Star)]),
            [None, None, Some(Command::ToggleMuteAndDeaf)]
        );
        assert_eq!(pressed(&[(0, Key::Digit(7)), (300, Key::Digit(7))]), [None, Some(Command::Dictate)]);
    }

    #[test]
    fn three_are_one_command_and_four_are_two() {
        let zero = Key::Digit(0);
        let toggle = Some(Command::ToggleMute);
        assert_eq!(pressed(&[(0, zero), (1, zero), (2, zero), (3, zero)]), [None, toggle, None, toggle]);
    }

    #[test]
    fn another_key_between_is_no_command() {
        assert_eq!(pressed(&[(0, Key::Pound), (1, Key::Star), (2, Key::Pound)]), [None; 3]);
        assert_eq!(pressed(&[(0, Key::Digit(5)), (1, Key::Digit(5))]), [None; 2]);
    }
}
