//! The state of the lines on which calls come in, as the operator's page shows it. No password is in it.

use crate::live::UnixMs;

/// Everything that decides who may call in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    pub trunks: Vec<TrunkState>,
    /// Telephones with a password of their own.
    pub phones: usize,
    pub strangers: Strangers,
    /// Calls that none of the trunks brought, and that were taken.
    pub other_taken: u64,
    /// Calls that none of the trunks brought, and that were refused.
    pub other_refused: u64,
    /// When the last of these was refused.
    pub last_refused: Option<UnixMs>,
}

/// What becomes of a call that no trunk brings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strangers {
    /// Nothing is set up: this machine and private networks may call.
    #[default]
    Nearby,
    /// Refused, unless a telephone shows its password.
    Refused,
    /// Anybody may call.
    Guests,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkState {
    pub name: String,
    /// The addresses whose calls are this trunk's, as the settings have them.
    pub peers: Vec<String>,
    pub registration: Option<Registration>,
    /// `None`: nothing is asked of the other end.
    pub reach: Option<Reach>,
    pub taken: u64,
    pub refused: u64,
    /// When a call last came, taken or not.
    pub last_call: Option<UnixMs>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// `user@registrar`.
    pub account: String,
    pub state: RegistrationState,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RegistrationState {
    /// Not asked for, or taken back.
    #[default]
    Unregistered,
    /// Asked for, and not answered yet.
    Registering,
    /// `since`: the first of the registrations that followed each other.
    Registered {
        since: UnixMs,
        until: UnixMs,
    },
    Failed {
        at: UnixMs,
        failure: Failure,
        next_try: UnixMs,
    },
}

/// Whether the other end answers our OPTIONS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Not asked yet.
    #[default]
    Unknown,
    Answers {
        at: UnixMs,
    },
    Silent {
        since: UnixMs,
        failure: Failure,
    },
}

/// Why the other end could not be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// DNS knows no address of this name.
    NoAddress(String),
    /// Nothing came back in time.
    NoAnswer,
    /// It wants a kind of password proof that is not known here.
    UnknownChallenge,
    /// The answer's status, and its words.
    Refused { status: u16, words: String },
}
