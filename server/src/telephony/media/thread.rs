//! One media thread: a timer at the engine's next tick, the legs' sockets, and epoll over their reports. It does no file, no
//! lock and no await; what it knows of the world comes by the command queue, and leaves by the event queue.

use super::sockets::{Inbox, LegSockets};
use super::{Command, PortPair};
use crate::clock::Clock;
use crate::recorder::Tap;
use crate::telephony::sdp::Wiring;
use engine::{Arrival, Channel, Engine, EngineConfig, Event, LegKey};
use model::{MemberId, limits};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use std::collections::HashMap;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;

/// The epoll token of the tick timer; legs have their slot's index.
const TIMER: u64 = u64::MAX;
/// Sockets that one epoll call reports.
const BATCH: usize = 512;
/// Steps of the engine made up at once after the thread was kept from running, five ticks of a room; more would burst on
/// the line.
const STEPS_AT_ONCE: usize = 20;

pub(super) struct MediaThread {
    clock: Clock,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
    tap: Tap,
    stop: Arc<AtomicBool>,
    epoll: Epoll,
    timer: TimerFd,
    engine: Engine,
    sockets: LegSockets,
    inbox: Inbox,
    keys: HashMap<MemberId, LegKey>,
    /// An event that found the queue full; those behind it wait in the engine.
    waiting: Option<Event>,
}

/// The niceness of media threads, where the system grants it (CAP_SYS_NICE, or a limit on niceness): a packet cannot
/// wait for a page.
const NICENESS: i32 = -10;

fn go_first() {
    // No process named: the calling thread alone is meant (setpriority(2), differences between library and kernel).
    if rustix::process::setpriority_process(None, NICENESS).is_err() {
        tracing::info!("media threads run at normal priority; CAP_SYS_NICE would let them go first");
    }
}

