//! What to dial: `sip:3000@127.0.0.1:5060`.

use std::net::SocketAddr;

/// The port of SIP over UDP where a URI names none (RFC 3261 section 19.1.2).
const SIP_PORT: u16 = 5060;
/// Longest user part that is dialled, in bytes.
const USER_BYTES: usize = 64;

/// Whom to call, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The user part: the number that is dialled.
    pub number: String,
    /// A host name or an IPv4 address.
    pub host: String,
    pub port: u16,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UriError {
    #[error("“{0}” is not a SIP address: it should look like sip:3000@127.0.0.1")]
    Malformed(String),
    #[error("the number “{0}” has characters that cannot be dialled")]
    Number(String),
    #[error("SIP over TLS (sips:) is not spoken here")]
    Secure,
    #[error("no IPv4 address is known for the host “{0}”")]
    UnknownHost(String),
}

/// Reads `sip:NUMBER@HOST[:PORT]`. `sip:` may be missing; parameters behind `;` or `?` are let go.
///
/// # Errors
/// [`UriError`] says which part is wrong, in words for a terminal.
pub fn parse_sip_uri(text: &str) -> Result<Target, UriError> {
    let malformed = || UriError::Malformed(text.to_owned());
    let lower = text.get(..5).unwrap_or(text).to_ascii_lowercase();
    if lower.starts_with("sips:") {
        return Err(UriError::Secure);
    }
    let rest = if lower.starts_with("sip:") { &text[4..] } else { text };
    let (number, place) = rest.split_once('@').ok_or_else(malformed)?;
    let place = place.split([';', '?']).next().unwrap_or_default();
    let (host, port) = match place.split_once(':') {
        Some((host, port)) => (host, port.parse().map_err(|_| malformed())?),
        None => (place, SIP_PORT),
    };
    let host_is_sound =
        !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    if !host_is_sound || port == 0 {
        return Err(malformed());
    }
    if !is_user(number) {
        return Err(UriError::Number(number.to_owned()));
    }
    Ok(Target { number: number.to_owned(), host: host.to_owned(), port })
}

/// Whether `text` can stand as the user part of a SIP URI without escapes (RFC 3261 section 25.1).
#[must_use]
pub fn is_user(text: &str) -> bool {
    (1..=USER_BYTES).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,".contains(&b))
}

impl Target {
    /// The server's IPv4 address.
    ///
    /// # Errors
    /// [`UriError::UnknownHost`] if the name has no IPv4 address, or the resolver does not answer.
    pub async fn address(&self) -> Result<SocketAddr, UriError> {
        let unknown = || UriError::UnknownHost(self.host.clone());
        let mut found =
            tokio::net::lookup_host((self.host.as_str(), self.port)).await.map_err(|_| unknown())?;
        found.find(SocketAddr::is_ipv4).ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_host_and_port_are_taken_apart() {
        let target =
            |number: &str, host: &str, port| Target { number: number.into(), host: host.into(), port };
        assert_eq!(parse_sip_uri("sip:3000@127.0.0.1"), Ok(target("3000", "127.0.0.1", 5060)));
        assert_eq!(parse_sip_uri("SIP:+33972@conf.example:5070"), Ok(target("+33972", "conf.example", 5070)));
        assert_eq!(parse_sip_uri("3000@localhost;transport=udp"), Ok(target("3000", "localhost", 5060)));
    }

    #[test]
    fn what_cannot_be_dialled_is_refused_with_its_reason() {
        for text in [
            "",
            "sip:",
            "3000",
            "sip:3000@",
            "sip:3000@host:",
            "sip:3000@host:0",
            "sip:1@h:99999",
            "sip:1@[::1]",
        ] {
            assert_eq!(parse_sip_uri(text), Err(UriError::Malformed(text.into())), "{text}");
        }
        assert_eq!(parse_sip_uri("sip:@host"), Err(UriError::Number(String::new())));
        assert_eq!(parse_sip_uri("sip:30 00@host"), Err(UriError::Number("30 00".into())));
        assert_eq!(parse_sip_uri("sip:é@host"), Err(UriError::Number("é".into())));
        assert_eq!(parse_sip_uri("sips:1@host"), Err(UriError::Secure));
    }

    #[tokio::test]
    async fn an_address_needs_no_resolver() {
        let target = parse_sip_uri("sip:1@127.0.0.1:5099").unwrap();
        assert_eq!(target.address().await, Ok("127.0.0.1:5099".parse().unwrap()));
    }
}
