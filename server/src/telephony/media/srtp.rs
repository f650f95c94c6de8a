//! SRTP and SRTCP (RFC 3711, RFC 7714): between a leg's sockets and the engine, which knows plain packets alone.
//!
//! The cipher library keeps a state for each source (SSRC) before it has authenticated anything. So each source gets a
//! cipher of its own here, which stays only if its first packet was authentic: strangers cannot fill memory.

use crate::telephony::sdp::{MasterKey, SrtpKeys, Suite};
use bytes::BytesMut;
use engine::Channel;
use model::limits::SRTP_SOURCES;
use rtc_rtp::header::{Extension, Header};
use rtc_srtp::context::Context;
use rtc_srtp::crypto::{RTCCryptoProvider, providers::RingProvider};
use rtc_srtp::option::{srtcp_replay_protection, srtp_replay_protection};
use rtc_srtp::protection_profile::ProtectionProfile;

/// Packets that may overtake each other; of those an older one, and each second one, is refused (RFC 3711 section 3.3.2
/// wants 64 at least).
const REPLAY_WINDOW: usize = 128;
/// Bytes of an RTP header without contributors and extension, of RTCP up to its first SSRC, and of what SRTCP appends before
/// its tag.
const RTP_HEADER: usize = 12;
const RTCP_HEADER: usize = 8;
const SRTCP_INDEX: usize = 4;

static CRYPTO: RingProvider = RingProvider::new();

/// The encryption of one leg.
pub(super) struct Srtp {
    keys: SrtpKeys,
    outbound: Context,
    /// By source, in the order in which they were first heard.
    inbound: Vec<(u32, Context)>,
    /// Datagrams that were not authentic, or came twice.
    pub(super) refused: u64,
}

impl Srtp {
    pub(super) fn new(keys: SrtpKeys) -> Srtp {
        let outbound = context(keys.suite, &keys.ours);
        Srtp { keys, outbound, inbound: Vec::new(), refused: 0 }
    }

    /// What a re-INVITE leads to. An unchanged key goes on counting where it was.
    pub(super) fn renewed(before: Option<Srtp>, keys: SrtpKeys) -> Srtp {
        match before {
            Some(before) if before.keys == keys => before,
            // Theirs alone is new, as in the answer to an offer of ours: we go on counting.
            Some(before) if (before.keys.suite, &before.keys.ours) == (keys.suite, &keys.ours) => {
                Srtp { keys, inbound: Vec::new(), ..before }
            }
            Some(before) => Srtp { refused: before.refused, ..Srtp::new(keys) },
            None => Srtp::new(keys),
        }
    }

    /// Decrypts a datagram of the phone. `None` where it is not authentic, or a second one.
    pub(super) fn open(&mut self, channel: Channel, datagram: &[u8]) -> Option<BytesMut> {
        let opened = self.open_from(source(channel, datagram), channel, datagram);
        self.refused += u64::from(opened.is_none());
        opened
    }

    fn open_from(&mut self, source: Option<u32>, channel: Channel, datagram: &[u8]) -> Option<BytesMut> {
        let source = source?;
        let suite = self.keys.suite;
        if let Some((_, known)) = self.inbound.iter_mut().find(|(ssrc, _)| *ssrc == source) {
            return open(known, suite, channel, datagram);
        }
        if self.inbound.len() >= SRTP_SOURCES {
            return None;
        }
        let mut new = context(suite, &self.keys.theirs);
        let opened = open(&mut new, suite, channel, datagram)?;
        self.inbound.push((source, new));
        Some(opened)
    }

    /// Encrypts a datagram of ours. `None` where the key is used up: after 2^48 packets.
    pub(super) fn seal(&mut self, channel: Channel, datagram: &[u8]) -> Option<BytesMut> {
        match channel {
            Channel::Rtp => self.outbound.encrypt_rtp_with_header(datagram, &header(datagram)?).ok(),
            Channel::Rtcp => self.outbound.encrypt_rtcp(datagram).ok(),
        }
    }
}

fn context(suite: Suite, key: &MasterKey) -> Context {
    let profile = match suite {
        Suite::Aes128CmSha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
        Suite::Aes128CmSha1_32 => ProtectionProfile::Aes128CmHmacSha1_32,
        Suite::Aes256CmSha1_80 => ProtectionProfile::Aes256CmHmacSha1_80,
        Suite::Aes256CmSha1_32 => ProtectionProfile::Aes256CmHmacSha1_32,
        Suite::Aes128Gcm => ProtectionProfile::AeadAes128Gcm,
        Suite::Aes256Gcm => ProtectionProfile::AeadAes256Gcm,
    };
    let (sound, reports) = (srtp_replay_protection(REPLAY_WINDOW), srtcp_replay_protection(REPLAY_WINDOW));
    Context::new(key.key(), key.salt(), profile, Some(sound), Some(reports), CRYPTO.crypto())
        .expect("a master key is as long as its suite wants it")
}

