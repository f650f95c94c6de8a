//! Our side of the session: what was described, by whom, and what is still open (RFC 3264).

use crate::telephony::SrtpPolicy;
use crate::telephony::sdp::{Offer, OfferError, OurOffer, Wiring};
use std::net::SocketAddr;

pub(super) struct Session {
    local: SocketAddr,
    id: u64,
    /// Grows with each description of ours (RFC 4566 section 5.2).
    version: u64,
    /// What was agreed upon last; `None` until a first answer to an offer of ours.
    agreed: Option<Offer>,
    /// How its packets travel.
    wiring: Wiring,
    /// The server's.
    srtp: SrtpPolicy,
    exchange: Exchange,
    /// Our last description: said again, it changes nothing (RFC 3264 section 8).
    last: Vec<u8>,
}

/// Whose turn it is.
enum Exchange {
    /// They have offered, and wait for our answer.
    Theirs,
    /// We have offered in the answer to the INVITE with this CSeq.
    Ours {
        cseq: u32,
        offer: OurOffer,
    },
    Settled,
}

/// No offer of theirs can be taken now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Busy {
    /// Their last one has no answer yet: 500 (RFC 3311 section 5.2).
    Theirs,
    /// Ours has none: 491.
    Ours,
}

impl Session {
    /// They have offered in their INVITE.
    pub(super) fn offered(local: SocketAddr, id: u64, offer: Offer, srtp: SrtpPolicy) -> Session {
        let wiring = offer.wiring(None, &mut rand::rng());
        let last = offer.answer(local, id, 1, &wiring).into_bytes();
        let exchange = Exchange::Theirs;
        Session { local, id, version: 1, agreed: Some(offer), wiring, srtp, exchange, last }
    }

    /// They have not: we offer.
    pub(super) fn offering(local: SocketAddr, id: u64, cseq: u32, srtp: SrtpPolicy) -> Session {
        let offer = OurOffer::first(srtp, &mut rand::rng());
        let last = offer.text(local, id, 1).into_bytes();
        let (wiring, exchange) = (Wiring::default(), Exchange::Ours { cseq, offer });
        Session { local, id, version: 1, agreed: None, wiring, srtp, exchange, last }
    }

    /// What an offer of theirs has to keep to.
    pub(super) fn policy(&self) -> SrtpPolicy {
        self.agreed.as_ref().map_or(self.srtp, |agreed| agreed.policy_of_next(self.srtp))
    }

    /// How packets travel.
    pub(super) fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    /// How they would after this offer of theirs.
    pub(super) fn wiring_after(&self, offer: &Offer) -> Wiring {
        offer.wiring(Some(&self.wiring), &mut rand::rng())
    }

    /// Our last description, offer or answer.
    pub(super) fn description(&self) -> Vec<u8> {
        self.last.clone()
    }

    /// What the sound is agreed to be, if it is.
    pub(super) fn agreed(&self) -> Option<&Offer> {
        self.agreed.as_ref()
    }

    /// Our answer is on its way.
    pub(super) fn answered(&mut self) {
        self.exchange = Exchange::Settled;
    }

    /// Whether an offer of theirs can be taken.
    pub(super) fn is_free(&self) -> Result<(), Busy> {
        match self.exchange {
            Exchange::Theirs => Err(Busy::Theirs),
            Exchange::Ours { .. } => Err(Busy::Ours),
            Exchange::Settled => Ok(()),
        }
    }

    /// Takes their new offer; our answer to it. `wiring` is that of [`Session::wiring_after`].
    pub(super) fn change(&mut self, offer: Offer, wiring: Wiring) -> Vec<u8> {
        self.version += 1;
        self.last = offer.answer(self.local, self.id, self.version, &wiring).into_bytes();
        self.agreed = Some(offer);
        self.wiring = wiring;
        self.description()
    }

    /// Our offer for the answer to an INVITE without one: all that we have, whatever was agreed upon (RFC 3261 section
    /// 14.2).
    pub(super) fn offer(&mut self, cseq: u32) -> Vec<u8> {
        self.version += 1;
        let offer = match &self.agreed {
            Some(agreed) => OurOffer::later(agreed, &self.wiring),
            None => OurOffer::first(self.srtp, &mut rand::rng()),
        };
        self.last = offer.text(self.local, self.id, self.version).into_bytes();
        self.exchange = Exchange::Ours { cseq, offer };
        self.description()
    }

    /// Whether our offer waits for an answer from the ACK to this INVITE.
    pub(super) fn waits_for(&self, cseq: u32) -> bool {
        matches!(self.exchange, Exchange::Ours { cseq: ours, .. } if ours == cseq)
    }

    /// Takes the answer to our offer; what is agreed now. On an error what was agreed before stays.
    pub(super) fn take_answer(&mut self, body: &[u8]) -> Result<&Offer, OfferError> {
        let Exchange::Ours { offer, .. } = std::mem::replace(&mut self.exchange, Exchange::Settled) else {
            return Err(OfferError::Missing);
        };
        let answer = offer.answered(body)?;
        self.wiring = offer.wiring(&answer);
        Ok(self.agreed.insert(answer))
    }

