//! One INVITE that a forking proxy brings by two ways (RFC 3261 section 8.2.2.2).

use model::limits::REMEMBERED_INVITES;
use rsipstack::sip::Request;
use rsipstack::sip::prelude::HeadersExt;
use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;
use tokio::time::Instant;

/// How long an INVITE's transaction can last after its answer: 64*T1 (RFC 3261 section 17.2.1).
const REMEMBERED: Duration = Duration::from_secs(32);

/// The INVITEs of the last 32 seconds, each by a keyed hash of its Call-ID, tag and CSeq.
#[derive(Default)]
pub(super) struct Merged {
    hasher: RandomState,
    known: HashSet<u64>,
    oldest_first: VecDeque<(Instant, u64)>,
}

impl Merged {
    /// Whether this request was here before, by another way: the stack takes what comes again by the same way (the same
    /// branch) for a retransmission, and does not show it.
    pub(super) fn is_second(&mut self, now: Instant, request: &Request) -> bool {
        let Some(mark) = self.mark(request) else { return false };
        self.forget(now);
        if !self.known.insert(mark) {
            return true;
        }
        self.oldest_first.push_back((now, mark));
        false
    }

    fn mark(&self, request: &Request) -> Option<u64> {
        let call = request.call_id_header().ok()?.value();
        let tag = request.from_header().ok()?.tag().ok()??;
        let cseq = request.cseq_header().ok()?.seq().ok()?;
        Some(self.hasher.hash_one((call, tag.value(), cseq)))
    }

    fn forget(&mut self, now: Instant) {
        let full = self.known.len() >= REMEMBERED_INVITES;
        let old = |came: Instant| now.saturating_duration_since(came) >= REMEMBERED;
        let mut gone = usize::from(full);
        while let Some((came, mark)) = self.oldest_first.front()
            && (gone > 0 || old(*came))
        {
            gone = gone.saturating_sub(1);
            self.known.remove(mark);
            self.oldest_first.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rsipstack::sip::SipMessage;

    fn invite(tag: &str, branch: &str, cseq: u32) -> Request {
        let text = format!(
            "INVITE sip:3000@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK{branch}\r\n\
             From: <sip:a@b>;tag={tag}\r\nTo: <sip:3000@127.0.0.1>\r\nCall-ID: 7\r\nCSeq: {cseq} INVITE\r\n\
             Content-Length: 0\r\n\r\n"
        );
        match SipMessage::try_from(text.as_bytes()).unwrap() {
            SipMessage::Request(request) => request,
            SipMessage::Response(_) => unreachable!("a request was written"),
        }
    }

    #[test]
    fn the_same_invite_by_another_way_is_known() {
        let (mut merged, now) = (Merged::default(), Instant::now());
        assert!(!merged.is_second(now, &invite("1", "a", 1)));
        assert!(merged.is_second(now, &invite("1", "b", 1)));
        assert!(!merged.is_second(now, &invite("1", "c", 2)), "another CSeq");
        assert!(!merged.is_second(now, &invite("2", "d", 1)), "another caller");
    }

    #[test]
    fn it_is_forgotten_after_its_transaction() {
        let (mut merged, now) = (Merged::default(), Instant::now());
        assert!(!merged.is_second(now, &invite("1", "a", 1)));
        assert!(!merged.is_second(now + REMEMBERED, &invite("1", "b", 1)));
    }

    #[test]
    fn a_flood_of_them_takes_no_more_room() {
        let (mut merged, now) = (Merged::default(), Instant::now());
        for cseq in 0..REMEMBERED_INVITES as u32 + 100 {
            assert!(!merged.is_second(now, &invite("1", "a", cseq)));
        }
        assert_eq!((merged.known.len(), merged.oldest_first.len()), (REMEMBERED_INVITES, REMEMBERED_INVITES));
        assert!(!merged.is_second(now, &invite("1", "b", 0)), "the oldest is forgotten");
        assert!(merged.is_second(now, &invite("1", "b", 5_000)));
    }
}
