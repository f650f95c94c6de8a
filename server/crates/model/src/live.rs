//! Live state: one snapshot with a revision per conference, and the deltas that lead from one to the next.
//!
//! `snapshot(n) + delta(n -> m) == snapshot(m)`: whoever has a snapshot and misses no delta needs no other snapshot.

use crate::{ConferenceId, Energy, MemberId, Quality};
use serde::{Deserialize, Serialize};

/// Unix time in milliseconds.
pub type UnixMs = u64;

/// A room as its pages show it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Live {
    /// Grows by one with each delta, over all conferences of the room since the server started.
    pub revision: u64,
    /// `None`: nobody is in.
    pub conference: Option<Conference>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Conference {
    pub id: ConferenceId,
    pub since: UnixMs,
    pub locked: bool,
    /// It is being recorded now.
    pub recording: bool,
    /// In the order in which they came in.
    pub members: Vec<Member>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    pub id: MemberId,
    /// The calling number as the network gave it; empty if withheld.
    pub number: String,
    /// The name that came with it, or empty.
    pub name: String,
    pub since: UnixMs,
    pub talking: bool,
    pub muted: bool,
    pub deaf: bool,
    /// Input level, 0 (silence, -60 dBov or less) to 100 (0 dBov); 0 while muted.
    pub level: u8,
    /// How loud they must be to be heard.
    pub energy: Energy,
    /// `None` until the line is known: a few seconds.
    pub quality: Option<Quality>,
}

/// What leads from one revision to the next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delta {
    /// The revision after it; the one before it is one less.
    pub revision: u64,
    pub changes: Vec<Change>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type")]
pub enum Change {
    Began { id: ConferenceId, since: UnixMs },
    Ended,
    Locked { locked: bool },
    Recording { recording: bool },
    Joined { member: Member },
    Left { id: MemberId },
    Talking { id: MemberId, talking: bool },
    Muted { id: MemberId, muted: bool },
    Deaf { id: MemberId, deaf: bool },
    Level { id: MemberId, level: u8 },
    Energy { id: MemberId, energy: Energy },
    Quality { id: MemberId, quality: Quality },
}

/// A delta was missed: take a fresh snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("revision {found} does not follow {had}")]
pub struct Gap {
    pub had: u64,
    pub found: u64,
}

impl Live {
    /// Applies the next delta. A delta that is already in (at or below this revision) changes nothing.
    ///
    /// # Errors
    /// [`Gap`], and nothing changed, where a revision is missing between.
    pub fn apply(&mut self, delta: &Delta) -> Result<(), Gap> {
        if delta.revision <= self.revision {
            return Ok(());
        }
        if delta.revision != self.revision + 1 {
            return Err(Gap { had: self.revision, found: delta.revision });
        }
        self.revision = delta.revision;
        delta.changes.iter().for_each(|change| self.change(change));
        Ok(())
    }

    pub fn members(&self) -> &[Member] {
        self.conference.as_ref().map_or(&[], |c| &c.members)
    }

    pub fn member(&self, id: MemberId) -> Option<&Member> {
        self.members().iter().find(|m| m.id == id)
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::Began { id, since } => {
                let (id, since) = (*id, *since);
                self.conference =
                    Some(Conference { id, since, locked: false, recording: false, members: Vec::new() });
            }
            Change::Ended => self.conference = None,
            Change::Locked { locked } => {
                if let Some(conference) = &mut self.conference {
                    conference.locked = *locked;
                }
            }
            Change::Recording { recording } => {
                if let Some(conference) = &mut self.conference {
                    conference.recording = *recording;
                }
            }
            Change::Joined { member } => {
                if let Some(conference) = &mut self.conference {
                    conference.members.push(member.clone());
                }
            }
            Change::Left { id } => {
                if let Some(conference) = &mut self.conference {
                    conference.members.retain(|m| m.id != *id);
                }
            }
            Change::Talking { id, talking } => self.with(*id, |m| m.talking = *talking),
            Change::Muted { id, muted } => self.with(*id, |m| m.muted = *muted),
            Change::Deaf { id, deaf } => self.with(*id, |m| m.deaf = *deaf),
            Change::Level { id, level } => self.with(*id, |m| m.level = *level),
            Change::Energy { id, energy } => self.with(*id, |m| m.energy = *energy),
            Change::Quality { id, quality } => self.with(*id, |m| m.quality = Some(*quality)),
        }
    }

    fn with(&mut self, id: MemberId, set: impl FnOnce(&mut Member)) {
        let members = self.conference.iter_mut().flat_map(|c| c.members.iter_mut());
        if let Some(member) = members.into_iter().find(|m| m.id == id) {
            set(member);
        }
    }
}

/// What the server sends to a page over its WebSocket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type")]
pub enum Message {
    /// The first message, and again to a watcher that was too slow for the deltas.
    Snapshot {
        now: UnixMs,
        live: Live,
    },
    Delta(Delta),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_revision_is_a_gap_and_an_old_one_is_nothing() {
        let mut live = Live { revision: 4, conference: None };
        let delta = |revision| Delta { revision, changes: vec![Change::Ended] };
        assert_eq!(live.apply(&delta(6)), Err(Gap { had: 4, found: 6 }));
        assert_eq!(live.apply(&delta(3)), Ok(()));
        assert_eq!(live.revision, 4);
        assert_eq!(live.apply(&delta(5)), Ok(()));
        assert_eq!(live.revision, 5);
    }

    #[test]
    fn messages_have_the_published_json() {
        let message = Message::Delta(Delta {
            revision: 7,
            changes: vec![
                Change::Talking { id: MemberId(3), talking: true },
                Change::Locked { locked: true },
                Change::Recording { recording: true },
            ],
        });
        assert_eq!(
            serde_json::to_string(&message).unwrap(),
            r#"{"type":"delta","revision":7,"changes":[{"type":"talking","id":3,"talking":true},{"type":"locked","locked":true},{"type":"recording","recording":true}]}"#
        );
    }
}
