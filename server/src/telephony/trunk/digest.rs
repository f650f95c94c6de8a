//! Digest access authentication as SIP has it (RFC 3261 section 22, RFC 7616, RFC 8760): MD5 and SHA-256, `qop=auth`.
//!
//! Our own, because rsipstack's reads the names of RFC 8760's algorithms wrong, and the crate `digest_auth` panics where
//! a header is not ASCII.

use md5::Md5;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::fmt::Write;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum Algorithm {
    #[serde(rename = "md5")]
    Md5,
    #[serde(rename = "sha-256")]
    Sha256,
}

impl Algorithm {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha256 => "SHA-256",
        }
    }

    fn named(name: &str) -> Option<Algorithm> {
        [Algorithm::Md5, Algorithm::Sha256].into_iter().find(|known| name.eq_ignore_ascii_case(known.name()))
    }

    fn hash(self, text: &str) -> String {
        match self {
            Algorithm::Md5 => hex(&Md5::digest(text)),
            Algorithm::Sha256 => hex(&Sha256::digest(text)),
        }
    }
}

/// What both sides know and mix into the response.
pub(super) struct Mixed<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) user: &'a str,
    pub(super) realm: &'a str,
    pub(super) password: &'a str,
    pub(super) method: &'a str,
    pub(super) uri: &'a str,
    pub(super) nonce: &'a str,
    /// The count and the client's nonce, as they are written; `None`: without qop (RFC 2069).
    pub(super) qop: Option<(&'a str, &'a str)>,
}

impl Mixed<'_> {
    /// RFC 7616 section 3.4.1, in lower-case hex.
    pub(super) fn response(&self) -> String {
        let hash = |text: String| self.algorithm.hash(&text);
        let who = hash(format!("{}:{}:{}", self.user, self.realm, self.password));
        let what = hash(format!("{}:{}", self.method, self.uri));
        match self.qop {
            Some((count, cnonce)) => hash(format!("{who}:{}:{count}:{cnonce}:auth:{what}", self.nonce)),
            None => hash(format!("{who}:{}:{what}", self.nonce)),
        }
    }
}

/// What a server asks of us, by WWW-Authenticate or Proxy-Authenticate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    algorithm: Algorithm,
    qop: bool,
    /// The credentials were right and the nonce was old.
    pub(crate) stale: bool,
}

impl Challenge {
    /// The best that we can answer: the stronger algorithm, whatever stands first.
    pub(crate) fn best<'a>(headers: impl Iterator<Item = &'a str>) -> Option<Challenge> {
        let all: Vec<Challenge> = headers.filter_map(Challenge::parse).collect();
        let strong = all.iter().position(|challenge| challenge.algorithm == Algorithm::Sha256);
        all.into_iter().nth(strong.unwrap_or(0))
    }

    fn parse(header: &str) -> Option<Challenge> {
        let fields = Fields::parse(header)?;
        let qop = fields.get("qop");
        let has_auth = |qops: &str| qops.split(',').any(|qop| qop.trim().eq_ignore_ascii_case("auth"));
        Some(Challenge {
            realm: fields.get("realm")?.to_owned(),
            nonce: fields.get("nonce")?.to_owned(),
            opaque: fields.get("opaque").map(str::to_owned),
            algorithm: fields.algorithm()?,
            qop: match qop {
                Some(qops) if has_auth(qops) => true,
                // Integrity of the body alone: nobody asks for it, and we do not do it.
                Some(_) => return None,
                None => false,
            },
            stale: fields.get("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
        })
    }

    /// The value of Authorization. `cnonce`: random, of letters and digits; a nonce is used once, so its count is 1.
    pub(crate) fn answer(&self, user: &str, password: &str, method: &str, uri: &str, cnonce: &str) -> String {
        const COUNT: &str = "00000001";
        let qop = self.qop.then_some((COUNT, cnonce));
        let Challenge { realm, nonce, algorithm, .. } = self;
        let mixed = Mixed { algorithm: *algorithm, user, realm, password, method, uri, nonce, qop };
        let response = mixed.response();
        let mut value = format!(
            "Digest username={}, realm={}, nonce={}, uri={}, response=\"{response}\", algorithm={}",
            quoted(user),
            quoted(realm),
            quoted(nonce),
            quoted(uri),
            algorithm.name()
        );
        // Writing into a String does not fail.
        if self.qop {
            let _ = write!(value, ", qop=auth, nc={COUNT}, cnonce=\"{cnonce}\"");
        }
        if let Some(opaque) = &self.opaque {
            let _ = write!(value, ", opaque={}", quoted(opaque));
        }
        value
    }
}

/// What a caller answers us, by Authorization. Only what was asked of it is taken: `qop=auth`, with a count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) user: String,
    pub(super) realm: String,
    pub(super) nonce: String,
    pub(super) count: u32,
    pub(super) algorithm: Algorithm,
    uri: String,
    response: String,
    count_text: String,
    cnonce: String,
}

impl Credentials {
    pub(super) fn parse(header: &str) -> Option<Credentials> {
        let fields = Fields::parse(header)?;
        let text = |name: &str| fields.get(name).map(str::to_owned);
        let count_text = text("nc")?;
        if !fields.get("qop")?.eq_ignore_ascii_case("auth") || count_text.len() != 8 {
            return None;
        }
        Some(Credentials {
            user: text("username")?,
            realm: text("realm")?,
            nonce: text("nonce")?,
            count: u32::from_str_radix(&count_text, 16).ok()?,
            uri: text("uri")?,
            response: text("response")?,
            algorithm: fields.algorithm()?,
            count_text,
            cnonce: text("cnonce")?,
        })
    }

