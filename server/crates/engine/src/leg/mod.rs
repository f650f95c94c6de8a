//! One call: its packets in, its packets out, and where it stands.

pub(crate) mod keys;
pub(crate) mod member;
pub(crate) mod menu;

use crate::codec;
use crate::event::EndReason;
use crate::jitter::JitterBuffer;
use crate::leg_key::LegKey;
use crate::mix::Mixer;
use crate::outbound::{Encoded, Outbound, Wire};
use crate::params::{Caller, Codec, MediaParams, OpenLeg};
use crate::prompt::{Phrase, SILENCE, Speaker};
use crate::rng::Rng;
use crate::rtp::event::{Key, Keypad};
use crate::rtp::header::Rtp;
use crate::rtp::latch::Latch;
use crate::stats::EngineStats;
use crate::time::{Frame, Micros};
use member::{MemberState, Shown, encode_with_speech};
use menu::MenuState;
use model::{ConferenceId, MemberId, RoomId};
use std::net::SocketAddr;

pub(crate) struct Leg {
    pub(crate) key: LegKey,
    pub(crate) member: MemberId,
    pub(crate) room: RoomId,
    /// The conference's identity if this leg begins one.
    pub(crate) conference: ConferenceId,
    pub(crate) caller: Caller,
    pub(crate) media: MediaParams,
    pub(crate) inbound: Inbound,
    outbound: Outbound,
    pub(crate) speaker: Speaker,
    pub(crate) state: State,
}

/// Where a leg stands. The ways lead downwards only.
pub(crate) enum State {
    Menu(MenuState),
    Member(MemberState),
    /// Hears a last phrase.
    Parting {
        reason: EndReason,
    },
    /// The server was told; BYE follows.
    Ended,
}

/// What comes from the phone.
pub(crate) struct Inbound {
    latch: Latch,
    ssrc: Option<u32>,
    pub(crate) keypad: Keypad,
    pub(crate) jitter: JitterBuffer,
    /// A valid packet has come.
    pub(crate) heard: bool,
}

impl Leg {
    pub(crate) fn new(now: Micros, key: LegKey, open: OpenLeg, rng: &mut Rng) -> Self {
        let OpenLeg { member, room, conference, caller, media, menu } = open;
        Leg {
            key,
            member,
            room,
            conference,
            caller,
            inbound: Inbound {
                latch: Latch::new(now, media.remote),
                ssrc: None,
                keypad: Keypad::default(),
                jitter: JitterBuffer::new(media.codec),
                heard: false,
            },
            outbound: Outbound::new(rng),
            speaker: Speaker::new(menu.prompts),
            state: State::Menu(MenuState::new(now, menu.pin, menu.enter_muted)),
            media,
        }
    }

    /// A re-INVITE was agreed upon.
    pub(crate) fn update(&mut self, now: Micros, media: MediaParams) {
        self.inbound.latch.renew(now, self.media.remote, media.remote);
        if self.media.codec != media.codec {
            self.inbound.jitter.restart(media.codec);
        }
        self.media = media;
    }

    /// Reads a datagram; the answer is a key that was pressed.
    pub(crate) fn receive(
        &mut self,
        now: Micros,
        from: SocketAddr,
        datagram: &[u8],
        stats: &mut EngineStats,
    ) -> Option<Key> {
        let inbound = &mut self.inbound;
        let dropped = &mut stats.dropped;
        if !inbound.latch.admits(now, from) {
            dropped.source += 1;
            return None;
        }
        let Some(rtp) = Rtp::parse(datagram) else {
            dropped.malformed += 1;
            return None;
        };
        let is_event = self.media.telephone_event == Some(rtp.payload_type);
        if !is_event && rtp.payload_type != self.media.payload_type {
            dropped.payload_type += 1;
            return None;
        }
        inbound.latch.lock(from);
        inbound.heard = true;
        stats.packets_in += 1;
        if is_event {
            let pressed = inbound.keypad.receive(now, rtp.ssrc, rtp.timestamp, rtp.marker, rtp.payload);
            return pressed.unwrap_or_else(|_| {
                dropped.malformed += 1;
                None
            });
        }
        if !self.media.receive {
            dropped.on_hold += 1;
            return None;
        }
        // Before the conference nobody hears them.
        if matches!(self.state, State::Member(_)) {
            if inbound.ssrc.replace(rtp.ssrc).is_some_and(|ssrc| ssrc != rtp.ssrc) {
                inbound.jitter.restart(self.media.codec);
            }
            dropped.count(inbound.jitter.push(rtp.sequence, rtp.timestamp, rtp.payload));
        }
        None
    }

