//! Asks telephones for their passwords: issues challenges and judges what comes back.
//!
//! A nonce carries its own time and seal, so that challenges cost no memory, however many strangers ask. Only who has
//! shown the right password is remembered, for as long as its nonce lasts: a response is taken once.

use super::digest::{Algorithm, Credentials, hex, quoted};
use super::settings::Phone;
use hmac::{Hmac, KeyInit, Mac};
use model::limits::{NONCE_MS, NONCES};
use model::live::UnixMs;
use sha2::Sha256;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;

/// What telephones show as the place that wants a password.
const REALM: &str = "conference";
/// Bytes of a nonce's seal.
const SEAL_BYTES: usize = 16;

/// Who showed the right password, or what it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    /// The account.
    Known(String),
    /// Values of WWW-Authenticate. `failed`: something was shown, and it was wrong.
    Asked { challenges: Vec<String>, failed: bool },
}

pub(super) struct Doorkeeper {
    phones: Vec<Phone>,
    digests: Vec<Algorithm>,
    key: [u8; 32],
    /// By nonce: the highest count that was taken, and until when the nonce is good.
    used: Mutex<HashMap<String, Used>>,
}

struct Used {
    count: u32,
    until: UnixMs,
}

/// What is to be said of a nonce.
#[derive(PartialEq)]
enum Age {
    Fresh,
    /// Ours, and too old; or of another run of this program.
    Old,
}

impl Doorkeeper {
    /// `key`: random.
    pub(super) fn new(phones: Vec<Phone>, digests: Vec<Algorithm>, key: [u8; 32]) -> Doorkeeper {
        Doorkeeper { phones, digests, key, used: Mutex::default() }
    }

    pub(super) fn phones(&self) -> usize {
        self.phones.len()
    }

    /// `headers`: the values of Authorization. `random` makes the next nonce unlike all others.
    pub(super) fn judge(
        &self,
        headers: &[&str],
        method: &str,
        source: IpAddr,
        now: UnixMs,
        random: u64,
    ) -> Judged {
        // A request may carry credentials for others too (RFC 3261 section 22.2): ours are those of our realm.
        let shown = headers.iter().filter_map(|header| Credentials::parse(header));
        let ours = |shown: &Credentials| shown.realm == REALM && self.digests.contains(&shown.algorithm);
        let Some(shown) = shown.into_iter().find(ours) else {
            return self.ask(source, now, random, false, false);
        };
        let phone = self.phones.iter().find(|phone| phone.user == shown.user);
        // Computed for an unknown account too, so that its name is not told by the time it takes.
        let right = shown.is_of(phone.map_or("", |phone| phone.password.reveal()), method);
        let Some(phone) = phone.filter(|_| right) else {
            return self.ask(source, now, random, false, true);
        };
        if self.age(&shown.nonce, source, now) == Age::Fresh && self.take(&shown, now) {
            return Judged::Known(phone.user.clone());
        }
        self.ask(source, now, random, true, false)
    }

    /// A challenge for each algorithm, the preferred one first (RFC 8760 section 2.4).
    fn ask(&self, source: IpAddr, now: UnixMs, random: u64, stale: bool, failed: bool) -> Judged {
        let stamp = format!("{now:016x}{random:016x}");
        let nonce = format!("{stamp}{}", self.seal(&stamp, source));
        let stale = if stale { ", stale=true" } else { "" };
        let challenge = |algorithm: &Algorithm| {
            let (realm, name) = (quoted(REALM), algorithm.name());
            format!("Digest realm={realm}, nonce=\"{nonce}\", algorithm={name}, qop=\"auth\"{stale}")
        };
        let challenges = self.digests.iter().map(challenge).collect();
        Judged::Asked { challenges, failed }
    }

    fn seal(&self, stamp: &str, source: IpAddr) -> String {
        hex(&self.mac(stamp, source).finalize().into_bytes()[..SEAL_BYTES])
    }

    fn mac(&self, stamp: &str, source: IpAddr) -> Hmac<Sha256> {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else {
            unreachable!("a key of any length will do (RFC 2104 section 3)")
        };
        mac.update(stamp.as_bytes());
        mac.update(source.to_string().as_bytes());
        mac
    }

    fn age(&self, nonce: &str, source: IpAddr, now: UnixMs) -> Age {
        let Some((stamp, seal)) = nonce.split_at_checked(32) else { return Age::Old };
        let issued = stamp.get(..16).and_then(|time| UnixMs::from_str_radix(time, 16).ok());
        let Some(issued) = issued else { return Age::Old };
        let ours: bool = {
            use subtle::ConstantTimeEq;
            self.seal(stamp, source).as_bytes().ct_eq(seal.as_bytes()).into()
        };
        if ours && now.saturating_sub(issued) < NONCE_MS { Age::Fresh } else { Age::Old }
    }

    /// A nonce's count must grow with each use (RFC 7616 section 3.4). `false`: it did not, or too many are remembered.
    fn take(&self, shown: &Credentials, now: UnixMs) -> bool {
        let mut used = self.used.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(before) = used.get_mut(&shown.nonce) {
            let grown = shown.count > before.count;
            before.count = before.count.max(shown.count);
            return grown;
        }
        if used.len() >= NONCES {
            used.retain(|_, used| used.until > now);
        }
        if used.len() >= NONCES {
            return false;
        }
        used.insert(shown.nonce.clone(), Used { count: shown.count, until: now + NONCE_MS });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::digest::Challenge;
    use super::*;
    use crate::telephony::trunk::settings::Secret;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const BOTH: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Md5];
    const NOW: UnixMs = 1_800_000_000_000;