fn open(context: &mut Context, suite: Suite, channel: Channel, datagram: &[u8]) -> Option<BytesMut> {
    match channel {
        Channel::Rtp => context.decrypt_rtp_with_header(datagram, &header(datagram)?).ok(),
        // The library lets through what says of itself that it is not encrypted, without looking at its tag.
        Channel::Rtcp if !is_encrypted(suite, datagram) => None,
        Channel::Rtcp => context.decrypt_rtcp(datagram).ok(),
    }
}

/// The E bit of SRTCP (RFC 3711 section 3.4), before the tag; with GCM it comes last (RFC 7714 section 9.2).
fn is_encrypted(suite: Suite, datagram: &[u8]) -> bool {
    let tag = match suite {
        Suite::Aes128Gcm | Suite::Aes256Gcm => 0,
        _ => 10,
    };
    let place = datagram.len().checked_sub(SRTCP_INDEX + tag).filter(|place| *place >= RTCP_HEADER);
    place.and_then(|place| datagram.get(place)).is_some_and(|byte| byte & 0x80 != 0)
}

/// The SSRC: of the packet, or of the first report in it.
fn source(channel: Channel, datagram: &[u8]) -> Option<u32> {
    let start = match channel {
        Channel::Rtp => 8,
        Channel::Rtcp => 4,
    };
    let bytes = datagram.get(start..start + 4)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

/// The header as the library wants it: of it, it uses the source, the sequence number, and how long it is. Its own parser
/// reads the extensions too, and counts some of them wrong.
fn header(datagram: &[u8]) -> Option<Header> {
    let (fixed, rest) = datagram.split_first_chunk::<RTP_HEADER>()?;
    if fixed[0] >> 6 != 2 {
        return None;
    }
    let contributors = usize::from(fixed[0] & 0x0F);
    let rest = rest.get(4 * contributors..)?;
    let extension = fixed[0] & 0x10 != 0;
    let mut extensions = Vec::new();
    if extension {
        let (&[_, _, l0, l1], after) = rest.split_first_chunk::<4>()?;
        let content = after.get(..4 * usize::from(u16::from_be_bytes([l0, l1])))?;
        extensions.push(Extension { id: 0, payload: bytes::Bytes::copy_from_slice(content) });
    }
    Some(Header {
        sequence_number: u16::from_be_bytes([fixed[2], fixed[3]]),
        ssrc: source(Channel::Rtp, datagram)?,
        csrc: vec![0; contributors],
        extension,
        extensions,
        ..Header::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    /// Our side and the phone's.
    fn pair(suite: Suite) -> (Srtp, Srtp) {
        let keys = SrtpKeys::random(suite, &mut StdRng::seed_from_u64(7));
        let theirs = SrtpKeys { suite, ours: keys.theirs.clone(), theirs: keys.ours.clone() };
        (Srtp::new(keys), Srtp::new(theirs))
    }

    fn rtp(sequence: u16, ssrc: u32) -> Vec<u8> {
        let mut packet = vec![0x80, 0];
        packet.extend(sequence.to_be_bytes());
        packet.extend([0, 0, 0, 1]);
        packet.extend(ssrc.to_be_bytes());
        packet.extend([0x55; 160]);
        packet
    }

    fn report(ssrc: u32) -> Vec<u8> {
        let mut packet = vec![0x81, 201, 0, 7];
        packet.extend(ssrc.to_be_bytes());
        packet.extend([0x55; 24]);
        packet
    }

    #[test]
    fn every_suite_carries_sound_and_reports_both_ways() {
        for suite in Suite::ALL {
            let (mut ours, mut phone) = pair(suite);
            for (channel, packet) in [(Channel::Rtp, rtp(5, 9)), (Channel::Rtcp, report(9))] {
                let sent = phone.seal(channel, &packet).unwrap();
                assert_ne!(sent[..packet.len()], packet[..], "{suite:?}: in the clear");
                assert_eq!(ours.open(channel, &sent).unwrap()[..], packet[..], "{suite:?}");
                let sent = ours.seal(channel, &packet).unwrap();
                assert_eq!(phone.open(channel, &sent).unwrap()[..], packet[..], "{suite:?}");
            }
            assert_eq!(ours.refused, 0);
        }
    }

    #[test]
    fn what_was_changed_or_comes_twice_is_refused_and_counted() {
        for suite in Suite::ALL {
            let (mut ours, mut phone) = pair(suite);
            for (channel, packet) in [(Channel::Rtp, rtp(5, 9)), (Channel::Rtcp, report(9))] {
                let sent = phone.seal(channel, &packet).unwrap();
                for place in 0..sent.len() {
                    let mut changed = sent.to_vec();
                    changed[place] ^= 1;
                    assert!(ours.open(channel, &changed).is_none(), "{suite:?}: byte {place}");
                }
                assert!(ours.inbound.len() <= 1, "a stranger is remembered");
                assert!(ours.open(channel, &sent).is_some());
                assert!(ours.open(channel, &sent).is_none(), "{suite:?}: a second time");
                assert!(ours.open(channel, &packet).is_none(), "{suite:?}: in the clear");
            }
            assert!(ours.refused > 200);
        }
    }

    #[test]
    fn a_report_that_claims_to_be_in_the_clear_is_not_believed() {
        let (mut ours, _) = pair(Suite::Aes128CmSha1_80);
        let mut forged = report(9);
        forged.extend([0, 0, 0, 1]);
        forged.extend([0; 10]);
        assert!(ours.open(Channel::Rtcp, &forged).is_none());
    }

    #[test]
    fn the_sequence_may_wrap_and_packets_may_overtake_each_other() {
        for (suite, packets) in [(Suite::Aes128CmSha1_80, 70_000_u32), (Suite::Aes128Gcm, 2_000)] {
            let (mut ours, mut phone) = pair(suite);
            let mut held = None;
            // Twice past the end; each hundredth packet comes ten packets late.
            for n in 0..packets {
                let packet = rtp((n + 65_000) as u16, 9);
                let sent = phone.seal(Channel::Rtp, &packet).unwrap();
                match n % 100 {
                    40 => held = Some((packet, sent)),
                    50 => {
                        let (late, sealed) = held.take().unwrap();
                        assert_eq!(ours.open(Channel::Rtp, &sealed).unwrap()[..], late[..], "{n}");
                        assert!(ours.open(Channel::Rtp, &sent).is_some(), "{n}");
                    }
                    _ => assert!(ours.open(Channel::Rtp, &sent).is_some(), "{n}"),
                }
            }
        }
    }

    #[test]
    fn sources_are_limited_and_strangers_take_no_place() {
        let (mut ours, mut phone) = pair(Suite::Aes128CmSha1_80);
        for ssrc in 0..1_000 {
            assert!(ours.open(Channel::Rtp, &rtp(1, ssrc)).is_none());
        }
        assert!(ours.inbound.is_empty());
        for ssrc in 0..=SRTP_SOURCES as u32 {
            let sent = phone.seal(Channel::Rtp, &rtp(1, ssrc)).unwrap();
            assert_eq!(ours.open(Channel::Rtp, &sent).is_some(), ssrc < SRTP_SOURCES as u32);
        }
    }

    #[test]
    fn contributors_and_extensions_stay_readable() {
        let (mut ours, mut phone) = pair(Suite::Aes128Gcm);
        // One contributor, and an extension of one word that ends with the reserved identifier.
        let mut packet = rtp(5, 9);
        packet[0] = 0x91;
        packet.splice(12..12, [1, 2, 3, 4, 0xBE, 0xDE, 0, 1, 0xF0, 7, 7, 7]);
        let sent = phone.seal(Channel::Rtp, &packet).unwrap();
        assert_eq!(sent[..24], packet[..24]);
        assert_ne!(sent[24..184], packet[24..]);
        assert_eq!(ours.open(Channel::Rtp, &sent).unwrap()[..], packet[..]);
    }

    #[test]
    fn a_renewed_key_counts_anew_and_an_unchanged_one_goes_on() {
        let (ours, mut phone) = pair(Suite::Aes128CmSha1_80);
        let keys = ours.keys.clone();
        let mut ours = Srtp::renewed(Some(ours), keys.clone());
        let sent = phone.seal(Channel::Rtp, &rtp(5, 9)).unwrap();
        assert!(ours.open(Channel::Rtp, &sent).is_some());
        let mut ours = Srtp::renewed(Some(ours), keys.clone());
        assert!(ours.open(Channel::Rtp, &sent).is_none(), "it had come before");
        let others = SrtpKeys::random(keys.suite, &mut StdRng::seed_from_u64(8));
        let mut ours = Srtp::renewed(Some(ours), others);
        let sent = phone.seal(Channel::Rtp, &rtp(6, 9)).unwrap();
        assert!(ours.open(Channel::Rtp, &sent).is_none(), "the key is another one");
    }

    #[test]
    fn any_bytes_are_refused_and_nothing_breaks() {
        let mut rng = StdRng::seed_from_u64(11);
        for suite in Suite::ALL {
            let (mut ours, mut phone) = pair(suite);
            let known = phone.seal(Channel::Rtp, &rtp(5, 9)).unwrap();
            ours.open(Channel::Rtp, &known).unwrap();
            for n in 0..20_000_usize {
                let mut bytes = vec![0; n % 80];
                rng.fill_bytes(&mut bytes);
                if n % 2 == 0 && bytes.len() > 12 {
                    bytes[0] = 0x80 | bytes[0] & 0x3F;
                    let at = if n % 4 == 0 { 8 } else { 4 };
                    bytes[at..at + 4].copy_from_slice(&[0, 0, 0, 9]);
                }
                assert!(ours.open(Channel::Rtp, &bytes).is_none());
                assert!(ours.open(Channel::Rtcp, &bytes).is_none());
            }
        }
    }
}
