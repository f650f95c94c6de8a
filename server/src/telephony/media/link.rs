//! Whom a leg's socket for sound is connected to.
//!
//! A socket whose leg listens to one source alone, and is fed by it, is connected to it: the kernel then does less for
//! each packet, and drops what comes from elsewhere, as the leg would. When nothing comes any more it is opened again, for
//! the leg may have to hear its caller from elsewhere.

use std::io;
use std::net::{SocketAddr, UdpSocket};

/// Ticks with sound in a row, a second, until a socket is connected. Callers who pause often stay unconnected.
const CONNECTED_AFTER_TICKS: u16 = 50;
/// Ticks without a packet, 300 ms, after which it is opened again.
const OPENED_AFTER_TICKS: u16 = 15;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link(State);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// To nobody. It has been fed for so many ticks in a row.
    Open { fed_ticks: u16 },
    /// To the leg's source, but what came from others before that may still wait.
    Draining { source: SocketAddr },
    /// To the leg's source. Nothing has come for so many ticks.
    Connected { source: SocketAddr, silent_ticks: u16 },
}

impl Link {
    pub(super) fn new() -> Link {
        Link(State::Open { fed_ticks: 0 })
    }

    /// Whoever is read here is this one; `None` if it has to be asked.
    pub(super) fn source(self) -> Option<SocketAddr> {
        match self.0 {
            State::Connected { source, .. } => Some(source),
            State::Open { .. } | State::Draining { .. } => None,
        }
    }

    /// The socket has to be read until nothing is left, each datagram with its sender.
    pub(super) fn is_draining(self) -> bool {
        matches!(self.0, State::Draining { .. })
    }

    pub(super) fn send(self, socket: &UdpSocket, to: SocketAddr, datagram: &[u8]) -> io::Result<usize> {
        match self.0 {
            State::Connected { source, .. } | State::Draining { source } if source == to => {
                socket.send(datagram)
            }
            _ => socket.send_to(datagram, to),
        }
    }

    /// Lets packets of any source in again. The socket keeps its port if that was bound by name.
    pub(super) fn open(&mut self, socket: &UdpSocket) {
        if !matches!(self.0, State::Open { .. }) {
            // Only a closed socket refuses it.
            let _ = rustix::net::connect_unspec(socket);
        }
        *self = Link::new();
    }

    /// A tick has read what there was. `source`: whom the leg listens to, and nobody else.
    pub(super) fn follow(
        &mut self,
        socket: &UdpSocket,
        fed: bool,
        source: impl FnOnce() -> Option<SocketAddr>,
    ) {
        match &mut self.0 {
            State::Open { fed_ticks } if !fed => *fed_ticks = 0,
            State::Open { fed_ticks } if *fed_ticks < CONNECTED_AFTER_TICKS => *fed_ticks += 1,
            State::Open { fed_ticks } => {
                *fed_ticks = 0;
                if let Some(source) = source()
                    && socket.connect(source).is_ok()
                {
                    self.0 = State::Draining { source };
                }
            }
            // It was read until nothing was left.
            State::Draining { source } => self.0 = State::Connected { source: *source, silent_ticks: 0 },
            State::Connected { silent_ticks, .. } if fed => *silent_ticks = 0,
            State::Connected { silent_ticks, .. } if *silent_ticks < OPENED_AFTER_TICKS => *silent_ticks += 1,
            State::Connected { .. } => self.open(socket),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a port that was asked for by name, as a leg's: one that the system chose is lost when it is opened again.
    fn socket() -> UdpSocket {
        let named = |address: SocketAddr| UdpSocket::bind(address).ok();
        let chosen = || UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let socket = std::iter::repeat_with(|| named(chosen())).flatten().next().unwrap();
        socket.set_nonblocking(true).unwrap();
        socket
    }

    fn read(socket: &UdpSocket) -> Option<Vec<u8>> {
        let mut bytes = [0; 16];
        let n = socket.recv(&mut bytes).ok()?;
        Some(bytes[..n].to_vec())
    }

    #[test]
    fn a_fed_socket_hears_its_source_alone_until_that_one_falls_silent() {
        let [ours, phone, stranger] = [(); 3].map(|()| socket());
        let (address, source) = (ours.local_addr().unwrap(), phone.local_addr().unwrap());
        let mut link = Link::new();
        stranger.send_to(b"early", address).unwrap();
        for _ in 0..=CONNECTED_AFTER_TICKS {
            assert_eq!(link.source(), None);
            link.follow(&ours, true, || Some(source));
        }
        // What came before is still there, so its sender has to be looked at.
        assert!(link.is_draining() && link.source().is_none());
        assert_eq!(read(&ours).unwrap(), b"early");
        link.follow(&ours, true, || None);
        assert_eq!(link.source(), Some(source));
        stranger.send_to(b"injected", address).unwrap();
        phone.send_to(b"voice", address).unwrap();
        assert_eq!((read(&ours).unwrap(), read(&ours)), (b"voice".to_vec(), None));
        link.send(&ours, source, b"back").unwrap();
        assert_eq!(read(&phone).unwrap(), b"back");
        for _ in 0..=OPENED_AFTER_TICKS {
            link.follow(&ours, false, || None);
        }
        assert_eq!(link, Link::new());
        assert_eq!(ours.local_addr().unwrap(), address);
        stranger.send_to(b"moved", address).unwrap();
        assert_eq!(read(&ours).unwrap(), b"moved");
    }

    #[test]
    fn a_leg_that_may_still_change_its_source_is_not_connected() {
        let ours = socket();
        let mut link = Link::new();
        for _ in 0..10 * CONNECTED_AFTER_TICKS {
            link.follow(&ours, true, || None);
            assert!(!link.is_draining() && link.source().is_none());
        }
    }
}
