//! One call: its packets in, its packets out, and where it stands.

pub(crate) mod dictation;
pub(crate) mod inbound;
pub(crate) mod keys;
pub(crate) mod member;
pub(crate) mod menu;
mod reports;

use crate::codec::holds_a_tick;
use crate::event::EndReason;
use crate::jitter::Need;
use crate::leg_key::LegKey;
use crate::outbound::Outbound;
use crate::params::{Caller, MediaParams, OpenLeg};
use crate::phrase::Phrase;
use crate::rng::Rng;
use crate::rtp::event::Key;
use crate::rtp::header::Rtp;
use crate::rtp::latch::Sender;
use crate::speaker::Speaker;
use crate::stats::EngineStats;
use crate::stream::{Desk, Route, Wanted};
use crate::time::{Arrival, Micros, Rate};
use crate::wire::{Encoded, Wire};
use dictation::Control;
use inbound::Inbound;
use member::{MemberState, Shown};
use menu::MenuState;
use model::limits::NO_SOUND_MS;
use model::{ConferenceId, MemberId, RoomId};
use reports::Reports;
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
    reports: Reports,
    route: Route,
    pub(crate) speaker: Speaker,
    pub(crate) control: Control,
    pub(crate) state: State,
    /// When the phone was last heard of, or last agreed upon what it sends.
    alive: Micros,
}

/// Where a leg stands. The ways lead downwards only.
pub(crate) enum State {
    Menu(MenuState),
    Member(MemberState),
    /// Hears a last phrase.
    Parting {
        reason: EndReason,
        /// Not before that: the phone has still to play what it was sent.
        ends: Micros,
    },
    /// The server was told; BYE follows.
    Ended,
}

/// What was in a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// At least a tick's sound.
    Sound,
    /// Less than that, or nothing that is of use.
    Little,
    Key(Key),
}

/// A last RTCP packet (RFC 3550 section 6.6), to be sent before the leg's socket is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goodbye {
    pub to: SocketAddr,
    pub report: Vec<u8>,
}

impl Leg {
    /// `room_rate`: what its room mixes at now.
    pub(crate) fn new(now: Micros, key: LegKey, open: OpenLeg, room_rate: Rate, rng: &mut Rng) -> Self {
        let OpenLeg { member, room, conference, caller, media, menu } = open;
        let state = State::Menu(MenuState::new(now, &menu));
        let control = Control::new(menu.control_pin, now.saturating_add(menu.pin_delay));
        let outbound = Outbound::new(rng);
        Leg {
            key,
            member,
            room,
            conference,
            caller,
            inbound: Inbound::new(now, &media),
            reports: Reports::new(now, &media, outbound.ssrc(), rng),
            outbound,
            route: Route::new(media.codec, room_rate),
            speaker: Speaker::new(menu.prompts, media.codec.rate()),
            control,
            state,
            media,
            alive: now,
        }
    }

    /// A re-INVITE was agreed upon.
    pub(crate) fn update(&mut self, now: Micros, media: MediaParams, room_rate: Rate) {
        self.alive = now;
        self.inbound.update(now, &self.media, &media);
        self.reports.update(&self.media, &media);
        if self.media.codec != media.codec {
            // What waits to fill a packet is of the old codec.
            self.outbound.pause(self.media.codec, 0);
            self.route = Route::new(media.codec, room_rate);
            self.speaker.set_rate(media.codec.rate());
            if let State::Member(member) = &mut self.state {
                member.set_rates(media.codec, room_rate);
                if let Some(dictation) = &mut member.dictation {
                    dictation.set_codec(media.codec);
                }
            }
        }
        self.media = media;
    }

    /// The room mixes at another rate from now on.
    pub(crate) fn set_room_rate(&mut self, room_rate: Rate) {
        self.route.set_rate(room_rate);
        if let State::Member(member) = &mut self.state {
            member.set_rates(self.media.codec, room_rate);
        }
    }

    /// Reads a datagram.
    pub(crate) fn receive(
        &mut self,
        arrival: Arrival,
        from: SocketAddr,
        datagram: &[u8],
        stats: &mut EngineStats,
    ) -> Received {
        let now = arrival.latest();
        let inbound = &mut self.inbound;
        let dropped = &mut stats.dropped;
        let Some(rtp) = Rtp::parse(datagram) else {
            dropped.malformed += 1;
            return Received::Little;
        };
        let is_event = self.media.telephone_event == Some(rtp.payload_type);
        if !is_event && rtp.payload_type != self.media.payload_type {
            dropped.payload_type += 1;
            return Received::Little;
        }
        if !inbound.latch.admit(now, Sender { from, ssrc: rtp.ssrc, is_event }) {
            dropped.source += 1;
            return Received::Little;
        }
        inbound.heard = true;
        self.alive = now;
        stats.packets_in += 1;
        self.reports.received(arrival, &rtp, is_event);
        if is_event {
            return inbound.event(now, &rtp, dropped).map_or(Received::Little, Received::Key);
        }
        if !self.media.receive {
            dropped.on_hold += 1;
            return Received::Little;
        }
        match &mut self.state {
            State::Member(member) if member.is_unheard() && !inbound.has_keys_in_sound() => {
                inbound.push_unheard(&self.media, &rtp, dropped, |frame| member.stays_unheard(frame));
            }
            State::Member(_) => inbound.push(&self.media, &rtp, dropped),
            // Before the conference nobody hears them.
            _ if inbound.has_keys_in_sound() => inbound.push(&self.media, &rtp, dropped),
            _ => {}
        }
        if holds_a_tick(self.media.codec, rtp.payload) { Received::Sound } else { Received::Little }
    }

