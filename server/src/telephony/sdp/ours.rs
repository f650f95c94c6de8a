//! Our own offer, for a caller who leaves the first word to us (RFC 3261 sections 13.2.1 and 14.2), and the answer to it.

use super::answer::{encoding, head};
use super::codecs::codec;
use super::crypto::{best_crypto, crypto_line};
use super::read::payload_types;
use super::{MasterKey, Offer, OfferError, SrtpPolicy, Suite, Taken, Wiring};
use engine::Codec;
use rand::Rng;
use std::net::SocketAddr;

/// Payload types that an offer may bind to a codec of its own (RFC 3551 section 6).
const DYNAMIC: std::ops::RangeInclusive<u8> = 96..=127;

/// The tag of the one key that we offer.
const TAG: u32 = 1;

/// An offer of ours: one RTP audio stream with every codec that we have, the best one first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OurOffer {
    opus: u8,
    /// (payload type, clock in Hz) of telephone-events.
    events: [(u8, u32); 2],
    /// How the sound is to be encrypted, if it is.
    key: Option<(Suite, MasterKey)>,
    proto: String,
    /// Place of our stream among the session's media lines.
    stream: usize,
    /// The session's media lines: there is never one less (RFC 3264 section 8). Ours is among them.
    lines: Vec<(String, String, String)>,
}

impl OurOffer {
    /// The first one of a session. It is encrypted only where it has to be: no caller has said yet what it can.
    pub(crate) fn first(policy: SrtpPolicy, rng: &mut impl Rng) -> OurOffer {
        let suite = Suite::Aes128CmSha1_80;
        let key = (policy == SrtpPolicy::Required).then(|| (suite, MasterKey::random(suite, rng)));
        OurOffer {
            opus: 96,
            events: [(101, 8_000), (110, 48_000)],
            proto: if key.is_some() { "RTP/SAVP" } else { "RTP/AVP" }.to_owned(),
            key,
            stream: 0,
            lines: Vec::new(),
        }
    }

    /// A later one. `agreed` is what the session has agreed upon so far: what a payload type meant there it keeps meaning (RFC
    /// 3264 section 8.3.2), and our key stays.
    pub(crate) fn later(agreed: &Offer, wiring: &Wiring) -> OurOffer {
        let used = agreed.lines.get(agreed.stream).map_or("", |(_, _, formats)| formats.as_str());
        let used = used.split_ascii_whitespace().filter_map(|format| format.parse::<u8>().ok());
        let mut free = {
            let used: Vec<u8> = used.collect();
            DYNAMIC.filter(move |payload_type| !used.contains(payload_type))
        };
        // A session has far fewer formats than there are numbers; where not, a number is used a second time.
        let mut next = || free.next().unwrap_or(*DYNAMIC.end());
        let opus = if agreed.codec == Codec::Opus { agreed.payload_type } else { next() };
        let events = [8_000, 48_000].map(|clock_hz| match agreed.telephone_event {
            Some(known) if agreed.event_clock_hz == clock_hz => (known, clock_hz),
            _ => (next(), clock_hz),
        });
        let key = wiring.keys.as_ref().map(|keys| (keys.suite, keys.ours.clone()));
        let proto = agreed.lines.get(agreed.stream).map_or("RTP/AVP", |(_, proto, _)| proto).to_owned();
        OurOffer { opus, events, key, proto, stream: agreed.stream, lines: agreed.lines.clone() }
    }

    /// `version` grows with each description of ours in one session (RFC 4566 section 5.2).
    pub(crate) fn text(&self, local: SocketAddr, session: u64, version: u64) -> String {
        let mut sdp = head(local, session, version);
        for (media, proto, formats) in self.lines.iter().take(self.stream) {
            sdp.push_str(&format!("m={media} 0 {proto} {formats}\r\n"));
        }
        sdp.push_str(&self.offered_stream(local.port()));
        for (media, proto, formats) in self.lines.iter().skip(self.stream + 1) {
            sdp.push_str(&format!("m={media} 0 {proto} {formats}\r\n"));
        }
        sdp
    }

    fn offered_stream(&self, port: u16) -> String {
        let (opus, [(narrow, _), (full, _)]) = (self.opus, self.events);
        let mut lines = format!("m=audio {port} {} {opus} 9 8 0 {narrow} {full}\r\n", self.proto);
        for offered in [Codec::Opus, Codec::G722, Codec::Pcma, Codec::Pcmu] {
            let payload_type = if offered == Codec::Opus { opus } else { offered.payload_type() };
            lines.push_str(&format!("a=rtpmap:{payload_type} {}\r\n", encoding(offered)));
        }
        lines.push_str(&format!("a=fmtp:{opus} useinbandfec=1;usedtx=1\r\n"));
        for (event, clock_hz) in self.events {
            lines
                .push_str(&format!("a=rtpmap:{event} telephone-event/{clock_hz}\r\na=fmtp:{event} 0-15\r\n"));
        }
        if let Some((suite, key)) = &self.key {
            lines.push_str(&crypto_line(TAG, *suite, key));
        }
        lines.push_str("a=ptime:20\r\na=sendrecv\r\n");
        lines
    }

