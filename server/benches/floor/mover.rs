//! The process that receives and sends: the media thread's system calls without its engine.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::Result;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

/// The epoll tokens of what is no socket; sockets have their index.
const TIMER: u64 = u64::MAX;
const INPUT: u64 = u64::MAX - 1;
/// Sockets that one epoll call reports, as many as the media thread's.
const BATCH: usize = 512;
const TICK: Duration = Duration::from_millis(20);
/// As of the media threads.
const NICENESS: i32 = -10;
/// The longest datagram that is taken, as by the media thread.
const DATAGRAM_BYTES: usize = 1_501;
/// Beside the sockets: standard streams, epoll, timer, and what the runtime holds.
const OTHER_FILES: u64 = 100;
/// A read at the tick takes one packet of a socket; in one tick of so many it takes all, or a second packet that once
/// came early would wait in front of the others for ever.
const TICKS_BETWEEN_DRAINS: usize = 16;

/// When packets are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// As they come: epoll wakes the thread, and a socket is read once an event.
    Event,
    /// At the tick, from every socket; nothing wakes the thread between.
    Tick,
}

impl Reading {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Reading::Event => "event",
            Reading::Tick => "tick",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Reading> {
        [Reading::Event, Reading::Tick].into_iter().find(|reading| reading.word() == word)
    }
}

/// # Errors
/// If the system does not grant that many files.
pub(crate) fn raise_file_limit(sockets: usize) -> Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let needed = sockets as u64 + OTHER_FILES;
    if soft < needed {
        setrlimit(Resource::RLIMIT_NOFILE, needed, hard)?;
    }
    Ok(())
}

struct Line {
    socket: UdpSocket,
    /// Whoever sent first.
    phone: Option<SocketAddr>,
}

pub(crate) fn run(calls: usize, bytes: usize, reading: Reading) -> Result<()> {
    raise_file_limit(calls)?;
    // Where it is not granted, neither is it to the server.
    let _ = rustix::process::setpriority_process(None, NICENESS);
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)?;
    timer.set(Expiration::Interval(TimeSpec::from_duration(TICK)), TimerSetTimeFlags::empty())?;
    epoll.add(&timer, EpollEvent::new(EpollFlags::EPOLLIN, TIMER))?;
    epoll.add(std::io::stdin(), EpollEvent::new(EpollFlags::EPOLLIN, INPUT))?;
    let mut lines = Vec::with_capacity(calls);
    let mut ports = String::new();
    for index in 0..calls {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        ports += &format!("{} ", socket.local_addr()?.port());
        if reading == Reading::Event {
            epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLIN, index as u64))?;
        }
        lines.push(Line { socket, phone: None });
    }
    writeln!(std::io::stdout(), "{ports}")?;
    move_packets(&epoll, &timer, &mut lines, bytes, reading);
    Ok(())
}

fn move_packets(epoll: &Epoll, timer: &TimerFd, lines: &mut [Line], bytes: usize, reading: Reading) {
    let mut ready = vec![EpollEvent::empty(); BATCH];
    let packet = vec![0_u8; bytes];
    let mut ticks = 0_usize;
    loop {
        let count = epoll.wait(&mut ready, EpollTimeout::NONE).unwrap_or(0);
        let mut tick = false;
        for event in &ready[..count] {
            match event.data() {
                TIMER => tick = true,
                // Nothing is ever written there: it has ended.
                INPUT => return,
                index => {
                    receive(&mut lines[index as usize]);
                }
            }
        }
        if !tick {
            continue;
        }
        // Ticks that were missed stay missed, as the server's beyond its fifth.
        let _ = timer.wait();
        ticks += 1;
        if reading == Reading::Tick {
            receive_all(lines, ticks);
        }
        for line in lines.iter() {
            if let Some(phone) = line.phone {
                let _ = line.socket.send_to(&packet, phone);
            }
        }
    }
}

fn receive_all(lines: &mut [Line], ticks: usize) {
    for (index, line) in lines.iter_mut().enumerate() {
        let drain = (index + ticks).is_multiple_of(TICKS_BETWEEN_DRAINS);
        while receive(line) && drain {}
    }
}

/// Returns whether a packet was there.
fn receive(line: &mut Line) -> bool {
    let mut datagram = [0_u8; DATAGRAM_BYTES];
    let Ok((_, from)) = line.socket.recv_from(&mut datagram) else { return false };
    line.phone.get_or_insert(from);
    true
}