    fn doorkeeper() -> Doorkeeper {
        let phone = Phone { user: "alice".to_owned(), password: Secret::new("secret".to_owned()) };
        Doorkeeper::new(vec![phone], BOTH.to_vec(), [7; 32])
    }

    fn asked(judged: Judged) -> (Vec<String>, bool) {
        match judged {
            Judged::Asked { challenges, failed } => (challenges, failed),
            Judged::Known(user) => panic!("{user} was let in"),
        }
    }

    fn answer(challenge: &str, user: &str, password: &str) -> String {
        let challenge = Challenge::best([challenge].into_iter()).unwrap();
        challenge.answer(user, password, "INVITE", "sip:3000@192.0.2.9", "c0")
    }

    #[test]
    fn who_has_the_password_gets_in_by_either_algorithm() {
        let door = doorkeeper();
        let (challenges, failed) = asked(door.judge(&[], "INVITE", HERE, NOW, 1));
        assert!(!failed && challenges[0].contains("SHA-256") && challenges[1].contains("MD5"));
        for (n, challenge) in challenges.iter().enumerate() {
            // One nonce, two algorithms: a second use needs a higher count.
            let answer = answer(challenge, "alice", "secret");
            let judged = door.judge(&[&answer], "INVITE", HERE, NOW + 1_000, 2);
            assert_eq!(judged == Judged::Known("alice".to_owned()), n == 0, "{challenge}");
        }
        let (challenges, _) = asked(door.judge(&["Basic x"], "INVITE", HERE, NOW, 3));
        let answer = answer(&challenges[1], "alice", "secret");
        assert_eq!(door.judge(&[&answer], "INVITE", HERE, NOW, 4), Judged::Known("alice".to_owned()));
    }

    #[test]
    fn an_algorithm_that_was_not_offered_is_not_taken() {
        let (both, strict) = (doorkeeper(), Doorkeeper { digests: vec![Algorithm::Sha256], ..doorkeeper() });
        let (challenges, _) = asked(both.judge(&[], "INVITE", HERE, NOW, 1));
        let weak = answer(&challenges[1], "alice", "secret");
        assert_eq!(asked(strict.judge(&[&weak], "INVITE", HERE, NOW, 2)).0.len(), 1);
        let strong = answer(&challenges[0], "alice", "secret");
        assert!(matches!(strict.judge(&[&strong], "INVITE", HERE, NOW, 3), Judged::Known(_)));
    }

    #[test]
    fn wrong_passwords_names_and_methods_are_asked_again() {
        let door = doorkeeper();
        let (challenges, _) = asked(door.judge(&[], "INVITE", HERE, NOW, 1));
        for (user, password) in [("alice", "Secret"), ("alice", ""), ("bob", "secret"), ("bob", "")] {
            let answer = answer(&challenges[0], user, password);
            let (again, failed) = asked(door.judge(&[&answer], "INVITE", HERE, NOW, 2));
            assert!(failed && !again[0].contains("stale"), "{user} {password}");
        }
        let right = answer(&challenges[0], "alice", "secret");
        assert!(asked(door.judge(&[&right], "BYE", HERE, NOW, 2)).1);
    }

    #[test]
    fn old_foreign_and_used_nonces_are_stale() {
        let door = doorkeeper();
        let (challenges, _) = asked(door.judge(&[], "INVITE", HERE, NOW, 1));
        let answer_to = |challenge: &str| answer(challenge, "alice", "secret");
        let right = answer_to(&challenges[0]);
        let elsewhere: IpAddr = "192.0.2.2".parse().unwrap();
        for (source, now) in [(HERE, NOW + NONCE_MS), (elsewhere, NOW)] {
            let (again, failed) = asked(door.judge(&[&right], "INVITE", source, now, 2));
            assert!(!failed && again[0].contains("stale=true"), "{source} {now}");
        }
        let foreign = Doorkeeper::new(Vec::new(), BOTH.to_vec(), [8; 32]);
        let (challenges, _) = asked(foreign.judge(&[], "INVITE", HERE, NOW, 1));
        assert!(
            asked(door.judge(&[&answer_to(&challenges[0])], "INVITE", HERE, NOW, 2)).0[0].contains("stale")
        );
        // Right once; the very same again is somebody who listened.
        assert!(matches!(door.judge(&[&right], "INVITE", HERE, NOW, 3), Judged::Known(_)));
        assert!(asked(door.judge(&[&right], "INVITE", HERE, NOW, 4)).0[0].contains("stale"));
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let door = doorkeeper();
        let enter = |n: u64, now: UnixMs| {
            let (challenges, _) = asked(door.judge(&[], "INVITE", HERE, now, n));
            let judged = door.judge(&[&answer(&challenges[1], "alice", "secret")], "INVITE", HERE, now, n);
            matches!(judged, Judged::Known(_))
        };
        for n in 0..NONCES as u64 {
            assert!(enter(n, NOW), "{n}");
        }
        assert!(!enter(u64::MAX, NOW));
        assert!(enter(u64::MAX, NOW + NONCE_MS));
        assert_eq!(door.used.lock().unwrap().len(), 1);
    }
}
