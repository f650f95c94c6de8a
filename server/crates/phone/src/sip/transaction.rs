//! Client transactions (RFC 3261 section 17.1): what to send again, and when to give up.

use rsip::{Method, Request};
use std::time::{Duration, Instant};

/// An estimate of the round trip (RFC 3261 section 17.1.1.1).
pub(crate) const T1: Duration = Duration::from_millis(500);
/// The longest interval between retransmissions of other requests than INVITE, and of 2xx responses.
pub(crate) const T2: Duration = Duration::from_secs(4);
/// Timers B, F, H and J: 64 * T1.
pub(crate) const GIVE_UP: Duration = Duration::from_secs(32);

/// A packet that is sent again and again until somebody answers.
#[derive(Debug)]
pub(crate) struct Retransmission {
    pub(crate) packet: Vec<u8>,
    interval: Duration,
    longest: Duration,
    next: Instant,
    gives_up: Instant,
}

/// What time has brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    Send(Vec<u8>),
    TimedOut,
}

impl Retransmission {
    /// The first sending is the caller's.
    pub(crate) fn new(packet: Vec<u8>, longest: Duration, now: Instant) -> Retransmission {
        Retransmission { packet, interval: T1, longest, next: now + T1, gives_up: now + GIVE_UP }
    }

    pub(crate) fn poll(&mut self, now: Instant) -> Due {
        if now >= self.gives_up {
            return Due::TimedOut;
        }
        if now < self.next {
            return Due::Nothing;
        }
        self.interval = (self.interval * 2).min(self.longest);
        self.next = now + self.interval;
        Due::Send(self.packet.clone())
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.next.min(self.gives_up)
    }
}

/// A request of ours that waits for its final response.
#[derive(Debug)]
pub(crate) struct ClientTransaction {
    /// Boxed: a call keeps it in one state of several.
    pub(crate) request: Box<Request>,
    pub(crate) branch: String,
    /// None once an INVITE has been answered provisionally: it may now ring for as long as the caller waits.
    retransmission: Option<Retransmission>,
}

impl ClientTransaction {
    pub(crate) fn new(request: Request, branch: String, now: Instant) -> ClientTransaction {
        // Timer A of an INVITE doubles without a bound; Timer E of the others stops at T2.
        let longest = if request.method == Method::Invite { GIVE_UP } else { T2 };
        let packet = Vec::from(request.clone());
        ClientTransaction {
            request: Box::new(request),
            branch,
            retransmission: Some(Retransmission::new(packet, longest, now)),
        }
    }

    /// A provisional response: an INVITE is not sent again; others go on, at T2 (RFC 3261 section 17.1.2.2).
    pub(crate) fn provisional(&mut self) {
        if self.request.method == Method::Invite {
            self.retransmission = None;
        } else if let Some(retransmission) = &mut self.retransmission {
            retransmission.interval = T2;
        }
    }

    /// Whether the other side has shown that it has the request.
    pub(crate) fn is_proceeding(&self) -> bool {
        self.retransmission.is_none()
    }

    pub(crate) fn poll(&mut self, now: Instant) -> Due {
        self.retransmission.as_mut().map_or(Due::Nothing, |retransmission| retransmission.poll(now))
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.retransmission.as_ref().map(Retransmission::deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::message::tests::identity;

    /// When (in ms) a request is sent again, and when it is given up.
    fn schedule(method: Method, provisional_after_ms: Option<u64>) -> (Vec<u64>, Option<u64>) {
        let start = Instant::now();
        let request = identity().request(method, 1, "z9hG4bK1", None);
        let mut transaction = ClientTransaction::new(request, "z9hG4bK1".into(), start);
        let mut sent = Vec::new();
        while let Some(deadline) = transaction.deadline() {
            let at_ms = (deadline - start).as_millis() as u64;
            if provisional_after_ms.is_some_and(|provisional| at_ms > provisional) {
                transaction.provisional();
            }
            match transaction.poll(deadline) {
                Due::Send(_) => sent.push(at_ms),
                Due::TimedOut => return (sent, Some(at_ms)),
                Due::Nothing => {}
            }
        }
        (sent, None)
    }

    #[test]
    fn an_invite_doubles_its_interval_until_timer_b() {
        assert_eq!(
            schedule(Method::Invite, None),
            (vec![500, 1500, 3500, 7500, 15_500, 31_500], Some(32_000))
        );
    }

    #[test]
    fn an_invite_answered_provisionally_is_not_sent_again() {
        assert_eq!(schedule(Method::Invite, Some(1_600)), (vec![500, 1500], None));
    }

    #[test]
    fn a_bye_doubles_its_interval_up_to_t2_until_timer_f() {
        let expected = vec![500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
        assert_eq!(schedule(Method::Bye, None), (expected, Some(32_000)));
    }
}
