//! How a recording came to its end.

use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RecordingEnd {
    /// The last member left, or the server was stopped.
    ConferenceOver,
    /// It was as long as a recording may be.
    Limit,
    /// A moderator's wish.
    Stopped,
    /// The disk was nearly full.
    NoSpace,
    /// It could not be written.
    Failed,
    /// The server ended without closing it; it was closed at the next start.
    Crash,
}

impl RecordingEnd {
    pub const ALL: [RecordingEnd; 6] = [
        RecordingEnd::ConferenceOver,
        RecordingEnd::Limit,
        RecordingEnd::Stopped,
        RecordingEnd::NoSpace,
        RecordingEnd::Failed,
        RecordingEnd::Crash,
    ];

    /// As it is kept.
    pub const fn code(self) -> &'static str {
        match self {
            RecordingEnd::ConferenceOver => "over",
            RecordingEnd::Limit => "limit",
            RecordingEnd::Stopped => "stopped",
            RecordingEnd::NoSpace => "noSpace",
            RecordingEnd::Failed => "failed",
            RecordingEnd::Crash => "crash",
        }
    }

    pub fn of_code(code: &str) -> Option<RecordingEnd> {
        RecordingEnd::ALL.into_iter().find(|end| end.code() == code)
    }
}

impl fmt::Display for RecordingEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again() {
        for end in RecordingEnd::ALL {
            assert_eq!(RecordingEnd::of_code(end.code()), Some(end));
        }
        assert_eq!(RecordingEnd::of_code("running"), None);
    }
}
