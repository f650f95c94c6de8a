//! Where a leg's packets come from: symmetric RTP (RFC 4961).
//!
//! The address that signalling announced is believed at once. A phone behind an address translator sends from another
//! one, which only its packets show; so where the announced address stays silent for [`ANNOUNCED_FIRST`], the first
//! valid packet from elsewhere is taken, and we send there. Nobody else is listened to then, but for the announced
//! address, should it speak after all: a stranger, or a phone that has not noticed that its call is over, must not
//! keep a caller out of its own leg.

use crate::time::Micros;
use std::net::SocketAddr;

/// How long a packet from elsewhere waits for one from the announced address: a few packets' time on a slow line.
const ANNOUNCED_FIRST: Micros = Micros::from_ms(300);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Latch {
    /// Nothing valid has come yet.
    Open { announced: SocketAddr, since: Micros },
    /// Somebody speaks from elsewhere while the announced address is silent.
    Elsewhere { announced: SocketAddr, source: SocketAddr },
    /// The announced address speaks.
    Locked { source: SocketAddr },
}

impl Latch {
    pub(crate) fn new(now: Micros, announced: SocketAddr) -> Self {
        Latch::Open { announced, since: now }
    }

    /// Where to send.
    pub(crate) fn destination(&self) -> SocketAddr {
        match *self {
            Latch::Open { announced, .. } => announced,
            Latch::Elsewhere { source, .. } | Latch::Locked { source } => source,
        }
    }

    /// The one source that is admitted, until a re-INVITE.
    pub(crate) fn locked(&self) -> Option<SocketAddr> {
        match *self {
            Latch::Locked { source } => Some(source),
            Latch::Open { .. } | Latch::Elsewhere { .. } => None,
        }
    }

    /// A packet from there may be looked at.
    pub(crate) fn admits(&self, now: Micros, from: SocketAddr) -> bool {
        match *self {
            Latch::Open { announced, since } => from == announced || now.0 >= since.0 + ANNOUNCED_FIRST.0,
            Latch::Elsewhere { announced, source } => from == source || from == announced,
            Latch::Locked { source } => from == source,
        }
    }

    /// A valid packet came from an admitted source.
    pub(crate) fn lock(&mut self, from: SocketAddr) {
        if let Latch::Open { announced, .. } | Latch::Elsewhere { announced, .. } = *self {
            *self = match from == announced {
                true => Latch::Locked { source: from },
                false => Latch::Elsewhere { announced, source: from },
            };
        }
    }

    /// A re-INVITE came. Whoever moves may keep the address that it believes to have, so any re-INVITE opens; but while
    /// nothing new has come, an unchanged address in it is no reason to send elsewhere than before.
    pub(crate) fn renew(&mut self, now: Micros, before: SocketAddr, announced: SocketAddr) {
        let announced = if before == announced { self.destination() } else { announced };
        *self = Latch::Open { announced, since: now };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Micros = Micros::from_ms(1_000);
    const SOON: Micros = Micros::from_ms(1_299);
    const LATER: Micros = Micros::from_ms(1_300);

    fn addresses() -> [SocketAddr; 3] {
        [1, 2, 3].map(|n| SocketAddr::from(([192, 0, 2, n], 4000)))
    }

    #[test]
    fn the_announced_address_is_believed_and_locked_at_once() {
        let [announced, stranger, _] = addresses();
        let mut latch = Latch::new(START, announced);
        assert_eq!(latch.destination(), announced);
        assert!(latch.admits(START, announced) && !latch.admits(SOON, stranger));
        latch.lock(announced);
        assert!(latch.admits(LATER, announced) && !latch.admits(LATER, stranger));
    }

    #[test]
    fn another_source_is_taken_once_the_announced_one_stayed_silent() {
        let [announced, translated, stranger] = addresses();
        let mut latch = Latch::new(START, announced);
        assert!(latch.admits(LATER, translated));
        latch.lock(translated);
        assert_eq!(latch.destination(), translated);
        assert!(latch.admits(LATER, translated) && !latch.admits(LATER, stranger));
    }

    #[test]
    fn a_stranger_who_came_first_yields_to_the_announced_address() {
        let [announced, stranger, _] = addresses();
        let mut latch = Latch::new(START, announced);
        latch.lock(stranger);
        assert!(latch.admits(LATER, announced));
        latch.lock(announced);
        assert_eq!(latch.destination(), announced);
        assert!(!latch.admits(LATER, stranger));
    }

    #[test]
    fn a_re_invite_opens() {
        let [a, b, c] = addresses();
        let mut latch = Latch::new(START, a);
        latch.lock(b);
        latch.renew(START, a, a);
        assert_eq!(latch.destination(), b);
        assert!(latch.admits(START, b) && !latch.admits(START, c) && latch.admits(LATER, c));
        latch.renew(START, a, c);
        assert_eq!(latch.destination(), c);
        assert!(latch.admits(START, c) && !latch.admits(START, b));
    }
}
