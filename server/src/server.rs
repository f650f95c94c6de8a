//! The whole server put together, started and stopped: database, media threads, telephony, web.

use crate::announcement::Announcements;
use crate::capacity::Capacity;
use crate::clock::Clock;
use crate::config::Config;
use crate::http;
use crate::ledger::Ledger;
use crate::live::LiveHub;
use crate::prompts::{PromptLibrary, Replacements};
use crate::recorder::Recorder;
use crate::telephony::media::{MediaPool, Ports};
use crate::telephony::trunk::Trunks;
use crate::telephony::{Parts, PinGuard, Switchboard, Telephony};
use anyhow::Context;
use app::Panel;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;
use store::Store;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// A server that runs until [`Server::stop`].
pub(crate) struct Server {
    telephony: Telephony,
    media_threads: Vec<JoinHandle<()>>,
    recorder_threads: Vec<JoinHandle<()>>,
    ledger: Ledger,
    clock: Clock,
    web: tokio::task::JoinHandle<std::io::Result<()>>,
    stop_web: CancellationToken,
    pub(crate) capacity: Capacity,
}

impl Server {
    pub(crate) async fn start(config: &Config, store: Store) -> anyhow::Result<Server> {
        let capacity = Capacity::raised(&config.rtp_ports);
        let clock = Clock::start();
        let prompts = prompts(config);
        prompts.prepare(store.languages_spoken().await?).context("starting to read the prompts")?;
        // The web first: a second server on the same data stops here, before it takes a call.
        let listener = TcpListener::bind(config.http)
            .await
            .with_context(|| format!("serving pages on {}", config.http))?;
        config.note_base_url().context("writing into the data folder")?;
        let announcements = Announcements::open(store.clone(), config.announcements());
        let announcements = Arc::new(announcements.await.context("opening the announcements")?);
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let media = MediaPool::start(threads, config.legs_per_room, clock);
        let media = media.context("starting the media threads")?;
        let ledger = Ledger::open(store.clone());
        let pool = Arc::clone(&media.pool);
        let (recorder, recorder_threads) = Recorder::start(
            &config.recordings,
            store.clone(),
            ledger.clone(),
            media.recorded,
            // Where the media thread has no time for it, it is told again.
            move |take, end| {
                let _ = pool.stop_recording(*take, end);
            },
        )
        .await
        .context("starting the recorder")?;
        tokio::spawn(Arc::clone(&recorder).keep_tidy(move || clock.now_ms()));
        let pins = Arc::new(PinGuard::default());
        let live = Arc::new(LiveHub::new(clock, Arc::clone(&media.pool), Arc::clone(&pins)));
        let ports = Ports::new(
            config.addresses.sip.iter().map(SocketAddr::ip).collect(),
            config.rtp_ports.clone(),
            move || clock.now(),
        );
        let trunks = Arc::new(Trunks::new(config.callers.clone(), rand::random()));
        let switchboard = Switchboard::new(Parts {
            store: store.clone(),
            live: Arc::clone(&live),
            media: media.pool,
            ports,
            prompts,
            announcements: Arc::clone(&announcements),
            recorder: Arc::clone(&recorder),
            ledger: ledger.clone(),
            addresses: config.addresses.clone(),
            srtp: config.srtp,
            pins,
            trunks: Arc::clone(&trunks),
        });
        let telephony = Telephony::start(switchboard, media.events).await?;
        let panel = Panel {
            store,
            live: Arc::clone(&live) as Arc<dyn app::LiveRooms>,
            lines: trunks,
            announcements,
            recordings: recorder,
            public_url: config.public_url.clone(),
            sip_hint: sip_hint(config),
            secure_cookies: config.public_url.as_deref().is_some_and(|url| url.starts_with("https://")),
        };
        let stop_web = CancellationToken::new();
        let stopped = stop_web.clone().cancelled_owned();
        let service = http::router(panel, live).into_make_service_with_connect_info::<SocketAddr>();
        let web = tokio::spawn(async move {
            tokio::select! {
                served = async { axum::serve(listener, service).await } => served,
                // Open live sockets would hold a graceful end for ever; their pages come back by themselves.
                () = stopped => Ok(()),
            }
        });
        let media_threads = media.threads;
        Ok(Server { telephony, media_threads, recorder_threads, ledger, clock, web, stop_web, capacity })
    }

    /// Hangs up all calls, then ends.
    pub(crate) async fn stop(self) {
        self.telephony.shut_down().await;
        for thread in self.media_threads {
            if thread.join().is_err() {
                tracing::error!("a media thread had panicked");
            }
        }
        // They close their files when nobody records any more; what they write into the ledger comes before its end.
        let recorders = self.recorder_threads;
        let joined = move || recorders.into_iter().all(|thread| thread.join().is_ok());
        if !tokio::task::spawn_blocking(joined).await.unwrap_or(false) {
            tracing::error!("a recorder's thread had panicked");
        }
        self.ledger.stop(self.clock.now_ms()).await;
        self.stop_web.cancel();
        if let Ok(Err(error)) = self.web.await {
            tracing::error!(%error, "the web server ended badly");
        }
    }
}

/// The built-in voices and the operator's; which of the operator's files are wrong goes to the log.
fn prompts(config: &Config) -> PromptLibrary {
    let Some(folder) = &config.prompts_dir else { return PromptLibrary::default() };
    let (replacements, faults) = Replacements::read(folder);
    for fault in &faults {
        tracing::warn!("{fault}; the built-in phrase stays");
    }
    tracing::info!(folder = %folder.display(), phrases = replacements.count(), "phrases are replaced");
    PromptLibrary::new(replacements)
}

/// The host and port to dial, as the pages show them.
pub(crate) fn sip_hint(config: &Config) -> String {
    let ip = match config.addresses.public {
        Some(ip) => ip,
        None if !config.sip().ip().is_unspecified() => config.sip().ip(),
        None if config.sip().is_ipv4() => Ipv4Addr::LOCALHOST.into(),
        None => Ipv6Addr::LOCALHOST.into(),
    };
    let host = if ip.is_ipv4() { ip.to_string() } else { format!("[{ip}]") };
    if config.sip().port() == 5060 { host } else { format!("{host}:{}", config.sip().port()) }
}
