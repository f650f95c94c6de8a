//! Reports both ways (RFC 3550 section 6): ours each 5 s, and what the other side's say.

use super::send::Sender;
use super::statistics::Source;
use rand::RngExt as _;
use rtcp_types::{
    Compound, Packet, ReceiverReport, ReportBlock, ReportBlockBuilder, RtcpPacketWriterExt as _, Sdes,
    SdesChunk, SdesItem, SenderReport,
};
use std::time::{Duration, Instant};

/// Between two reports. Not drawn by lot as in RFC 3550 section 6.3.1: two who talk to each other cannot flood.
const INTERVAL: Duration = Duration::from_secs(5);
/// Before the first report: half of it (RFC 3550 section 6.2).
const FIRST_INTERVAL: Duration = Duration::from_millis(2_500);
/// Seconds between the epochs of NTP (1900) and Unix (1970).
const NTP_OFFSET_S: u64 = 2_208_988_800;
/// Largest report that is written, in bytes: a sender report with one block has 52, its CNAME some 30 more.
pub(crate) const REPORT_BYTES: usize = 128;
/// Units of LSR and DLSR in a second.
const SHORT_NTP_HZ: f64 = 65_536.0;

/// Reports of a call: counts, and what the other side told last.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reports {
    pub sent: u64,
    /// Compound packets of the other side that could be read.
    pub received: u64,
    /// Datagrams that were no RTCP.
    pub refused: u64,
    /// What the other side says it has sent.
    pub remote_sent: Option<RemoteSent>,
    /// How the other side receives us.
    pub remote_reception: Option<RemoteReception>,
}

/// A sender report of the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteSent {
    pub ssrc: u32,
    pub packets: u32,
    pub payload_bytes: u32,
    /// Seconds since 1900 in its upper 32 bits, their fraction in its lower ones.
    pub ntp_timestamp: u64,
    pub rtp_timestamp: u32,
}

/// The other side's block about us, from a sender or a receiver report.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RemoteReception {
    /// Since its report before: 0.0-1.0.
    pub fraction_lost: f64,
    /// Since the beginning; below 0 where packets came twice.
    pub packets_lost: i32,
    pub highest_sequence: u32,
    pub jitter_ms: f64,
    /// From our report's sending to this block's arrival, less the time that it lay there; None before it has one of
    /// ours.
    pub round_trip: Option<Duration>,
}

/// One call's reports: no socket, no clock.
#[derive(Debug)]
pub(crate) struct Reporter {
    /// A moment, and what Unix' clock said then.
    epoch: (Instant, Duration),
    cname: String,
    /// None until the media start.
    due: Option<Instant>,
    /// Packets sent at the report before.
    packets_then: u32,
    /// The middle of the other side's last NTP timestamp, and when it came.
    last_sender_report: Option<(u32, Instant)>,
    reports: Reports,
}

impl Reporter {
    /// `unix_time`: what Unix' clock says `now`.
    pub(crate) fn new(now: Instant, unix_time: Duration, rng: &mut impl rand::Rng) -> Reporter {
        Reporter {
            epoch: (now, unix_time),
            // Says nothing about who it is (RFC 7022 section 4.2).
            cname: format!("{:024x}", rng.random::<u128>() >> 32),
            due: None,
            packets_then: 0,
            last_sender_report: None,
            reports: Reports::default(),
        }
    }

    pub(crate) fn start(&mut self, now: Instant) {
        self.due = Some(now + FIRST_INTERVAL);
    }

    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    pub(crate) fn reports(&self) -> Reports {
        self.reports
    }

    /// Writes the report that is due; returns its length.
    pub(crate) fn write(
        &mut self,
        now: Instant,
        sender: &Sender,
        source: Option<&mut Source>,
        datagram: &mut [u8; REPORT_BYTES],
    ) -> Option<usize> {
        self.due = Some(now + INTERVAL);
        let block = source.map(|source| self.block(now, source));
        let item = SdesItem::builder(SdesItem::CNAME, &self.cname);
        let names = Sdes::builder().add_chunk(SdesChunk::builder(sender.ssrc()).add_item(item));
        let (packets, payload_bytes) = sender.counts();
        // Who has sent nothing since its last report reports as a receiver (RFC 3550 section 6.4).
        let length = if packets == self.packets_then {
            let mut report = ReceiverReport::builder(sender.ssrc());
            if let Some(block) = block {
                report = report.add_report_block(block);
            }
            Compound::builder().add_packet(report).add_packet(names).write_into(datagram)
        } else {
            let mut report = SenderReport::builder(sender.ssrc())
                .ntp_timestamp(self.ntp(now))
                .rtp_timestamp(sender.timestamp())
                .packet_count(packets)
                .octet_count(payload_bytes);
            if let Some(block) = block {
                report = report.add_report_block(block);
            }
            Compound::builder().add_packet(report).add_packet(names).write_into(datagram)
        };
        self.packets_then = packets;
        let length = length.ok()?;
        self.reports.sent += 1;
        Some(length)
    }

