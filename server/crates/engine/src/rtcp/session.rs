//! The reports of one call: what the phone's say, and when ours are due.
//!
//! A call has two members, so the report interval of RFC 3550 section 6.2 is its minimum, whatever the bandwidth. The
//! number of members cannot change under a waiting report either: section 6.3.3's reconsideration, and the division
//! by 1.21828 that makes up for it, are left out.

use super::reception::{Reception, units_to_micros};
use super::report::{self, BYE, Block, CNAME_BYTES, Echo, RR, SR, Sent};
use crate::rng::Rng;
use crate::time::Micros;
use rtcp_types::{Bye, ReceiverReport, ReportBlock, RtcpPacketParser, SenderReport};

/// The mean time between two reports, section 6.2.
const INTERVAL: Micros = Micros::from_ms(5_000);
/// What the phone said is forgotten after five intervals (section 6.3.5).
const FORGET: Micros = Micros::from_ms(25_000);
/// Longer than a path's usual MTU: no phone sends it.
const DATAGRAM_BYTES_MAX: usize = 1_500;
/// Types that RTCP may use, RFC 5761 section 4.
const TYPES: std::ops::RangeInclusive<u8> = 192..=223;
/// Our latest sender reports that a phone may refer to: one that is not among them makes no round trip.
const REMEMBERED: usize = 4;
/// A phone's clock that runs fast, or counts in ticks, may claim to have waited this much longer than it did: 20 ms in
/// 1/65,536 s.
const CLOCK_SLACK: i32 = 1_311;

/// One leg's side of RTCP.
#[derive(Clone, Debug)]
pub(crate) struct RtcpSession {
    ssrc: u32,
    cname: [u8; CNAME_BYTES],
    due: Micros,
    /// Packets sent before the last report, and before the one before it.
    packets_before: [u32; 2],
    /// A report went out.
    reported: bool,
    /// When our latest sender reports went out, in 1/65,536 s; zero for none, as in a report block.
    our_reports: [u32; REMEMBERED],
    phone: Phone,
}

/// What the phone told.
#[derive(Clone, Copy, Debug, Default)]
struct Phone {
    last_report: Option<LastReport>,
    told: Option<Told>,
    round_trip: Option<RoundTrip>,
}

/// Its last SR.
#[derive(Clone, Copy, Debug)]
struct LastReport {
    ssrc: u32,
    /// The middle 32 bits of its NTP timestamp.
    middle: u32,
    at: Micros,
}

#[derive(Clone, Copy, Debug)]
struct RoundTrip {
    time: Micros,
    at: Micros,
}

/// A report of the phone on what we send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// Of 256, since its report before.
    pub(crate) fraction_lost: u8,
    /// Since the beginning; negative where packets were doubled.
    pub(crate) lost: i32,
    /// In units of our RTP clock.
    jitter_units: u32,
    at: Micros,
}

/// What was in a datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Read {
    /// A report on what we send: [`RtcpSession::told`] has news.
    pub(crate) told: bool,
    /// The phone ends its stream (section 6.6). The call ends by its signalling alone.
    pub(crate) goodbye: bool,
}

