//! Who calls: what a call says of its caller, and how much of that is believed.

use super::numbers::{NumberRule, shown};
use engine::Caller;
use model::PhoneNumber;

/// A name and an address, as From and P-Asserted-Identity hold them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Party {
    /// Without quotes; may be empty.
    pub(crate) name: String,
    /// The user part of a `sip:` address, or the number of a `tel:` one; may be empty.
    pub(crate) user: String,
    /// Empty for a `tel:` address.
    pub(crate) host: String,
}

/// What a call says of its caller, before anything of it is believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Claims {
    /// From; `None` where it cannot be read.
    pub(crate) from: Option<Party>,
    /// The values of P-Asserted-Identity (RFC 3325 section 9.1). `None`: there is no such header; no value: it is empty.
    pub(crate) asserted: Option<Vec<Party>>,
    /// The values of Privacy (RFC 3323 section 4.2).
    pub(crate) privacy: Vec<String>,
}

/// Whom a room is told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    Known {
        number: String,
        name: String,
    },
    /// The caller wants not to be known.
    Withheld,
}

impl Identity {
    pub(crate) fn caller(self) -> Caller {
        match self {
            Identity::Known { number, name } => Caller { number, name },
            Identity::Withheld => Caller { number: String::new(), name: String::new() },
        }
    }
}

impl Party {
    /// In the words of those who withhold their number: RFC 3323 section 4.1.1.3, and what carriers write instead.
    fn is_withheld(&self) -> bool {
        const USERS: [&str; 4] = ["anonymous", "restricted", "private", "withheld"];
        self.host.eq_ignore_ascii_case("anonymous.invalid")
            || USERS.iter().any(|user| self.user.eq_ignore_ascii_case(user))
    }

    fn is_number(&self) -> bool {
        self.user.parse::<PhoneNumber>().is_ok()
    }

    /// The network has no number to give, which is not the caller's wish.
    fn is_unavailable(&self) -> bool {
        self.user.eq_ignore_ascii_case("unavailable") || self.user.eq_ignore_ascii_case("unknown")
    }
}

impl Claims {
    /// `trusted`: the call comes from a trunk whose P-Asserted-Identity is believed (RFC 3325 section 5).
    pub(crate) fn identify(&self, trusted: bool, rule: Option<&NumberRule>) -> Identity {
        let asserted = self.asserted.as_deref().filter(|_| trusted);
        if self.is_anonymous(asserted) {
            return Identity::Withheld;
        }
        // Of a sip: and a tel: address of one caller, that with the number.
        let best = asserted.and_then(|all| all.iter().find(|party| party.is_number()).or(all.first()));
        let Some(party) = best.or(self.from.as_ref()) else {
            return Identity::Known { number: String::new(), name: String::new() };
        };
        let number = if party.is_unavailable() { "" } else { &*party.user };
        let names = [Some(party), self.from.as_ref()].into_iter().flatten();
        let name = names.map(|party| party.name.trim()).find(|name| !name.is_empty()).unwrap_or_default();
        let name = if name.eq_ignore_ascii_case("anonymous") { "" } else { name };
        let number = rule.map_or_else(|| number.to_owned(), |rule| rule.normalise(number));
        Identity::Known { number: shown(&number), name: shown(name) }
    }

    /// Any one of the forms is enough: who hides a number twice does not write `none` the second time.
    fn is_anonymous(&self, asserted: Option<&[Party]>) -> bool {
        const HIDING: [&str; 3] = ["id", "user", "header"];
        let private = |value: &String| HIDING.iter().any(|hiding| value.trim().eq_ignore_ascii_case(hiding));
        self.privacy.iter().any(private)
            || self.from.as_ref().is_some_and(Party::is_withheld)
            || asserted.is_some_and(|all| all.iter().all(Party::is_withheld))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(name: &str, user: &str, host: &str) -> Party {
        let [name, user, host] = [name, user, host].map(str::to_owned);
        Party { name, user, host }
    }

    fn claims(from: Party, asserted: Option<Vec<Party>>, privacy: &[&str]) -> Claims {
        Claims { from: Some(from), asserted, privacy: privacy.iter().map(|&s| s.to_owned()).collect() }
    }

    fn known(number: &str, name: &str) -> Identity {
        Identity::Known { number: number.to_owned(), name: name.to_owned() }
    }

    #[test]
    fn an_asserted_number_is_believed_of_a_trusted_trunk_alone() {
        let from = party("Claire", "0699999999", "pbx.example.org");
        let asserted = vec![party("", "claire", "pbx.example.org"), party("", "+33612345678", "")];
        let claims = claims(from, Some(asserted), &[]);
        assert_eq!(claims.identify(true, None), known("+33612345678", "Claire"));
        assert_eq!(claims.identify(false, None), known("0699999999", "Claire"));
    }

    #[test]
    fn every_form_of_anonymity_is_recognised() {
        let plain = party("Claire", "0612345678", "example.org");
        let nobody = party("Anonymous", "anonymous", "anonymous.invalid");
        let restricted = party("", "restricted", "carrier.example");
        for hiding in ["id", "user", "Header", " id "] {
            assert_eq!(
                claims(plain.clone(), None, &["critical", hiding]).identify(false, None),
                Identity::Withheld
            );
        }
        for (from, asserted, trusted) in [
            (nobody.clone(), None, false),
            (party("", "x", "ANONYMOUS.invalid"), None, false),
            (party("", "Anonymous", "192.0.2.1"), None, false),
            (nobody.clone(), Some(vec![plain.clone()]), true),
            (plain.clone(), Some(vec![]), true),
            (plain.clone(), Some(vec![restricted.clone()]), true),
            (plain.clone(), Some(vec![nobody.clone()]), true),
        ] {
            let claims = claims(from, asserted, &[]);
            assert_eq!(claims.identify(trusted, None), Identity::Withheld, "{claims:?}");
        }
    }

    #[test]
    fn what_is_not_hidden_is_not_taken_for_hidden() {
        let plain = party("Claire", "0612345678", "example.org");
        for privacy in [&["none"][..], &["session"], &["history", "critical"], &[]] {
            assert_eq!(
                claims(plain.clone(), None, privacy).identify(true, None),
                known("0612345678", "Claire")
            );
        }
        // A stranger's empty assertion says nothing.
        assert_eq!(
            claims(plain.clone(), Some(vec![]), &[]).identify(false, None),
            known("0612345678", "Claire")
        );
        let named = claims(party("Anonymous", "0612345678", "example.org"), None, &[]);
        assert_eq!(named.identify(false, None), known("0612345678", ""));
        // The network could not give a number: nobody hides.
        let lost = claims(party("", "unavailable", "unknown.invalid"), None, &[]);
        assert_eq!(lost.identify(false, None), known("", ""));
        assert_eq!(Claims::default().identify(true, None), known("", ""));
    }

    #[test]
    fn what_pages_show_is_short_and_one_line() {
        let long = claims(party(&"é".repeat(100), "a\u{7}b", "example.org"), None, &[]);
        assert_eq!(long.identify(false, None), known("ab", &"é".repeat(64)));
    }
}
