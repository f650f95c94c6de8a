//! A number that callers dial.

use crate::limits::NUMBER_DIGITS;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// An optional `+` and 2 to 15 digits: E.164 or short. Spaces, dots, hyphens and brackets are taken away.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PhoneNumber(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum PhoneNumberError {
    #[error("a number may hold digits only, with a + before them")]
    NotDigits,
    #[error("a number must have 2 to 15 digits")]
    Length,
}

impl PhoneNumber {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As a person reads it: digits in groups. French numbers by twos; others by threes, behind their country's code.
    pub fn grouped(&self) -> String {
        let Some(international) = self.0.strip_prefix('+') else {
            return match self.0.len() {
                0..=5 => self.0.clone(),
                10 => in_groups(&self.0, 2, 2),
                _ => in_threes(&self.0),
            };
        };
        let (country, national) = international.split_at(country_code_digits(international));
        match (country, national.len()) {
            ("1", 10) => format!("+1 {} {} {}", &national[..3], &national[3..6], &national[6..]),
            ("33", 9) => format!("+33 {}", in_groups(national, 1, 2)),
            _ => format!("+{country} {}", in_threes(national)).trim_end().to_owned(),
        }
    }
}

/// How many digits the country code has (ITU-T E.164, list of assigned codes): all of one or two digits are named here,
/// the others have three.
fn country_code_digits(number: &str) -> usize {
    const TWO: [&str; 44] = [
        "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48",
        "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81",
        "82", "84", "86", "90", "91", "92", "93", "94", "95", "98",
    ];
    let digits = match number.get(..2) {
        Some(two) if TWO.contains(&two) => 2,
        _ if number.starts_with(['1', '7']) => 1,
        _ => 3,
    };
    digits.min(number.len())
}

/// Groups of three from the end, so that no digit is left alone behind.
fn in_threes(digits: &str) -> String {
    in_groups(digits, digits.len() % 3, 3)
}

/// A first group of `first` digits (none if 0), then groups of `size`.
fn in_groups(digits: &str, first: usize, size: usize) -> String {
    let (head, rest) = digits.split_at(first.min(digits.len()));
    let mut out = head.to_owned();
    for (i, c) in rest.chars().enumerate() {
        if i % size == 0 && !out.is_empty() {
            out.push(' ');
        }
        out.push(c);
    }
    out
}

impl FromStr for PhoneNumber {
    type Err = PhoneNumberError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let bare: String =
            s.chars().filter(|c| !matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '.' | '-' | '(' | ')')).collect();
        let digits = bare.strip_prefix('+').unwrap_or(&bare);
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(PhoneNumberError::NotDigits);
        }
        if !NUMBER_DIGITS.contains(&digits.len()) {
            return Err(PhoneNumberError::Length);
        }
        Ok(PhoneNumber(bare))
    }
}

impl TryFrom<String> for PhoneNumber {
    type Error = PhoneNumberError;

    fn try_from(s: String) -> Result<Self, Self::Error> {
        s.parse()
    }
}

impl From<PhoneNumber> for String {
    fn from(number: PhoneNumber) -> Self {
        number.0
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_away_what_people_write_between_digits() {
        assert_eq!("03 28.00-30 00".parse::<PhoneNumber>().unwrap().as_str(), "0328003000");
        assert_eq!("+33 (3) 28".parse::<PhoneNumber>().unwrap().as_str(), "+33328");
    }

    #[test]
    fn refuses_words_and_lengths() {
        assert_eq!("alice".parse::<PhoneNumber>(), Err(PhoneNumberError::NotDigits));
        assert_eq!("3".parse::<PhoneNumber>(), Err(PhoneNumberError::Length));
        assert_eq!("+".parse::<PhoneNumber>(), Err(PhoneNumberError::Length));
        assert_eq!("1234567890123456".parse::<PhoneNumber>(), Err(PhoneNumberError::Length));
        assert_eq!("12+3".parse::<PhoneNumber>(), Err(PhoneNumberError::NotDigits));
    }

    #[test]
    fn groups_digits_as_people_read_them() {
        let grouped = |s: &str| s.parse::<PhoneNumber>().unwrap().grouped();
        assert_eq!(grouped("3000"), "3000");
        assert_eq!(grouped("0328003000"), "03 28 00 30 00");
        assert_eq!(grouped("+33328003000"), "+33 3 28 00 30 00");
        assert_eq!(grouped("+4930901820"), "+49 30 901 820");
        assert_eq!(grouped("+12025550123"), "+1 202 555 0123");
        assert_eq!(grouped("+35312345678"), "+353 12 345 678");
        assert_eq!(grouped("118218"), "118 218");
        assert_eq!(grouped("+33"), "+33");
    }
}