/// Not RTCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl RtcpSession {
    /// `ssrc`: of the stream that we send.
    pub(crate) fn new(now: Micros, ssrc: u32, rng: &mut Rng) -> Self {
        RtcpSession {
            ssrc,
            cname: cname(rng),
            // Section 6.2: the first one comes after half the time.
            due: now.saturating_add(interval(Micros(INTERVAL.0 / 2), rng)),
            packets_before: [0; 2],
            reported: false,
            our_reports: [0; REMEMBERED],
            phone: Phone::default(),
        }
    }

    /// When [`Self::poll`] next has something to say.
    pub(crate) fn due(&self) -> Micros {
        self.due
    }

    /// Reads a datagram of the phone. A compound packet is wanted, a single one is taken too (RFC 5506). Of one that
    /// is malformed anywhere nothing is believed.
    pub(crate) fn handle(&mut self, now: Micros, datagram: &[u8]) -> Result<Read, Malformed> {
        if datagram.is_empty() || datagram.len() > DATAGRAM_BYTES_MAX {
            return Err(Malformed);
        }
        let mut phone = self.phone;
        let mut read = Read::default();
        let mut rest = datagram;
        while !rest.is_empty() {
            let packet;
            (packet, rest) = split(rest)?;
            match packet[1] {
                SR => {
                    let report = SenderReport::parse(packet).map_err(|_| Malformed)?;
                    let middle = report::middle(report.ntp_timestamp());
                    phone.last_report = Some(LastReport { ssrc: report.ssrc(), middle, at: now });
                    for block in report.report_blocks() {
                        read.told |= self.hear(&mut phone, now, &block);
                    }
                }
                RR => {
                    let report = ReceiverReport::parse(packet).map_err(|_| Malformed)?;
                    for block in report.report_blocks() {
                        read.told |= self.hear(&mut phone, now, &block);
                    }
                }
                BYE => {
                    Bye::parse(packet).map_err(|_| Malformed)?;
                    read.goodbye = true;
                }
                // SDES, APP and feedback say nothing that is used here.
                _ => {}
            }
        }
        self.phone = phone;
        Ok(read)
    }

    /// `true` if the block is about us.
    fn hear(&self, phone: &mut Phone, now: Micros, block: &ReportBlock<'_>) -> bool {
        if block.ssrc() != self.ssrc {
            return false;
        }
        phone.told = Some(Told {
            fraction_lost: block.fraction_lost(),
            lost: ((block.cumulative_lost() << 8) as i32) >> 8,
            jitter_units: block.interarrival_jitter(),
            at: now,
        });
        let last = block.last_sender_report_timestamp();
        if last != 0 && self.our_reports.contains(&last) {
            let delay = block.delay_since_last_sender_report_timestamp();
            if let Some(time) = round_trip(now, last, delay) {
                phone.round_trip = Some(RoundTrip { time, at: now });
            }
        }
        true
    }

    /// The phone's latest report on what we send, unless it is old.
    pub(crate) fn told(&self, now: Micros) -> Option<Told> {
        self.phone.told.filter(|told| now.since(told.at) < FORGET)
    }

    /// The latest round trip, without the time that the phone kept it; `None` as long as the phone does not answer our
    /// sender reports.
    pub(crate) fn round_trip(&self, now: Micros) -> Option<Micros> {
        self.phone.round_trip.filter(|trip| now.since(trip.at) < FORGET).map(|trip| trip.time)
    }

    /// Appends our report to `out` if it is due, at most [`report::REPORT_BYTES_MAX`] bytes; the answer is their
    /// number.
    pub(crate) fn poll(
        &mut self,
        now: Micros,
        sent: &Sent,
        reception: &mut Reception,
        rng: &mut Rng,
        out: &mut Vec<u8>,
    ) -> Option<usize> {
        if now < self.due {
            return None;
        }
        self.due = now.saturating_add(interval(INTERVAL, rng));
        let start = out.len();
        self.write(now, sent, reception, out);
        Some(out.len() - start)
    }

    /// Appends the last report, with BYE; nothing is due afterwards. `None` if nothing was ever sent: a member that
    /// was not heard of does not take leave (section 6.3.7).
    pub(crate) fn bye(
        &mut self,
        now: Micros,
        sent: &Sent,
        reception: &mut Reception,
        out: &mut Vec<u8>,
    ) -> Option<usize> {
        self.due = Micros(u64::MAX);
        if !self.reported && sent.packets == 0 {
            return None;
        }
        let start = out.len();
        self.write(now, sent, reception, out);
        report::write_bye(out, self.ssrc);
        Some(out.len() - start)
    }

    fn write(&mut self, now: Micros, sent: &Sent, reception: &mut Reception, out: &mut Vec<u8>) {
        let block = reception.report().map(|block| (block, self.echo(now, &block)));
        // Section 6.4: sent since the last report or the one before.
        if sent.packets != self.packets_before[1] {
            report::write_sender(out, self.ssrc, now, sent, block);
            self.our_reports.rotate_right(1);
            self.our_reports[0] = report::middle(report::ntp(now));
        } else {
            report::write_receiver(out, self.ssrc, block);
        }
        report::write_description(out, self.ssrc, &self.cname);
        self.packets_before = [sent.packets, self.packets_before[0]];
        self.reported = true;
    }

    /// What lets the phone measure its round trip.
    fn echo(&self, now: Micros, block: &Block) -> Echo {
        let Some(last) = self.phone.last_report.filter(|last| last.ssrc == block.ssrc) else {
            return Echo::default();
        };
        let delay = u128::from(now.since(last.at).0) * 65_536 / 1_000_000;
        Echo { last_report: last.middle, delay: u32::try_from(delay).unwrap_or(u32::MAX) }
    }
}

impl Told {
    /// `clock_hz`: the rate of the timestamps that we send.
    pub(crate) fn jitter(&self, clock_hz: u32) -> Micros {
        units_to_micros(self.jitter_units, clock_hz)
    }
}

/// Takes the first packet off, by its length: the checks of appendix A.2, without that of the first type.
fn split(datagram: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let (&[flags, kind, l0, l1], _) = datagram.split_first_chunk::<4>().ok_or(Malformed)?;
    let bytes = 4 * (usize::from(u16::from_be_bytes([l0, l1])) + 1);
    let (packet, rest) = datagram.split_at_checked(bytes).ok_or(Malformed)?;
    // Only the last packet may be padded.
    let padded = flags & 0x20 != 0 && !rest.is_empty();
    if flags >> 6 != 2 || !TYPES.contains(&kind) || padded { Err(Malformed) } else { Ok((packet, rest)) }
}

/// Section 6.4.1: A - LSR - DLSR, in 1/65,536 s that wrap every 18 hours. `None` if the phone waited longer than there
/// was time.
fn round_trip(now: Micros, last_report: u32, delay: u32) -> Option<Micros> {
    let elapsed = report::middle(report::ntp(now)).wrapping_sub(last_report);
    let units = i64::from(elapsed) - i64::from(delay);
    (units >= -i64::from(CLOCK_SLACK)).then(|| Micros(units.max(0) as u64 * 1_000_000 / 65_536))
}

/// Section 6.3.1: between half of and one and a half times the mean, so that no two members keep in step.
fn interval(mean: Micros, rng: &mut Rng) -> Micros {
    let half = mean.0 / 2;
    let span = (u128::from(mean.0) * u128::from(rng.next_u32())) >> 32;
    Micros(half + span as u64)
}

/// RFC 7022 sections 4.2 and 5: 96 random bits in the alphabet of base64, which tell nothing about the caller.
fn cname(rng: &mut Rng) -> [u8; CNAME_BYTES] {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::array::from_fn(|_| ALPHABET[(rng.next_u32() >> 26) as usize])
}

#[cfg(test)]
mod tests;
