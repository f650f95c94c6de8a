//! One trunk: its settings, the addresses that DNS gave for its names, its state and its counts.

use super::settings::{Host, Peer, TrunkSettings};
use crate::telephony::Transport;
use model::limits::ADDRESSES_PER_TRUNK;
use model::live::UnixMs;
use model::trunk::{Reach, Registration, RegistrationState, TrunkState};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, RwLock};

/// Where a request can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) transport: Transport,
}

pub(crate) struct Trunk {
    pub(crate) settings: TrunkSettings,
    /// By name, what DNS said last. Its calls come from there too.
    learned: RwLock<BTreeMap<String, Vec<IpAddr>>>,
    state: Mutex<Now>,
    taken: AtomicU64,
    refused: AtomicU64,
    /// 0: never.
    last_call: AtomicU64,
}

struct Now {
    registration: RegistrationState,
    reach: Reach,
}

impl Trunk {
    pub(super) fn new(settings: TrunkSettings) -> Trunk {
        Trunk {
            settings,
            learned: RwLock::default(),
            state: Mutex::new(Now { registration: RegistrationState::default(), reach: Reach::default() }),
            taken: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            last_call: AtomicU64::new(0),
        }
    }

    /// Whether a call from there is this trunk's.
    pub(super) fn is_from(&self, source: IpAddr) -> bool {
        let configured = self.settings.peers.iter().any(|peer| match peer {
            Peer::Network(network) => network.contains(&source),
            Peer::Host(host) => host.address() == Some(source),
        });
        let learned = self.learned.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        configured || learned.values().flatten().any(|address| *address == source)
    }

    /// The hosts whose addresses make up this trunk: the registrar and its proxy, and the peers that are named.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = &Host> {
        let registration = self.settings.registration.as_ref();
        let ours =
            registration.map(|registration| [Some(&registration.registrar), registration.proxy.as_ref()]);
        let peers = self.settings.peers.iter().filter_map(|peer| match peer {
            Peer::Host(host) => Some(host),
            Peer::Network(_) => None,
        });
        ours.into_iter().flatten().flatten().chain(peers)
    }

    /// Where REGISTER and OPTIONS go: to the proxy, the registrar, or else the first peer that is a host.
    pub(crate) fn other_end(&self) -> Option<&Host> {
        let registration = self.settings.registration.as_ref();
        let proxy = registration.and_then(|registration| registration.proxy.as_ref());
        proxy.or_else(|| self.hosts().next())
    }

    pub(crate) fn transport(&self) -> Transport {
        self.settings.registration.as_ref().map_or(Transport::Udp, |registration| registration.transport)
    }

    /// Takes over what DNS says of a name now.
    pub(crate) fn learn(&self, name: &str, addresses: impl Iterator<Item = IpAddr>) {
        let addresses = addresses.map(|address| address.to_canonical()).take(ADDRESSES_PER_TRUNK).collect();
        let mut learned = self.learned.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        learned.insert(name.to_owned(), addresses);
    }

    pub(crate) fn set_registration(&self, state: RegistrationState) {
        self.lock().registration = state;
    }

    pub(crate) fn set_reach(&self, reach: Reach) {
        self.lock().reach = reach;
    }

    pub(super) fn count(&self, taken: bool, now: UnixMs) {
        let counter = if taken { &self.taken } else { &self.refused };
        counter.fetch_add(1, Ordering::Relaxed);
        self.last_call.store(now, Ordering::Relaxed);
    }

    pub(super) fn state(&self) -> TrunkState {
        let last_call = self.last_call.load(Ordering::Relaxed);
        let now = self.lock();
        let asked = self.settings.keep_alive_s.is_some() && self.other_end().is_some();
        TrunkState {
            name: self.settings.name.clone(),
            peers: self.settings.peers.iter().map(Peer::to_string).collect(),
            registration: self.settings.registration.as_ref().map(|settings| Registration {
                account: format!("{}@{}", settings.user, settings.registrar),
                state: now.registration.clone(),
            }),
            reach: asked.then(|| now.reach.clone()),
            taken: self.taken.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            last_call: (last_call != 0).then_some(last_call),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Host {
    /// Where the name is an address.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.name.parse().ok()
    }
}
