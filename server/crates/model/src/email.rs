//! An address that mail can be sent to.

use crate::limits::EMAIL_BYTES;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// `local@domain`, in lower case. Only the shape is checked: whether mail arrives, mail alone can tell.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum EmailError {
    #[error("an e-mail address looks like name@example.org")]
    Shape,
    #[error("an e-mail address has at most 254 bytes")]
    Length,
}

impl EmailAddress {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EmailAddress {
    type Err = EmailError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let s = s.trim();
        if s.len() > EMAIL_BYTES {
            return Err(EmailError::Length);
        }
        let (local, domain) = s.rsplit_once('@').ok_or(EmailError::Shape)?;
        let odd =
            |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';' | '"' | '@');
        let labels_ok = domain.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        });
        if local.is_empty() || local.len() > 64 || s.chars().filter(|c| *c == '@').count() != 1 {
            return Err(EmailError::Shape);
        }
        if local.contains(odd) || domain.is_empty() || !labels_ok {
            return Err(EmailError::Shape);
        }
        Ok(EmailAddress(s.to_lowercase()))
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = EmailError;

    fn try_from(s: String) -> Result<Self, Self::Error> {
        s.parse()
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.0
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_common_shapes() {
        for s in ["a@b", "Claire.D+conf@Exemple.fr", "x_y@sub.example.org", "élodie@exemple.fr"] {
            assert!(s.parse::<EmailAddress>().is_ok(), "{s}");
        }
        assert_eq!(" A@B.fr ".parse::<EmailAddress>().unwrap().as_str(), "a@b.fr");
    }

    #[test]
    fn refuses_what_could_inject_or_never_arrive() {
        for s in ["", "a", "@b", "a@", "a@b c", "a@b\r\nBcc: c@d", "a@@b", "a@.b", "a@b..c", "<a@b>", "a,b@c"]
        {
            assert!(s.parse::<EmailAddress>().is_err(), "{s:?}");
        }
    }
}
