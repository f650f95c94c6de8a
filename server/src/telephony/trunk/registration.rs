//! A registration with a provider as a state machine: it says what is to be done next, and is told what came of it.
//! Time and chance are passed in; `sip/registration.rs` sends for it.

use super::line::Target;
use model::live::UnixMs;
use model::trunk::{Failure, RegistrationState};

/// Seconds that are asked for at first.
const EXPIRES_S: u32 = 600;
/// The shortest and longest registration that is believed, in seconds.
const GRANTED_S: std::ops::RangeInclusive<u32> = 5..=86_400;
/// Back-off of RFC 5626 section 4.5: base time and longest time, in seconds.
const BACK_OFF_S: u64 = 30;
const LONGEST_BACK_OFF_S: u64 = 1_800;
/// A connection that lived so long was not closed for what was said on it; milliseconds.
const STEADY_MS: u64 = 5_000;
/// A registrar that refuses the password locks accounts that ask too often; seconds.
const REFUSED_BACK_OFF_S: u64 = 300;

/// What is to be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Look the registrar's name up, and say it by [`Registration::resolved`].
    Resolve,
    /// Send a REGISTER, and say what came of it by [`Registration::answered`].
    Register { target: Target, expires_s: u32 },
    /// Ask again then.
    Wait { until: UnixMs },
}

/// What came of a REGISTER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Granted {
        expires_s: u32,
    },
    /// 423: it wants at least this many seconds (RFC 3261 section 10.2.8).
    TooBrief {
        min_s: u32,
    },
    /// Nothing came back in time.
    Silence,
    UnknownChallenge,
    Refused {
        status: u16,
        words: String,
        retry_after_s: Option<u32>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Resolve {
        at: UnixMs,
    },
    /// A REGISTER to the first of the targets.
    Register {
        at: UnixMs,
    },
}

pub(crate) struct Registration {
    next: Next,
    /// What DNS gave and was not in vain yet, best first (RFC 3263 section 4.3).
    targets: Vec<Target>,
    expires_s: u32,
    /// Attempts in a row that failed at every target.
    failures: u32,
    state: RegistrationState,
}

impl Registration {
    pub(crate) fn new(now: UnixMs) -> Registration {
        Registration {
            next: Next::Resolve { at: now },
            targets: Vec::new(),
            expires_s: EXPIRES_S,
            failures: 0,
            state: RegistrationState::Registering,
        }
    }

    pub(crate) fn state(&self, now: UnixMs) -> RegistrationState {
        match &self.state {
            RegistrationState::Registered { until, .. } if *until <= now => RegistrationState::Registering,
            state => state.clone(),
        }
    }

    pub(crate) fn step(&self, now: UnixMs) -> Step {
        match (self.next, self.targets.first()) {
            (Next::Resolve { at } | Next::Register { at }, _) if at > now => Step::Wait { until: at },
            (Next::Register { .. }, Some(&target)) => Step::Register { target, expires_s: self.expires_s },
            _ => Step::Resolve,
        }
    }

    /// The targets that DNS gave, best first; none: the name has no address.
    pub(crate) fn resolved(&mut self, now: UnixMs, name: &str, targets: Vec<Target>, chance: f64) {
        if targets.is_empty() {
            return self.fail(now, Failure::NoAddress(name.to_owned()), None, chance);
        }
        self.targets = targets;
        self.next = Next::Register { at: now };
    }

    /// `chance`: from 0 to 1, at random, so that servers that start together do not ask together.
    pub(crate) fn answered(&mut self, now: UnixMs, answer: Answer, chance: f64) {
        match answer {
            Answer::Granted { expires_s } => self.granted(now, expires_s, chance),
            Answer::TooBrief { min_s } if min_s > self.expires_s && GRANTED_S.contains(&min_s) => {
                self.expires_s = min_s;
                self.next = Next::Register { at: now };
            }
            Answer::TooBrief { .. } => {
                let words = "Interval Too Brief".to_owned();
                self.fail(now, Failure::Refused { status: 423, words }, None, chance);
            }
            Answer::Silence => self.pass_over(now, Failure::NoAnswer, None, chance),
            Answer::UnknownChallenge => self.fail(now, Failure::UnknownChallenge, None, chance),
            Answer::Refused { status, words, retry_after_s } => {
                let failure = Failure::Refused { status, words };
                // Another server of the same name may do better than one that is broken (RFC 3263 section 4.3), not
                // than one that says no.
                if (500..600).contains(&status) || status == 408 {
                    self.pass_over(now, failure, retry_after_s, chance);
                } else {
                    self.fail(now, failure, retry_after_s, chance);
                }
            }
        }
    }

    /// The other end has not answered an OPTIONS: what it holds of us is in doubt, so it is asked at once.
    pub(crate) fn doubt(&mut self, now: UnixMs) {
        if matches!(self.state, RegistrationState::Registered { .. }) {
            self.next = Next::Register { at: now };
        }
    }

