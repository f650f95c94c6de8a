//! Identifiers. Those of things that are kept are UUIDs; a member's is a small number, as telephony APIs have it.

use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(s: &str) -> Result<Self, Self::Err> {
                s.parse().map($name)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

uuid_id!(
    /// Who owns numbers.
    AccountId
);
uuid_id!(
    /// What a number leads to.
    RoomId
);
uuid_id!(
    /// One sound that an owner uploaded; another upload is another one.
    AnnouncementId
);
uuid_id!(
    /// One live session of a room, from its first member to its last.
    ConferenceId
);
uuid_id!(
    /// One sound file of a conference. A recording that was stopped and begins again is another one.
    RecordingId
);

/// One leg, from its INVITE to its BYE; inside a conference, the member. Never used twice while the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MemberId(pub u64);

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for MemberId {
    type Err = std::num::ParseIntError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        s.parse().map(MemberId)
    }
}