    /// Reads a report.
    pub(crate) fn receive_report(
        &mut self,
        now: Micros,
        from: SocketAddr,
        datagram: &[u8],
        stats: &mut EngineStats,
    ) {
        // Reports come from the host that the sound comes from; translators give them any port.
        if from.ip() != self.inbound.latch.destination().ip() {
            stats.dropped.source += 1;
        } else if self.reports.handle(now, from, datagram).is_err() {
            stats.dropped.malformed += 1;
        } else {
            stats.reports_in += 1;
            // A phone that says nothing in silence still reports; one that never said anything is not heard of by that.
            if self.inbound.heard {
                self.alive = now;
            }
        }
    }

    /// It was agreed to send, and has sent nothing for so long that nobody is there any more.
    pub(crate) fn is_lost(&self, now: Micros) -> bool {
        let listens = matches!(self.state, State::Menu(_) | State::Member(_));
        listens && self.media.receive && now.since(self.alive) >= Micros::from_ms(NO_SOUND_MS)
    }

    /// The member as the pages should show it; `None` if it is none.
    pub(crate) fn snapshot(&self) -> Option<model::Member> {
        let State::Member(member) = &self.state else { return None };
        let Shown { talking, muted, deaf, level, energy, quality } = member.shown(self.reports.quality());
        Some(model::Member {
            id: self.member,
            number: self.caller.number.clone(),
            name: self.caller.name.clone(),
            since: member.since.as_ms(),
            talking,
            muted,
            deaf,
            level,
            energy,
            quality,
        })
    }

    /// Adds what has changed of a member since it was told last.
    pub(crate) fn tell(&mut self, changes: &mut Vec<model::Change>) {
        if let State::Member(member) = &mut self.state {
            member.tell(self.member, self.reports.quality(), changes);
        }
    }

    /// Says the last phrase, if this end has one.
    pub(crate) fn part(&mut self, reason: EndReason) {
        self.speaker.stop();
        self.speaker.play_music(false);
        let last: &[Phrase] = match reason {
            EndReason::LeftByKey => &[Phrase::Goodbye],
            EndReason::PinRefused => &[Phrase::NoMoreTries],
            EndReason::NoInput => &[Phrase::NothingTyped, Phrase::Goodbye],
            EndReason::Locked => &[Phrase::Locked],
            EndReason::Full => &[Phrase::Full],
            EndReason::Expelled => &[Phrase::Expelled],
            EndReason::NoSound => &[],
        };
        for phrase in last {
            self.speaker.say(*phrase);
        }
        self.state = State::Parting { reason, ends: Micros(0) };
    }

    /// Listens to a caller who is not in the conference, for keys in the sound.
    pub(crate) fn listen_for_keys(&mut self) -> Option<Key> {
        if !self.inbound.has_keys_in_sound() || matches!(self.state, State::Member(_) | State::Ended) {
            return None;
        }
        self.media.codec.rate().with_frame(|frame| self.inbound.pop(frame, Need::Sound));
        self.inbound.take_pressed()
    }

    /// Sends what a member hears of the mix.
    pub(crate) fn send_mix(&mut self, desk: &mut Desk<'_>) {
        let State::Member(member) = &mut self.state else { return };
        let sound = member.hear(self.media.codec, &mut self.route, desk, &mut self.speaker);
        self.send(desk.wire, sound);
    }

    /// Sends what a leg hears that is not in a conference.
    pub(crate) fn send_menu(&mut self, desk: &mut Desk<'_>) {
        if matches!(self.state, State::Member(_) | State::Ended) {
            return;
        }
        let speaker = &mut self.speaker;
        let wanted = if speaker.is_speaking() { Wanted::Own } else { Wanted::Noise };
        let rate = self.media.codec.rate();
        let sound = self.route.sound(wanted, self.media.codec, desk, |_, desk, out| {
            out.copy_from_slice(desk.noise.frame(rate));
            if speaker.is_speaking() {
                speaker.say_over(out);
            }
        });
        self.send(desk.wire, sound);
    }

    fn send(&mut self, wire: &mut Wire, sound: Encoded) {
        if self.media.send {
            self.outbound.send(wire, self.key, self.inbound.latch.destination(), &self.media, sound);
        } else {
            self.outbound.pause(self.media.codec, 1);
        }
    }

    /// Sends a report if one is due.
    pub(crate) fn send_report(&mut self, now: Micros, rng: &mut Rng, wire: &mut Wire) {
        let delay = || self.inbound.delay();
        if let Some((to, report)) = self.reports.poll(now, rng, &self.media, &self.outbound, delay) {
            let to = self.media.reports_to(&self.inbound.latch, to);
            wire.send_rtcp(self.key, to, report);
        }
    }

    /// The last report, which takes leave of the phone.
    pub(crate) fn goodbye(&mut self, now: Micros) -> Option<Goodbye> {
        let (to, report) = self.reports.bye(now, &self.media, &self.outbound)?;
        let to = self.media.reports_to(&self.inbound.latch, to);
        Some(Goodbye { to, report: report.to_vec() })
    }

    /// Ticks were left out.
    pub(crate) fn skip_ticks(&mut self, ticks: u32) {
        self.outbound.pause(self.media.codec, ticks);
    }
}
