//! The media threads and the way to them: commands in, events out, both by bounded queues.

mod link;
mod placement;
mod ports;
mod sockets;
mod srtp;
mod thread;

pub(crate) use ports::{PortPair, PortRange, PortRangeError, Ports};

use super::sdp::Wiring;
use crate::clock::Clock;
use crate::recorder;
use engine::{DictationAnswer, EngineConfig, Event, Key, MediaParams, OpenLeg, Take};
use model::{Action, MemberId, RecordingEnd, RoomId, limits};
use placement::Placement;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use tokio::sync::mpsc;

/// What a media thread is told. Drained before each tick, so it is in force at the next tick.
pub(crate) enum Command {
    Open { leg: Box<OpenLeg>, ports: PortPair, wiring: Wiring },
    Update { member: MemberId, media: MediaParams, wiring: Wiring },
    Close { member: MemberId },
    Press { member: MemberId, key: Key },
    Act { room: RoomId, action: Action },
    StopRecording { take: Take, end: RecordingEnd },
    Dictation { member: MemberId, answer: DictationAnswer },
}

/// The thread's queue is full: the server has more to do than it can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the media thread is too busy")]
pub(crate) struct Busy;

/// All media threads. Each owns whole rooms: the legs of one room meet on one thread, so a tick needs no lock.
pub(crate) struct MediaPool {
    threads: Vec<mpsc::Sender<Command>>,
    placement: Mutex<Placement>,
    legs_per_room: usize,
    stop: Arc<AtomicBool>,
}

/// What [`MediaPool::start`] gives.
pub(crate) struct Started {
    pub(crate) pool: Arc<MediaPool>,
    /// The events of all threads.
    pub(crate) events: mpsc::Receiver<Event>,
    /// What each of them records.
    pub(crate) recorded: Vec<recorder::Source>,
    pub(crate) threads: Vec<JoinHandle<()>>,
}

impl MediaPool {
    /// Starts `threads` media threads, on which no room has more than `legs_per_room` legs.
    pub(crate) fn start(threads: usize, legs_per_room: usize, clock: Clock) -> io::Result<Started> {
        assert!(threads > 0, "a server without a media thread is deaf");
        let (events, receiver) = mpsc::channel(limits::EVENT_QUEUE);
        let stop = Arc::new(AtomicBool::new(false));
        let (mut senders, mut handles, mut recorded) = (Vec::new(), Vec::new(), Vec::new());
        for index in 0..threads {
            let (sender, commands) = mpsc::channel(limits::COMMAND_QUEUE);
            let (tap, source) = recorder::queue();
            let config = EngineConfig { seed: rand::random(), legs_per_room };
            let thread =
                thread::MediaThread::new(config, clock, commands, events.clone(), tap, Arc::clone(&stop))?;
            recorded.push(source);
            let name = format!("media-{index}");
            handles.push(std::thread::Builder::new().name(name).spawn(move || thread.run())?);
            senders.push(sender);
        }
        let placement = Mutex::new(Placement::new(threads));
        let pool = Arc::new(MediaPool { threads: senders, placement, legs_per_room, stop });
        Ok(Started { pool, events: receiver, recorded, threads: handles })
    }

    /// Brings a leg to the thread of its room. Each opened leg must be closed once, by [`MediaPool::close`].
    pub(crate) fn open(&self, leg: OpenLeg, ports: PortPair, wiring: Wiring) -> Result<(), Busy> {
        let room = leg.room;
        let thread = self.placement().enter(room);
        let sent = self.threads[thread].try_send(Command::Open { leg: Box::new(leg), ports, wiring });
        if sent.is_err() {
            let mut placement = self.placement();
            placement.leave(room);
            placement.over(room, 1);
        }
        sent.map_err(|_| Busy)
    }

    pub(crate) fn update(
        &self,
        room: RoomId,
        member: MemberId,
        media: MediaParams,
        wiring: Wiring,
    ) -> Result<(), Busy> {
        self.send(room, Command::Update { member, media, wiring })
    }

    /// A key that came by signalling.
    pub(crate) fn press(&self, room: RoomId, member: MemberId, key: Key) -> Result<(), Busy> {
        self.send(room, Command::Press { member, key })
    }

    pub(crate) fn act(&self, room: RoomId, action: Action) -> Result<(), Busy> {
        self.send(room, Command::Act { room, action })
    }

    /// Stops a recording that cannot be written.
    pub(crate) fn stop_recording(&self, take: Take, end: RecordingEnd) -> Result<(), Busy> {
        self.send(take.room, Command::StopRecording { take, end })
    }

    /// What a member waits for who speaks an announcement.
    pub(crate) fn answer_dictation(
        &self,
        room: RoomId,
        member: MemberId,
        answer: DictationAnswer,
    ) -> Result<(), Busy> {
        self.send(room, Command::Dictation { member, answer })
    }

    /// Waits for a place in the queue: a leg that has ended must not stay.
    pub(crate) async fn close(&self, room: RoomId, member: MemberId) {
        let thread = self.placement().leave(room);
        if let Some(thread) = thread {
            // An error means that the thread has stopped, and the leg with it.
            let _ = self.threads[thread].send(Command::Close { member }).await;
        }
    }

    /// A thread has no more of a room, of which `closed` legs were there: it may begin anew on another thread.
    pub(crate) fn room_over(&self, room: RoomId, closed: usize) {
        self.placement().over(room, closed);
    }

    /// Legs in a room, those in their menu included.
    pub(crate) fn legs(&self, room: RoomId) -> usize {
        self.placement().legs(room)
    }

    /// So many legs fill a room.
    pub(crate) fn legs_per_room(&self) -> usize {
        self.legs_per_room
    }

    /// Ends all threads at their next tick.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    fn send(&self, room: RoomId, command: Command) -> Result<(), Busy> {
        let thread = self.placement().thread(room);
        // Nobody is in the room any more: nothing is left to do.
        let Some(thread) = thread else { return Ok(()) };
        self.threads[thread].try_send(command).map_err(|_| Busy)
    }

    fn placement(&self) -> std::sync::MutexGuard<'_, Placement> {
        self.placement.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
