//! Settings of the program: flags over environment (`CONFERENCE_…`) over `conference.toml` over the defaults.

mod callers;

use crate::recorder::RecordingSettings;
use crate::telephony::SrtpPolicy;
use crate::telephony::media::{PortRange, PortRangeError};
use crate::telephony::trunk::{Algorithm, CallersSettings};
use crate::telephony::{Addresses, TlsFiles};
pub(crate) use callers::CallersError;
use callers::{PhoneTable, TrunkTable};
use model::limits;
use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// Read if it is there and no other is named.
const DEFAULT_FILE: &str = "conference.toml";

/// What every command takes.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct CommonArgs {
    /// The settings file [default: conference.toml, if it exists]
    #[arg(long, global = true, env = "CONFERENCE_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The folder that holds the database [default: data]
    #[arg(long, global = true, env = "CONFERENCE_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The base of the addresses that are given out, as https://conf.example.org [default: http:// and the HTTP address]
    #[arg(long, global = true, env = "CONFERENCE_PUBLIC_URL", value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// Where the pages are served [default: 127.0.0.1:3000]
    #[arg(long, global = true, env = "CONFERENCE_HTTP", value_name = "ADDR")]
    pub(crate) http: Option<SocketAddr>,
}

/// What `serve` takes besides.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct ServeArgs {
    /// Where calls come in, by UDP and TCP; several by commas, as 0.0.0.0:5060,[::]:5060 [default: 0.0.0.0:5060]
    #[arg(long, env = "CONFERENCE_SIP", value_name = "ADDR", value_delimiter = ',')]
    pub(crate) sip: Vec<SocketAddr>,
    /// Where calls come in by TLS; several by commas [default: nowhere]
    #[arg(long, env = "CONFERENCE_SIP_TLS", value_name = "ADDR", value_delimiter = ',')]
    pub(crate) sip_tls: Vec<SocketAddr>,
    /// The certificate for TLS, with its chain, as a PEM file; it is read again when it changes
    #[arg(long, env = "CONFERENCE_SIP_CERT", value_name = "FILE")]
    pub(crate) sip_cert: Option<PathBuf>,
    /// The certificate's key, as a PEM file
    #[arg(long, env = "CONFERENCE_SIP_KEY", value_name = "FILE")]
    pub(crate) sip_key: Option<PathBuf>,
    /// The ports for the calls' sound [default: 20000-29999]
    #[arg(long, env = "CONFERENCE_RTP_PORTS", value_name = "A-B")]
    pub(crate) rtp_ports: Option<String>,
    /// The address that phones outside see, where this machine is behind a NAT
    #[arg(long, env = "CONFERENCE_PUBLIC_IP", value_name = "IP")]
    pub(crate) public_ip: Option<IpAddr>,
    /// Whether sound is encrypted (SRTP) [default: allowed]
    #[arg(long, env = "CONFERENCE_SRTP", value_name = "WHETHER")]
    pub(crate) srtp: Option<SrtpPolicy>,
    /// Calls in one room at the same time; one more is told that the room is full [default: 2000]
    #[arg(long, env = "CONFERENCE_MAX_CALLS_PER_ROOM", value_name = "N")]
    pub(crate) max_calls_per_room: Option<usize>,
    /// Recordings that are said instead of the built-in phrases
    #[arg(long, visible_alias = "prompts", env = "CONFERENCE_PROMPTS_DIR", value_name = "DIR")]
    pub(crate) prompts_dir: Option<PathBuf>,
    /// Megabytes free on the disk below which no recording begins; at a quarter of it those that run are ended [default: 1024]
    #[arg(long, env = "CONFERENCE_RECORDING_FREE_MB", value_name = "MB")]
    pub(crate) recording_free_mb: Option<u64>,
    /// Days after which recordings are removed [default: never]
    #[arg(long, env = "CONFERENCE_RECORDING_DAYS", value_name = "DAYS")]
    pub(crate) recording_days: Option<u64>,
}

/// The file's content; an unknown key is an error, for it is most often a slip of the pen.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    data: Option<PathBuf>,
    public_url: Option<String>,
    http: Option<SocketAddr>,
    sip: Option<OneOrMore>,
    sip_tls: Option<OneOrMore>,
    sip_cert: Option<PathBuf>,
    sip_key: Option<PathBuf>,
    rtp_ports: Option<String>,
    public_ip: Option<IpAddr>,
    srtp: Option<SrtpPolicy>,
    max_calls_per_room: Option<usize>,
    prompts_dir: Option<PathBuf>,
    recording_free_mb: Option<u64>,
    recording_days: Option<u64>,
    #[serde(default)]
    allow_guests: bool,
    #[serde(default)]
    trunk: Vec<Spanned<TrunkTable>>,
    #[serde(default)]
    phone: Vec<Spanned<PhoneTable>>,
    phone_digests: Option<Spanned<Vec<Algorithm>>>,
}

