//! A leg inside a conference: what it gives to the mix, and what it hears of it.

use super::keys::DoubledKeys;
use super::{Inbound, LegOut};
use crate::codec::{FRAME_BYTES, encode};
use crate::jitter::Popped;
use crate::level::{Meter, energy};
use crate::mix::gate::Gate;
use crate::mix::limiter::limit;
use crate::mix::ramp::{RAMP_SAMPLES, Ramp, UNITY};
use crate::mix::{Mixer, VoiceIndex};
use crate::outbound::Encoded;
use crate::prompt::{SILENCE, Speaker};
use crate::time::{FRAME_SAMPLES, Frame, Micros};
use model::{Change, MemberId};

/// The others' gain while a phrase is said: 12 dB less.
const DUCKED: i32 = UNITY / 4;
/// A level that moved less than this is not told again.
const LEVEL_STEP: u8 = 2;
/// The same for somebody who does not talk: a noisy line need not be drawn twenty times a second.
const QUIET_LEVEL_STEP: u8 = 8;

pub(crate) struct MemberState {
    pub(crate) since: Micros,
    pub(crate) muted: bool,
    pub(crate) deaf: bool,
    pub(crate) keys: DoubledKeys,
    gate: Gate,
    meter: Meter,
    /// The gain of what they say.
    input: Ramp,
    /// The gain of what they hear.
    hearing: Ramp,
    /// Their voice in this tick's mix.
    voice: Option<VoiceIndex>,
    /// What the pages were told.
    told: Shown,
}

/// What a room's pages show of a member, apart from who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) talking: bool,
    pub(crate) muted: bool,
    pub(crate) deaf: bool,
    pub(crate) level: u8,
}

impl MemberState {
    /// Comes in: hears the conference from the next tick on, faded in.
    pub(crate) fn new(now: Micros, muted: bool) -> Self {
        MemberState {
            since: now,
            muted,
            deaf: false,
            keys: DoubledKeys::default(),
            gate: Gate::Closed,
            meter: Meter::new(),
            input: Ramp::at(0),
            hearing: Ramp::at(0),
            voice: None,
            told: Shown { talking: false, muted, deaf: false, level: 0 },
        }
    }

    /// What the pages should show.
    pub(crate) fn shown(&self) -> Shown {
        let level = if self.muted { 0 } else { self.meter.level() };
        Shown { talking: self.gate.is_open(), muted: self.muted, deaf: self.deaf, level }
    }

    /// Adds what has changed since it was told last.
    pub(crate) fn tell(&mut self, id: MemberId, changes: &mut Vec<Change>) {
        let Shown { talking, muted, deaf, level } = self.shown();
        let told = &mut self.told;
        if muted != told.muted {
            told.muted = muted;
            changes.push(Change::Muted { id, muted });
        }
        if deaf != told.deaf {
            told.deaf = deaf;
            changes.push(Change::Deaf { id, deaf });
        }
        let step = if talking || told.talking { LEVEL_STEP } else { QUIET_LEVEL_STEP };
        if talking != told.talking {
            told.talking = talking;
            changes.push(Change::Talking { id, talking });
        }
        if level.abs_diff(told.level) >= step || (level == 0 && told.level > 0) {
            told.level = level;
            changes.push(Change::Level { id, level });
        }
    }

    /// Takes 20 ms of their sound and puts it into the mix, if they are to be heard.
    pub(crate) fn listen(&mut self, now: Micros, inbound: &mut Inbound, mixer: &mut Mixer) -> Popped {
        let mut frame: Frame = SILENCE;
        let popped = inbound.jitter.pop(&mut frame);
        let blocked = self.muted || inbound.keypad.is_down(now);
        if blocked {
            self.gate = Gate::Closed;
            self.meter.silence();
        } else {
            let energy = if popped == Popped::Silence { 0 } else { energy(&frame) };
            self.gate.hear(energy);
            self.meter.hear(energy);
        }
        let (target, over) = match self.gate.is_open() {
            true => (UNITY, RAMP_SAMPLES),
            false if blocked => (0, RAMP_SAMPLES),
            // A hangover's end is not urgent, so it is the gentler fade.
            false => (0, FRAME_SAMPLES),
        };
        self.voice = None;
        if !self.input.is_shut(target) {
            self.input.apply(&mut frame, target, over);
            self.voice = Some(mixer.add(&frame));
        }
        popped
    }

    /// The end of their voice: what the others hear in the tick after they left.
    pub(crate) fn fade_away(&mut self, inbound: &mut Inbound) -> Option<Frame> {
        if self.input.is_shut(0) {
            return None;
        }
        let mut frame: Frame = SILENCE;
        inbound.jitter.pop(&mut frame);
        self.input.apply(&mut frame, 0, RAMP_SAMPLES);
        Some(frame)
    }

    /// Makes 20 ms of what they hear.
    pub(crate) fn hear(&mut self, mixer: &Mixer, speaker: &mut Speaker, out: &mut LegOut<'_>) -> Encoded {
        let speaking = speaker.is_speaking();
        let target = match (self.deaf, speaking) {
            (true, _) => 0,
            (false, true) => DUCKED,
            (false, false) => UNITY,
        };
        if !speaking {
            if self.hearing.is_shut(target) {
                return out.silence();
            }
            if self.hearing.is_through(target) {
                if mixer.is_silent_without(self.voice) {
                    return out.silence();
                }
                if self.voice.is_none() {
                    return out.shared_mix(mixer);
                }
            }
        }
        let mut mix = mixer.others(self.voice);
        self.hearing.apply(&mut mix, target, RAMP_SAMPLES);
        out.own(mix, speaker)
    }
}

/// Adds what is said to a mix, and encodes both.
pub(crate) fn encode_with_speech(
    codec: crate::params::Codec,
    mut mix: Frame,
    speaker: &mut Speaker,
) -> [u8; FRAME_BYTES] {
    if speaker.is_speaking() {
        let mut sum = mix.map(i32::from);
        speaker.add_to(&mut sum);
        mix = sum.map(limit);
    }
    let mut bytes = [0; FRAME_BYTES];
    encode(codec, &mix, &mut bytes);
    bytes
}
