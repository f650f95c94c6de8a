//! The tables `[[trunk]]` and `[[phone]]` of the settings file, and what may be wrong with them.

use crate::telephony::Transport;
use crate::telephony::trunk::{
    Algorithm, Authorities, CallersSettings, Host, NumberRule, Peer, Phone, RegistrationSettings, Secret,
    TrunkSettings,
};
use ipnet::IpNet;
use model::limits;
use serde::Deserialize;
use std::net::IpAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// Seconds between two OPTIONS where nothing is said: shorter than what address translators forget after.
const KEEP_ALIVE_S: u32 = 30;

/// A trunk as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct TrunkTable {
    name: Spanned<String>,
    #[serde(default)]
    peers: Vec<Spanned<String>>,
    registrar: Option<Spanned<String>>,
    user: Option<Spanned<String>>,
    auth_user: Option<Spanned<String>>,
    password: Option<Spanned<String>>,
    password_file: Option<Spanned<PathBuf>>,
    proxy: Option<Spanned<String>>,
    transport: Option<Spanned<Transport>>,
    ca_file: Option<Spanned<PathBuf>>,
    country: Option<Spanned<String>>,
    national_prefix: Option<Spanned<String>>,
    international_prefix: Option<Spanned<String>>,
    #[serde(default)]
    trust_identity: bool,
    keep_alive_s: Option<Spanned<u32>>,
}

/// A telephone as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PhoneTable {
    user: Spanned<String>,
    password: Option<Spanned<String>>,
    password_file: Option<Spanned<PathBuf>>,
}

