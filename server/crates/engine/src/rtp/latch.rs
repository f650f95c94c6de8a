//! Where a leg's packets come from: symmetric RTP (RFC 4961).
//!
//! A phone behind an address translator does not know the address that we see. So the first valid packet shows it: we
//! send there, and from then on nobody else is listened to until signalling says that the source changes.

use std::net::SocketAddr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Latch {
    /// The next valid packet decides.
    Open {
        remote: SocketAddr,
    },
    Locked {
        source: SocketAddr,
    },
}

impl Latch {
    pub(crate) fn new(remote: SocketAddr) -> Self {
        Latch::Open { remote }
    }

    /// Where to send.
    pub(crate) fn destination(&self) -> SocketAddr {
        match *self {
            Latch::Open { remote } => remote,
            Latch::Locked { source } => source,
        }
    }

    /// A packet from there may be looked at.
    pub(crate) fn admits(&self, from: SocketAddr) -> bool {
        match *self {
            Latch::Open { .. } => true,
            Latch::Locked { source } => source == from,
        }
    }

    /// A valid packet came from an admitted source.
    pub(crate) fn lock(&mut self, from: SocketAddr) {
        *self = Latch::Locked { source: from };
    }

    /// A re-INVITE came. Whoever moves may keep the address that it believes to have, so any re-INVITE opens; but while
    /// nothing new has come, an unchanged address in it is no reason to send elsewhere than before.
    pub(crate) fn renew(&mut self, before: SocketAddr, remote: SocketAddr) {
        let remote = if before == remote { self.destination() } else { remote };
        *self = Latch::Open { remote };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_packet_locks_and_a_re_invite_opens() {
        let [a, b, c] = [1, 2, 3].map(|n| SocketAddr::from(([192, 0, 2, n], 4000)));
        let mut latch = Latch::new(a);
        assert_eq!(latch.destination(), a);
        assert!(latch.admits(b));
        latch.lock(b);
        assert_eq!(latch.destination(), b);
        assert!(latch.admits(b) && !latch.admits(a));

        latch.renew(a, a);
        assert_eq!(latch.destination(), b);
        assert!(latch.admits(c));
        latch.renew(a, c);
        assert_eq!(latch.destination(), c);
    }
}
