//! `conference serve`: the server in the foreground, until SIGINT or SIGTERM.

use crate::capacity::Capacity;
use crate::config::Config;
use crate::server::Server;
use crate::telephony::trunk::CallersSettings;
use anyhow::Context;
use model::live::UnixMs;
use std::io::Write;
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};
use store::Store;
use tokio::signal::unix::{SignalKind, signal};

pub(crate) async fn run(config: Config) -> anyhow::Result<()> {
    let database = config.database();
    let store = Store::open(&database).await.with_context(|| format!("opening {}", database.display()))?;
    let server = Server::start(&config, store.clone()).await?;
    announce(&config, &store, server.capacity).await?;
    announce_callers(&config.callers);
    interrupted().await?;
    tell(format_args!("Ending the calls …"));
    server.stop().await;
    Ok(())
}

/// Prints a line. Whoever started the server may have stopped reading: that is no reason to end.
fn tell(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Returns at SIGINT or SIGTERM.
pub(crate) async fn interrupted() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupt = tokio::signal::ctrl_c() => interrupt,
        _ = terminate.recv() => Ok(()),
    }
}

/// What a newcomer needs to know: what to open, what to dial.
async fn announce(config: &Config, store: &Store, capacity: Capacity) -> anyhow::Result<()> {
    let base = config.base_url();
    tell(format_args!("Conférence {}", env!("CARGO_PKG_VERSION")));
    if let Some(token) = store.ensure_setup_token(unix_ms()).await? {
        tell(format_args!("  first account   {base}/setup?token={}", token.0));
        tell(format_args!("                  (once; a new link is printed at the next start)"));
    }
    tell(format_args!("  open            {base}/"));
    tell(format_args!("  calls           SIP over UDP and TCP on {}", list(&config.addresses.sip)));
    if !config.addresses.tls.is_empty() {
        tell(format_args!("                  and over TLS on {}", list(&config.addresses.tls)));
    }
    tell(format_args!("                  {capacity}"));
    let rooms = store.all_rooms().await?;
    for room in rooms.iter().take(10) {
        tell(format_args!("  dial            sip:{}@{}", room.number, crate::server::sip_hint(config)));
    }
    if rooms.is_empty() {
        tell(format_args!(
            "  dial            no number yet: add one on the page, or see it live with `conference demo`"
        ));
    }
    tell(format_args!("  data            {}", config.data.display()));
    Ok(())
}

fn list(addresses: &[SocketAddr]) -> String {
    addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(", ")
}

/// By which ways calls come in.
fn announce_callers(callers: &CallersSettings) {
    for trunk in &callers.trunks {
        let mut ways = Vec::new();
        if let Some(registration) = &trunk.registration {
            ways.push(format!("registers as {}@{}", registration.user, registration.registrar));
        }
        if !trunk.peers.is_empty() {
            let peers: Vec<String> = trunk.peers.iter().map(ToString::to_string).collect();
            ways.push(format!("calls from {}", peers.join(", ")));
        }
        tell(format_args!("  trunk           {}: {}", trunk.name, ways.join("; ")));
    }
    let others = match (callers.allow_guests, callers.phones.len(), callers.trunks.len()) {
        (true, ..) => "anybody may call: guests are allowed".to_owned(),
        (false, 0, 0) => "no trunk yet: this machine and private networks may call".to_owned(),
        (false, 0, _) => "calls from anywhere else are refused".to_owned(),
        (false, phones, _) => format!("telephones with a password: {phones}; all others are refused"),
    };
    tell(format_args!("  callers         {others}"));
}

pub(crate) fn unix_ms() -> UnixMs {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as UnixMs
}
