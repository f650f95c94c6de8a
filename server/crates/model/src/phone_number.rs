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

    /// As a person reads it: digits in groups. French national numbers by twos, all else by threes.
    pub fn grouped(&self) -> String {
        let (plus, digits) = match self.0.strip_prefix('+') {
            Some(digits) => ("+", digits),
            None => ("", self.0.as_str()),
        };
        if digits.len() <= 5 {
            return self.0.clone();
        }
        if plus.is_empty() && digits.len() == 10 {
            return in_groups(digits, 2);
        }
        if plus == "+" && digits.starts_with("33") && digits.len() == 11 {
            return format!("+33 {} {}", &digits[2..3], in_groups(&digits[3..], 2));
        }
        format!("{plus}{}", in_groups(digits, 3))
    }
}

fn in_groups(digits: &str, size: usize) -> String {
    let mut out = String::with_capacity(digits.len() * 2);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && i % size == 0 {
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
        assert_eq!(grouped("+4930901820"), "+493 090 182 0");
    }
}
