//! Where a leg's packets come from: symmetric RTP (RFC 4961), and no one else.
//!
//! The address that signalling announced is believed at once. A phone behind an address translator sends from another
//! one, which only its packets show; so where the announced address stays silent for [`ANNOUNCED_FIRST`], the first
//! valid packet from elsewhere is taken, and we send there. For [`PROBATION`] the announced address may still take over,
//! should it speak after all: a phone that has not noticed that its last call is over must not keep a caller out. Then the
//! source is locked. Another address is listened to only after [`SOURCE_SILENCE`], and only if its packets carry the same
//! source identifier (SSRC), which an outsider does not know: a translator has given the phone another port. Another SSRC
//! from the same address is a new sender behind it, and has to wait until the old one is silent for [`SENDER_SILENCE`]:
//! nobody can talk into a caller's speech by forging its address.

use crate::time::Micros;
use std::net::SocketAddr;

/// How long a packet from elsewhere waits for one from the announced address: a few packets' time on a slow line.
const ANNOUNCED_FIRST: Micros = Micros::from_ms(300);
/// How long the announced address may still take over from another source.
const PROBATION: Micros = Micros::from_ms(5_000);
/// The silence after which the same sender may come from another address.
const SOURCE_SILENCE: Micros = Micros::from_ms(500);
/// The silence after which another sender may come from the same address: more than the longest packet, and its jitter.
const SENDER_SILENCE: Micros = Micros::from_ms(200);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Latch {
    /// Nothing valid has come yet.
    Open { announced: SocketAddr, since: Micros },
    /// A source speaks.
    Locked(Locked),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Locked {
    source: SocketAddr,
    ssrc: u32,
    /// When it was heard last.
    heard: Micros,
    announced: SocketAddr,
    /// Until when the announced address may take over in any case.
    probation_ends: Micros,
}

/// A packet, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sender {
    pub(crate) from: SocketAddr,
    pub(crate) ssrc: u32,
    /// A key, not sound: some gateways send keys as a stream of its own.
    pub(crate) is_event: bool,
}

impl Latch {
    pub(crate) fn new(now: Micros, announced: SocketAddr) -> Self {
        Latch::Open { announced, since: now }
    }

    /// Where to send.
    pub(crate) fn destination(&self) -> SocketAddr {
        match *self {
            Latch::Open { announced, .. } => announced,
            Latch::Locked(locked) => locked.source,
        }
    }

    /// The one source that is listened to while it speaks.
    pub(crate) fn locked(&self, now: Micros) -> Option<SocketAddr> {
        match self {
            Latch::Locked(locked) if locked.source == locked.announced || now >= locked.probation_ends => {
                Some(locked.source)
            }
            Latch::Open { .. } | Latch::Locked(_) => None,
        }
    }

    /// Takes a valid packet, if it may be listened to.
    pub(crate) fn admit(&mut self, now: Micros, sender: Sender) -> bool {
        let Sender { from, ssrc, is_event } = sender;
        match self {
            Latch::Open { announced, since } => {
                let admitted = from == *announced || now.since(*since) >= ANNOUNCED_FIRST;
                if admitted {
                    let probation_ends = now.saturating_add(PROBATION);
                    let announced = *announced;
                    *self =
                        Latch::Locked(Locked { source: from, ssrc, heard: now, announced, probation_ends });
                }
                admitted
            }
            Latch::Locked(locked) if is_event && from == locked.source && ssrc != locked.ssrc => true,
            Latch::Locked(locked) => {
                let admitted = locked.admits(now, from, ssrc);
                if admitted {
                    *locked = Locked { source: from, ssrc, heard: now, ..*locked };
                }
                admitted
            }
        }
    }

    /// A re-INVITE came. Whoever moves may keep the address that it believes to have, so any re-INVITE opens; but while
    /// nothing new has come, an unchanged address in it is no reason to send elsewhere than before.
    pub(crate) fn renew(&mut self, now: Micros, before: SocketAddr, announced: SocketAddr) {
        let announced = if before == announced { self.destination() } else { announced };
        *self = Latch::Open { announced, since: now };
    }
}