/// `"0.0.0.0:5060"` or `["0.0.0.0:5060", "[::]:5060"]`.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "an address as \"0.0.0.0:5060\", or a list of them")]
enum OneOrMore {
    One(SocketAddr),
    More(Vec<SocketAddr>),
}

impl OneOrMore {
    fn into_list(self) -> Vec<SocketAddr> {
        match self {
            OneOrMore::One(address) => vec![address],
            OneOrMore::More(addresses) => addresses,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    /// The file that was read, if any.
    pub(crate) file: Option<PathBuf>,
    pub(crate) data: PathBuf,
    /// Without a slash at its end.
    pub(crate) public_url: Option<String>,
    pub(crate) http: SocketAddr,
    pub(crate) addresses: Addresses,
    pub(crate) rtp_ports: PortRange,
    pub(crate) srtp: SrtpPolicy,
    /// From 1 to [`limits::LEGS_PER_ROOM`].
    pub(crate) legs_per_room: usize,
    pub(crate) prompts_dir: Option<PathBuf>,
    pub(crate) recordings: RecordingSettings,
    /// Who may call in. The file alone says it: it is too much for flags.
    pub(crate) callers: CallersSettings,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("{} cannot be read: {error}", file.display())]
    Unreadable { file: PathBuf, error: std::io::Error },
    /// Without the line itself: it may hold a password, and this goes into logs.
    #[error("{}:\nline {line}, column {column}: {problem}", file.display())]
    Invalid { file: PathBuf, line: usize, column: usize, problem: String },
    #[error("{}:\nline {line}: {error}", file.display())]
    Callers { file: PathBuf, line: usize, error: CallersError },
    #[error(transparent)]
    Ports(#[from] PortRangeError),
    #[error("the public URL must begin with http:// or https:// and name a host: {0}")]
    PublicUrl(String),
    #[error(
        "at least one address is needed where calls come in, and at most {} of each kind",
        limits::SIP_LISTENERS
    )]
    SipAddresses,
    #[error("recordings are kept for 1 to {} days", limits::RECORDING_DAYS)]
    RecordingDays,
    #[error("max-calls-per-room is from 1 to {most}, and not {0}", most = limits::LEGS_PER_ROOM)]
    CallsPerRoom(usize),
    #[error("TLS needs a certificate and its key (sip-cert and sip-key), and these an address (sip-tls)")]
    TlsFiles,
}

impl Config {
    pub(crate) fn load(common: &CommonArgs, serve: &ServeArgs) -> Result<Config, ConfigError> {
        let Read { path, file, callers } = read(common.config.as_deref())?;
        let rtp_ports = serve.rtp_ports.clone().or(file.rtp_ports);
        let addresses = Addresses {
            sip: listed(&serve.sip, file.sip).unwrap_or(vec![SocketAddr::from(([0, 0, 0, 0], 5060))]),
            tls: listed(&serve.sip_tls, file.sip_tls).unwrap_or_default(),
            tls_files: tls_files(
                serve.sip_cert.clone().or(file.sip_cert),
                serve.sip_key.clone().or(file.sip_key),
            )?,
            public: serve.public_ip.or(file.public_ip),
        };
        check(&addresses)?;
        let data = common.data.clone().or(file.data).unwrap_or_else(|| "data".into());
        let recordings = recordings(
            &data,
            serve.recording_free_mb.or(file.recording_free_mb),
            serve.recording_days.or(file.recording_days),
        )?;
        Ok(Config {
            file: path,
            data,
            public_url: common.public_url.clone().or(file.public_url).map(public_url).transpose()?,
            http: common.http.or(file.http).unwrap_or(SocketAddr::from(([127, 0, 0, 1], 3000))),
            addresses,
            rtp_ports: rtp_ports.as_deref().unwrap_or("20000-29999").parse()?,
            srtp: serve.srtp.or(file.srtp).unwrap_or_default(),
            legs_per_room: legs_per_room(serve.max_calls_per_room.or(file.max_calls_per_room))?,
            prompts_dir: serve.prompts_dir.clone().or(file.prompts_dir),
            recordings,
            callers,
        })
    }

    /// The first address for UDP and TCP.
    pub(crate) fn sip(&self) -> SocketAddr {
        self.addresses.sip[0]
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.data.join("conference.db")
    }

