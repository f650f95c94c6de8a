//! Phones for the floor: one thread that sends each phone's packets at the phone's own moment of the 20 ms, and is woken
//! by epoll for what comes back.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use super::PACKETS_PER_SECOND;

/// The epoll token of the timer; phones have their index.
const TIMER: u64 = u64::MAX;
/// Events of one epoll call and packets read at one event, as many as the phone crate's.
const EVENTS: usize = 256;
const READS: usize = 32;

/// The longest that a packet may be sent late; phones of a busy machine would otherwise never get to listen.
const LATEST: Duration = Duration::from_millis(20);

pub(super) struct Phones {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    sent: AtomicU64,
    heard: AtomicU64,
}

impl Phones {
    /// A phone for each port of 127.0.0.1.
    pub(super) fn start(ports: &[u16], bytes: usize) -> Result<Phones> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let timer =
            TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)?;
        epoll.add(&timer, EpollEvent::new(EpollFlags::EPOLLIN, TIMER))?;
        let mut phones = Vec::with_capacity(ports.len());
        for (index, port) in ports.iter().enumerate() {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            socket.set_nonblocking(true)?;
            epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLIN, index as u64))?;
            phones.push((socket, SocketAddr::from((Ipv4Addr::LOCALHOST, *port))));
        }
        let shared = Arc::<Shared>::default();
        let runner = Runner { epoll, timer, phones, packet: vec![0; bytes], shared: Arc::clone(&shared) };
        let thread = Some(std::thread::spawn(move || runner.run()));
        Ok(Phones { shared, thread })
    }

    /// Sent and received until now.
    pub(super) fn packets(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed) + self.shared.heard.load(Ordering::Relaxed)
    }
}

impl Drop for Phones {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Runner {
    epoll: Epoll,
    timer: TimerFd,
    /// Each phone's socket and whom it talks to. Not connected: neither are those of the phone crate.
    phones: Vec<(UdpSocket, SocketAddr)>,
    packet: Vec<u8>,
    shared: Arc<Shared>,
}

impl Runner {
    /// The phones take turns, evenly over the 20 ms.
    fn run(self) {
        let between = Duration::from_secs(1) / (PACKETS_PER_SECOND * self.phones.len() as u32);
        let mut due = Instant::now();
        let mut turn = 0;
        let mut events = [EpollEvent::empty(); EVENTS];
        while !self.shared.stop.load(Ordering::Relaxed) {
            // Kept from running for long, they leave packets out: a burst would be no phone's.
            due = due.max(Instant::now() - LATEST);
            while due <= Instant::now() && !self.shared.stop.load(Ordering::Relaxed) {
                let (socket, floor) = &self.phones[turn];
                if socket.send_to(&self.packet, *floor).is_ok() {
                    self.shared.sent.fetch_add(1, Ordering::Relaxed);
                }
                turn = (turn + 1) % self.phones.len();
                due += between;
            }
            let left = due.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
            self.timer
                .set(Expiration::OneShot(TimeSpec::from_duration(left)), TimerSetTimeFlags::empty())
                .expect("a timer of ours takes any time");
            let count = self.epoll.wait(&mut events, EpollTimeout::NONE).unwrap_or(0);
            for event in events[..count].iter().filter(|event| event.data() != TIMER) {
                self.receive(&self.phones[event.data() as usize].0);
            }
        }
    }

    fn receive(&self, socket: &UdpSocket) {
        let mut datagram = [0; 512];
        for _ in 0..READS {
            if socket.recv_from(&mut datagram).is_err() {
                return;
            }
            self.shared.heard.fetch_add(1, Ordering::Relaxed);
        }
    }
}