    /// Reads the answer. Of several codecs in it the first one is meant (RFC 3264 section 6.1).
    ///
    /// # Errors
    /// As [`Offer::parse`]; [`OfferError::NoAudio`] also where our stream is refused.
    pub(crate) fn answered(&self, body: &[u8]) -> Result<Offer, OfferError> {
        let sdp = super::read_session(body)?;
        let media = sdp.medias.get(self.stream).ok_or(OfferError::NoAudio)?;
        if media.media != "audio" || media.port == 0 || media.proto != self.proto {
            return Err(OfferError::NoAudio);
        }
        let key = self.key.as_ref();
        let crypto = key.map(|(suite, _)| {
            best_crypto(media).filter(|theirs| theirs.answers(TAG, *suite)).ok_or(OfferError::NoCrypto)
        });
        let crypto = crypto.transpose()?;
        let taken = payload_types(media).find_map(|pt| Some((codec(media, pt)?, pt)));
        let (codec, payload_type) = taken.ok_or(OfferError::NoCodec)?;
        // We have not offered to have reports by the port of the sound.
        Offer::of(&sdp, self.stream, Taken { codec, payload_type, crypto, rtcp_mux: false })
    }

    /// How packets travel after this answer to it.
    pub(crate) fn wiring(&self, answered: &Offer) -> Wiring {
        let keys = answered.crypto.as_ref().zip(self.key.as_ref());
        Wiring { keys: keys.map(|(theirs, (_, ours))| theirs.with(ours)), rtcp_mux: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    fn answer(media: &str) -> Vec<u8> {
        format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n{media}")
            .into_bytes()
    }

    fn first() -> OurOffer {
        OurOffer::first(SrtpPolicy::Allowed, &mut StdRng::seed_from_u64(1))
    }

    fn local() -> SocketAddr {
        "192.0.2.9:20000".parse().unwrap()
    }

    #[test]
    fn a_first_offer_has_every_codec_and_can_be_taken_by_ourselves() {
        let text = first().text(local(), 7, 1);
        assert!(
            text.contains("m=audio 20000 RTP/AVP 96 9 8 0 101 110\r\na=rtpmap:96 opus/48000/2\r\n"),
            "{text}"
        );
        let taken = Offer::parse(text.as_bytes(), SrtpPolicy::Allowed).unwrap();
        assert_eq!((taken.codec, taken.payload_type, taken.telephone_event), (Codec::Opus, 96, Some(110)));
        assert_eq!(taken.remote, local());
    }

    #[test]
    fn the_answers_first_codec_is_meant() {
        let body = answer(
            "m=audio 4000 RTP/AVP 0 96 101\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n",
        );
        let agreed = first().answered(&body).unwrap();
        assert_eq!((agreed.codec, agreed.payload_type, agreed.telephone_event), (Codec::Pcmu, 0, Some(101)));
        assert_eq!(agreed.remote, "127.0.0.1:4000".parse().unwrap());
        let held = answer("m=audio 4000 RTP/AVP 8\r\na=sendonly\r\n");
        let agreed = first().answered(&held).unwrap();
        assert!(!agreed.wants_media && agreed.sends_media);
    }

    #[test]
    fn an_answer_that_refuses_is_an_error() {
        let answered = |media: &str| first().answered(&answer(media));
        assert_eq!(answered("m=audio 0 RTP/AVP 0\r\n"), Err(OfferError::NoAudio));
        assert_eq!(answered("m=audio 4000 RTP/AVP 18\r\n"), Err(OfferError::NoCodec));
        assert_eq!(answered(""), Err(OfferError::NoAudio));
        assert_eq!(first().answered(b""), Err(OfferError::Missing));
    }

    #[test]
    fn a_later_offer_keeps_the_lines_and_the_payload_types_of_the_session() {
        let offer = answer(
            "m=video 5000 RTP/AVP 96\r\nm=audio 4000 RTP/AVP 107 0 96\r\na=rtpmap:107 opus/48000/2\r\n\
             a=rtpmap:96 telephone-event/48000\r\nm=text 6000 RTP/AVP 98\r\n",
        );
        let agreed = Offer::parse(&offer, SrtpPolicy::Allowed).unwrap();
        let text = OurOffer::later(&agreed, &Wiring::default()).text(local(), 7, 2);
        let media: Vec<&str> = text.lines().filter(|line| line.starts_with("m=")).collect();
        assert_eq!(
            media,
            ["m=video 0 RTP/AVP 96", "m=audio 20000 RTP/AVP 107 9 8 0 97 96", "m=text 0 RTP/AVP 98"]
        );
        assert!(text.contains("a=rtpmap:96 telephone-event/48000\r\n"), "{text}");
    }

    #[test]
    fn where_encryption_is_required_we_offer_it_and_keep_our_key() {
        let mut rng = StdRng::seed_from_u64(2);
        let ours = OurOffer::first(SrtpPolicy::Required, &mut rng);
        let text = ours.text(local(), 7, 1);
        assert!(text.contains("m=audio 20000 RTP/SAVP "), "{text}");
        // As the phone reads it, and answers.
        let read = Offer::parse(text.as_bytes(), SrtpPolicy::Required).unwrap();
        let theirs = read.wiring(None, &mut rng);
        let reply = read.answer("192.0.2.1:4000".parse().unwrap(), 1, 1, &theirs);
        let agreed = ours.answered(reply.as_bytes()).unwrap();
        let (mine, its) = (ours.wiring(&agreed).keys.unwrap(), theirs.keys.unwrap());
        assert!(mine.ours == its.theirs && mine.theirs == its.ours);
        assert_eq!(ours.answered(&answer("m=audio 4000 RTP/AVP 0\r\n")), Err(OfferError::NoAudio));
        assert_eq!(ours.answered(&answer("m=audio 4000 RTP/SAVP 0\r\n")), Err(OfferError::NoCrypto));
        let wiring = Wiring { keys: Some(mine), rtcp_mux: false };
        let line = |text: &str| text.lines().find(|l| l.starts_with("a=crypto")).map(str::to_owned);
        assert_eq!(line(&OurOffer::later(&agreed, &wiring).text(local(), 7, 2)), line(&text));
    }
}