    /// The folder of the owners' sounds.
    pub(crate) fn announcements(&self) -> PathBuf {
        self.data.join("announcements")
    }

    /// The base of the addresses that the program prints.
    pub(crate) fn base_url(&self) -> String {
        self.public_url.clone().unwrap_or_else(|| format!("http://{}", self.http))
    }

    /// The base of the addresses of the server that runs, or last ran, on this data folder; this one's if none did.
    pub(crate) fn base_url_of_server(&self) -> String {
        let kept = std::fs::read_to_string(self.base_url_file()).ok();
        self.public_url.clone().or(kept.map(|url| url.trim().to_owned())).unwrap_or_else(|| self.base_url())
    }

    /// Leaves a note for the commands beside the server, which do not know its flags.
    pub(crate) fn note_base_url(&self) -> std::io::Result<()> {
        std::fs::write(self.base_url_file(), self.base_url() + "\n")
    }

    fn base_url_file(&self) -> PathBuf {
        self.data.join("base-url")
    }
}

/// What is in the file; nothing where there is none.
#[derive(Default)]
struct Read {
    path: Option<PathBuf>,
    file: File,
    callers: CallersSettings,
}

fn read(named: Option<&Path>) -> Result<Read, ConfigError> {
    let path = named.unwrap_or(Path::new(DEFAULT_FILE)).to_owned();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && named.is_none() => return Ok(Read::default()),
        Err(error) => return Err(ConfigError::Unreadable { file: path, error }),
    };
    let mut file: File = toml::from_str(&text).map_err(|error| {
        let (line, column) = place(&text, error.span().unwrap_or_default());
        ConfigError::Invalid { file: path.clone(), line, column, problem: error.message().to_owned() }
    })?;
    let (trunks, phones) = (std::mem::take(&mut file.trunk), std::mem::take(&mut file.phone));
    let (digests, folder) = (file.phone_digests.take(), path.parent().unwrap_or(Path::new("")));
    let callers = callers::parse(trunks, phones, digests, file.allow_guests, folder);
    let callers = callers.map_err(|wrong| {
        let line = place(&text, wrong.span).0;
        ConfigError::Callers { file: path.clone(), line, error: wrong.error }
    })?;
    Ok(Read { path: Some(path), file, callers })
}

/// The line and the column, from 1, at which a span begins.
fn place(text: &str, span: Range<usize>) -> (usize, usize) {
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

/// The flags' addresses, else the file's.
fn listed(flags: &[SocketAddr], file: Option<OneOrMore>) -> Option<Vec<SocketAddr>> {
    if flags.is_empty() { file.map(OneOrMore::into_list) } else { Some(flags.to_vec()) }
}

fn legs_per_room(given: Option<usize>) -> Result<usize, ConfigError> {
    match given.unwrap_or(limits::LEGS_PER_ROOM) {
        legs @ 1..=limits::LEGS_PER_ROOM => Ok(legs),
        odd => Err(ConfigError::CallsPerRoom(odd)),
    }
}

fn tls_files(certificate: Option<PathBuf>, key: Option<PathBuf>) -> Result<Option<TlsFiles>, ConfigError> {
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key })),
        (None, None) => Ok(None),
        _ => Err(ConfigError::TlsFiles),
    }
}

fn recordings(
    data: &Path,
    free_mb: Option<u64>,
    days: Option<u64>,
) -> Result<RecordingSettings, ConfigError> {
    if days.is_some_and(|days| !(1..=limits::RECORDING_DAYS).contains(&days)) {
        return Err(ConfigError::RecordingDays);
    }
    let free_bytes = free_mb.unwrap_or(limits::RECORDING_FREE_MB).saturating_mul(1_000_000);
    Ok(RecordingSettings { folder: data.join("recordings"), free_bytes, days })
}

fn check(addresses: &Addresses) -> Result<(), ConfigError> {
    let count = 1..=limits::SIP_LISTENERS;
    if !count.contains(&addresses.sip.len()) || addresses.tls.len() > limits::SIP_LISTENERS {
        return Err(ConfigError::SipAddresses);
    }
    if addresses.tls_files.is_some() == addresses.tls.is_empty() {
        return Err(ConfigError::TlsFiles);
    }
    Ok(())
}

