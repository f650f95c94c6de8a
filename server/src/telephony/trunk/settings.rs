//! What the operator says of trunks and telephones, once it is found right. `config/trunks.rs` reads it.

use super::digest::Algorithm;
use super::numbers::NumberRule;
use crate::telephony::Transport;
use ipnet::IpNet;
use std::fmt;
use std::path::Path;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

/// Who may call in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CallersSettings {
    pub(crate) trunks: Vec<TrunkSettings>,
    pub(crate) phones: Vec<Phone>,
    /// How they may prove their passwords, in the order in which it is offered.
    pub(crate) digests: Vec<Algorithm>,
    /// Anybody may, from anywhere.
    pub(crate) allow_guests: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TrunkSettings {
    pub(crate) name: String,
    /// Whose calls are this trunk's, besides the registrar and the proxy.
    pub(crate) peers: Vec<Peer>,
    pub(crate) registration: Option<RegistrationSettings>,
    /// `None`: numbers stay as they are written.
    pub(crate) rule: Option<NumberRule>,
    /// P-Asserted-Identity is believed.
    pub(crate) trust_identity: bool,
    /// Seconds between two OPTIONS; `None`: none are sent.
    pub(crate) keep_alive_s: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Network(IpNet),
    /// A name or an address, to which OPTIONS can be sent.
    Host(Host),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    /// A name or an IP address, without brackets.
    pub(crate) name: String,
    /// `None`: as DNS says (RFC 3263), or the transport's own.
    pub(crate) port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RegistrationSettings {
    pub(crate) registrar: Host,
    pub(crate) user: String,
    /// The name of the digest, where it is not the user.
    pub(crate) auth_user: Option<String>,
    pub(crate) password: Secret,
    pub(crate) proxy: Option<Host>,
    pub(crate) transport: Transport,
    /// Who may vouch for the other end of a TLS connection; `None`: whom the system trusts.
    pub(crate) authorities: Option<Authorities>,
}

/// Certificates that others may be signed by.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Authorities(Vec<CertificateDer<'static>>);

impl Authorities {
    /// # Errors
    /// What is wrong with the PEM file, in words for the operator.
    pub(crate) fn read(file: &Path) -> Result<Authorities, String> {
        let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        match read {
            Ok(none) if none.is_empty() => Err("there is no certificate in it".to_owned()),
            Ok(certificates) => Ok(Authorities(certificates)),
            Err(error) => Err(error.to_string()),
        }
    }

    pub(crate) fn certificates(&self) -> impl Iterator<Item = CertificateDer<'static>> + '_ {
        self.0.iter().cloned()
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authorities({})", self.0.len())
    }
}

/// A telephone with a password of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Phone {
    pub(crate) user: String,
    pub(crate) password: Secret,
}

/// A password, which no log and no page shows.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(text: String) -> Secret {
        Secret(text)
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // RFC 3986 section 3.2.2, as addresses of SIP want it.
        let (open, close) = if self.name.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{open}{}{close}", self.name)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Network(network) => network.fmt(f),
            Peer::Host(host) => host.fmt(f),
        }
    }
}
