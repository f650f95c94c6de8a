//! The thread that sends and receives the media of many calls.
//!
//! Tokio's timer counts in milliseconds and waits for whatever else its threads do; a telephone has a quartz. So
//! one thread owns the sockets, sleeps on a timerfd until the next deadline, and stamps packets as they arrive.

use super::crowd::Crowd;
use super::media::Media;
use super::rtcp::REPORT_BYTES;
use super::send::PACKET_BYTES;
use super::sockets::{DATAGRAM_BYTES, Sockets};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::net::UdpSocket;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Tokens of epoll that are no seat's; those are twice its number for RTP, and one more for RTCP.
const WAKE: u64 = u64::MAX;
const TIMER: u64 = u64::MAX - 1;
/// Datagrams read from one socket in a row, so that a flooded one does not keep the others waiting.
const BATCH: usize = 32;

/// A call's media, shared by its handle and the thread.
pub(crate) type SharedMedia = Arc<Mutex<Media>>;

/// Locks, also after a panic elsewhere: each field of [`Media`] is valid by itself.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until `condition` holds after a tick; for ever, if the ticks have ended.
pub(crate) async fn until(media: &SharedMedia, mut condition: impl FnMut(&Media) -> bool) {
    let mut ticks = lock(media).ticks();
    // The condition is not given to `wait_for`: that would lock the media inside of the watch's lock, while a
    // tick takes them the other way round.
    while !condition(&lock(media)) {
        if ticks.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

pub(super) enum Command {
    Add(u64, Sockets, SharedMedia),
    ChangeSockets(u64, Sockets),
    Remove(u64),
    Stop,
}

pub(super) struct Inbox {
    commands: Mutex<(Vec<Command>, u64)>,
    wake: EventFd,
}

impl Inbox {
    fn new() -> io::Result<Arc<Inbox>> {
        let wake = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?;
        Ok(Arc::new(Inbox { commands: Mutex::new((Vec::new(), 0)), wake }))
    }

    fn push(&self, command: Command) {
        lock(&self.commands).0.push(command);
        // An eventfd refuses only when its counter is full: then the thread is about to wake anyway.
        let _ = self.wake.write(1);
    }

    pub(super) fn take(&self) -> Vec<Command> {
        std::mem::take(&mut lock(&self.commands).0)
    }
}

/// A running media thread; it ends when the last handle is dropped.
pub(crate) struct MediaThread {
    inbox: Arc<Inbox>,
    join: Option<JoinHandle<()>>,
}

/// A call's place in a thread; dropping it ends the media and closes the sockets.
pub(crate) struct Seat {
    thread: Arc<MediaThread>,
    id: u64,
}

static SHARED: Mutex<Weak<MediaThread>> = Mutex::new(Weak::new());

impl MediaThread {
    /// The thread that all single calls of this process share.
    pub(crate) fn shared() -> io::Result<Arc<MediaThread>> {
        let mut shared = lock(&SHARED);
        if let Some(thread) = shared.upgrade() {
            return Ok(thread);
        }
        let thread = MediaThread::start()?;
        *shared = Arc::downgrade(&thread);
        Ok(thread)
    }

    pub(crate) fn start() -> io::Result<Arc<MediaThread>> {
        let inbox = Inbox::new()?;
        let runner = Runner::new(Arc::clone(&inbox))?;
        MediaThread::spawn(inbox, move || runner.run())
    }

    /// A thread for calls by the thousand: see [`super::crowd`].
    pub(crate) fn start_crowd() -> io::Result<Arc<MediaThread>> {
        let inbox = Inbox::new()?;
        let its_inbox = Arc::clone(&inbox);
        MediaThread::spawn(inbox, move || Crowd::new(its_inbox).run())
    }

    fn spawn(inbox: Arc<Inbox>, run: impl FnOnce() + Send + 'static) -> io::Result<Arc<MediaThread>> {
        let join = std::thread::Builder::new().name("phone-media".into()).spawn(run)?;
        Ok(Arc::new(MediaThread { inbox, join: Some(join) }))
    }

    /// Starts a call's media on these sockets.
    pub(crate) fn seat(self: &Arc<Self>, sockets: Sockets, media: SharedMedia) -> io::Result<Seat> {
        sockets.set_nonblocking()?;
        lock(&media).start(Instant::now());
        let id = {
            let mut commands = lock(&self.inbox.commands);
            commands.1 += 1;
            commands.1
        };
        self.inbox.push(Command::Add(id, sockets, media));
        Ok(Seat { thread: Arc::clone(self), id })
    }
}

impl Drop for MediaThread {
    fn drop(&mut self) {
        self.inbox.push(Command::Stop);
        if let Some(join) = self.join.take() {
            let _ = join.join();
        }
    }
}

impl Seat {
    /// Sends and receives on these sockets from now on.
    pub(crate) fn change_sockets(&self, sockets: Sockets) -> io::Result<()> {
        sockets.set_nonblocking()?;
        self.thread.inbox.push(Command::ChangeSockets(self.id, sockets));
        Ok(())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.thread.inbox.push(Command::Remove(self.id));
    }
}

/// What the thread itself owns.
struct Runner {
    inbox: Arc<Inbox>,
    epoll: Epoll,
    timer: TimerFd,
    legs: HashMap<u64, (Sockets, SharedMedia)>,
    deadlines: BinaryHeap<Reverse<(Instant, u64)>>,
}

impl Runner {
    fn new(inbox: Arc<Inbox>) -> io::Result<Runner> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let timer =
            TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)?;
        epoll.add(&inbox.wake, EpollEvent::new(EpollFlags::EPOLLIN, WAKE))?;
        epoll.add(&timer, EpollEvent::new(EpollFlags::EPOLLIN, TIMER))?;
        Ok(Runner { inbox, epoll, timer, legs: HashMap::new(), deadlines: BinaryHeap::new() })
    }

    fn run(mut self) {
        let mut events = [EpollEvent::empty(); 256];
        loop {
            if !self.commands() {
                return;
            }
            self.ticks();
            self.arm();
            // A signal may interrupt the wait (EINTR): then no event is there, and the loop goes on.
            let count = self.epoll.wait(&mut events, EpollTimeout::NONE).unwrap_or(0);
            let now = Instant::now();
            for event in &events[..count] {
                match event.data() {
                    WAKE => drop(self.inbox.wake.read()),
                    // Reading the timer would block only if it had not expired; either way `ticks` looks at the clock.
                    TIMER => drop(self.timer.wait()),
                    id => self.receive(id, now),
                }
            }
        }
    }

    /// Returns false when the thread is to end.
    fn commands(&mut self) -> bool {
        for command in self.inbox.take() {
            match command {
                Command::Add(id, sockets, media) => {
                    self.deadlines.push(Reverse((lock(&media).deadline(), id)));
                    self.listen(id, &sockets);
                    self.legs.insert(id, (sockets, media));
                }
                Command::ChangeSockets(id, sockets) => {
                    self.listen(id, &sockets);
                    if let Some(leg) = self.legs.get_mut(&id) {
                        // Closing the old sockets takes them out of epoll.
                        leg.0 = sockets;
                    }
                }
                Command::Remove(id) => drop(self.legs.remove(&id)),
                Command::Stop => return false,
            }
        }
        true
    }

    fn listen(&self, id: u64, sockets: &Sockets) {
        let watch = |socket: &UdpSocket, token| {
            if let Err(error) = self.epoll.add(socket, EpollEvent::new(EpollFlags::EPOLLIN, token)) {
                tracing::error!(%error, "a call will hear nothing: its socket could not be watched");
            }
        };
        watch(&sockets.rtp, id * 2);
        if let Some(rtcp) = &sockets.rtcp {
            watch(rtcp, id * 2 + 1);
        }
    }

    /// Does what is due, each leg at its own deadline.
    fn ticks(&mut self) {
        let mut packet = [0; PACKET_BYTES];
        while let Some(Reverse((deadline, id))) = self.deadlines.peek().copied() {
            let now = Instant::now();
            if deadline > now {
                return;
            }
            self.deadlines.pop();
            let Some((sockets, media)) = self.legs.get(&id) else { continue };
            let mut media = lock(media);
            if let Some((length, remote)) = media.tick(now, &mut packet) {
                // A full socket buffer or an unreachable network loses packets; so do networks.
                let _ = sockets.rtp.send_to(&packet[..length], remote);
            }
            if let Some(rtcp) = &sockets.rtcp
                && media.is_report_due(now)
            {
                let mut report = [0; REPORT_BYTES];
                if let Some((length, remote)) = media.report(now, &mut report) {
                    let _ = rtcp.send_to(&report[..length], remote);
                }
            }
            self.deadlines.push(Reverse((media.deadline(), id)));
        }
    }

    fn arm(&self) {
        let Some(Reverse((deadline, _))) = self.deadlines.peek() else { return };
        // A timer set to zero is disarmed: let it be a nanosecond at least.
        let wait = deadline.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
        let expiration = Expiration::OneShot(TimeSpec::from_duration(wait));
        if let Err(error) = self.timer.set(expiration, TimerSetTimeFlags::empty()) {
            tracing::error!(%error, "the media timer could not be set");
        }
    }

    fn receive(&self, token: u64, now: Instant) {
        let Some((sockets, media)) = self.legs.get(&(token / 2)) else { return };
        let is_rtp = token.is_multiple_of(2);
        let Some(socket) = (if is_rtp { Some(&sockets.rtp) } else { sockets.rtcp.as_ref() }) else { return };
        let mut datagram = [0; DATAGRAM_BYTES];
        let mut media = lock(media);
        for _ in 0..BATCH {
            match socket.recv_from(&mut datagram) {
                Ok((length, _)) if is_rtp => media.receive(now, &datagram[..length]),
                Ok((length, _)) => media.receive_report(now, &datagram[..length]),
                Err(_) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Codec;
    use crate::rtp::agreed::Agreed;
    use crate::rtp::media::Beginning;
    use crate::sdp::Description;
    use crate::sound::{Player, Sound};
    use rand::SeedableRng as _;
    use std::net::{IpAddr, Ipv4Addr};

    fn media(hz: f64) -> SharedMedia {
        let mut rng = rand::rngs::StdRng::seed_from_u64(hz as u64);
        let beginning = Beginning {
            sound: Sound::tone(hz),
            codec: Codec::Pcma,
            record: false,
            now: Instant::now(),
            unix_time: Duration::ZERO,
        };
        Arc::new(Mutex::new(Media::new(beginning, &mut rng)))
    }

    fn bind() -> Sockets {
        Sockets::bind(IpAddr::V4(Ipv4Addr::LOCALHOST), true).unwrap()
    }

    fn agree(media: &SharedMedia, remote: &Sockets) {
        let remote = Description::offer(remote.address().unwrap(), &[Codec::Pcma], true);
        lock(media).agree(Agreed::between(&remote, &remote).unwrap());
    }

    async fn until_heard(media: &SharedMedia, hz: f64) {
        let heard = until(media, |media| media.heard().tone(hz));
        tokio::time::timeout(Duration::from_secs(20), heard).await.expect("the tone is heard");
    }

    async fn two_seats_hear_each_other(thread: Arc<MediaThread>) {
        let (alice, bob) = (media(440.0), media(600.0));
        let (alice_sockets, bob_sockets, new_sockets) = (bind(), bind(), bind());
        agree(&alice, &bob_sockets);
        agree(&bob, &alice_sockets);
        let _alice_seat = thread.seat(alice_sockets, Arc::clone(&alice)).unwrap();
        let bob_seat = thread.seat(bob_sockets, Arc::clone(&bob)).unwrap();
        until_heard(&alice, 600.0).await;
        until_heard(&bob, 440.0).await;
        // Each has the other's report as soon as its own has been answered.
        let reported = |media: &Media| media.reports().remote_sent.is_some();
        for media in [&alice, &bob] {
            tokio::time::timeout(Duration::from_secs(30), until(media, reported)).await.expect("a report");
        }

        agree(&alice, &new_sockets);
        lock(&alice).say(Player::new(Sound::tone(900.0), 8_000));
        bob_seat.change_sockets(new_sockets).unwrap();
        until_heard(&bob, 900.0).await;
    }

    #[tokio::test]
    async fn a_few_seats_hear_and_report_also_after_a_change_of_sockets() {
        two_seats_hear_each_other(MediaThread::start().unwrap()).await;
    }

    #[tokio::test]
    async fn a_crowd_s_seats_hear_and_report_also_after_a_change_of_sockets() {
        two_seats_hear_each_other(MediaThread::start_crowd().unwrap()).await;
    }

    #[test]
    fn the_threads_end_with_their_last_handle() {
        for thread in [MediaThread::start().unwrap(), MediaThread::start_crowd().unwrap()] {
            let inbox = Arc::downgrade(&thread.inbox);
            drop(thread);
            assert!(inbox.upgrade().is_none());
        }
    }
}