    fn block(&self, now: Instant, source: &mut Source) -> ReportBlockBuilder {
        let reception = source.reception();
        let (lsr, dlsr) = self.last_sender_report.map_or((0, 0), |(lsr, at)| {
            let since_s = now.saturating_duration_since(at).as_secs_f64();
            (lsr, (since_s * SHORT_NTP_HZ).round() as u32)
        });
        // 24 bits, signed (RFC 3550 section 6.4.1).
        let lost = reception.lost.clamp(-0x80_0000, 0x7f_ffff) as u32 & 0xff_ffff;
        ReportBlock::builder(source.ssrc)
            .fraction_lost(reception.fraction_lost)
            .cumulative_lost(lost)
            .extended_sequence_number(reception.highest_sequence)
            .interarrival_jitter(reception.jitter_units)
            .last_sender_report_timestamp(lsr)
            .delay_since_last_sender_report_timestamp(dlsr)
    }

    /// Takes a datagram from the other side. `clock_hz`: that of our own timestamps.
    pub(crate) fn receive(&mut self, now: Instant, datagram: &[u8], ssrc: u32, clock_hz: u32) {
        let Ok(compound) = Compound::parse(datagram) else {
            self.reports.refused += 1;
            return;
        };
        self.reports.received += 1;
        for packet in compound.flatten() {
            match packet {
                Packet::Sr(report) => {
                    let ntp_timestamp = report.ntp_timestamp();
                    self.last_sender_report = Some((middle(ntp_timestamp), now));
                    self.reports.remote_sent = Some(RemoteSent {
                        ssrc: report.ssrc(),
                        packets: report.packet_count(),
                        payload_bytes: report.octet_count(),
                        ntp_timestamp,
                        rtp_timestamp: report.rtp_timestamp(),
                    });
                    self.about_us(now, report.report_blocks(), ssrc, clock_hz);
                }
                Packet::Rr(report) => self.about_us(now, report.report_blocks(), ssrc, clock_hz),
                _ => {}
            }
        }
    }

    fn about_us<'a>(
        &mut self,
        now: Instant,
        mut blocks: impl Iterator<Item = ReportBlock<'a>>,
        ssrc: u32,
        clock_hz: u32,
    ) {
        let Some(block) = blocks.find(|block| block.ssrc() == ssrc) else { return };
        let (lsr, dlsr) =
            (block.last_sender_report_timestamp(), block.delay_since_last_sender_report_timestamp());
        let round_trip = (lsr != 0).then(|| {
            let units = middle(self.ntp(now)).wrapping_sub(lsr).wrapping_sub(dlsr).cast_signed();
            // Rounding of both sides may leave less than nothing.
            Duration::from_secs_f64(f64::from(units.max(0)) / SHORT_NTP_HZ)
        });
        self.reports.remote_reception = Some(RemoteReception {
            fraction_lost: f64::from(block.fraction_lost()) / 256.0,
            // 24 bits, signed.
            packets_lost: (block.cumulative_lost() << 8).cast_signed() >> 8,
            highest_sequence: block.extended_sequence_number(),
            jitter_ms: f64::from(block.interarrival_jitter()) * 1_000.0 / f64::from(clock_hz),
            round_trip,
        });
    }

    /// NTP's timestamp of `now` (RFC 3550 section 4).
    fn ntp(&self, now: Instant) -> u64 {
        let unix_time = self.epoch.1 + now.saturating_duration_since(self.epoch.0);
        let fraction = (u64::from(unix_time.subsec_nanos()) << 32) / 1_000_000_000;
        unix_time.as_secs().wrapping_add(NTP_OFFSET_S) << 32 | fraction
    }
}

