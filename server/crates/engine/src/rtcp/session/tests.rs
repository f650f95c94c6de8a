use super::report::{NTP_TO_UNIX_S, REPORT_BYTES_MAX, middle, ntp};
use super::*;
use crate::rng::Rng;
use crate::rtcp::quality::{Equipment, Line};
use crate::time::Arrival;
use proptest::prelude::*;

use rtcp_types::{Compound, Packet, RtcpPacketWriter};

const OURS: u32 = 0xC0FFEE;
const THEIRS: u32 = 0xBEEF;
const START: Micros = Micros(1_700_000_000_000_000);

fn rng() -> Rng {
    Rng::new(11)
}

fn session() -> RtcpSession {
    RtcpSession::new(START, OURS, &mut rng())
}

fn sent(packets: u32) -> Sent {
    Sent { packets, octets: packets * 160, timestamp: 5_000, at: START, clock_hz: 8_000 }
}

/// A source of which every tenth packet is missing.
fn reception() -> Reception {
    let mut reception = Reception::new(8_000);
    for i in (0..100u16).filter(|i| i % 10 != 5) {
        reception.received(
            Arrival::At(Micros(START.0 + u64::from(i) * 20_000)),
            i.wrapping_sub(50),
            u32::from(i) * 160,
            THEIRS,
        );
    }
    reception
}

fn bytes(packet: impl RtcpPacketWriter) -> Vec<u8> {
    let mut out = vec![0; packet.calculate_size().unwrap()];
    packet.write_into_unchecked(&mut out);
    out
}

fn their_report(ntp_timestamp: u64) -> Vec<u8> {
    bytes(SenderReport::builder(THEIRS).ntp_timestamp(ntp_timestamp))
}

/// The phone's report on us.
fn their_block(last_report: u32, delay: u32) -> Vec<u8> {
    let block = ReportBlock::builder(OURS)
        .fraction_lost(64)
        .cumulative_lost(0xFF_FFFE)
        .interarrival_jitter(80)
        .last_sender_report_timestamp(last_report)
        .delay_since_last_sender_report_timestamp(delay);
    bytes(ReceiverReport::builder(THEIRS).add_report_block(block))
}

/// Our next report, whenever it is due.
fn next_report(
    session: &mut RtcpSession,
    sent: &Sent,
    reception: &mut Reception,
    rng: &mut Rng,
) -> (Micros, Vec<u8>) {
    let mut out = Vec::with_capacity(REPORT_BYTES_MAX);
    let now = session.due();
    assert_eq!(session.poll(Micros(now.0 - 1), sent, reception, rng, &mut out), None);
    let written = session.poll(now, sent, reception, rng, &mut out);
    assert_eq!(written, Some(out.len()));
    assert_eq!(out.capacity(), REPORT_BYTES_MAX, "no memory is taken for a report");
    (now, out)
}

#[test]
fn a_sender_s_report_is_read_by_another_s_parser() {
    let (mut session, mut reception) = (session(), reception());
    let their_ntp = 0x1234_5678_9ABC_DEF0;
    session.handle(Micros(session.due().0 - 500_000), &their_report(their_ntp)).unwrap();
    let (now, out) = next_report(&mut session, &sent(100), &mut reception, &mut rng());
    let packets: Vec<Packet<'_>> = Compound::parse(&out).unwrap().map(Result::unwrap).collect();
    let [Packet::Sr(sr), Packet::Sdes(sdes)] = &packets[..] else { panic!("{packets:?}") };
    assert_eq!(sr.ssrc(), OURS);
    assert_eq!(sr.ntp_timestamp(), ntp(now));
    assert_eq!(sr.rtp_timestamp(), 5_000 + ((now.0 - START.0) * 8 / 1_000) as u32);
    assert_eq!((sr.packet_count(), sr.octet_count()), (100, 16_000));
    let blocks: Vec<ReportBlock<'_>> = sr.report_blocks().collect();
    let [block] = &blocks[..] else { panic!("{blocks:?}") };
    assert_eq!((block.ssrc(), block.cumulative_lost()), (THEIRS, 10));
    assert_eq!(block.extended_sequence_number(), 65_486 + 99);
    assert_eq!(block.fraction_lost(), 25);
    assert_eq!(block.last_sender_report_timestamp(), 0x5678_9ABC);
    assert_eq!(block.delay_since_last_sender_report_timestamp(), 0x8000);
    let chunks: Vec<_> = sdes.chunks().collect();
    let items: Vec<_> = chunks[0].items().collect();
    assert_eq!((chunks.len(), chunks[0].ssrc(), items.len()), (1, OURS, 1));
    assert_eq!((items[0].type_(), items[0].value()), (1, &session.cname[..]));
    assert!(session.cname.iter().all(|c| c.is_ascii_alphanumeric() || b"+/".contains(c)));
}