impl MediaThread {
    pub(super) fn new(
        config: EngineConfig,
        clock: Clock,
        commands: mpsc::Receiver<Command>,
        events: mpsc::Sender<Event>,
        tap: Tap,
        stop: Arc<AtomicBool>,
    ) -> io::Result<MediaThread> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let timer =
            TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)?;
        epoll.add(&timer, EpollEvent::new(EpollFlags::EPOLLIN, TIMER))?;
        Ok(MediaThread {
            clock,
            commands,
            events,
            tap,
            stop,
            epoll,
            timer,
            engine: Engine::new(config),
            sockets: LegSockets::default(),
            inbox: Inbox::new(),
            keys: HashMap::new(),
            waiting: None,
        })
    }

    /// Runs until told to stop.
    pub(super) fn run(mut self) {
        go_first();
        let mut ready = vec![EpollEvent::empty(); BATCH];
        self.arm_timer();
        while !self.stop.load(Ordering::Relaxed) {
            let count = self.epoll.wait(&mut ready, EpollTimeout::NONE).unwrap_or(0);
            let mut tick = false;
            for event in &ready[..count] {
                match event.data() {
                    TIMER => tick = true,
                    slot => self.receive_report(slot as usize),
                }
            }
            if tick {
                self.tick();
                self.arm_timer();
            }
        }
    }

    /// A one-shot at the engine's absolute deadline, so that no delay adds up from tick to tick.
    fn arm_timer(&self) {
        let left_us = self.engine.next_tick().0.saturating_sub(self.clock.now().0).max(1);
        let left = TimeSpec::from_duration(Duration::from_micros(left_us));
        // Setting it again also takes back its readiness, so that epoll waits for the new deadline.
        self.timer
            .set(Expiration::OneShot(left), TimerSetTimeFlags::empty())
            .expect("a timer of ours takes any time");
    }

    fn tick(&mut self) {
        self.drain_commands();
        for _ in 0..STEPS_AT_ONCE {
            let now = self.clock.now();
            if self.engine.next_tick() > now {
                break;
            }
            self.sockets.read_phase(&mut self.engine, now, &mut self.inbox);
            self.engine.handle_tick(now);
            self.send();
            self.engine.recorded().for_each(|recorded| self.tap.push(&recorded));
        }
        self.pass_events_on();
    }

    /// One read per event: epoll reports a socket again while it holds more.
    fn receive_report(&mut self, slot: usize) {
        if let Some((leg, from, datagram)) = self.sockets.read_report(slot, &mut self.inbox) {
            let arrival = Arrival::At(self.clock.now());
            self.engine.handle_packet(arrival, leg, Channel::Rtcp, from, &datagram);
        }
    }

    fn send(&mut self) {
        let mut bytes = [0_u8; limits::RTP_BYTES];
        for packet in self.engine.packets() {
            let Some(leg) = self.sockets.get_mut(packet.leg.index()) else { continue };
            let header = packet.header.len();
            let whole = header + packet.payload.len();
            bytes[..header].copy_from_slice(packet.header);
            bytes[header..whole].copy_from_slice(packet.payload);
            leg.send(packet.channel, packet.to, &bytes[..whole]);
        }
    }

    fn drain_commands(&mut self) {
        while let Ok(command) = self.commands.try_recv() {
            let now = self.clock.now();
            match command {
                Command::Open { leg, ports, wiring } => self.open(*leg, ports, wiring),
                Command::Update { member, media, wiring } => {
                    if let Some(key) = self.keys.get(&member) {
                        self.engine.update_leg(now, *key, media);
                        if let Some(leg) = self.sockets.get_mut(key.index()) {
                            leg.rewire(wiring);
                        }
                    }
                }
                Command::Press { member, key } => {
                    if let Some(leg) = self.keys.get(&member) {
                        self.engine.press_key(now, *leg, key);
                    }
                }
                Command::Dictation { member, answer } => {
                    if let Some(leg) = self.keys.get(&member) {
                        self.engine.answer_dictation(now, *leg, answer);
                    }
                }
                Command::Close { member } => self.close(member),
                Command::Act { room, action } => {
                    // A member that left in the meantime is no error: the snapshot shows that it is gone.
                    let _ = self.engine.act(now, room, action);
                }
                Command::StopRecording { take, end } => {
                    // The conference may be over by now, and its recording with it.
                    let _ = self.engine.stop_recording(now, take.room, take.recording, end);
                }
            }
        }
    }

    fn open(&mut self, leg: engine::OpenLeg, ports: PortPair, wiring: Wiring) {
        let (member, phase) = (leg.member, Engine::phase_of(leg.room));
        let key = self.engine.open_leg(self.clock.now(), leg);
        let interest = EpollEvent::new(EpollFlags::EPOLLIN, key.index() as u64);
        if let Err(error) = self.epoll.add(ports.rtcp.as_fd(), interest) {
            tracing::warn!(%member, %error, "a leg's reports are not read");
        }
        if let Err(error) = self.sockets.insert(phase, key, ports, wiring) {
            tracing::warn!(%member, %error, "a leg's packets come without their time");
        }
        self.keys.insert(member, key);
    }

    fn close(&mut self, member: MemberId) {
        let Some(key) = self.keys.remove(&member) else { return };
        let goodbye = self.engine.close_leg(self.clock.now(), key);
        // Closing the sockets takes them out of the epoll set.
        let socket = self.sockets.remove(key);
        let Some(mut leg) = socket else { return };
        if let Some(goodbye) = goodbye {
            leg.send(Channel::Rtcp, goodbye.to, &goodbye.report);
        }
        if leg.refused() > 0 {
            tracing::info!(%member, refused = leg.refused(), "packets that were not authentic");
        }
    }

    fn pass_events_on(&mut self) {
        while let Some(event) = self.waiting.take().or_else(|| self.engine.poll_event()) {
            match self.events.try_send(event) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(event)) => {
                    self.waiting = Some(event);
                    return;
                }
                Err(mpsc::error::TrySendError::Closed(_)) => return,
            }
        }
    }
}