    /// The member as the pages should show it; `None` if it is none.
    pub(crate) fn snapshot(&self) -> Option<model::Member> {
        let State::Member(member) = &self.state else { return None };
        let Shown { talking, muted, deaf, level } = member.shown();
        Some(model::Member {
            id: self.member,
            number: self.caller.number.clone(),
            name: self.caller.name.clone(),
            since: member.since.as_ms(),
            talking,
            muted,
            deaf,
            level,
        })
    }

    /// Says the last phrase, if this end has one.
    pub(crate) fn part(&mut self, reason: EndReason) {
        self.speaker.stop();
        match reason {
            EndReason::LeftByKey | EndReason::PinRefused | EndReason::NoInput => {
                self.speaker.say(Phrase::Goodbye);
            }
            EndReason::Locked => self.speaker.say(Phrase::Locked),
            EndReason::Full => self.speaker.say(Phrase::Full),
            EndReason::Expelled => {}
        }
        self.state = State::Parting { reason };
    }

    /// Sends what a member hears of the mix.
    pub(crate) fn send_mix(&mut self, mixer: &Mixer, wire: &mut Wire, shared: &mut Shared) {
        let State::Member(member) = &mut self.state else { return };
        let mut out = LegOut { codec: self.media.codec, wire, shared };
        let sound = member.hear(mixer, &mut self.speaker, &mut out);
        self.send(wire, sound);
    }

    /// Sends what a leg hears that is not in a conference.
    pub(crate) fn send_menu(&mut self, wire: &mut Wire, shared: &mut Shared) {
        let sound = match self.state {
            State::Member(_) | State::Ended => return,
            State::Menu(_) | State::Parting { .. } => {
                let mut out = LegOut { codec: self.media.codec, wire, shared };
                if self.speaker.is_speaking() { out.own(SILENCE, &mut self.speaker) } else { out.silence() }
            }
        };
        self.send(wire, sound);
    }

    fn send(&mut self, wire: &mut Wire, sound: Encoded) {
        if self.media.send {
            self.outbound.send(wire, self.key, self.inbound.latch.destination(), &self.media, sound);
        } else {
            self.outbound.pause(1);
        }
    }

    /// Ticks were left out.
    pub(crate) fn skip_ticks(&mut self, ticks: u32) {
        self.outbound.pause(ticks);
    }
}

/// The encoded sounds of a tick that more than one leg hears.
#[derive(Default)]
pub(crate) struct Shared {
    silence: PerCodec,
    /// Of the present room.
    mix: PerCodec,
}

#[derive(Default)]
struct PerCodec {
    pcmu: Option<Encoded>,
    pcma: Option<Encoded>,
}

impl PerCodec {
    fn get(&mut self, codec: Codec) -> &mut Option<Encoded> {
        match codec {
            Codec::Pcma => &mut self.pcma,
            _ => &mut self.pcmu,
        }
    }
}

impl Shared {
    pub(crate) fn next_room(&mut self) {
        self.mix = PerCodec::default();
    }
}

/// Where a leg's sound of this tick goes.
pub(crate) struct LegOut<'a> {
    codec: Codec,
    wire: &'a mut Wire,
    shared: &'a mut Shared,
}

impl LegOut<'_> {
    pub(crate) fn silence(&mut self) -> Encoded {
        let wire = &mut *self.wire;
        *self.shared.silence.get(self.codec).get_or_insert_with(|| wire.keep(codec::silence(self.codec)))
    }

    pub(crate) fn shared_mix(&mut self, mixer: &Mixer) -> Encoded {
        let wire = &mut *self.wire;
        let codec = self.codec;
        *self.shared.mix.get(codec).get_or_insert_with(|| {
            let mut bytes = [0; codec::FRAME_BYTES];
            codec::encode(codec, &mixer.others(None), &mut bytes);
            wire.keep(&bytes)
        })
    }

    pub(crate) fn own(&mut self, mix: Frame, speaker: &mut Speaker) -> Encoded {
        self.wire.keep(&encode_with_speech(self.codec, mix, speaker))
    }
}