#[test]
fn who_did_not_send_reports_as_a_receiver() {
    let (mut session, mut reception, mut rng) = (session(), reception(), rng());
    let mut kinds = Vec::new();
    for packets in [0, 5, 5, 5, 9] {
        let (_, out) = next_report(&mut session, &sent(packets), &mut reception, &mut rng);
        kinds.push((out[1], out[0] & 0x1F));
    }
    // Sent since the last report or the one before; the block is there while there is news.
    assert_eq!(kinds, [(RR, 1), (SR, 0), (SR, 0), (RR, 0), (SR, 0)]);
}

#[test]
fn reports_come_at_random_around_five_seconds_and_the_first_sooner() {
    let mut gaps = Vec::new();
    for seed in 0..200 {
        let mut rng = Rng::new(seed);
        let mut session = RtcpSession::new(START, OURS, &mut rng);
        let first = session.due().since(START).0;
        assert!((1_250_000..3_750_000).contains(&first), "{first}");
        let (now, _) = next_report(&mut session, &sent(1), &mut reception(), &mut rng);
        gaps.push(session.due().since(now).0);
    }
    assert!(gaps.iter().all(|gap| (2_500_000..7_500_000).contains(gap)));
    let mean = gaps.iter().sum::<u64>() / 200;
    assert!((4_700_000..5_300_000).contains(&mean), "{mean}");
    assert!(gaps.iter().min() < Some(&2_700_000) && gaps.iter().max() > Some(&7_300_000));
}

#[test]
fn leave_is_taken_once_something_was_said() {
    let mut out = Vec::new();
    assert_eq!(session().bye(START, &sent(0), &mut reception(), &mut out), None);
    assert!(out.is_empty());
    let mut session = session();
    let written = session.bye(START, &sent(3), &mut reception(), &mut out);
    assert_eq!((written, out.len()), (Some(REPORT_BYTES_MAX), REPORT_BYTES_MAX));
    let packets: Vec<Packet<'_>> = Compound::parse(&out).unwrap().map(Result::unwrap).collect();
    let [Packet::Sr(_), Packet::Sdes(_), Packet::Bye(bye)] = &packets[..] else { panic!("{packets:?}") };
    assert_eq!(bye.ssrcs().collect::<Vec<_>>(), [OURS]);
    assert_eq!(session.due(), Micros(u64::MAX));
}

/// RFC 3550 section 6.4.1, figure 2.
#[test]
fn the_rfc_s_round_trip() {
    let now = Micros((0xB44D_B710 - NTP_TO_UNIX_S) * 1_000_000 + 500_000);
    assert_eq!(middle(ntp(now)), 0xB710_8000);
    assert_eq!(round_trip(now, 0xB705_2000, 0x0005_4000), Some(Micros(6_125_000)));
}

