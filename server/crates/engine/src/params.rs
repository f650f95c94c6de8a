//! What the server tells the engine about a leg.

use crate::announcement::Announcement;
use crate::event::EndReason;
use crate::prompt::Prompts;
use crate::rtp::latch::Latch;
use crate::time::{Micros, Rate};
use model::{ConferenceId, MemberId, Pin, RecordingId, RoomId};
use std::net::SocketAddr;
use std::sync::Arc;

/// A voice codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// G.722 at 64 kbit/s.
    G722,
    /// Opus (RFC 6716), one channel.
    Opus,
}

impl Codec {
    pub const ALL: [Codec; 4] = [Codec::Pcmu, Codec::Pcma, Codec::G722, Codec::Opus];

    /// The static payload type of RFC 3551 section 6; that of Opus is agreed upon by each offer, and this one is usual.
    pub const fn payload_type(self) -> u8 {
        match self {
            Codec::Pcmu => 0,
            Codec::Pcma => 8,
            Codec::G722 => 9,
            Codec::Opus => 96,
        }
    }

    /// The encoding name as SDP writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
            Codec::G722 => "G722",
            Codec::Opus => "opus",
        }
    }

    /// Of the sound that it carries.
    pub const fn rate(self) -> Rate {
        match self {
            Codec::Pcmu | Codec::Pcma => Rate::Narrow,
            Codec::G722 => Rate::Wide,
            Codec::Opus => Rate::Full,
        }
    }

    /// Of its RTP timestamps. That of G.722 is half its sample rate, by an old mistake (RFC 3551 section 4.5.2).
    pub const fn clock_hz(self) -> u32 {
        match self {
            Codec::Pcmu | Codec::Pcma | Codec::G722 => 8_000,
            Codec::Opus => 48_000,
        }
    }
}

/// What was agreed upon by SDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaParams {
    pub codec: Codec,
    /// Of voice, both ways: 0..=127.
    pub payload_type: u8,
    /// Of RFC 4733 telephone-events, if they were agreed upon.
    pub telephone_event: Option<u8>,
    /// Where we send until their first packet shows where it really comes from.
    pub remote: SocketAddr,
    /// The same for reports: the next port, if the offer names no other (RFC 3605); that of the sound, if they share it (RFC
    /// 5761).
    pub rtcp_remote: SocketAddr,
    /// We send to them: they are not on hold.
    pub send: bool,
    /// They send to us.
    pub receive: bool,
    /// Milliseconds of sound in a packet that WE send: 10..=60, a multiple of 10; anything else is rounded into that. Opus
    /// is always sent by 20.
    pub ptime_ms: u8,
}

impl MediaParams {
    /// Bytes of G.711 or G.722, 8 a millisecond, in a packet that we send.
    pub(crate) fn packet_bytes(&self) -> usize {
        usize::from(self.ptime_ms.clamp(10, 60) / 10) * 80
    }

    /// Where reports go: where the sound goes, if they share its port; else to an address of their own.
    pub(crate) fn reports_to(&self, latch: &Latch, own: SocketAddr) -> SocketAddr {
        if self.rtcp_remote == self.remote { latch.destination() } else { own }
    }
}

/// Who calls, as the network said it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// Empty if withheld.
    pub number: String,
    /// Empty if none came.
    pub name: String,
}

/// What a caller meets before the conference.
#[derive(Clone, Debug)]
pub struct Menu {
    pub prompts: Arc<Prompts>,
    /// What the owner has callers hear first of all.
    pub announcement: Option<Arc<Announcement>>,
    pub pin: Option<Pin>,
    /// What a member types who speaks the room's announcement; `None`: nobody may.
    pub control_pin: Option<Pin>,
    /// Keys of a PIN count only after so long: too many wrong PINs came before.
    pub pin_delay: Micros,
    pub enter_muted: bool,
    /// Members hear who comes and goes, from this leg's entering on.
    pub chimes: bool,
    /// If this leg's entering makes a conference of two or more that was not recorded so far, it is from then on, under this
    /// identity.
    pub recording: Option<RecordingId>,
    /// Nobody may come in: the caller hears why, and nothing else.
    pub refusal: Option<EndReason>,
}

/// The server's answer to an [`Event::Dictation`](crate::Event::Dictation).
#[derive(Clone, Debug)]
pub enum DictationAnswer {
    /// To speak into: empty, with room for as many samples of 16 kHz as may be said. Its memory should be there already, so
    /// that no tick waits for it.
    Tape(Vec<i16>),
    /// How it will be heard; and the tape, to speak anew.
    Sound {
        tape: Vec<i16>,
        sound: Arc<Announcement>,
    },
    Saved,
    /// Something of it could not be done.
    Refused,
}

/// A leg to open.
#[derive(Clone, Debug)]
pub struct OpenLeg {
    pub member: MemberId,
    pub room: RoomId,
    /// The conference's identity if this leg's entering begins one.
    pub conference: ConferenceId,
    pub caller: Caller,
    pub media: MediaParams,
    pub menu: Menu,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineConfig {
    /// SSRCs, first sequence numbers and first timestamps follow from it alone.
    pub seed: u64,
    /// Members and callers in their menu, in one room; a leg past it hears that the room is full.
    pub legs_per_room: usize,
}

impl Default for EngineConfig {
    fn default() -> Self {
        EngineConfig { seed: 0, legs_per_room: model::limits::LEGS_PER_ROOM }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_odd_ptime_is_rounded_into_its_range() {
        let media = |ptime_ms| MediaParams {
            codec: Codec::Pcmu,
            payload_type: 0,
            telephone_event: None,
            remote: "192.0.2.1:4000".parse().unwrap(),
            rtcp_remote: "192.0.2.1:4001".parse().unwrap(),
            send: true,
            receive: true,
            ptime_ms,
        };
        let bytes = |ptime_ms| media(ptime_ms).packet_bytes();
        assert_eq!([0, 10, 20, 25, 30, 60, 255].map(bytes), [80, 80, 160, 160, 240, 480, 480]);
    }
}