fn public_url(url: String) -> Result<String, ConfigError> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.map(|rest| rest.trim_end_matches('/')).unwrap_or_default();
    if host.is_empty()
        || host.contains(|c: char| c.is_whitespace() || matches!(c, '?' | '#' | '"' | '<' | '>'))
    {
        return Err(ConfigError::PublicUrl(url));
    }
    Ok(url.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    pub(super) fn load(text: &str, serve: &ServeArgs) -> Result<Config, ConfigError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Config::load(&CommonArgs { config: Some(file.path().into()), ..Default::default() }, serve)
    }

    #[test]
    fn an_empty_file_gives_the_defaults() {
        let config = load("", &ServeArgs::default()).unwrap();
        assert_eq!(config.database(), Path::new("data/conference.db"));
        assert_eq!(config.http.to_string(), "127.0.0.1:3000");
        assert_eq!(config.sip().to_string(), "0.0.0.0:5060");
        assert!(config.addresses.tls.is_empty());
        assert_eq!(config.rtp_ports.pairs(), 5_000);
        assert_eq!(config.srtp, SrtpPolicy::Allowed);
        assert_eq!(config.base_url(), "http://127.0.0.1:3000");
        let folder = "data/recordings".into();
        let recordings = RecordingSettings { folder, free_bytes: 1_024_000_000, days: None };
        assert_eq!(config.recordings, recordings);
    }

    #[test]
    fn recordings_are_kept_as_long_as_the_operator_says() {
        let serve = ServeArgs { recording_days: Some(7), ..Default::default() };
        let config = load("recording-days = 30\nrecording-free-mb = 5", &serve).unwrap();
        assert_eq!((config.recordings.days, config.recordings.free_bytes), (Some(7), 5_000_000));
        for days in ["0", "3651"] {
            let wrong = load(&format!("recording-days = {days}"), &ServeArgs::default());
            assert!(matches!(wrong, Err(ConfigError::RecordingDays)));
        }
    }

    #[test]
    fn flags_go_over_the_file() {
        let serve = ServeArgs { sip: vec!["127.0.0.1:5080".parse().unwrap()], ..Default::default() };
        let config = load("sip = \"0.0.0.0:5070\"\npublic-url = \"https://c.example.org/\"", &serve).unwrap();
        assert_eq!(config.sip().port(), 5080);
        assert_eq!(config.base_url(), "https://c.example.org");
    }

    #[test]
    fn there_may_be_several_addresses_and_tls_needs_its_files() {
        let serve = ServeArgs::default();
        let config = load("sip = [\"0.0.0.0:5060\", \"[::]:5060\"]", &serve).unwrap();
        assert_eq!(config.addresses.sip.len(), 2);
        let tls = "sip-tls = \"0.0.0.0:5061\"\n";
        let files = "sip-cert = \"c.pem\"\nsip-key = \"k.pem\"\n";
        let config = load(&format!("{tls}{files}"), &serve).unwrap();
        assert_eq!(config.addresses.tls_files.unwrap().key, Path::new("k.pem"));
        for bad in [tls, files, "sip-key = \"k.pem\""] {
            assert!(matches!(load(bad, &serve), Err(ConfigError::TlsFiles)), "{bad}");
        }
        assert!(matches!(load("sip = []", &serve), Err(ConfigError::SipAddresses)));
        let error = load("sip = 5060", &serve).unwrap_err().to_string();
        assert!(error.contains("or a list of them"), "{error}");
    }

    #[test]
    fn a_room_may_be_made_smaller_and_not_larger() {
        let serve = ServeArgs::default();
        assert_eq!(load("", &serve).unwrap().legs_per_room, limits::LEGS_PER_ROOM);
        assert_eq!(load("max-calls-per-room = 30", &serve).unwrap().legs_per_room, 30);
        let flag = ServeArgs { max_calls_per_room: Some(7), ..ServeArgs::default() };
        assert_eq!(load("max-calls-per-room = 30", &flag).unwrap().legs_per_room, 7);
        for odd in [0, 2_001] {
            let text = format!("max-calls-per-room = {odd}");
            assert!(matches!(load(&text, &serve), Err(ConfigError::CallsPerRoom(n)) if n == odd));
        }
    }

    #[test]
    fn a_wrong_line_is_named() {
        let error =
            load("http = \"127.0.0.1:3000\"\nspi = \"x\"\n", &ServeArgs::default()).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("spi"), "{error}");
        assert!(matches!(load("rtp-ports = \"7\"", &ServeArgs::default()), Err(ConfigError::Ports(_))));
        let odd = load("public-url = \"ftp://x\"", &ServeArgs::default());
        assert!(matches!(odd, Err(ConfigError::PublicUrl(_))));
        assert!(load("srtp = \"sometimes\"", &ServeArgs::default()).is_err());
    }

    #[test]
    fn a_named_file_must_exist() {
        let common = CommonArgs { config: Some("/nonexistent/conference.toml".into()), ..Default::default() };
        assert!(matches!(Config::load(&common, &ServeArgs::default()), Err(ConfigError::Unreadable { .. })));
    }
}