impl Locked {
    fn admits(&self, now: Micros, from: SocketAddr, ssrc: u32) -> bool {
        let silence = now.since(self.heard);
        if from == self.source {
            return ssrc == self.ssrc || silence >= SENDER_SILENCE;
        }
        let is_announced = from == self.announced;
        let takes_over = is_announced && now < self.probation_ends;
        takes_over || ((is_announced || ssrc == self.ssrc) && silence >= SOURCE_SILENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Micros = Micros::from_ms(1_000);

    fn after(ms: u64) -> Micros {
        Micros::from_ms(1_000 + ms)
    }

    fn addresses() -> [SocketAddr; 3] {
        [1, 2, 3].map(|n| SocketAddr::from(([192, 0, 2, n], 4000)))
    }

    fn sound(from: SocketAddr, ssrc: u32) -> Sender {
        Sender { from, ssrc, is_event: false }
    }

    /// Speaks every 20 ms, up to and with `to_ms`.
    fn speak(latch: &mut Latch, from_ms: u64, to_ms: u64, sender: Sender) {
        for ms in (from_ms..=to_ms).step_by(20) {
            assert!(latch.admit(after(ms), sender), "at {ms} ms");
        }
    }

    #[test]
    fn the_announced_address_is_believed_and_locked_at_once() {
        let [announced, stranger, _] = addresses();
        let mut latch = Latch::new(START, announced);
        assert_eq!(latch.destination(), announced);
        assert!(!latch.admit(after(299), sound(stranger, 2)));
        speak(&mut latch, 0, 400, sound(announced, 1));
        assert!(!latch.admit(after(410), sound(stranger, 2)));
        assert!(!latch.admit(after(60_000), sound(stranger, 2)), "silence lets no stranger in");
        assert_eq!(latch.destination(), announced);
    }

    #[test]
    fn another_source_is_taken_once_the_announced_one_stayed_silent() {
        let [announced, translated, stranger] = addresses();
        let mut latch = Latch::new(START, announced);
        assert!(latch.admit(after(300), sound(translated, 1)));
        assert_eq!(latch.destination(), translated);
        assert!(!latch.admit(after(310), sound(stranger, 2)));
        assert!(!latch.admit(after(60_000), sound(stranger, 2)));
    }

    #[test]
    fn a_stranger_who_came_first_yields_to_the_announced_address_at_first() {
        let [announced, stranger, _] = addresses();
        let mut latch = Latch::new(START, announced);
        speak(&mut latch, 300, 5_280, sound(stranger, 2));
        let mut late = latch;
        assert!(latch.admit(after(5_290), sound(announced, 1)));
        assert_eq!(latch.destination(), announced);
        assert!(!latch.admit(after(5_300), sound(stranger, 2)));
        // Later, whoever speaks is not interrupted by who knows the address alone.
        speak(&mut late, 5_300, 5_300, sound(stranger, 2));
        assert!(!late.admit(after(5_310), sound(announced, 1)));
        assert!(late.admit(after(5_800), sound(announced, 1)));
    }

    #[test]
    fn the_same_sender_may_move_after_a_silence() {
        let [announced, moved, _] = addresses();
        let mut latch = Latch::new(START, announced);
        speak(&mut latch, 0, 1_000, sound(announced, 1));
        assert!(!latch.admit(after(1_499), sound(moved, 1)));
        assert!(!latch.admit(after(1_500), sound(moved, 2)));
        assert!(latch.admit(after(1_500), sound(moved, 1)));
        assert_eq!(latch.destination(), moved);
    }

    #[test]
    fn another_sender_behind_the_same_address_waits_for_silence() {
        let [announced, ..] = addresses();
        let mut latch = Latch::new(START, announced);
        speak(&mut latch, 0, 1_000, sound(announced, 1));
        assert!(!latch.admit(after(1_010), sound(announced, 2)));
        assert!(latch.admit(after(1_020), sound(announced, 1)));
        assert!(!latch.admit(after(1_219), sound(announced, 2)));
        assert!(latch.admit(after(1_220), sound(announced, 2)));
        assert!(!latch.admit(after(1_230), sound(announced, 1)), "the old one is over");
    }

    #[test]
    fn keys_may_be_a_stream_of_their_own() {
        let [announced, stranger, _] = addresses();
        let mut latch = Latch::new(START, announced);
        speak(&mut latch, 0, 1_000, sound(announced, 1));
        let key = |from| Sender { from, ssrc: 7, is_event: true };
        assert!(latch.admit(after(1_010), key(announced)) && !latch.admit(after(1_010), key(stranger)));
        assert!(!latch.admit(after(1_020), sound(announced, 7)), "their sender says nothing");
    }

    #[test]
    fn a_re_invite_opens() {
        let [a, b, c] = addresses();
        let mut latch = Latch::new(START, a);
        assert!(latch.admit(after(300), sound(b, 1)));
        latch.renew(START, a, a);
        assert_eq!(latch.destination(), b);
        let mut other = latch;
        assert!(!other.admit(START, sound(c, 3)) && other.admit(after(300), sound(c, 3)));
        assert!(latch.admit(START, sound(b, 1)));
        latch.renew(START, a, c);
        assert_eq!(latch.destination(), c);
        assert!(!latch.admit(START, sound(b, 1)) && latch.admit(START, sound(c, 3)));
    }
}
