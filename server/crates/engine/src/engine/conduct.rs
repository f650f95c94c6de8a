//! What moderators do to a conference, and members to themselves; and what they are told of it.

use super::{Engine, phase};
use crate::event::EndReason;
use crate::leg::State;
use crate::leg::keys::Command;
use crate::leg_key::LegKey;
use crate::phrase::Phrase;
use crate::room::{Legs, Room};
use crate::spoken::Sentence;
use crate::time::Micros;
use model::{Action, Energy, MemberId, RecordingEnd, RecordingId, Refusal, RoomId};

/// Who has muted a member, or lets it speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Itself,
    Moderator,
}

impl Engine {
    /// Does what a moderator wishes. What is so already stays so.
    ///
    /// # Errors
    /// [`Refusal::NoConference`] if nobody is in the room, [`Refusal::NoMember`] if this member is not.
    pub fn act(&mut self, now: Micros, room: RoomId, action: Action) -> Result<(), Refusal> {
        let (found, _) = self.conferring(room)?;
        match action {
            Action::Lock => found.lock(true),
            Action::Unlock => found.lock(false),
            Action::Mute(id) => self.mute(self.member(room, id)?, true, By::Moderator),
            Action::Unmute(id) => self.mute(self.member(room, id)?, false, By::Moderator),
            Action::Deafen(id) => self.deafen(self.member(room, id)?, true),
            Action::Undeafen(id) => self.deafen(self.member(room, id)?, false),
            Action::Energy { member, energy } => self.set_energy(self.member(room, member)?, energy),
            Action::Expel(id) => {
                let key = self.member(room, id)?;
                self.leave(now, key, EndReason::Expelled);
                self.end_if_said(now, key);
            }
        }
        self.tell(now, room);
        Ok(())
    }

    /// Says something to all members of a room, the deaf too.
    ///
    /// # Errors
    /// [`Refusal::NoConference`] if nobody is in the room.
    pub fn announce(
        &mut self,
        now: Micros,
        room: RoomId,
        sentence: impl Into<Sentence>,
    ) -> Result<(), Refusal> {
        let (room, legs) = self.conferring(room)?;
        room.say_to_all(now, legs, sentence.into(), None);
        Ok(())
    }

    /// Records a room's conference from the next tick on, however many are in, unless it is recorded already: its members are
    /// told, and who enters later too. The end of the conference is the end of its recording.
    ///
    /// # Errors
    /// [`Refusal::NoConference`] if nobody is in the room.
    pub fn record(&mut self, now: Micros, room: RoomId, recording: RecordingId) -> Result<(), Refusal> {
        let (found, legs) = self.conferring(room)?;
        found.begin_recording(now, recording, legs, None);
        self.tell(now, room);
        Ok(())
    }

    /// Stops a recording, and says so to all; the conference goes on. Nothing is done where it does not run any more.
    ///
    /// # Errors
    /// [`Refusal::NoConference`] if nobody is in the room.
    pub fn stop_recording(
        &mut self,
        now: Micros,
        room: RoomId,
        recording: RecordingId,
        end: RecordingEnd,
    ) -> Result<(), Refusal> {
        let (found, legs) = self.conferring(room)?;
        found.stop_recording(now, recording, end, legs);
        self.tell(now, room);
        Ok(())
    }

    fn conferring(&mut self, room: RoomId) -> Result<(&mut Room, &mut Legs), Refusal> {
        match self.rooms[phase(room)].get_mut(&room) {
            Some(room) if room.has_conference() => Ok((room, &mut self.legs)),
            _ => Err(Refusal::NoConference),
        }
    }

    fn member(&self, room: RoomId, id: MemberId) -> Result<LegKey, Refusal> {
        let members = self.room(room).map_or(&[][..], Room::members);
        let is_it = |key: &LegKey| self.legs.get(*key).is_some_and(|leg| leg.member == id);
        members.iter().copied().find(is_it).ok_or(Refusal::NoMember)
    }

    pub(super) fn command(&mut self, now: Micros, key: LegKey, command: Command) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        let State::Member(member) = &mut leg.state else { return };
        match command {
            Command::Leave => self.leave(now, key, EndReason::LeftByKey),
            Command::ToggleMute => {
                let muted = !member.muted;
                self.mute(key, muted, By::Itself);
            }
            Command::ToggleMuteAndDeaf => {
                let away = !(member.muted && member.deaf);
                (member.muted, member.deaf) = (away, away);
                leg.speaker.say_now(if away { Phrase::Deafened } else { Phrase::Undeafened });
                if !away {
                    leg.speaker.say(Phrase::Unmuted);
                }
            }
            Command::Dictate => self.begin_dictation(now, key),
        }
    }

    fn mute(&mut self, key: LegKey, muted: bool, by: By) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        if let State::Member(member) = &mut leg.state
            && member.muted != muted
        {
            member.muted = muted;
            let phrase = match (muted, by) {
                (true, By::Itself) => Phrase::Muted,
                (false, By::Itself) => Phrase::Unmuted,
                (true, By::Moderator) => Phrase::MutedByModerator,
                (false, By::Moderator) => Phrase::UnmutedByModerator,
            };
            if member.dictation.is_none() {
                leg.speaker.stop();
            }
            leg.speaker.say(phrase);
        }
    }

    fn deafen(&mut self, key: LegKey, deaf: bool) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        if let State::Member(member) = &mut leg.state
            && member.deaf != deaf
        {
            member.deaf = deaf;
            let phrase = match (deaf, member.muted) {
                (true, true) => Phrase::Deafened,
                // There is no sentence for those who may still speak.
                (true, false) => return,
                (false, _) => Phrase::Undeafened,
            };
            if member.dictation.is_none() {
                leg.speaker.stop();
            }
            leg.speaker.say(phrase);
        }
    }

    fn set_energy(&mut self, key: LegKey, energy: Energy) {
        if let Some(leg) = self.legs.get_mut(key)
            && let State::Member(member) = &mut leg.state
        {
            member.energy = energy;
        }
    }
}