#[test]
fn a_round_trip_needs_a_report_of_ours() {
    let mut session = session();
    let (now, _) = next_report(&mut session, &sent(1), &mut reception(), &mut rng());
    let ours = middle(ntp(now));
    let later = Micros(now.0 + 1_000_000);
    for (last_report, delay) in [(0, 0), (ours ^ 1, 0), (ours, 0x1_0000 + 2 * CLOCK_SLACK as u32)] {
        assert!(session.handle(later, &their_block(last_report, delay)).unwrap().told);
        assert_eq!(session.round_trip(later), None, "{last_report} {delay}");
    }
    // Its clock is a little fast.
    session.handle(later, &their_block(ours, 0x1_0000 + 99)).unwrap();
    assert_eq!(session.round_trip(later), Some(Micros(0)));
    session.handle(later, &their_block(ours, 0x8000)).unwrap();
    assert!(session.round_trip(later).is_some_and(|trip| trip.0.abs_diff(500_000) <= 16));
    assert_eq!(session.round_trip(later.saturating_add(FORGET)), None);
}

#[test]
fn what_the_phone_says_of_us_is_kept_for_a_while() {
    let mut session = session();
    let datagram = [their_report(1), their_block(0, 0)].concat();
    assert_eq!(session.handle(START, &datagram), Ok(Read { told: true, goodbye: false }));
    let told = session.told(START).unwrap();
    assert_eq!((told.fraction_lost, told.lost, told.jitter(8_000)), (64, -2, Micros(10_000)));
    assert_eq!(session.told(Micros(START.0 + FORGET.0)), None);
    // Of someone else.
    let block = ReportBlock::builder(OURS + 1).fraction_lost(200);
    let other = bytes(ReceiverReport::builder(THEIRS).add_report_block(block));
    assert_eq!(session.handle(START, &other), Ok(Read::default()));
    assert_eq!(session.told(START), Some(told));
    let line =
        |session| Line::new(START, session, &reception(), 8_000, Equipment::G711, START, Micros::from_ms(20));
    let quality = line(&session).quality().unwrap();
    assert_eq!((quality.loss_permille, quality.jitter_ms, quality.round_trip_ms), (250, 10, None));
}

#[test]
fn single_packets_and_unknown_ones_are_taken() {
    let mut session = session();
    let bye = bytes(Bye::builder().add_source(THEIRS).reason("off"));
    assert_eq!(session.handle(START, &bye), Ok(Read { told: false, goodbye: true }));
    let app = [0x80, 204, 0, 2, 0, 0, 0, 1, b'n', b'a', b'm', b'e'];
    let feedback = [0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2];
    let unknown = [0x80, 220, 0, 0];
    for other in [&app[..], &feedback, &unknown] {
        assert_eq!(session.handle(START, other), Ok(Read::default()));
        let whole = [&their_block(0, 0)[..], other].concat();
        assert_eq!(session.handle(START, &whole), Ok(Read { told: true, goodbye: false }));
    }
}

#[test]
fn of_what_is_malformed_nothing_is_believed() {
    let mut session = session();
    let good = their_block(0, 0);
    let mut version = good.clone();
    version[0] ^= 0x40;
    let mut blocks = good.clone();
    blocks[0] += 1;
    let mut padded = good.clone();
    padded[0] |= 0x20;
    let mut rtp = good.clone();
    rtp[1] = 8;
    let mut cases = vec![vec![], version, rtp, good.repeat(60)];
    cases.push([&good[..], &blocks].concat());
    cases.push([&padded[..], &good].concat());
    cases.push([&good[..], &[0]].concat());
    cases.push([&good[..], &[0x80, 200, 0, 0]].concat());
    cases.extend((1..good.len()).map(|n| [&good[..], &good[..n]].concat()));
    for datagram in cases {
        assert_eq!(session.handle(START, &datagram), Err(Malformed), "{datagram:x?}");
    }
    assert_eq!(session.told(START), None);
    assert_eq!(session.handle(START, &good), Ok(Read { told: true, goodbye: false }));
}