/// What is wrong, and at which byte of the file.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) span: Range<usize>,
    pub(super) error: CallersError,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallersError {
    #[error("a trunk's name has 1 to {most} letters, digits, hyphens, dots or underscores: {0:?}", most = limits::TRUNK_NAME_CHARS)]
    Name(String),
    #[error("there is another trunk named {0:?}")]
    NameTwice(String),
    #[error("there is another telephone of the user {0:?}")]
    UserTwice(String),
    #[error("phone-digests needs one at least of \"sha-256\" and \"md5\"")]
    NoDigest,
    #[error("there are more than {0} of these")]
    TooMany(usize),
    #[error("this trunk needs peers = [\"address\", …] for calls from fixed addresses, or a registrar")]
    NoWay,
    #[error("{0:?} is neither an address, nor a network as 203.0.113.0/24, nor a host's name")]
    Peer(String),
    #[error("{0:?} is not of the form HOST or HOST:PORT")]
    Host(String),
    #[error("{0} goes with a registrar, and this trunk has none")]
    NoRegistrar(&'static str),
    #[error("a registrar wants a user")]
    NoUser,
    #[error("a user has 1 to {most} characters, without spaces, quotes or any of @ : < > ;", most = limits::SIP_USER_CHARS)]
    User,
    #[error("password or password-file is missing")]
    NoPassword,
    #[error("there is a password and a password-file; one is enough")]
    TwoPasswords,
    #[error("the password is empty")]
    EmptyPassword,
    #[error("the password file {file} cannot be read: {reason}")]
    PasswordFile { file: String, reason: String },
    #[error("ca-file goes with transport = \"tls\"")]
    NoTls,
    #[error("the certificates in {file} cannot be used: {reason}")]
    CaFile { file: String, reason: String },
    #[error("a country is its calling code, 1 to 3 digits, as \"33\": {0:?}")]
    Country(String),
    #[error("a prefix has at most 4 digits, as \"0\" or \"00\": {0:?}")]
    Prefix(String),
    #[error("the international prefix cannot be empty")]
    NoInternationalPrefix,
    #[error("a prefix needs its country, as country = \"33\"")]
    NoCountry,
    #[error("keep-alive-s is 0 for none, or from 5 to 3600 seconds: {0}")]
    KeepAlive(u32),
}

/// `folder`: what names of password files are relative to.
pub(super) fn parse(
    trunks: Vec<Spanned<TrunkTable>>,
    phones: Vec<Spanned<PhoneTable>>,
    digests: Option<Spanned<Vec<Algorithm>>>,
    allow_guests: bool,
    folder: &Path,
) -> Result<CallersSettings, Wrong> {
    let mut settings = CallersSettings { allow_guests, ..CallersSettings::default() };
    settings.digests = match digests {
        Some(none) if none.get_ref().is_empty() => return Err(at(&none, CallersError::NoDigest)),
        Some(given) => given.into_inner(),
        None => vec![Algorithm::Sha256, Algorithm::Md5],
    };
    for table in trunks {
        let (span, name) = (table.span(), table.get_ref().name.clone());
        if settings.trunks.len() == limits::TRUNKS {
            return Err(Wrong { span, error: CallersError::TooMany(limits::TRUNKS) });
        }
        let trunk = table.into_inner().parse(span, folder)?;
        if settings.trunks.iter().any(|other| other.name == trunk.name) {
            return Err(at(&name, CallersError::NameTwice(trunk.name)));
        }
        settings.trunks.push(trunk);
    }
    for table in phones {
        let (span, user) = (table.span(), table.get_ref().user.clone());
        if settings.phones.len() == limits::PHONES {
            return Err(Wrong { span, error: CallersError::TooMany(limits::PHONES) });
        }
        let phone = table.into_inner().parse(span, folder)?;
        if settings.phones.iter().any(|other| other.user == phone.user) {
            return Err(at(&user, CallersError::UserTwice(phone.user)));
        }
        settings.phones.push(phone);
    }
    Ok(settings)
}

impl TrunkTable {
    fn parse(self, span: Range<usize>, folder: &Path) -> Result<TrunkSettings, Wrong> {
        let named = |c: char| c.is_alphanumeric() || "-._".contains(c);
        let name = self.name.get_ref();
        if !(1..=limits::TRUNK_NAME_CHARS).contains(&name.chars().count()) || !name.chars().all(named) {
            return Err(at(&self.name, CallersError::Name(name.clone())));
        }
        if let Some(one_more) = self.peers.get(limits::PEERS_PER_TRUNK) {
            return Err(at(one_more, CallersError::TooMany(limits::PEERS_PER_TRUNK)));
        }
        let peers = self.peers.iter().map(peer).collect::<Result<Vec<Peer>, Wrong>>()?;
        let keep_alive_s = match &self.keep_alive_s {
            None => Some(KEEP_ALIVE_S),
            Some(given) => match *given.get_ref() {
                0 => None,
                seconds @ 5..=3600 => Some(seconds),
                odd => return Err(at(given, CallersError::KeepAlive(odd))),
            },
        };
        let rule = self.rule()?;
        let trust_identity = self.trust_identity;
        let name = name.clone();
        let registration = self.registration(span.clone(), folder)?;
        if peers.is_empty() && registration.is_none() {
            return Err(Wrong { span, error: CallersError::NoWay });
        }
        Ok(TrunkSettings { name, peers, registration, rule, trust_identity, keep_alive_s })
    }

    fn rule(&self) -> Result<Option<NumberRule>, Wrong> {
        let digits = |text: &str, most: usize| text.len() <= most && text.bytes().all(|b| b.is_ascii_digit());
        let Some(country) = &self.country else {
            return match self.national_prefix.as_ref().or(self.international_prefix.as_ref()) {
                Some(prefix) => Err(at(prefix, CallersError::NoCountry)),
                None => Ok(None),
            };
        };
        // With its plus, as it stands on a letterhead.
        let code = country.get_ref().trim_start_matches('+');
        if code.is_empty() || code.starts_with('0') || !digits(code, 3) {
            return Err(at(country, CallersError::Country(country.get_ref().clone())));
        }
        let prefix = |given: &Option<Spanned<String>>, default: &str| match given {
            Some(given) if !digits(given.get_ref(), 4) => {
                Err(at(given, CallersError::Prefix(given.get_ref().clone())))
            }
            Some(given) => Ok(given.get_ref().clone()),
            None => Ok(default.to_owned()),
        };
        let international = prefix(&self.international_prefix, "00")?;
        if let Some(given) = self.international_prefix.as_ref().filter(|_| international.is_empty()) {
            return Err(at(given, CallersError::NoInternationalPrefix));
        }
        let national = prefix(&self.national_prefix, "0")?;
        Ok(Some(NumberRule { country: code.to_owned(), national, international }))
    }

    fn registration(self, span: Range<usize>, folder: &Path) -> Result<Option<RegistrationSettings>, Wrong> {
        let Some(registrar) = &self.registrar else {
            let spans = [
                ("user", self.user.as_ref().map(Spanned::span)),
                ("auth-user", self.auth_user.as_ref().map(Spanned::span)),
                ("password", self.password.as_ref().map(Spanned::span)),
                ("password-file", self.password_file.as_ref().map(Spanned::span)),
                ("proxy", self.proxy.as_ref().map(Spanned::span)),
                ("transport", self.transport.as_ref().map(Spanned::span)),
                ("ca-file", self.ca_file.as_ref().map(Spanned::span)),
            ];
            let needless = spans.into_iter().find_map(|(key, span)| span.map(|span| (key, span)));
            return match needless {
                Some((key, span)) => Err(Wrong { span, error: CallersError::NoRegistrar(key) }),
                None => Ok(None),
            };
        };
        let registrar = host(registrar)?;
        let proxy = self.proxy.as_ref().map(host).transpose()?;
        let user = match &self.user {
            Some(given) => user(given)?,
            None => return Err(Wrong { span, error: CallersError::NoUser }),
        };
        let auth_user = self.auth_user.map(Spanned::into_inner);
        let password = password(self.password, self.password_file, span, folder)?;
        let transport = self.transport.map(Spanned::into_inner).unwrap_or_default();
        let authorities = match &self.ca_file {
            Some(file) if transport != Transport::Tls => return Err(at(file, CallersError::NoTls)),
            Some(file) => Some(authorities(file, folder)?),
            None => None,
        };
        Ok(Some(RegistrationSettings { registrar, user, auth_user, password, proxy, transport, authorities }))
    }
}

impl PhoneTable {
    fn parse(self, span: Range<usize>, folder: &Path) -> Result<Phone, Wrong> {
        let user = user(&self.user)?;
        Ok(Phone { user, password: password(self.password, self.password_file, span, folder)? })
    }
}

fn at<T>(value: &Spanned<T>, error: CallersError) -> Wrong {
    Wrong { span: value.span(), error }
}

fn user(given: &Spanned<String>) -> Result<String, Wrong> {
    let user = given.get_ref();
    let odd = |c: char| c.is_whitespace() || c.is_control() || "@:<>;\"\\".contains(c);
    if !(1..=limits::SIP_USER_CHARS).contains(&user.chars().count()) || user.contains(odd) {
        return Err(at(given, CallersError::User));
    }
    Ok(user.clone())
}

fn password(
    given: Option<Spanned<String>>,
    file: Option<Spanned<PathBuf>>,
    span: Range<usize>,
    folder: &Path,
) -> Result<Secret, Wrong> {
    let (span, text) = match (given, file) {
        (Some(given), None) => (given.span(), given.into_inner()),
        (None, Some(file)) => {
            let text = std::fs::read_to_string(folder.join(file.get_ref())).map_err(|error| {
                let file_name = file.get_ref().display().to_string();
                let reason = error.to_string();
                at(&file, CallersError::PasswordFile { file: file_name, reason })
            })?;
            (file.span(), text.trim_end_matches(['\r', '\n']).to_owned())
        }
        (Some(_), Some(file)) => return Err(at(&file, CallersError::TwoPasswords)),
        (None, None) => return Err(Wrong { span, error: CallersError::NoPassword }),
    };
    if text.is_empty() {
        return Err(Wrong { span, error: CallersError::EmptyPassword });
    }
    Ok(Secret::new(text))
}

fn authorities(file: &Spanned<PathBuf>, folder: &Path) -> Result<Authorities, Wrong> {
    Authorities::read(&folder.join(file.get_ref())).map_err(|reason| {
        let name = file.get_ref().display().to_string();
        at(file, CallersError::CaFile { file: name, reason })
    })
}

fn peer(given: &Spanned<String>) -> Result<Peer, Wrong> {
    let text = given.get_ref().trim();
    if let Ok(network) = text.parse::<IpNet>() {
        return Ok(Peer::Network(network.trunc()));
    }
    let wrong = || at(given, CallersError::Peer(text.to_owned()));
    parse_host(text).map(Peer::Host).ok_or_else(wrong)
}

fn host(given: &Spanned<String>) -> Result<Host, Wrong> {
    let text = given.get_ref().trim();
    parse_host(text).ok_or_else(|| at(given, CallersError::Host(text.to_owned())))
}

/// `name`, `name:port`, `192.0.2.1`, `192.0.2.1:port`, `2001:db8::1`, `[2001:db8::1]:port`.
fn parse_host(text: &str) -> Option<Host> {
    let unbracketed = |text: &str| text.strip_prefix('[')?.strip_suffix(']')?.parse::<IpAddr>().ok();
    if let Some(address) = text.parse().ok().or_else(|| unbracketed(text)) {
        return Some(Host { name: address.to_string(), port: None });
    }
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) => (name, Some(port.parse::<u16>().ok().filter(|port| *port != 0)?)),
        None => (text, None),
    };
    if let Some(address) = unbracketed(name) {
        return Some(Host { name: address.to_string(), port });
    }
    // RFC 1123 section 2.1; an underscore is met in the field.
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    let name = name.trim_end_matches('.');
    let numeric = name.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let fits = name.len() <= 253 && name.split('.').all(label);
    // Digits and dots alone are an address that is none.
    (fits && (!numeric || name.parse::<IpAddr>().is_ok())).then(|| Host { name: name.to_owned(), port })
}

#[cfg(test)]
mod tests;
