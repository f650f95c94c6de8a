//! The process that receives and sends: the media thread's system calls without its engine.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::Result;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use crate::program::raise_file_limit;

/// The epoll tokens; the sockets are not watched.
const TIMER: u64 = 0;
const INPUT: u64 = 1;
const TICK: Duration = Duration::from_millis(20);
/// As of the media threads.
const NICENESS: i32 = -10;
/// The longest datagram that is taken, as by the media thread.
const DATAGRAM_BYTES: usize = 1_501;
/// A tick reads one packet of a socket; one tick of so many reads all, or a second packet that once came early would
/// wait in front of the others for ever. As in the media thread.
const TICKS_BETWEEN_DRAINS: usize = 8;
/// Version 2, and nothing else, in an RTP header's first byte (RFC 3550 section 5.1).
const VERSION: u8 = 0x80;
const HEADER_BYTES: usize = 12;

struct Line {
    /// Not connected, and bound to the address of the server's in this bench.
    socket: UdpSocket,
    /// Whoever sent first.
    phone: Option<SocketAddr>,
}

/// Moves the packets of so many calls until the standard input ends.
///
/// # Errors
/// If the system refuses a socket or a timer.
pub(crate) fn run(calls: usize, payload_type: u8, payload_bytes: usize) -> Result<()> {
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
    for _ in 0..calls {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        ports += &format!("{} ", socket.local_addr()?.port());
        lines.push(Line { socket, phone: None });
    }
    writeln!(std::io::stdout(), "{ports}")?;
    let mut packet = vec![0_u8; HEADER_BYTES + payload_bytes];
    (packet[0], packet[1]) = (VERSION, payload_type);
    move_packets(&epoll, &timer, &mut lines, &mut packet);
    Ok(())
}

fn move_packets(epoll: &Epoll, timer: &TimerFd, lines: &mut [Line], packet: &mut [u8]) {
    let mut ready = [EpollEvent::empty(); 2];
    let mut ticks = 0_u16;
    loop {
        let count = epoll.wait(&mut ready, EpollTimeout::NONE).unwrap_or(0);
        // Nothing is ever written there: it has ended.
        if ready[..count].iter().any(|event| event.data() == INPUT) {
            return;
        }
        if count == 0 {
            continue;
        }
        // Ticks that were missed stay missed, as the server's beyond its fifth.
        let _ = timer.wait();
        ticks = ticks.wrapping_add(1);
        // The sequence number, by which the phones see what is lost.
        packet[2..4].copy_from_slice(&ticks.to_be_bytes());
        receive_all(lines, usize::from(ticks));
        for line in lines.iter() {
            if let Some(phone) = line.phone {
                let _ = line.socket.send_to(packet, phone);
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
