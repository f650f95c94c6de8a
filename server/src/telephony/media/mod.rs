//! The media threads and the way to them: commands in, events out, both by bounded queues.

mod ports;
mod sockets;
mod thread;

pub(crate) use ports::{PortPair, PortRange, PortRangeError, Ports};

use crate::clock::Clock;
use engine::{Event, MediaParams, OpenLeg};
use model::{Action, MemberId, RoomId, limits};
use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use tokio::sync::mpsc;

/// What a media thread is told. Drained before each tick, so it is in force at the next tick.
pub(crate) enum Command {
    Open { leg: Box<OpenLeg>, ports: PortPair },
    Update { member: MemberId, media: MediaParams },
    Close { member: MemberId },
    Act { room: RoomId, action: Action },
}

/// The thread's queue is full: the server has more to do than it can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the media thread is too busy")]
pub(crate) struct Busy;

/// All media threads. Each owns whole rooms: the legs of one room meet on one thread, so a tick needs no lock.
pub(crate) struct MediaPool {
    threads: Vec<mpsc::Sender<Command>>,
    placement: Mutex<Placement>,
    stop: Arc<AtomicBool>,
}

/// What [`MediaPool::start`] gives.
pub(crate) struct Started {
    pub(crate) pool: Arc<MediaPool>,
    /// The events of all threads.
    pub(crate) events: mpsc::Receiver<Event>,
    pub(crate) threads: Vec<JoinHandle<()>>,
}

/// Which thread has which room, while a leg of it is there.
#[derive(Default)]
struct Placement {
    rooms: HashMap<RoomId, Placed>,
    legs_per_thread: Vec<usize>,
}

struct Placed {
    thread: usize,
    legs: usize,
}

impl MediaPool {
    /// Starts `threads` media threads.
    pub(crate) fn start(threads: usize, clock: Clock) -> io::Result<Started> {
        assert!(threads > 0, "a server without a media thread is deaf");
        let (events, receiver) = mpsc::channel(limits::EVENT_QUEUE);
        let stop = Arc::new(AtomicBool::new(false));
        let (mut senders, mut handles) = (Vec::new(), Vec::new());
        for index in 0..threads {
            let (sender, commands) = mpsc::channel(limits::COMMAND_QUEUE);
            let thread = thread::MediaThread::new(clock, commands, events.clone(), Arc::clone(&stop))?;
            let name = format!("media-{index}");
            handles.push(std::thread::Builder::new().name(name).spawn(move || thread.run())?);
            senders.push(sender);
        }
        let placement = Placement { rooms: HashMap::new(), legs_per_thread: vec![0; threads] };
        let pool = Arc::new(MediaPool { threads: senders, placement: Mutex::new(placement), stop });
        Ok(Started { pool, events: receiver, threads: handles })
    }

    /// Brings a leg to the thread of its room. Each opened leg must be closed once, by [`MediaPool::close`].
    pub(crate) fn open(&self, leg: OpenLeg, ports: PortPair) -> Result<(), Busy> {
        let room = leg.room;
        let thread = self.placement().enter(room);
        let sent = self.threads[thread].try_send(Command::Open { leg: Box::new(leg), ports });
        if sent.is_err() {
            self.placement().leave(room);
        }
        sent.map_err(|_| Busy)
    }

    pub(crate) fn update(&self, room: RoomId, member: MemberId, media: MediaParams) -> Result<(), Busy> {
        self.send(room, Command::Update { member, media })
    }

    pub(crate) fn act(&self, room: RoomId, action: Action) -> Result<(), Busy> {
        self.send(room, Command::Act { room, action })
    }

    /// Waits for a place in the queue: a leg that has ended must not stay.
    pub(crate) async fn close(&self, room: RoomId, member: MemberId) {
        let thread = self.placement().leave(room);
        if let Some(thread) = thread {
            // An error means that the thread has stopped, and the leg with it.
            let _ = self.threads[thread].send(Command::Close { member }).await;
        }
    }

    /// Legs in a room, those in their menu included.
    pub(crate) fn legs(&self, room: RoomId) -> usize {
        self.placement().rooms.get(&room).map_or(0, |placed| placed.legs)
    }

    /// Ends all threads at their next tick.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    fn send(&self, room: RoomId, command: Command) -> Result<(), Busy> {
        let thread = self.placement().rooms.get(&room).map(|placed| placed.thread);
        // Nobody is in the room any more: nothing is left to do.
        let Some(thread) = thread else { return Ok(()) };
        self.threads[thread].try_send(command).map_err(|_| Busy)
    }

    fn placement(&self) -> std::sync::MutexGuard<'_, Placement> {
        self.placement.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Placement {
    /// A new room goes to the thread with the fewest legs.
    fn enter(&mut self, room: RoomId) -> usize {
        let legs_per_thread = &self.legs_per_thread;
        let idlest = || (0..legs_per_thread.len()).min_by_key(|t| legs_per_thread[*t]).unwrap_or(0);
        let placed = self.rooms.entry(room).or_insert_with(|| Placed { thread: idlest(), legs: 0 });
        placed.legs += 1;
        let thread = placed.thread;
        self.legs_per_thread[thread] += 1;
        thread
    }

    fn leave(&mut self, room: RoomId) -> Option<usize> {
        let placed = self.rooms.get_mut(&room)?;
        placed.legs -= 1;
        let thread = placed.thread;
        self.legs_per_thread[thread] -= 1;
        if placed.legs == 0 {
            self.rooms.remove(&room);
        }
        Some(thread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(n: u128) -> RoomId {
        RoomId(uuid::Uuid::from_u128(n))
    }

    #[test]
    fn a_room_stays_on_its_thread_and_new_rooms_go_to_the_idlest() {
        let mut placement = Placement { rooms: HashMap::new(), legs_per_thread: vec![0, 0] };
        let first = placement.enter(room(1));
        assert_eq!(placement.enter(room(1)), first);
        let second = placement.enter(room(2));
        assert_ne!(second, first);
        assert_eq!(placement.enter(room(3)), second);
        assert_eq!(placement.leave(room(1)), Some(first));
        assert_eq!(placement.leave(room(1)), Some(first));
        assert_eq!(placement.leave(room(1)), None);
        assert_eq!(placement.legs_per_thread.iter().sum::<usize>(), 2);
    }
}