fn middle(ntp_timestamp: u64) -> u32 {
    (ntp_timestamp >> 16) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::send::PACKET_BYTES;
    use proptest::prelude::*;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    const SECOND: Duration = Duration::from_secs(1);

    struct Side {
        reporter: Reporter,
        sender: Sender,
        source: Option<Source>,
    }

    fn side(seed: u64, now: Instant) -> Side {
        let mut rng = StdRng::seed_from_u64(seed);
        let reporter = Reporter::new(now, Duration::from_secs(1_700_000_000 + seed), &mut rng);
        Side { reporter, sender: Sender::new(&mut rng), source: None }
    }

    impl Side {
        fn say(&mut self) {
            self.sender.sound(0, &[0; 160], &mut [0; PACKET_BYTES]);
        }

        fn report(&mut self, now: Instant) -> Vec<u8> {
            let mut datagram = [0; REPORT_BYTES];
            let length = self.reporter.write(now, &self.sender, self.source.as_mut(), &mut datagram).unwrap();
            datagram[..length].to_vec()
        }

        fn hear(&mut self, now: Instant, report: &[u8]) -> Reports {
            self.reporter.receive(now, report, self.sender.ssrc(), 8_000);
            self.reporter.reports()
        }
    }

    #[test]
    fn both_sides_learn_what_the_other_sends_and_hears() {
        let start = Instant::now();
        let (mut alice, mut bob) = (side(1, start), side(2, start));
        (0..3).for_each(|_| alice.say());
        bob.source = Some(Source::new(alice.sender.ssrc(), 10, 0, start, 8_000));
        // Three expected, two heard.
        bob.source.as_mut().unwrap().packet(12, 320, start + Duration::from_millis(40));

        let heard = bob.hear(start + 5 * SECOND, &alice.report(start + 5 * SECOND));
        let sent = heard.remote_sent.unwrap();
        assert_eq!((sent.ssrc, sent.packets, sent.payload_bytes), (alice.sender.ssrc(), 3, 480));
        assert_eq!(sent.ntp_timestamp >> 32, 1_700_000_006 + NTP_OFFSET_S);
        assert_eq!(heard.remote_reception, None);

        // 60 ms there and back, 2 s in between.
        let back = bob.report(start + 7 * SECOND);
        let heard = alice.hear(start + 7 * SECOND + Duration::from_millis(60), &back);
        assert_eq!(heard.remote_sent, None, "who has sent nothing reports as a receiver");
        let reception = heard.remote_reception.unwrap();
        assert_eq!((reception.packets_lost, reception.highest_sequence), (1, 12));
        assert!((reception.fraction_lost - 1.0 / 3.0).abs() < 1.0 / 256.0);
        assert!(reception.round_trip.unwrap().abs_diff(Duration::from_millis(60)) < Duration::from_millis(1));
    }

    #[test]
    fn reports_are_due_at_half_an_interval_and_then_each_5_s() {
        let start = Instant::now();
        let mut alice = side(1, start);
        assert!(!alice.reporter.is_due(start + 100 * SECOND));
        alice.reporter.start(start);
        assert!(!alice.reporter.is_due(start + 2 * SECOND) && alice.reporter.is_due(start + FIRST_INTERVAL));
        alice.report(start + 3 * SECOND);
        assert!(!alice.reporter.is_due(start + 7 * SECOND) && alice.reporter.is_due(start + 8 * SECOND));
        assert_eq!(alice.reporter.reports().sent, 1);
    }

    #[test]
    fn a_report_is_a_compound_with_a_name() {
        let start = Instant::now();
        let report = side(1, start).report(start);
        let types: Vec<u8> = Compound::parse(&report)
            .unwrap()
            .map(|packet| rtcp_types::RtcpPacketParserExt::type_(&packet.unwrap()))
            .collect();
        assert_eq!(types, [201, 202]);
    }

    #[test]
    fn packets_that_came_twice_are_lost_less_than_never() {
        let start = Instant::now();
        let (mut alice, mut bob) = (side(1, start), side(2, start));
        let mut source = Source::new(alice.sender.ssrc(), 10, 0, start, 8_000);
        source.packet(10, 0, start);
        bob.source = Some(source);
        let reception = alice.hear(start, &bob.report(start)).remote_reception.unwrap();
        assert_eq!((reception.packets_lost, reception.round_trip), (-1, None));
        assert_eq!(alice.hear(start, b"no RTCP").refused, 1);
    }

    proptest! {
        #[test]
        fn no_datagram_makes_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), whole: bool) {
            let now = Instant::now();
            let mut alice = side(1, now);
            if whole && bytes.len() > 4 {
                // Version 2, a report, its length.
                let length = (bytes.len() / 4 - 1) as u8;
                bytes[..4].copy_from_slice(&[0x81, 200, 0, length]);
                bytes.truncate((usize::from(length) + 1) * 4);
            }
            alice.hear(now, &bytes);
        }
    }
}