    /// The connection by which calls would come is over after `lived_ms`: the registrar is asked anew (RFC 5626 section
    /// 4.4), but not without end where it closes each of them.
    pub(crate) fn disconnected(&mut self, now: UnixMs, lived_ms: u64, chance: f64) {
        let wait_s = if lived_ms >= STEADY_MS { 0.0 } else { BACK_OFF_S as f64 * (0.5 + chance / 2.0) };
        let at = now + (wait_s * 1_000.0) as u64;
        if let (RegistrationState::Registered { .. }, Next::Register { at: due }) = (&self.state, self.next) {
            self.next = Next::Register { at: due.min(at) };
        }
    }

    /// The target that holds the registration, if any does.
    pub(crate) fn registered_at(&self, now: UnixMs) -> Option<Target> {
        match self.state(now) {
            RegistrationState::Registered { .. } => self.targets.first().copied(),
            _ => None,
        }
    }

    fn granted(&mut self, now: UnixMs, expires_s: u32, chance: f64) {
        let expires_ms = u64::from(expires_s.clamp(*GRANTED_S.start(), *GRANTED_S.end())) * 1_000;
        let since = match self.state(now) {
            RegistrationState::Registered { since, .. } => since,
            _ => now,
        };
        self.failures = 0;
        self.state = RegistrationState::Registered { since, until: now + expires_ms };
        // Between two thirds and five sixths of it: a lost REGISTER can still be repeated.
        let jitter_ms = (expires_ms as f64 / 6.0 * chance.clamp(0.0, 1.0)) as u64;
        self.next = Next::Register { at: now + expires_ms * 2 / 3 + jitter_ms };
    }

    /// On to the next target; when none is left, the attempt has failed.
    fn pass_over(&mut self, now: UnixMs, failure: Failure, retry_after_s: Option<u32>, chance: f64) {
        if self.targets.len() > 1 {
            self.targets.remove(0);
            self.next = Next::Register { at: now };
        } else {
            self.fail(now, failure, retry_after_s, chance);
        }
    }

