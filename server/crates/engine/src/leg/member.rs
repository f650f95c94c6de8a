//! A leg inside a conference: what it gives to the mix, and what it hears of it.

use super::Inbound;
use super::dictation::Dictation;
use super::keys::DoubledKeys;
use crate::jitter::{Need, Popped};
use crate::level::{Meter, energy};
use crate::mix::gate::Gate;
use crate::mix::ramp::{Pace, Ramp, UNITY};
use crate::mix::resample::Resampler;
use crate::mix::{Mixer, VoiceIndex};
use crate::params::{Codec, MediaParams};
use crate::speaker::Speaker;
use crate::stream::{Desk, Route, Wanted};
use crate::time::{Micros, Rate};
use crate::wire::Encoded;
use model::{Change, Energy, MemberId, Quality};

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
    pub(crate) energy: Energy,
    pub(crate) keys: DoubledKeys,
    /// Speaks the room's announcement: neither hears the others nor is heard by them.
    pub(crate) dictation: Option<Box<Dictation>>,
    gate: Gate,
    meter: Meter,
    /// From the codec's rate to the room's; `None` where they are the same.
    resampler: Option<Box<Resampler>>,
    /// The gain of what they say.
    input: Ramp,
    /// The gain of what they hear.
    hearing: Ramp,
    /// Their voice in this tick's mix.
    voice: Option<VoiceIndex>,
    /// What the room says to all was, up to then, said to them alone; or they were not here.
    pub(crate) spared_until: Micros,
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
    pub(crate) energy: Energy,
    pub(crate) quality: Option<Quality>,
}

impl MemberState {
    /// Comes in: hears the conference from the next tick on, faded in.
    pub(crate) fn new(now: Micros, muted: bool) -> Self {
        let energy = Energy::default();
        MemberState {
            since: now,
            muted,
            deaf: false,
            energy,
            keys: DoubledKeys::default(),
            dictation: None,
            gate: Gate::Closed,
            meter: Meter::new(),
            resampler: None,
            input: Ramp::at(0),
            hearing: Ramp::at(0),
            voice: None,
            spared_until: now,
            told: Shown { talking: false, muted, deaf: false, level: 0, energy, quality: None },
        }
    }

    /// What the pages should show.
    pub(crate) fn shown(&self, quality: Option<Quality>) -> Shown {
        Shown {
            talking: self.gate.is_open(),
            muted: self.muted,
            deaf: self.deaf,
            level: if self.muted { 0 } else { self.meter.level() },
            energy: self.energy,
            quality,
        }
    }

    /// Adds what has changed since it was told last.
    pub(crate) fn tell(&mut self, id: MemberId, quality: Option<Quality>, changes: &mut Vec<Change>) {
        let Shown { talking, muted, deaf, level, energy, quality } = self.shown(quality);
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
        if energy != told.energy {
            told.energy = energy;
            changes.push(Change::Energy { id, energy });
        }
        if let Some(quality) = quality
            && told.quality != Some(quality)
        {
            told.quality = Some(quality);
            changes.push(Change::Quality { id, quality });
        }
    }

    /// The room mixes at another rate, or the leg has another codec.
    pub(crate) fn set_rates(&mut self, codec: Codec, room: Rate) {
        let own = codec.rate();
        self.resampler = (own != room).then(|| Box::new(Resampler::new(own.hz(), room.hz())));
    }

    /// Takes 20 ms of their sound and puts it into the mix, if they are to be heard.
    pub(crate) fn listen(
        &mut self,
        now: Micros,
        media: &MediaParams,
        inbound: &mut Inbound,
        mixer: &mut Mixer,
    ) -> Popped {
        if inbound.was_taken() {
            self.voice = None;
            return Popped::LeftOut;
        }
        media.codec.rate().with_frame(|frame| self.listen_with(frame, now, inbound, mixer))
    }

    /// Nobody hears them now, and no sound that could be played later.
    pub(crate) fn is_unheard(&self) -> bool {
        self.need() != Need::Sound && self.resampler.is_none()
    }

    /// Hears a frame of an unheard member. `false`, and nothing done, if it begins to talk with it.
    pub(crate) fn stays_unheard(&mut self, frame: &[i16]) -> bool {
        if self.is_kept_out() {
            return true;
        }
        let heard = energy(frame);
        let mut gate = self.gate;
        gate.hear(heard, self.energy);
        if !gate.is_open() {
            self.meter.hear(heard);
        }
        !gate.is_open()
    }

