//! The thread that sends and receives the media of many calls.
//!
//! Tokio's timer counts in milliseconds and waits for whatever else its threads do; a telephone has a quartz. So
//! one thread owns the sockets, sleeps on a timerfd until the next deadline, and stamps packets as they arrive.

use super::media::Media;
use super::send::PACKET_BYTES;
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

/// Tokens of epoll that are no seat; seats count from 0.
const WAKE: u64 = u64::MAX;
const TIMER: u64 = u64::MAX - 1;
/// Datagrams read from one socket in a row, so that a flooded one does not keep the others waiting.
const BATCH: usize = 32;
/// Largest datagram that is read, in bytes.
const DATAGRAM_BYTES: usize = 1_500;

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

enum Command {
    Add(u64, UdpSocket, SharedMedia),
    ChangeSocket(u64, UdpSocket),
    Remove(u64),
    Stop,
}

struct Inbox {
    commands: Mutex<(Vec<Command>, u64)>,
    wake: EventFd,
}

impl Inbox {
    fn push(&self, command: Command) {
        lock(&self.commands).0.push(command);
        // An eventfd refuses only when its counter is full: then the thread is about to wake anyway.
        let _ = self.wake.write(1);
    }
}

/// A running media thread; it ends when the last handle is dropped.
pub(crate) struct MediaThread {
    inbox: Arc<Inbox>,
    join: Option<JoinHandle<()>>,
}

/// A call's place in a thread; dropping it ends the media and closes the socket.
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
        let wake = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?;
        let inbox = Arc::new(Inbox { commands: Mutex::new((Vec::new(), 0)), wake });
        let runner = Runner::new(Arc::clone(&inbox))?;
        let join = std::thread::Builder::new().name("phone-media".into()).spawn(move || runner.run())?;
        Ok(Arc::new(MediaThread { inbox, join: Some(join) }))
    }

    /// Starts a call's media on `socket`.
    pub(crate) fn seat(self: &Arc<Self>, socket: UdpSocket, media: SharedMedia) -> io::Result<Seat> {
        socket.set_nonblocking(true)?;
        lock(&media).start(Instant::now());
        let id = {
            let mut commands = lock(&self.inbox.commands);
            commands.1 += 1;
            commands.1
        };
        self.inbox.push(Command::Add(id, socket, media));
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
    /// Sends and receives on `socket` from now on.
    pub(crate) fn change_socket(&self, socket: UdpSocket) -> io::Result<()> {
        socket.set_nonblocking(true)?;
        self.thread.inbox.push(Command::ChangeSocket(self.id, socket));
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
    legs: HashMap<u64, (UdpSocket, SharedMedia)>,
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
        let commands = std::mem::take(&mut lock(&self.inbox.commands).0);
        for command in commands {
            match command {
                Command::Add(id, socket, media) => {
                    self.deadlines.push(Reverse((lock(&media).deadline(), id)));
                    self.listen(id, &socket);
                    self.legs.insert(id, (socket, media));
                }
                Command::ChangeSocket(id, socket) => {
                    self.listen(id, &socket);
                    if let Some(leg) = self.legs.get_mut(&id) {
                        // Closing the old socket takes it out of epoll.
                        leg.0 = socket;
                    }
                }
                Command::Remove(id) => drop(self.legs.remove(&id)),
                Command::Stop => return false,
            }
        }
        true
    }

    fn listen(&self, id: u64, socket: &UdpSocket) {
        if let Err(error) = self.epoll.add(socket, EpollEvent::new(EpollFlags::EPOLLIN, id)) {
            tracing::error!(%error, "a call will hear nothing: its socket could not be watched");
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
            let Some((socket, media)) = self.legs.get(&id) else { continue };
            let mut media = lock(media);
            if let Some((length, remote)) = media.tick(now, &mut packet) {
                // A full socket buffer or an unreachable network loses packets; so do networks.
                let _ = socket.send_to(&packet[..length], remote);
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

    fn receive(&self, id: u64, now: Instant) {
        let Some((socket, media)) = self.legs.get(&id) else { return };
        let mut datagram = [0; DATAGRAM_BYTES];
        let mut media = lock(media);
        for _ in 0..BATCH {
            match socket.recv_from(&mut datagram) {
                Ok((length, _)) => media.receive(now, &datagram[..length]),
                Err(_) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Codec;
    use crate::rtp::media::Agreed;
    use crate::sdp::Direction;
    use crate::sound::Sound;
    use rand::SeedableRng as _;

    fn media(hz: f64) -> SharedMedia {
        let mut rng = rand::rngs::StdRng::seed_from_u64(hz as u64);
        Arc::new(Mutex::new(Media::new(Sound::tone(hz), false, Instant::now(), &mut rng)))
    }

    fn agree(media: &SharedMedia, remote: &UdpSocket) {
        let remote = remote.local_addr().unwrap();
        let direction = Direction::SendRecv;
        lock(media).agree(Agreed { remote, codec: Codec::Pcma, telephone_event: None, direction });
    }

    async fn until_heard(media: &SharedMedia, hz: f64) {
        let heard = until(media, |media| media.heard().tone(hz));
        tokio::time::timeout(Duration::from_secs(20), heard).await.expect("the tone is heard");
    }

    #[tokio::test]
    async fn two_seats_hear_each_other_also_after_a_change_of_socket() {
        let thread = MediaThread::start().unwrap();
        let bind = || UdpSocket::bind("127.0.0.1:0").unwrap();
        let (alice, bob) = (media(440.0), media(600.0));
        let (alice_socket, bob_socket, new_socket) = (bind(), bind(), bind());
        agree(&alice, &bob_socket);
        agree(&bob, &alice_socket);
        let _alice_seat = thread.seat(alice_socket, Arc::clone(&alice)).unwrap();
        let bob_seat = thread.seat(bob_socket, Arc::clone(&bob)).unwrap();
        until_heard(&alice, 600.0).await;
        until_heard(&bob, 440.0).await;

        agree(&alice, &new_socket);
        lock(&alice).set_sound(Sound::tone(900.0));
        bob_seat.change_socket(new_socket).unwrap();
        until_heard(&bob, 900.0).await;
    }

    #[test]
    fn the_thread_ends_with_its_last_handle() {
        let thread = MediaThread::start().unwrap();
        let inbox = Arc::downgrade(&thread.inbox);
        drop(thread);
        assert!(inbox.upgrade().is_none());
    }
}
