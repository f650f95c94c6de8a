//! What the fuzz targets call: bytes from the network, taken as the server takes them.

use crate::telephony::{fuzz_offer, fuzz_signalling};

/// Bytes on the SIP port, as one datagram and as a stream in pieces: looked at by the door, parsed, and what we read of them
/// read. Must never panic.
pub fn sip_datagram(bytes: &[u8]) {
    fuzz_signalling(bytes);
}

/// One session description of a caller: read, and answered if it can be. Must never panic.
pub fn session_description(bytes: &[u8]) {
    fuzz_offer(bytes);
}

#[cfg(test)]
mod tests {
    use rand::rngs::SmallRng;
    use rand::{Rng, RngExt, SeedableRng};

    const INVITE: &str = "INVITE sip:3000@127.0.0.1:5060 SIP/2.0\r\n\
        Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK-1;rport\r\n\
        From: \"Claire\" <sip:0612345678@127.0.0.1>;tag=1\r\n\
        To: <sip:3000@127.0.0.1>\r\nCall-ID: 1@127.0.0.1\r\nCSeq: 1 INVITE\r\n\
        Contact: <sip:0612345678@127.0.0.1:5070>\r\nMax-Forwards: 70\r\n\
        Content-Type: application/sdp\r\nContent-Length: 175\r\n\r\n\
        v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
        m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\na=sendrecv\r\n";

    const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
        m=video 5000 RTP/AVP 96\r\nm=audio 4000 RTP/AVP 107 9 8 0 101 110\r\na=rtcp:4003 IN IP4 127.0.0.1\r\n\
        a=rtpmap:107 opus/48000/2\r\na=fmtp:107 maxaveragebitrate=64000;useinbandfec=1\r\n\
        a=rtpmap:9 G722/8000\r\na=rtpmap:101 telephone-event/8000\r\na=rtpmap:110 telephone-event/48000\r\n\
        a=fmtp:101 0-15\r\na=maxptime:60\r\na=ptime:20\r\na=sendrecv\r\n";

    /// What gives SIP and SDP their structure.
    const MARKS: &[u8] = b"\r\n;,<>\"%:= \0";

    fn mutate(rng: &mut SmallRng, bytes: &mut Vec<u8>) {
        for _ in 0..rng.random_range(1..12) {
            let at = rng.random_range(0..bytes.len());
            match rng.random_range(0..5) {
                0 => bytes[at] = rng.random(),
                1 => bytes.truncate(at.max(1)),
                2 => bytes.insert(at, MARKS[rng.random_range(0..MARKS.len())]),
                3 => {
                    let end = (at + rng.random_range(1..40)).min(bytes.len());
                    let piece = bytes[at..end].to_vec();
                    bytes.splice(at..at, piece);
                }
                _ => drop(bytes.remove(at)),
            }
            if bytes.is_empty() {
                bytes.push(rng.next_u32() as u8);
            }
        }
    }

    #[test]
    fn fifty_thousand_mutated_offers_do_not_panic() {
        super::session_description(OFFER.as_bytes());
        let mut rng = SmallRng::seed_from_u64(4566);
        for _ in 0..50_000 {
            let mut bytes = OFFER.as_bytes().to_vec();
            mutate(&mut rng, &mut bytes);
            super::session_description(&bytes);
        }
    }

    #[test]
    fn twenty_thousand_mutated_invites_do_not_panic() {
        super::sip_datagram(INVITE.as_bytes());
        let mut rng = SmallRng::seed_from_u64(4475);
        for _ in 0..20_000 {
            let mut bytes = INVITE.as_bytes().to_vec();
            mutate(&mut rng, &mut bytes);
            super::sip_datagram(&bytes);
        }
    }

    /// The messages of RFC 4475.
    fn torture() -> Vec<Vec<u8>> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../end2end/data/rfc4475");
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        let mut messages: Vec<_> =
            files.filter(|path| path.extension().is_some_and(|e| e == "dat")).collect();
        messages.sort();
        messages.iter().map(|path| std::fs::read(path).unwrap()).collect()
    }

    #[test]
    fn fifty_thousand_mutated_torture_messages_do_not_panic() {
        let messages = torture();
        assert_eq!(messages.len(), 49);
        messages.iter().for_each(|message| super::sip_datagram(message));
        let mut rng = SmallRng::seed_from_u64(3261);
        for round in 0..50_000 {
            let mut bytes = messages[round % messages.len()].clone();
            // A stream has more than one.
            if round % 3 == 0 {
                bytes.extend_from_slice(&messages[rng.random_range(0..messages.len())]);
            }
            mutate(&mut rng, &mut bytes);
            super::sip_datagram(&bytes);
        }
    }
}
