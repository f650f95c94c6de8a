//! The secret number that callers type.

use crate::limits::PIN_DIGITS;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// 1 to 8 digits. "No PIN" is an `Option<Pin>` that is `None`: see [`Pin::parse_optional`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pin(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum PinError {
    #[error("the PIN may hold digits only")]
    NotDigits,
    #[error("the PIN must have 1 to 8 digits")]
    Length,
}

impl Pin {
    /// What the settings' field means: empty or `0` is no PIN.
    pub fn parse_optional(s: &str) -> Result<Option<Pin>, PinError> {
        match s.trim() {
            "" | "0" => Ok(None),
            digits => digits.parse().map(Some),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Compares in a time that does not depend on where the digits differ.
    pub fn matches(&self, typed: &str) -> bool {
        let (a, b) = (self.0.as_bytes(), typed.as_bytes());
        a.len() == b.len() && a.iter().zip(b).fold(0, |differs, (x, y)| differs | (x ^ y)) == 0
    }
}

impl FromStr for Pin {
    type Err = PinError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        if !s.bytes().all(|b| b.is_ascii_digit()) {
            return Err(PinError::NotDigits);
        }
        if !PIN_DIGITS.contains(&s.len()) {
            return Err(PinError::Length);
        }
        Ok(Pin(s.to_owned()))
    }
}

impl TryFrom<String> for Pin {
    type Error = PinError;

    fn try_from(s: String) -> Result<Self, Self::Error> {
        s.parse()
    }
}

impl From<Pin> for String {
    fn from(pin: Pin) -> Self {
        pin.0
    }
}

/// A PIN does not belong in a log.
impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(…)")
    }
}

/// Wrong PINs of one room in the last hour: enough of them that its owner should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinAlert {
    pub wrong: usize,
    /// Calling numbers that they came from; those withheld count as one.
    pub callers: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_and_zero_are_no_pin() {
        assert_eq!(Pin::parse_optional(" "), Ok(None));
        assert_eq!(Pin::parse_optional("0"), Ok(None));
        assert_eq!(Pin::parse_optional("00").unwrap().unwrap().as_str(), "00");
    }

    #[test]
    fn refuses_what_a_keypad_cannot_type() {
        assert_eq!("12a4".parse::<Pin>(), Err(PinError::NotDigits));
        assert_eq!("１２".parse::<Pin>(), Err(PinError::NotDigits));
        assert_eq!("123456789".parse::<Pin>(), Err(PinError::Length));
    }

    #[test]
    fn matches_only_itself() {
        let pin: Pin = "4711".parse().unwrap();
        assert!(pin.matches("4711"));
        assert!(!pin.matches("4712") && !pin.matches("471") && !pin.matches("47110") && !pin.matches(""));
    }
}