    /// Takes the answer to our last description, which was said again to refresh the session. `None`: they say nothing new.
    pub(super) fn take_refreshed(&mut self, body: &[u8]) -> Option<&Offer> {
        let policy = if self.wiring.keys.is_some() { SrtpPolicy::Required } else { SrtpPolicy::Off };
        let answer = Offer::parse(body, policy).ok()?;
        let wiring = answer.wiring_as_answer(&self.wiring)?;
        let agreed = self.agreed.as_mut()?;
        if answer.media() == agreed.media() && wiring == self.wiring {
            return None;
        }
        self.wiring = wiring;
        *agreed = answer;
        Some(agreed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description(media: &str) -> Vec<u8> {
        format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n{media}")
            .into_bytes()
    }

    fn offer(media: &str) -> Offer {
        Offer::parse(&description(media), SrtpPolicy::Allowed).unwrap()
    }

    fn local() -> SocketAddr {
        "127.0.0.1:20000".parse().unwrap()
    }

    fn version(description: &[u8]) -> String {
        let text = String::from_utf8(description.to_vec()).unwrap();
        text.lines().nth(1).unwrap().to_owned()
    }

    #[test]
    fn their_offers_are_answered_one_after_the_other() {
        let mut session =
            Session::offered(local(), 7, offer("m=audio 4000 RTP/AVP 0\r\n"), SrtpPolicy::Allowed);
        assert_eq!(session.is_free(), Err(Busy::Theirs));
        assert_eq!(version(&session.description()), "o=- 7 1 IN IP4 127.0.0.1");
        session.answered();
        assert_eq!(session.is_free(), Ok(()));
        let answer = session.change(offer("m=audio 4002 RTP/AVP 8\r\na=sendonly\r\n"), Wiring::default());
        assert_eq!(version(&answer), "o=- 7 2 IN IP4 127.0.0.1");
        assert_eq!(session.description(), answer, "said again, it is the same");
        assert_eq!(session.agreed().unwrap().remote.port(), 4_002);
    }

    #[test]
    fn our_offer_keeps_theirs_out_until_it_is_answered() {
        let mut session = Session::offering(local(), 7, 1, SrtpPolicy::Allowed);
        assert!(session.agreed().is_none() && session.waits_for(1) && !session.waits_for(2));
        assert_eq!(session.is_free(), Err(Busy::Ours));
        let agreed = session.take_answer(&description("m=audio 4000 RTP/AVP 8\r\n")).unwrap();
        assert_eq!(agreed.payload_type, 8);
        assert_eq!(session.is_free(), Ok(()));
        assert_eq!(session.take_answer(b""), Err(OfferError::Missing), "there is nothing to answer");
    }

    #[test]
    fn a_bad_answer_leaves_the_session_as_it_was() {
        let mut session =
            Session::offered(local(), 7, offer("m=audio 4000 RTP/AVP 0\r\n"), SrtpPolicy::Allowed);
        session.answered();
        session.offer(5);
        assert!(session.take_answer(&description("m=audio 4000 RTP/AVP 18\r\n")).is_err());
        assert_eq!(session.agreed().unwrap().payload_type, 0);
        assert_eq!(session.is_free(), Ok(()));
    }

    #[test]
    fn the_answer_to_a_refresh_may_move_the_sound() {
        let mut session =
            Session::offered(local(), 7, offer("m=audio 4000 RTP/AVP 0\r\n"), SrtpPolicy::Allowed);
        session.answered();
        assert!(session.take_refreshed(&description("m=audio 4000 RTP/AVP 0\r\n")).is_none());
        assert!(session.take_refreshed(b"hello").is_none());
        let moved = session.take_refreshed(&description("m=audio 4002 RTP/AVP 0\r\n")).unwrap();
        assert_eq!(moved.remote.port(), 4_002);
    }

    const KEY: &str =
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n";
    const OTHER: &str =
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR\r\n";

    #[test]
    fn an_encrypted_session_stays_so_and_keeps_our_key_while_they_keep_theirs() {
        let secure = |key: &str| offer(&format!("m=audio 4000 RTP/SAVP 0\r\n{key}"));
        let mut session = Session::offered(local(), 7, secure(KEY), SrtpPolicy::Allowed);
        session.answered();
        assert_eq!(session.policy(), SrtpPolicy::Required);
        let first = session.wiring().clone();
        assert_eq!(session.wiring_after(&secure(KEY)), first);
        assert_ne!(session.wiring_after(&secure(OTHER)).keys.unwrap().ours, first.keys.clone().unwrap().ours);
        // In the answer to a refresh of ours, our key is the one that we have said.
        let moved = description(&format!("m=audio 4000 RTP/SAVP 0\r\n{OTHER}"));
        assert!(session.take_refreshed(&moved).is_some());
        let after = session.wiring().keys.clone().unwrap();
        assert!(after.ours == first.keys.clone().unwrap().ours && after.theirs != first.keys.unwrap().theirs);
        assert!(session.take_refreshed(&description("m=audio 4000 RTP/AVP 0\r\n")).is_none());
        let longer = "a=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVzWVNfX19zZW1jdGwgKCkgew==\r\n";
        let other_suite = format!("m=audio 4002 RTP/SAVP 0\r\n{longer}");
        assert_eq!(Offer::parse(&description(&other_suite), SrtpPolicy::Required).map(|_| ()), Ok(()));
        assert!(session.take_refreshed(&description(&other_suite)).is_none(), "it answers another offer");
    }
}
