//! By which address a live page was entered: it decides what the page may do, and where it connects.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The way into one room's live page. Following may only be watched; the other two may act.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Door {
    /// The follow token.
    Follow(String),
    /// The control token.
    Control(String),
    /// The number, for its owner, whose session says the rest.
    Owner(String),
}

impl Door {
    /// The page itself, and where its forms go.
    pub fn page_path(&self) -> String {
        match self {
            Door::Follow(token) => format!("/follow/{token}"),
            Door::Control(token) => format!("/control/{token}"),
            Door::Owner(number) => format!("/rooms/{number}/live"),
        }
    }

    /// The WebSocket's path.
    pub fn socket_path(&self) -> String {
        match self {
            Door::Follow(token) => format!("/ws/follow/{token}"),
            Door::Control(token) => format!("/ws/control/{token}"),
            Door::Owner(number) => format!("/ws/rooms/{number}"),
        }
    }

    pub fn may_act(&self) -> bool {
        !matches!(self, Door::Follow(_))
    }
}

/// A token does not belong in a log.
impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Door::Follow(_) => f.write_str("Follow(…)"),
            Door::Control(_) => f.write_str("Control(…)"),
            Door::Owner(number) => write!(f, "Owner({number})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_printed() {
        assert_eq!(format!("{:?}", Door::Control("s3cret".into())), "Control(…)");
        assert_eq!(format!("{:?}", Door::Follow("s3cret".into())), "Follow(…)");
    }
}