proptest! {
    /// Whenever it is, also where the 16 bits of seconds wrap: the phone keeps our report for a while, and the rest is
    /// the line's.
    #[test]
    fn the_round_trip_is_the_line_s(
        seconds in prop_oneof![0u64..4_000_000_000, Just(65_536u64 * 40_000 - NTP_TO_UNIX_S - 5)],
        micros in 0u64..1_000_000,
        there in 0u64..2_000_000,
        kept in 0u64..9_000_000,
        back in 0u64..2_000_000,
    ) {
        let start = Micros(seconds * 1_000_000 + micros);
        let mut rng = rng();
        let mut session = RtcpSession::new(start, OURS, &mut rng);
        let (sent_at, out) = next_report(&mut session, &sent(1), &mut reception(), &mut rng);
        let ours = SenderReport::parse(&out[..out.len() - 28]).unwrap().ntp_timestamp();
        let now = Micros(sent_at.0 + there + kept + back);
        session.handle(now, &their_block(middle(ours), (kept * 65_536 / 1_000_000) as u32)).unwrap();
        let trip = session.round_trip(now).unwrap();
        // Three roundings to 1/65,536 s.
        prop_assert!(trip.0.abs_diff(there + back) <= 46, "{trip} {there} {back}");
    }

    #[test]
    fn any_bytes_are_read_or_refused(datagram in prop::collection::vec(any::<u8>(), 0..1_600)) {
        let _ = session().handle(START, &datagram);
    }

    /// Nearly packets get further than noise. What another's parser takes whole, we take; but it does not look at the
    /// later packets' versions, and reads all types.
    #[test]
    fn agrees_with_another_parser(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        packets in prop::collection::vec(0usize..4, 1..6),
    ) {
        let kinds = [
            their_report(5),
            their_block(1, 2),
            bytes(Bye::builder().add_source(THEIRS).reason("off")),
            vec![0x80, 204, 0, 2, 0, 0, 0, 1, b'n', b'a', b'm', b'e'],
        ];
        let mut datagram: Vec<u8> = packets.iter().flat_map(|i| kinds[*i].clone()).collect();
        for (index, byte) in changes {
            let at = index.index(datagram.len());
            datagram[at] = byte;
        }
        let read = session().handle(START, &datagram);
        let theirs = Compound::parse(&datagram).map(|mut packets| packets.all(|packet| packet.is_ok()));
        match (read, theirs) {
            (Err(Malformed), Ok(true)) => {
                let mut rest = &datagram[..];
                let mut strange = false;
                while rest.len() >= 4 {
                    strange |= rest[0] >> 6 != 2 || !TYPES.contains(&rest[1]);
                    let bytes = 4 * (usize::from(u16::from_be_bytes([rest[2], rest[3]])) + 1);
                    rest = rest.get(bytes..).unwrap_or(&[]);
                }
                prop_assert!(strange, "{datagram:x?}");
            }
            // It is the structure that is theirs to refuse; what we skip unread may be broken inside.
            (Ok(_), Err(error)) => prop_assert!(false, "{error} {datagram:x?}"),
            _ => {}
        }
    }

    /// Whatever was sent and heard, our packets are what another's parser reads.
    #[test]
    fn what_is_written_is_read(packets: u32, octets: u32, timestamp: u32, now: u64, at: u64, bye: bool) {
        let (mut session, mut out) = (session(), Vec::new());
        session.due = Micros(0);
        let sent = Sent { packets, octets, timestamp, at: Micros(at), clock_hz: 48_000 };
        let now = Micros(now);
        if bye {
            session.bye(now, &sent, &mut reception(), &mut out);
        } else {
            session.poll(now, &sent, &mut reception(), &mut rng(), &mut out);
        }
        let packets: Vec<_> = Compound::parse(&out).unwrap().map(Result::unwrap).collect();
        prop_assert!(packets.len() == 2 + usize::from(bye) && out.len() <= REPORT_BYTES_MAX);
        // And what we read.
        prop_assert_eq!(session.handle(now, &out), Ok(Read { told: false, goodbye: bye }));
    }
}
