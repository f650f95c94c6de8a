//! Numbers as a trunk writes them, brought into the form of E.164.

use model::{PhoneNumber, limits};
use std::borrow::Cow;

/// How a trunk writes numbers: it is in one country.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NumberRule {
    /// The calling code: 1 to 3 digits.
    pub(crate) country: String,
    /// What stands before a number of the same country, as `0`; may be empty.
    pub(crate) national: String,
    /// What stands before a country's code, as `00`.
    pub(crate) international: String,
}

/// Digits of a number that is complete as it is: an emergency call, a service, an extension.
const SHORT_DIGITS: usize = 6;
/// Digits of a number that begins with its country's code, though no plus says so.
const BARE_INTERNATIONAL_DIGITS: usize = 10;

impl NumberRule {
    /// The number in E.164 with its plus; a short one, and what is no number, as it was.
    pub(crate) fn normalise(&self, written: &str) -> String {
        let Ok(number) = plain(written).parse::<PhoneNumber>() else { return written.to_owned() };
        match self.e164(number.as_str()) {
            // A plus and too many digits are no number: then it was written by another rule than this one.
            Some(e164) if e164.parse::<PhoneNumber>().is_ok() => e164,
            _ => number.to_string(),
        }
    }

    /// What may be meant by what was dialled, likeliest first: the number in E.164, as it was written, and as it is
    /// dialled within the country, for owners write their numbers in any of these forms.
    pub(crate) fn meanings(&self, written: &str) -> Vec<PhoneNumber> {
        let normal = self.normalise(written);
        let home = normal.strip_prefix('+').and_then(|digits| digits.strip_prefix(&*self.country));
        let national = home.map(|rest| format!("{}{rest}", self.national));
        distinct([Some(normal.clone()), Some(plain(written).into_owned()), national].into_iter().flatten())
    }

    /// `number`: digits, with or without a plus.
    fn e164(&self, number: &str) -> Option<String> {
        if number.starts_with('+') {
            return Some(number.to_owned());
        }
        if number.len() <= SHORT_DIGITS {
            return None;
        }
        if let Some(abroad) = number.strip_prefix(&*self.international) {
            return Some(format!("+{abroad}"));
        }
        if !self.national.is_empty()
            && let Some(home) = number.strip_prefix(&*self.national)
        {
            return Some(format!("+{}{home}", self.country));
        }
        if number.starts_with(&*self.country) && number.len() >= BARE_INTERNATIONAL_DIGITS {
            return Some(format!("+{number}"));
        }
        Some(format!("+{}{number}", self.country))
    }
}

/// What may be meant where no rule is known: the number as it is written.
pub(crate) fn as_written(written: &str) -> Vec<PhoneNumber> {
    distinct([plain(written).into_owned()].into_iter())
}

fn distinct(written: impl Iterator<Item = String>) -> Vec<PhoneNumber> {
    let mut numbers: Vec<PhoneNumber> = Vec::new();
    for number in written.filter_map(|written| written.parse().ok()) {
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    numbers
}

/// Without the parameters behind a semicolon (RFC 3966 section 3), and with the plus that some write as `%2B`.
fn plain(written: &str) -> Cow<'_, str> {
    let digits = written.split(';').next().unwrap_or_default().trim();
    match digits.strip_prefix("%2B").or_else(|| digits.strip_prefix("%2b")) {
        Some(rest) => Cow::Owned(format!("+{rest}")),
        None => Cow::Borrowed(digits),
    }
}

/// As it is shown on pages: no control characters, and not longer than what fits there.
pub(super) fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(limits::CALLER_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn rule(country: &str, national: &str, international: &str) -> NumberRule {
        let [country, national, international] = [country, national, international].map(str::to_owned);
        NumberRule { country, national, international }
    }

    #[test]
    fn numbers_come_into_one_form() {
        let france = rule("33", "0", "00");
        for written in [
            "0328003000",
            "+33328003000",
            "%2B33328003000",
            "0033328003000",
            "33328003000",
            "328003000",
            "+33-3.28(00)3000",
            "0328003000;npdi;rn=+33999",
        ] {
            assert_eq!(france.normalise(written), "+33328003000", "{written}");
        }
        assert_eq!(france.normalise("004930901820"), "+4930901820");
        let america = rule("1", "1", "011");
        for written in ["12025550123", "2025550123", "+12025550123"] {
            assert_eq!(america.normalise(written), "+12025550123", "{written}");
        }
        assert_eq!(america.normalise("01133328003000"), "+33328003000");
        // Italy keeps the zero: there is no prefix to take away.
        assert_eq!(rule("39", "", "00").normalise("0612345678"), "+390612345678");
    }

    #[test]
    fn short_numbers_and_names_stay() {
        let france = rule("33", "0", "00");
        for written in ["3000", "112", "118218", "alice", "", "12345678901234567890"] {
            assert_eq!(france.normalise(written), written);
        }
        // With its country it would have more digits than E.164 allows.
        assert_eq!(france.normalise("012345678901234"), "012345678901234");
    }

    #[test]
    fn what_was_dialled_is_looked_for_in_each_form_once() {
        let france = rule("33", "0", "00");
        let meant = |written| -> Vec<String> {
            france.meanings(written).iter().map(PhoneNumber::to_string).collect()
        };
        assert_eq!(meant("33328003000"), ["+33328003000", "33328003000", "0328003000"]);
        assert_eq!(meant("0328003000"), ["+33328003000", "0328003000"]);
        assert_eq!(meant("3000"), ["3000"]);
        assert_eq!(meant("+4930901820"), ["+4930901820"]);
        assert!(meant("alice").is_empty());
        assert_eq!(as_written("3000;user=phone").len(), 1);
    }
}
