//! Members who speak their room's announcement: between the leg that does and the server that keeps it.

use super::{Engine, phase, tell_of_wrong_pins};
use crate::event::{DictationStep, Event};
use crate::leg::State;
use crate::leg::dictation::{Dictation, Turn};
use crate::leg::keys::DoubledKeys;
use crate::leg_key::LegKey;
use crate::params::DictationAnswer;
use crate::phrase::Phrase;
use crate::rtp::event::Key;
use crate::time::Micros;

impl Engine {
    /// The server has done its part of what an [`Event::Dictation`] asked for. Of a leg that waits for something else, or
    /// for nothing any more, it changes nothing.
    pub fn answer_dictation(&mut self, now: Micros, key: LegKey, answer: DictationAnswer) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        let State::Member(member) = &mut leg.state else { return };
        let Some(dictation) = &mut member.dictation else { return };
        let turn = dictation.answer(answer, &mut leg.speaker);
        self.take_turn(now, key, turn);
    }

    /// A member leaves the mix to speak an announcement.
    pub(super) fn begin_dictation(&mut self, now: Micros, key: LegKey) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        let State::Member(member) = &mut leg.state else { return };
        if let Some(refusal) = leg.control.refusal() {
            return leg.speaker.say_now(refusal);
        }
        leg.speaker.stop();
        member.dictation = Some(Box::new(Dictation::new(leg.media.codec)));
        self.dictating.push(key);
        self.tick_dictation(now, key);
    }

    /// A key of a member who does.
    pub(super) fn dictate(&mut self, now: Micros, key: LegKey, pressed: Key) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        let State::Member(member) = &mut leg.state else { return };
        let Some(dictation) = &mut member.dictation else { return };
        let turn = dictation.key(now, pressed, &mut leg.control, &mut leg.speaker);
        self.take_turn(now, key, turn);
    }

    /// Time has passed for those of one phase.
    pub(super) fn tick_dictations(&mut self, now: Micros, of: usize) {
        let mut dictating = std::mem::take(&mut self.dictating);
        dictating.retain(|key| {
            let Some(leg) = self.legs.get(*key) else { return false };
            if phase(leg.room) == of {
                self.tick_dictation(now, *key);
            }
            self.is_dictating(*key)
        });
        self.dictating = dictating;
    }

    fn is_dictating(&self, key: LegKey) -> bool {
        let state = self.legs.get(key).map(|leg| &leg.state);
        matches!(state, Some(State::Member(member)) if member.dictation.is_some())
    }

    fn tick_dictation(&mut self, now: Micros, key: LegKey) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        let State::Member(member) = &mut leg.state else { return };
        let Some(dictation) = &mut member.dictation else { return };
        let turn = dictation.tick(now, &leg.control, &mut leg.speaker);
        self.take_turn(now, key, turn);
    }

    fn take_turn(&mut self, now: Micros, key: LegKey, turn: Turn) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        let (room, member) = (leg.room, leg.member);
        match turn {
            Turn::Stay => {}
            Turn::Tell(step) => self.events.push_back(Event::Dictation { room, member, step }),
            Turn::Wrong => {
                tell_of_wrong_pins(&mut self.events, 1, leg);
                self.end_dictation(now, key, Some(Phrase::WrongControlPin));
            }
            Turn::Back(said) => self.end_dictation(now, key, said),
        }
    }

    /// Back into the mix.
    fn end_dictation(&mut self, now: Micros, key: LegKey, said: Option<Phrase>) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        let (room, id) = (leg.room, leg.member);
        let State::Member(member) = &mut leg.state else { return };
        member.dictation = None;
        member.keys = DoubledKeys::default();
        // What was said to all meanwhile was said to them alone.
        member.spared_until = now;
        for phrase in said.into_iter().chain([Phrase::BackInConference]) {
            leg.speaker.say(phrase);
        }
        self.events.push_back(Event::Dictation { room, member: id, step: DictationStep::Over });
    }
}
