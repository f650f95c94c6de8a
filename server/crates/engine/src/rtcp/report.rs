//! What we say, as bytes: SR or RR, SDES and BYE, RFC 3550 sections 6.4 to 6.6.

use crate::time::Micros;

/// Bytes of the longest compound packet: SR with a block, SDES, BYE.
pub(crate) const REPORT_BYTES_MAX: usize = 28 + 24 + 28 + 8;
/// Characters of a CNAME.
pub(crate) const CNAME_BYTES: usize = 16;
/// From 1900 to 1970, section 4.
pub(crate) const NTP_TO_UNIX_S: u64 = 2_208_988_800;

pub(crate) const SR: u8 = 200;
pub(crate) const RR: u8 = 201;
const SDES: u8 = 202;
pub(crate) const BYE: u8 = 203;

/// What we have sent until now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    /// RTP packets since the beginning; wraps.
    pub(crate) packets: u32,
    /// Bytes of payload in them, without padding; wraps.
    pub(crate) octets: u32,
    /// The RTP timestamp of the sound that is spoken at `at`, in units of 1 / `clock_hz`.
    pub(crate) timestamp: u32,
    /// May lie before or after the time of a report.
    pub(crate) at: Micros,
    /// The rate of the timestamps: 8,000 or 48,000.
    pub(crate) clock_hz: u32,
}

impl Sent {
    /// The RTP timestamp of this instant.
    fn timestamp_at(&self, now: Micros) -> u32 {
        let units = |time: Micros| (u128::from(time.0) * u128::from(self.clock_hz) / 1_000_000) as u32;
        self.timestamp.wrapping_add(units(now.since(self.at))).wrapping_sub(units(self.at.since(now)))
    }
}

/// A report block, section 6.4.1, without what is known of the source's own reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) ssrc: u32,
    /// Of 256.
    pub(crate) fraction_lost: u8,
    /// 24 bits with sign.
    pub(crate) lost: i32,
    pub(crate) highest: u32,
    /// In clock units.
    pub(crate) jitter: u32,
}

/// LSR and DLSR of section 6.4.1, in 1/65,536 s; zero if no SR came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Echo {
    pub(crate) last_report: u32,
    pub(crate) delay: u32,
}

/// The time in NTP's format: seconds since 1900, which wrap in 2036, and 32 bits of fraction.
pub(crate) fn ntp(now: Micros) -> u64 {
    let seconds = (now.0 / 1_000_000).wrapping_add(NTP_TO_UNIX_S);
    (seconds << 32) | (((now.0 % 1_000_000) << 32) / 1_000_000)
}

/// The middle 32 bits: 1/65,536 s.
pub(crate) fn middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

/// A sender report, section 6.4.1.
pub(crate) fn write_sender(
    out: &mut Vec<u8>,
    ssrc: u32,
    now: Micros,
    sent: &Sent,
    block: Option<(Block, Echo)>,
) {
    write_header(out, u8::from(block.is_some()), SR, if block.is_some() { 12 } else { 6 });
    out.extend(ssrc.to_be_bytes());
    out.extend(ntp(now).to_be_bytes());
    out.extend(sent.timestamp_at(now).to_be_bytes());
    out.extend(sent.packets.to_be_bytes());
    out.extend(sent.octets.to_be_bytes());
    write_block(out, block);
}

/// A receiver report, section 6.4.2.
pub(crate) fn write_receiver(out: &mut Vec<u8>, ssrc: u32, block: Option<(Block, Echo)>) {
    write_header(out, u8::from(block.is_some()), RR, if block.is_some() { 7 } else { 1 });
    out.extend(ssrc.to_be_bytes());
    write_block(out, block);
}

/// A source description that holds the CNAME, sections 6.5 and 6.5.1.
pub(crate) fn write_description(out: &mut Vec<u8>, ssrc: u32, cname: &[u8; CNAME_BYTES]) {
    write_header(out, 1, SDES, 6);
    out.extend(ssrc.to_be_bytes());
    out.extend([1, CNAME_BYTES as u8]);
    out.extend(cname);
    // One ends the items, one fills the word.
    out.extend([0, 0]);
}

/// Section 6.6, without a reason.
pub(crate) fn write_bye(out: &mut Vec<u8>, ssrc: u32) {
    write_header(out, 1, BYE, 1);
    out.extend(ssrc.to_be_bytes());
}

/// `words`: 32-bit words that follow.
fn write_header(out: &mut Vec<u8>, count: u8, kind: u8, words: u8) {
    out.extend([0x80 | count, kind, 0, words]);
}

fn write_block(out: &mut Vec<u8>, block: Option<(Block, Echo)>) {
    let Some((block, echo)) = block else { return };
    let [_, l0, l1, l2] = block.lost.to_be_bytes();
    out.extend(block.ssrc.to_be_bytes());
    out.extend([block.fraction_lost, l0, l1, l2]);
    out.extend(block.highest.to_be_bytes());
    out.extend(block.jitter.to_be_bytes());
    out.extend(echo.last_report.to_be_bytes());
    out.extend(echo.delay.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ntp_counts_from_1900_in_fractions_of_two_to_the_32() {
        assert_eq!(ntp(Micros(0)), 2_208_988_800 << 32);
        assert_eq!(ntp(Micros(1_500_000)), (2_208_988_801 << 32) | 0x8000_0000);
        assert_eq!(middle(ntp(Micros(250_000))), (2_208_988_800u64 << 16) as u32 | 0x4000);
        // 2036-02-07T06:28:16Z: the second era begins.
        assert_eq!(ntp(Micros(2_085_978_496_000_000)), 0);
    }

    #[test]
    fn the_timestamp_runs_with_the_clock_both_ways() {
        let sent =
            Sent { timestamp: 100, at: Micros(1_700_000_000_000_000), clock_hz: 48_000, ..Sent::default() };
        assert_eq!(sent.timestamp_at(sent.at), 100);
        assert_eq!(sent.timestamp_at(Micros(sent.at.0 + 20_000)), 1_060);
        assert_eq!(sent.timestamp_at(Micros(sent.at.0 - 20_000)), 100u32.wrapping_sub(960));
    }
}
