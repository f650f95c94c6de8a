//! Who may call in: the trunks, the telephones with a password, guests. And what a trunk's numbers mean.

mod caller;
mod digest;
mod doorkeeper;
pub(super) mod keep_alive;
mod line;
mod numbers;
pub(super) mod registration;
mod settings;

pub(super) use caller::{Claims, Identity, Party};
pub(crate) use digest::Algorithm;
pub(super) use digest::Challenge;
pub(super) use line::{Target, Trunk};
pub(crate) use numbers::NumberRule;
pub(crate) use settings::{
    Authorities, CallersSettings, Host, Peer, Phone, RegistrationSettings, Secret, TrunkSettings,
};

use super::admission::Ask;
use doorkeeper::{Doorkeeper, Judged};
use model::PhoneNumber;
use model::live::UnixMs;
use model::trunk::{Lines, Strangers};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Everything that decides who may call in; one for the server.
pub(crate) struct Trunks {
    trunks: Vec<Arc<Trunk>>,
    doorkeeper: Option<Doorkeeper>,
    strangers: Strangers,
    other_taken: AtomicU64,
    other_refused: AtomicU64,
    /// 0: never.
    last_refused: AtomicU64,
}

/// By which way a call came in.
#[derive(Clone)]
pub(super) enum Entrance {
    Trunk(Arc<Trunk>),
    /// A telephone that showed its password.
    Phone(String),
    /// Guests are let in, or the call is from a private network and nothing is set up.
    Open,
}

/// Why a call does not come in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turned {
    Away,
    /// Values of WWW-Authenticate.
    Asked(Vec<String>),
}

impl Trunks {
    /// `key`: random; it seals the challenges.
    pub(crate) fn new(settings: CallersSettings, key: [u8; 32]) -> Trunks {
        let strangers = if settings.allow_guests {
            Strangers::Guests
        } else if settings.trunks.is_empty() && settings.phones.is_empty() {
            Strangers::Nearby
        } else {
            Strangers::Refused
        };
        let phones = settings.phones;
        Trunks {
            trunks: settings.trunks.into_iter().map(|trunk| Arc::new(Trunk::new(trunk))).collect(),
            doorkeeper: (!phones.is_empty()).then(|| Doorkeeper::new(phones, settings.digests, key)),
            strangers,
            other_taken: AtomicU64::new(0),
            other_refused: AtomicU64::new(0),
            last_refused: AtomicU64::new(0),
        }
    }

    /// Whether it is a trunk's address.
    pub(super) fn is_trunk(&self, source: IpAddr) -> bool {
        let source = source.to_canonical();
        self.trunks.iter().any(|trunk| trunk.is_from(source))
    }

    pub(super) fn all(&self) -> &[Arc<Trunk>] {
        &self.trunks
    }

    /// Whose call this is. A refusal is counted here; what becomes of the others is told to [`Trunks::count`].
    pub(super) fn entrance(&self, ask: &Ask<'_>, now: UnixMs, random: u64) -> Result<Entrance, Turned> {
        // An IPv4 caller on a socket for both.
        let source = ask.source.ip().to_canonical();
        if let Some(trunk) = self.trunks.iter().find(|trunk| trunk.is_from(source)) {
            return Ok(Entrance::Trunk(Arc::clone(trunk)));
        }
        let open = match self.strangers {
            Strangers::Guests => true,
            Strangers::Nearby => is_nearby(source),
            Strangers::Refused => false,
        };
        let Some(doorkeeper) = self.doorkeeper.as_ref().filter(|_| !open || !ask.credentials.is_empty())
        else {
            return if open { Ok(Entrance::Open) } else { Err(self.turn_away(ask, now)) };
        };
        match doorkeeper.judge(&ask.credentials, &ask.method, source, now, random) {
            Judged::Known(user) => Ok(Entrance::Phone(user)),
            Judged::Asked { .. } if open => Ok(Entrance::Open),
            Judged::Asked { challenges, failed } => {
                if failed {
                    self.turn_away(ask, now);
                }
                Err(Turned::Asked(challenges))
            }
        }
    }

    fn turn_away(&self, ask: &Ask<'_>, now: UnixMs) -> Turned {
        self.other_refused.fetch_add(1, Ordering::Relaxed);
        self.last_refused.store(now, Ordering::Relaxed);
        tracing::debug!(source = %ask.source, transport = %ask.transport, "a stranger's call is refused");
        Turned::Away
    }

    /// What became of a call that was let in.
    pub(super) fn count(&self, entrance: &Entrance, taken: bool, now: UnixMs) {
        match (entrance, taken) {
            (Entrance::Trunk(trunk), _) => trunk.count(taken, now),
            (_, true) => drop(self.other_taken.fetch_add(1, Ordering::Relaxed)),
            (_, false) => {
                self.other_refused.fetch_add(1, Ordering::Relaxed);
                self.last_refused.store(now, Ordering::Relaxed);
            }
        }
    }

    /// What the operator's page shows.
    pub(crate) fn lines(&self) -> Lines {
        let last_refused = self.last_refused.load(Ordering::Relaxed);
        Lines {
            trunks: self.trunks.iter().map(|trunk| trunk.state()).collect(),
            phones: self.doorkeeper.as_ref().map_or(0, Doorkeeper::phones),
            strangers: self.strangers,
            other_taken: self.other_taken.load(Ordering::Relaxed),
            other_refused: self.other_refused.load(Ordering::Relaxed),
            last_refused: (last_refused != 0).then_some(last_refused),
        }
    }
}

impl app::TrunkLines for Trunks {
    fn lines(&self) -> Lines {
        Trunks::lines(self)
    }
}

impl fmt::Display for Entrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entrance::Trunk(trunk) => write!(f, "trunk {}", trunk.settings.name),
            Entrance::Phone(user) => write!(f, "phone {user}"),
            Entrance::Open => f.write_str("guest"),
        }
    }
}

impl Entrance {
    fn trunk(&self) -> Option<&TrunkSettings> {
        match self {
            Entrance::Trunk(trunk) => Some(&trunk.settings),
            Entrance::Phone(_) | Entrance::Open => None,
        }
    }

    /// Whom the room is told of.
    pub(super) fn identify(&self, claims: &Claims) -> Identity {
        let trunk = self.trunk();
        claims.identify(trunk.is_some_and(|trunk| trunk.trust_identity), trunk.and_then(|t| t.rule.as_ref()))
    }

    /// The numbers that may be meant by what was dialled, likeliest first. What a registered trunk calls is its
    /// account; the number is then in the headers (RFC 7315 section 4.2), and those of a trunk are believed.
    pub(super) fn dialled(&self, ask: &Ask<'_>) -> Vec<PhoneNumber> {
        let Some(trunk) = self.trunk() else { return numbers::as_written(&ask.dialled) };
        let written = std::iter::once(&ask.dialled).chain(&ask.called);
        let mut numbers = Vec::new();
        for written in written {
            let meant = match &trunk.rule {
                Some(rule) => rule.meanings(written),
                None => numbers::as_written(written),
            };
            for number in meant {
                if !numbers.contains(&number) {
                    numbers.push(number);
                }
            }
        }
        numbers
    }
}

/// On this machine, on this link, or in a private network (RFC 1918, RFC 3927, RFC 4193, RFC 4291). Not the shared
/// addresses of RFC 6598: their users are strangers to each other.
pub(in crate::telephony) fn is_nearby(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests;
