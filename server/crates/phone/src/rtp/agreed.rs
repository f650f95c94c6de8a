//! What follows from an offer and its answer (RFC 3264) for the media.

use crate::codec::Codec;
use crate::sdp::{Description, Direction, Format, SdpError, TelephoneEvent};
use std::net::SocketAddr;

/// Where and how sound is sent, and what may come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Agreed {
    pub(crate) remote: SocketAddr,
    pub(crate) remote_rtcp: SocketAddr,
    /// How we write sound, by the other side's payload type.
    pub(crate) format: Format,
    /// How digits are written; None: they are tones in the sound.
    pub(crate) telephone_event: Option<TelephoneEvent>,
    pub(crate) direction: Direction,
    /// What may come in sound, by our payload types.
    receives: Vec<Format>,
    /// The payload types under which digits may come.
    receives_events: Vec<u8>,
}

impl Agreed {
    /// # Errors
    /// If no codec is common.
    pub(crate) fn between(ours: &Description, theirs: &Description) -> Result<Agreed, SdpError> {
        let known = |format: &&Format| ours.formats.iter().any(|our| our.codec == format.codec);
        let format = *theirs.formats.iter().find(known).ok_or(SdpError::NoCodec)?;
        // Hold as it was before RFC 3264: an address that nothing can be sent to (its section 8.4).
        let held = theirs.address.ip().is_unspecified();
        let theirs_now = if held { Direction::Inactive } else { theirs.direction };
        // Events share their stream's clock (RFC 4733 section 2.1); where the other side knows one clock only, that.
        let events = if ours.telephone_events.is_empty() { &[][..] } else { &theirs.telephone_events };
        let shares = |event: &&TelephoneEvent| event.clock_hz == format.codec.clock_hz();
        let rate_hz = format.codec.rate_hz();
        Ok(Agreed {
            remote: theirs.address,
            remote_rtcp: theirs.rtcp_address,
            format,
            telephone_event: events.iter().find(shares).or(events.first()).copied(),
            direction: ours.direction.agreed(theirs_now),
            // A sound of another rate than ours is not heard: who answers with several codecs has chosen the first.
            receives: ours.formats.iter().filter(|our| our.codec.rate_hz() == rate_hz).copied().collect(),
            receives_events: ours.telephone_events.iter().map(|event| event.payload_type).collect(),
        })
    }

    pub(crate) fn codec(&self) -> Codec {
        self.format.codec
    }

    /// The codec of a payload type that may come.
    pub(crate) fn received_codec(&self, payload_type: u8) -> Option<Codec> {
        self.receives.iter().find(|format| format.payload_type == payload_type).map(|format| format.codec)
    }

    pub(crate) fn receives_event(&self, payload_type: u8) -> bool {
        self.receives_events.contains(&payload_type)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Both sides know `codec` alone, and telephone-events.
    pub(crate) fn agreed(codec: Codec, direction: Direction) -> Agreed {
        let ours = Description { direction, ..Description::offer(address("127.0.0.1:4000"), &[codec], true) };
        Agreed::between(&ours, &Description::offer(address("127.0.0.1:4000"), &[codec], true)).unwrap()
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn description(address_text: &str, codecs: &[Codec]) -> Description {
        Description::offer(address(address_text), codecs, true)
    }

    #[test]
    fn the_other_side_s_first_codec_and_its_types_are_taken() {
        let ours = description("127.0.0.1:4000", &Codec::ALL);
        let mut theirs = description("10.0.0.1:5000", &[Codec::Opus, Codec::Pcmu]);
        theirs.formats[0].payload_type = 96;
        theirs.telephone_events[1].payload_type = 97;
        let agreed = Agreed::between(&ours, &theirs).unwrap();
        assert_eq!(agreed.format, Format { codec: Codec::Opus, payload_type: 96 });
        assert_eq!(agreed.telephone_event, Some(TelephoneEvent { payload_type: 97, clock_hz: 48_000 }));
        assert_eq!((agreed.remote, agreed.remote_rtcp), (theirs.address, address("10.0.0.1:5001")));
        assert_eq!(agreed.direction, Direction::SendRecv);
        // What we offered is what may come.
        assert_eq!((agreed.received_codec(111), agreed.received_codec(96)), (Some(Codec::Opus), None));
        assert!(agreed.receives_event(101) && !agreed.receives_event(97));
    }

    #[test]
    fn the_other_law_may_come_but_no_sound_of_another_rate() {
        let ours = description("127.0.0.1:4000", &Codec::ALL);
        let agreed = Agreed::between(&ours, &description("10.0.0.1:5000", &[Codec::Pcma])).unwrap();
        assert_eq!((agreed.received_codec(0), agreed.received_codec(9)), (Some(Codec::Pcmu), None));
    }

    #[test]
    fn digits_are_tones_where_one_side_knows_no_events() {
        let (with, without) = (
            description("127.0.0.1:4000", &[Codec::Pcmu]),
            Description::offer(address("127.0.0.1:4002"), &[Codec::Pcmu], false),
        );
        assert_eq!(Agreed::between(&with, &without).unwrap().telephone_event, None);
        assert_eq!(Agreed::between(&without, &with).unwrap().telephone_event, None);
    }

    #[test]
    fn without_a_common_codec_nothing_is_agreed() {
        let ours = description("127.0.0.1:4000", &[Codec::Pcmu]);
        let theirs = description("10.0.0.1:5000", &[Codec::Opus]);
        assert_eq!(Agreed::between(&ours, &theirs), Err(SdpError::NoCodec));
    }

    #[test]
    fn an_address_of_zeros_is_a_hold() {
        let ours = description("127.0.0.1:4000", &[Codec::Pcmu]);
        let theirs = description("0.0.0.0:5000", &[Codec::Pcmu]);
        assert_eq!(Agreed::between(&ours, &theirs).unwrap().direction, Direction::Inactive);
    }
}
