//! Drives what a trunk needs of us: looks its names up, registers, and asks whether the other end answers. What is done
//! when is decided in `telephony/trunk/`; here it is sent.

use super::client::{Client, Heard};
use super::listen::{Dialer, Inbound};
use crate::telephony::trunk::keep_alive::{KeepAlive, is_alive};
use crate::telephony::trunk::registration::{Answer, Registration, Step};
use crate::telephony::trunk::{Host, RegistrationSettings, Target, Trunk};
use crate::telephony::{Switchboard, Transport};
use app::LiveRooms;
use model::live::UnixMs;
use model::trunk::{Failure, RegistrationState};
use rsipstack::resolver::SipResolver;
use rsipstack::sip::Domain;
use rsipstack::transaction::endpoint::EndpointInnerRef;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How often the names of peers are looked up anew.
const LOOK_UP_MS: u64 = 5 * 60 * 1_000;
/// How long taking back the registrations may hold up the end.
const FAREWELL: Duration = Duration::from_secs(2);

/// A task for each trunk that has anything to do.
pub(super) struct Lines {
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Lines {
    /// Connections to the trunks' other ends last until `cancel`.
    pub(super) fn start(
        board: &Arc<Switchboard>,
        endpoint: &EndpointInnerRef,
        inbound: &Arc<Inbound>,
        cancel: &CancellationToken,
    ) -> Lines {
        let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
        let resolver = SipResolver::new();
        for trunk in board.trunks.all() {
            let Some(other_end) = trunk.other_end() else { continue };
            let now = board.live.now();
            let authorities = trunk.settings.registration.as_ref().and_then(|r| r.authorities.clone());
            let dialer =
                Dialer::new(Arc::clone(inbound), cancel.clone(), other_end.name.clone(), authorities);
            let line = Line {
                trunk: Arc::clone(trunk),
                board: Arc::clone(board),
                client: Client::new(Arc::clone(endpoint), board.addresses.clone(), trunk, dialer),
                resolver: resolver.clone(),
                registration: trunk.settings.registration.is_some().then(|| Registration::new(now)),
                keep_alive: trunk.settings.keep_alive_s.map(|interval_s| KeepAlive::new(interval_s, now)),
                look_up: now,
            };
            tasks.spawn(line.run(stop.clone()));
        }
        Lines { tasks, stop }
    }

    /// Takes the registrations back.
    pub(super) async fn stop(mut self) {
        self.stop.cancel();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(FAREWELL, all).await.is_err() {
            tracing::warn!("a registrar did not answer the farewell");
        }
    }
}

struct Line {
    trunk: Arc<Trunk>,
    board: Arc<Switchboard>,
    client: Client,
    resolver: SipResolver,
    registration: Option<Registration>,
    keep_alive: Option<KeepAlive>,
    /// When the names are looked up next.
    look_up: UnixMs,
}

impl Line {
    async fn run(mut self, stop: CancellationToken) {
        loop {
            // What is under way is dropped at the end, and with it its transaction.
            let until = tokio::select! {
                () = stop.cancelled() => break,
                until = self.turn() => until,
            };
            let wait = Duration::from_millis(until.saturating_sub(self.now()));
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(wait) => {}
                lived = self.client.disconnected() => self.disconnected(lived),
            }
        }
        self.farewell().await;
    }

    /// Does what is due, and says when the next thing is.
    async fn turn(&mut self) -> UnixMs {
        if self.look_up <= self.now() {
            self.learn().await;
        }
        let registration_due = self.register().await;
        let keep_alive_due = self.ask().await;
        [Some(self.look_up), registration_due, keep_alive_due]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(self.look_up)
    }

    fn disconnected(&mut self, lived: Duration) {
        tracing::info!(trunk = %self.trunk.settings.name, ?lived, "the connection is over");
        let now = self.now();
        if let Some(registration) = &mut self.registration {
            registration.disconnected(now, lived.as_millis() as u64, rand::random());
        }
    }

    /// Whose calls are this trunk's: all addresses of all its names.
    async fn learn(&mut self) {
        self.look_up = self.now() + LOOK_UP_MS;
        for host in self.trunk.hosts() {
            let targets = self.resolve(host).await;
            // A name server that fails takes nothing away from what is known.
            if !targets.is_empty() {
                self.trunk.learn(&host.name, targets.iter().map(|target| target.address.ip()));
            }
        }
    }