    /// Nobody is to hear them.
    fn is_kept_out(&self) -> bool {
        self.muted || self.dictation.is_some()
    }

    fn is_on_tape(&self) -> bool {
        self.dictation.as_ref().is_some_and(|dictation| dictation.is_speaking())
    }

    /// Whether anybody hears what comes next, or the tape.
    fn need(&self) -> Need {
        match (self.input.is_shut(0), self.is_kept_out(), self.gate.is_open()) {
            _ if self.is_on_tape() => Need::Sound,
            (true, true, _) => Need::Nothing,
            (true, false, false) => Need::Level,
            _ => Need::Sound,
        }
    }

    fn listen_with(
        &mut self,
        frame: &mut [i16],
        now: Micros,
        inbound: &mut Inbound,
        mixer: &mut Mixer,
    ) -> Popped {
        let popped = inbound.pop(frame, self.need());
        let key_down = inbound.is_key_down(now);
        if let Some(dictation) = &mut self.dictation
            && !key_down
        {
            dictation.hear(frame);
        }
        let blocked = self.is_kept_out() || key_down;
        if blocked {
            self.gate = Gate::Closed;
            self.meter.silence();
        } else if popped != Popped::LeftOut {
            let heard = if popped == Popped::Silence { 0 } else { energy(frame) };
            self.gate.hear(heard, self.energy);
            self.meter.hear(heard);
        }
        let (target, pace) = match self.gate.is_open() {
            true => (UNITY, Pace::Quick),
            false if blocked => (0, Pace::Quick),
            // A hangover's end is not urgent, so it is the gentler fade.
            false => (0, Pace::Gentle),
        };
        self.voice = None;
        if !self.input.is_shut(target) {
            self.input.apply(frame, target, pace);
            self.voice = Some(self.speak(frame, mixer));
        } else if let Some(resampler) = &mut self.resampler {
            // What was heard last is old when they talk again.
            resampler.reset();
        }
        popped
    }

    fn speak(&mut self, frame: &[i16], mixer: &mut Mixer) -> VoiceIndex {
        let Some(resampler) = &mut self.resampler else { return mixer.add(frame) };
        mixer.rate().with_frame(|out| {
            resampler.process(frame, out);
            mixer.add(out)
        })
    }

    /// The end of their voice, at the room's rate: what the others hear in the tick after they left. `None` if they were
    /// not heard.
    pub(crate) fn fade_away(
        &mut self,
        media: &MediaParams,
        inbound: &mut Inbound,
        out: &mut [i16],
    ) -> Option<()> {
        if self.input.is_shut(0) {
            return None;
        }
        media.codec.rate().with_frame(|frame| {
            inbound.pop(frame, Need::Sound);
            self.input.apply(frame, 0, Pace::Quick);
            match &mut self.resampler {
                Some(resampler) => resampler.process(frame, out),
                None => out.copy_from_slice(frame),
            }
        });
        Some(())
    }

    /// Makes 20 ms of what they hear.
    pub(crate) fn hear(
        &mut self,
        codec: Codec,
        route: &mut Route,
        desk: &mut Desk<'_>,
        speaker: &mut Speaker,
    ) -> Encoded {
        let speaking = speaker.is_speaking();
        let target = match (self.deaf || self.dictation.is_some(), speaking) {
            (true, _) => 0,
            (false, true) => DUCKED,
            (false, false) => UNITY,
        };
        let voice = self.voice;
        let spared =
            desk.saying.filter(|saying| saying.given <= self.spared_until).map(|saying| saying.voice);
        let left_out = || voice.into_iter().chain(spared);
        let wanted = if speaking {
            Wanted::Own
        } else if self.hearing.is_shut(target) {
            Wanted::Noise
        } else if !self.hearing.is_through(target) {
            Wanted::Own
        } else if desk.mixer.is_silent_without(left_out()) && !desk.mixer.is_silent() {
            Wanted::Noise
        } else if left_out().next().is_none() {
            Wanted::Room
        } else {
            Wanted::Own
        };
        let hearing = &mut self.hearing;
        route.sound(wanted, codec, desk, |chain, desk, out| {
            desk.mixer.rate().with_frame(|mix| {
                desk.mixer.others(left_out(), mix);
                chain.resample(mix, out);
            });
            hearing.apply(out, target, Pace::Quick);
            if speaking {
                speaker.say_over(out);
            }
        })
    }
}