    /// Takes as long for a wrong response as for the right one.
    pub(super) fn is_of(&self, password: &str, method: &str) -> bool {
        use subtle::ConstantTimeEq;
        let Credentials { user, realm, nonce, uri, algorithm, .. } = self;
        let qop = Some((&*self.count_text, &*self.cnonce));
        let right =
            Mixed { algorithm: *algorithm, user, realm, password, method, uri, nonce, qop }.response();
        right.as_bytes().ct_eq(self.response.to_ascii_lowercase().as_bytes()).into()
    }
}

/// The fields of a header of the scheme Digest, in order.
struct Fields(Vec<(String, String)>);

impl Fields {
    fn parse(header: &str) -> Option<Fields> {
        let (scheme, mut rest) = header.trim().split_once(char::is_whitespace)?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        let mut fields = Vec::new();
        loop {
            rest = rest.trim_start_matches(|c: char| c == ',' || c.is_whitespace());
            if rest.is_empty() {
                return Some(Fields(fields));
            }
            let (name, value) = rest.split_once('=')?;
            let (value, after) = value_of(value.trim_start())?;
            fields.push((name.trim().to_owned(), value));
            rest = after;
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// MD5 where none is named (RFC 7616 section 3.3); `None` for one that we do not know.
    fn algorithm(&self) -> Option<Algorithm> {
        self.get("algorithm").map_or(Some(Algorithm::Md5), Algorithm::named)
    }
}

/// A token or a quoted string (RFC 3261 section 25.1), and what follows it.
fn value_of(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|c: char| c == ',' || c.is_whitespace()).unwrap_or(text.len());
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let (mut value, mut escaped) = (String::new(), false);
    for (at, c) in quoted.char_indices() {
        match c {
            _ if escaped => {
                value.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return Some((value, &quoted[at + 1..])),
            _ => value.push(c),
        }
    }
    None
}

pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing into a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7616 section 3.9.1.
    fn example(algorithm: Algorithm) -> String {
        let nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
        Mixed {
            algorithm,
            user: "Mufasa",
            realm: "http-auth@example.org",
            password: "Circle of Life",
            method: "GET",
            uri: "/dir/index.html",
            nonce,
            qop: Some(("00000001", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")),
        }
        .response()
    }

    #[test]
    fn responses_are_those_of_the_rfc() {
        assert_eq!(example(Algorithm::Md5), "8ca523f5e9506fed4657c9700eebdbec");
        let sha = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1";
        assert_eq!(example(Algorithm::Sha256), sha);
    }

    #[test]
    fn the_strongest_challenge_that_is_understood_is_answered() {
        let headers = [
            "Digest realm=\"a\", nonce=\"1\", algorithm=SHA-512-256, qop=\"auth\"",
            "Digest realm=\"a\", nonce=\"2\", qop=\"auth-int,auth\", algorithm=md5",
            "digest realm=\"a \\\"b\\\"\",nonce=\"3\" , qop=\"auth\", algorithm=SHA-256,stale=TRUE,opaque=\"o\"",
            "Basic realm=\"a\"",
        ];
        let best = Challenge::best(headers.into_iter()).unwrap();
        assert_eq!((&*best.realm, &*best.nonce, best.stale), ("a \"b\"", "3", true));
        let answer = best.answer("alice", "secret", "REGISTER", "sip:example.org", "c0");
        let read = Credentials::parse(&answer).unwrap();
        assert!(read.is_of("secret", "REGISTER"), "{answer}");
        assert!(!read.is_of("Secret", "REGISTER") && !read.is_of("secret", "INVITE"));
        assert!(answer.contains("opaque=\"o\"") && answer.contains("algorithm=SHA-256"), "{answer}");
        assert_eq!(Challenge::best(headers.into_iter().take(1)), None);
    }

    #[test]
    fn an_old_server_without_qop_is_answered_in_its_way() {
        let challenge = Challenge::best(["Digest realm=\"r\", nonce=\"n\""].into_iter()).unwrap();
        let answer = challenge.answer("alice", "secret", "REGISTER", "sip:example.org", "c0");
        assert!(!answer.contains("qop") && !answer.contains("cnonce"), "{answer}");
        // We asked for a count: such an answer to us is none.
        assert_eq!(Credentials::parse(&answer), None);
    }

    #[test]
    fn odd_headers_are_refused_and_end_nothing() {
        for odd in [
            "",
            "Digest",
            "Digest ",
            "Digest é=\"ü",
            "Digest realm=\"\\",
            "Digest a=, b",
            "Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"u\", response=\"é\", qop=auth, nc=1, cnonce=\"c\"",
            "Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"u\", response=\"é\", qop=auth, nc=ééé0, cnonce=\"c\"",
        ] {
            assert_eq!(Credentials::parse(odd), None, "{odd}");
            let challenge = odd.replace("qop=auth,", "qop=auth-int,");
            assert_eq!(Challenge::parse(&challenge), None, "{challenge}");
        }
    }
}