    async fn register(&mut self) -> Option<UnixMs> {
        let settings = self.trunk.settings.registration.clone()?;
        loop {
            let now = self.now();
            match self.registration.as_ref()?.step(now) {
                Step::Wait { until } => return Some(until),
                Step::Resolve => {
                    let host = self.trunk.other_end()?.clone();
                    let targets = self.resolve(&host).await;
                    self.trunk.learn(&host.name, targets.iter().map(|target| target.address.ip()));
                    let now = self.now();
                    self.registration.as_mut()?.resolved(now, &host.name, targets, rand::random());
                }
                Step::Register { target, expires_s } => {
                    let answer = self.client.register(&settings, target, expires_s).await;
                    self.note(&settings, target, &answer);
                    let now = self.now();
                    self.registration.as_mut()?.answered(now, answer, rand::random());
                }
            }
            let state = self.registration.as_ref()?.state(self.now());
            self.trunk.set_registration(state);
        }
    }

    fn note(&self, settings: &RegistrationSettings, target: Target, answer: &Answer) {
        let (trunk, address) = (&*self.trunk.settings.name, target.address);
        match answer {
            Answer::Granted { expires_s } => tracing::info!(trunk, %address, expires_s, "registered"),
            Answer::Refused { status, words, .. } => {
                tracing::warn!(trunk, %address, status, words, "the registration is refused");
            }
            other => {
                let registrar = settings.registrar.to_string();
                tracing::warn!(trunk, registrar, %address, answer = ?other, "the registration failed");
            }
        }
    }

    async fn ask(&mut self) -> Option<UnixMs> {
        let due = self.keep_alive.as_ref()?.due();
        if due > self.now() {
            return Some(due);
        }
        let now = self.now();
        let target = match &self.registration {
            Some(registration) => match registration.registered_at(now) {
                Some(target) => Some(target),
                // While it is not registered, the REGISTERs say enough.
                None => {
                    let keep_alive = self.keep_alive.as_mut()?;
                    keep_alive.put_off(now, rand::random());
                    self.trunk.set_reach(keep_alive.reach());
                    return Some(keep_alive.due());
                }
            },
            None => {
                let host = self.trunk.other_end()?.clone();
                self.resolve(&host).await.first().copied()
            }
        };
        let answer = match target {
            None => Err(Failure::NoAddress(self.trunk.other_end()?.name.clone())),
            Some(target) => match self.client.options(self.trunk.other_end()?, target).await {
                Heard::Answer(response) if is_alive(response.status_code.code()) => Ok(()),
                Heard::Answer(response) => Err(super::client::failure(&response)),
                Heard::Nothing => Err(Failure::NoAnswer),
            },
        };
        let now = self.now();
        let keep_alive = self.keep_alive.as_mut()?;
        let fell_silent = keep_alive.answered(now, answer, rand::random());
        let (due, reach) = (keep_alive.due(), keep_alive.reach());
        self.trunk.set_reach(reach);
        if fell_silent && target.is_some() {
            tracing::warn!(trunk = %self.trunk.settings.name, "the other end does not answer");
            if let Some(registration) = &mut self.registration {
                registration.doubt(now);
                return Some(now);
            }
        }
        Some(due)
    }

    /// The addresses of a host, best first (RFC 3263 section 4); none where there is none.
    async fn resolve(&self, host: &Host) -> Vec<Target> {
        let transport = self.trunk.transport();
        if let Some(address) = host.address() {
            let port = host.port.unwrap_or(if transport == Transport::Tls { 5061 } else { 5060 });
            return vec![Target { address: SocketAddr::new(address, port), transport }];
        }
        let wanted = super::client::stack_transport(transport);
        let (domain, port) = (Domain::from(host.name.as_str()), host.port.map(Into::into));
        let secure = transport == Transport::Tls;
        match self.resolver.lookup(&domain, port, Some(wanted), secure).await {
            Ok(found) => found.iter().map(|found| Target { address: found.addr, transport }).collect(),
            Err(error) => {
                tracing::debug!(host = %host, error, "a name is not found");
                Vec::new()
            }
        }
    }

    async fn farewell(mut self) {
        let now = self.now();
        let registered = self.registration.as_ref().and_then(|registration| registration.registered_at(now));
        if let (Some(target), Some(settings)) = (registered, self.trunk.settings.registration.clone()) {
            self.client.register(&settings, target, 0).await;
            self.trunk.set_registration(RegistrationState::Unregistered);
        }
    }

    fn now(&self) -> UnixMs {
        self.board.live.now()
    }
}