    fn fail(&mut self, now: UnixMs, failure: Failure, retry_after_s: Option<u32>, chance: f64) {
        let said_no = matches!(failure, Failure::Refused { status, .. } if !(500..600).contains(&status));
        let base_s = if said_no { REFUSED_BACK_OFF_S } else { BACK_OFF_S };
        let longest_s = (base_s << self.failures.min(10)).min(LONGEST_BACK_OFF_S);
        // RFC 5626 section 4.5: between half and all of it.
        let back_off_ms = (longest_s as f64 * 1_000.0 * (0.5 + chance.clamp(0.0, 1.0) / 2.0)) as u64;
        let asked_ms = retry_after_s.map(|s| u64::from(s).clamp(1, LONGEST_BACK_OFF_S) * 1_000);
        let next_try = now + asked_ms.unwrap_or(back_off_ms);
        self.failures += 1;
        self.targets.clear();
        self.next = Next::Resolve { at: next_try };
        self.state = RegistrationState::Failed { at: now, failure, next_try };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telephony::Transport;
    use std::net::SocketAddr;

    const NOW: UnixMs = 1_800_000_000_000;

    fn target(last: u8) -> Target {
        Target { address: SocketAddr::from(([192, 0, 2, last], 5060)), transport: Transport::Udp }
    }

    fn started(targets: &[u8]) -> Registration {
        let mut registration = Registration::new(NOW);
        assert_eq!(registration.step(NOW), Step::Resolve);
        registration.resolved(NOW, "sip.example.com", targets.iter().map(|&n| target(n)).collect(), 0.5);
        registration
    }

    fn register(last: u8) -> Step {
        Step::Register { target: target(last), expires_s: EXPIRES_S }
    }

    fn refused(status: u16, retry_after_s: Option<u32>) -> Answer {
        Answer::Refused { status, words: "No".to_owned(), retry_after_s }
    }

    fn wait_ms(registration: &Registration, now: UnixMs) -> u64 {
        match registration.step(now) {
            Step::Wait { until } => until - now,
            step => panic!("no wait: {step:?}"),
        }
    }

    #[test]
    fn a_registration_is_refreshed_before_it_ends() {
        let mut registration = started(&[1]);
        assert_eq!(registration.step(NOW), register(1));
        assert_eq!(registration.state(NOW), RegistrationState::Registering);
        registration.answered(NOW, Answer::Granted { expires_s: 60 }, 0.0);
        assert_eq!(wait_ms(&registration, NOW), 40_000);
        let later = NOW + 40_000;
        assert_eq!(registration.step(later), register(1));
        registration.answered(later, Answer::Granted { expires_s: 60 }, 1.0);
        assert_eq!(wait_ms(&registration, later), 50_000);
        let state = RegistrationState::Registered { since: NOW, until: later + 60_000 };
        assert_eq!(registration.state(later), state);
        assert_eq!(registration.registered_at(later), Some(target(1)));
        // Nothing came of the refreshing: it is over when its time is.
        assert_eq!(registration.state(later + 60_000), RegistrationState::Registering);
        assert_eq!(registration.registered_at(later + 60_000), None);
    }

    #[test]
    fn a_lost_connection_is_made_good_at_once_unless_each_is_closed() {
        let mut registration = started(&[1]);
        registration.answered(NOW, Answer::Granted { expires_s: 600 }, 0.0);
        registration.disconnected(NOW, STEADY_MS - 1, 0.0);
        assert_eq!(wait_ms(&registration, NOW), 15_000);
        registration.disconnected(NOW, STEADY_MS - 1, 1.0);
        assert_eq!(wait_ms(&registration, NOW), 15_000, "what is due sooner stays so");
        registration.disconnected(NOW, STEADY_MS, 1.0);
        assert_eq!(registration.step(NOW), register(1));
        // Who is not registered has nothing to make good.
        registration.answered(NOW, refused(403, None), 1.0);
        registration.disconnected(NOW, STEADY_MS, 0.0);
        assert_eq!(wait_ms(&registration, NOW), 300_000);
    }

    #[test]
    fn a_silent_or_broken_server_gives_way_to_the_next() {
        let mut registration = started(&[1, 2, 3]);
        registration.answered(NOW, Answer::Silence, 0.5);
        assert_eq!(registration.step(NOW), register(2));
        registration.answered(NOW, refused(503, Some(5)), 0.5);
        assert_eq!(registration.step(NOW), register(3));
        registration.answered(NOW, Answer::Granted { expires_s: 600 }, 0.5);
        assert_eq!(registration.registered_at(NOW), Some(target(3)));
        // The last one falls silent: all are looked up anew.
        let later = NOW + 450_000;
        assert_eq!(registration.step(later), register(3));
        registration.answered(later, Answer::Silence, 0.5);
        let next_try = later + 22_500;
        let failed = RegistrationState::Failed { at: later, failure: Failure::NoAnswer, next_try };
        assert_eq!(registration.state(later), failed);
        assert_eq!(registration.step(next_try), Step::Resolve);
    }

    #[test]
    fn a_refusal_is_not_taken_to_another_server_and_waits_longer() {
        let mut registration = started(&[1, 2]);
        registration.answered(NOW, refused(403, None), 1.0);
        assert_eq!(wait_ms(&registration, NOW), 300_000);
        registration.answered(NOW, refused(404, Some(7)), 1.0);
        assert_eq!(wait_ms(&registration, NOW), 7_000);
        registration.answered(NOW, refused(404, Some(0)), 1.0);
        assert_eq!(wait_ms(&registration, NOW), 1_000);
    }

    #[test]
    fn waits_grow_to_half_an_hour_and_begin_anew_after_success() {
        let mut registration = started(&[1]);
        let mut waits = Vec::new();
        for _ in 0..9 {
            registration.answered(NOW, Answer::Silence, 1.0);
            waits.push(wait_ms(&registration, NOW) / 1_000);
        }
        assert_eq!(waits, [30, 60, 120, 240, 480, 960, 1_800, 1_800, 1_800]);
        registration.resolved(NOW, "sip.example.com", vec![target(1)], 0.5);
        registration.answered(NOW, Answer::Granted { expires_s: 600 }, 0.5);
        registration.answered(NOW, Answer::Silence, 0.0);
        assert_eq!(wait_ms(&registration, NOW), 15_000);
        registration.resolved(NOW, "sip.example.com", Vec::new(), 0.0);
        assert_eq!(wait_ms(&registration, NOW), 30_000);
        let name = "sip.example.com".to_owned();
        assert!(matches!(registration.state(NOW),
            RegistrationState::Failed { failure: Failure::NoAddress(failed), .. } if failed == name));
    }

    #[test]
    fn a_registrar_that_wants_longer_is_obeyed_once() {
        let mut registration = started(&[1]);
        registration.answered(NOW, Answer::TooBrief { min_s: 3_600 }, 0.5);
        assert_eq!(registration.step(NOW), Step::Register { target: target(1), expires_s: 3_600 });
        registration.answered(NOW, Answer::TooBrief { min_s: 3_600 }, 0.5);
        assert!(matches!(registration.state(NOW), RegistrationState::Failed { .. }));
        let mut registration = started(&[1]);
        registration.answered(NOW, Answer::TooBrief { min_s: u32::MAX }, 0.5);
        assert!(matches!(registration.state(NOW), RegistrationState::Failed { .. }));
    }

    #[test]
    fn absurd_times_are_brought_into_range() {
        let mut registration = started(&[1]);
        registration.answered(NOW, Answer::Granted { expires_s: 0 }, 0.0);
        assert!(wait_ms(&registration, NOW) >= 3_333);
        registration.answered(NOW, Answer::Granted { expires_s: u32::MAX }, 1.0);
        assert!(wait_ms(&registration, NOW) <= 86_400_000);
    }

    #[test]
    fn doubt_asks_at_once_and_only_who_is_registered() {
        let mut registration = started(&[1]);
        registration.answered(NOW, Answer::Granted { expires_s: 600 }, 0.5);
        registration.doubt(NOW + 1);
        assert_eq!(registration.step(NOW + 1), register(1));
        registration.answered(NOW + 1, Answer::Silence, 0.5);
        let wait = wait_ms(&registration, NOW + 1);
        registration.doubt(NOW + 1);
        assert_eq!(wait_ms(&registration, NOW + 1), wait);
    }
}
