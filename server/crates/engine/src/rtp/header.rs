//! The RTP packet, RFC 3550 section 5.1.

/// Bytes of a header without contributors and extension.
pub(crate) const HEADER_BYTES: usize = 12;

/// A packet that was read; it exists only if all its lengths are consistent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rtp<'a> {
    pub(crate) marker: bool,
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    /// Without padding.
    pub(crate) payload: &'a [u8],
}

impl<'a> Rtp<'a> {
    /// `None` for all that is not a whole RTP packet of version 2.
    pub(crate) fn parse(datagram: &'a [u8]) -> Option<Self> {
        let (header, mut rest) = datagram.split_first_chunk::<HEADER_BYTES>()?;
        let [flags, marker_type, s0, s1, t0, t1, t2, t3, r0, r1, r2, r3] = *header;
        if flags >> 6 != 2 {
            return None;
        }
        rest = rest.get(4 * usize::from(flags & 0x0F)..)?;
        if flags & 0x10 != 0 {
            // Section 5.3.1: a profile's 16 bits, then the length in 32-bit words.
            let (&[_, _, l0, l1], after) = rest.split_first_chunk::<4>()?;
            rest = after.get(4 * usize::from(u16::from_be_bytes([l0, l1]))..)?;
        }
        if flags & 0x20 != 0 {
            let padding = usize::from(*rest.last()?);
            if padding == 0 {
                return None;
            }
            rest = rest.get(..rest.len().checked_sub(padding)?)?;
        }
        Some(Rtp {
            marker: marker_type & 0x80 != 0,
            payload_type: marker_type & 0x7F,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([r0, r1, r2, r3]),
            payload: rest,
        })
    }
}

/// The header of a packet that we send: no padding, no extension, no contributors.
pub(crate) fn write_header(
    marker: bool,
    payload_type: u8,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
) -> [u8; HEADER_BYTES] {
    let [s0, s1] = sequence.to_be_bytes();
    let [t0, t1, t2, t3] = timestamp.to_be_bytes();
    let [r0, r1, r2, r3] = ssrc.to_be_bytes();
    let marker_type = (u8::from(marker) << 7) | (payload_type & 0x7F);
    [0x80, marker_type, s0, s1, t0, t1, t2, t3, r0, r1, r2, r3]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rtp_rs::RtpReader;

    proptest! {
        #[test]
        fn what_is_written_is_read(marker: bool, pt in 0u8..128, seq: u16, ts: u32, ssrc: u32, payload: Vec<u8>) {
            let mut datagram = write_header(marker, pt, seq, ts, ssrc).to_vec();
            datagram.extend(&payload);
            let expected = Rtp {
                marker, payload_type: pt, sequence: seq, timestamp: ts, ssrc, payload: &payload,
            };
            prop_assert_eq!(Rtp::parse(&datagram), Some(expected));
        }

        /// Another's parser is the judge of ours, on bytes that are nearly packets.
        #[test]
        fn agrees_with_another_parser(flags: u8, mut datagram in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Some(first) = datagram.first_mut() {
                *first = 0x80 | (flags & 0x3F);
            }
            match (Rtp::parse(&datagram), RtpReader::new(&datagram)) {
                (Some(ours), Ok(theirs)) => {
                    prop_assert_eq!(ours.payload, theirs.payload());
                    prop_assert_eq!(ours.payload_type, theirs.payload_type());
                    prop_assert_eq!(ours.marker, theirs.mark());
                    prop_assert_eq!(ours.sequence, u16::from(theirs.sequence_number()));
                    prop_assert_eq!(ours.timestamp, theirs.timestamp());
                    prop_assert_eq!(ours.ssrc, theirs.ssrc());
                }
                (None, Err(_)) => {}
                (ours, theirs) => prop_assert!(false, "{ours:?} {:?}", theirs.map(|_| ())),
            }
        }
    }

    #[test]
    fn refuses_what_is_cut_short() {
        let whole = write_header(false, 0, 1, 2, 3);
        for n in 0..HEADER_BYTES {
            assert_eq!(Rtp::parse(&whole[..n]), None);
        }
        for flags in [0x00, 0x40, 0xC0, 0x81, 0x90, 0xA0] {
            let mut datagram = whole;
            datagram[0] = flags;
            assert_eq!(Rtp::parse(&datagram), None, "{flags:#x}");
        }
    }
}
