//! Reads the server's messages in the browser.
//!
//! [`Message`] can be read by serde as it is; but its tagged enums make serde keep a copy of everything that it knows
//! how to read, a tenth of the browser's code. Flat structures of optional fields read the same text.

use model::live::{Change, Delta, Live, Member, Message, UnixMs};
use model::{ConferenceId, Energy, MemberId, Quality};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// The message that `text` holds; `None` where it is none.
pub fn read(text: &str) -> Option<Message> {
    let flat: FlatMessage = serde_json::from_str(text).ok()?;
    match flat.kind {
        MessageKind::Snapshot => Some(Message::Snapshot { now: flat.now?, live: flat.live? }),
        MessageKind::Delta => {
            let changes = flat.changes?.into_iter().map(FlatChange::into_change).collect::<Option<_>>()?;
            Some(Message::Delta(Delta { revision: flat.revision?, changes }))
        }
    }
}

#[derive(Deserialize)]
struct FlatMessage {
    #[serde(rename = "type")]
    kind: MessageKind,
    now: Option<UnixMs>,
    live: Option<Live>,
    revision: Option<u64>,
    changes: Option<Vec<FlatChange>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum MessageKind {
    Snapshot,
    Delta,
}

#[derive(Deserialize)]
struct FlatChange {
    #[serde(rename = "type")]
    kind: ChangeKind,
    id: Option<Id>,
    since: Option<UnixMs>,
    locked: Option<bool>,
    recording: Option<bool>,
    member: Option<Member>,
    talking: Option<bool>,
    muted: Option<bool>,
    deaf: Option<bool>,
    level: Option<u8>,
    energy: Option<Energy>,
    quality: Option<Quality>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum ChangeKind {
    Began,
    Ended,
    Locked,
    Recording,
    Joined,
    Left,
    Talking,
    Muted,
    Deaf,
    Level,
    Energy,
    Quality,
}

impl FlatChange {
    fn into_change(self) -> Option<Change> {
        let member = || match self.id {
            Some(Id::Member(id)) => Some(id),
            _ => None,
        };
        Some(match self.kind {
            ChangeKind::Began => match self.id {
                Some(Id::Conference(id)) => Change::Began { id, since: self.since? },
                _ => return None,
            },
            ChangeKind::Ended => Change::Ended,
            ChangeKind::Locked => Change::Locked { locked: self.locked? },
            ChangeKind::Recording => Change::Recording { recording: self.recording? },
            ChangeKind::Left => Change::Left { id: member()? },
            ChangeKind::Talking => Change::Talking { id: member()?, talking: self.talking? },
            ChangeKind::Muted => Change::Muted { id: member()?, muted: self.muted? },
            ChangeKind::Deaf => Change::Deaf { id: member()?, deaf: self.deaf? },
            ChangeKind::Level => Change::Level { id: member()?, level: self.level? },
            ChangeKind::Energy => Change::Energy { id: member()?, energy: self.energy? },
            ChangeKind::Quality => Change::Quality { id: member()?, quality: self.quality? },
            ChangeKind::Joined => Change::Joined { member: self.member? },
        })
    }
}

/// A member's is a number, a conference's a string.
#[derive(Clone, Copy)]
enum Id {
    Member(MemberId),
    Conference(ConferenceId),
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IdVisitor)
    }
}

struct IdVisitor;

impl Visitor<'_> for IdVisitor {
    type Value = Id;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id")
    }

    fn visit_u64<E: Error>(self, id: u64) -> Result<Id, E> {
        Ok(Id::Member(MemberId(id)))
    }

    fn visit_str<E: Error>(self, id: &str) -> Result<Id, E> {
        let deserializer = serde::de::value::StrDeserializer::<E>::new(id);
        ConferenceId::deserialize(deserializer).map(Id::Conference)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::live::Conference;

    fn conference() -> ConferenceId {
        serde_json::from_str(r#""018f0000-0000-7000-8000-000000000001""#).unwrap()
    }

    fn quality() -> Quality {
        Quality { loss_permille: 12, jitter_ms: 3, round_trip_ms: None, r_factor: 90, mos_tenths: 43 }
    }

    fn member() -> Member {
        Member {
            id: MemberId(u64::MAX),
            number: "+33 \"1\"\n".into(),
            name: "Zoë".into(),
            since: 1,
            talking: true,
            muted: false,
            deaf: true,
            level: 100,
            energy: Energy::default(),
            quality: Some(quality()),
        }
    }

    /// The match has no `_`: a new change must be added here, and then to what is read.
    fn every_change() -> Vec<Change> {
        let id = MemberId(3);
        let mut changes = vec![Change::Began { id: conference(), since: 5 }];
        while let Some(last) = changes.last() {
            changes.push(match last {
                Change::Began { .. } => Change::Locked { locked: true },
                Change::Locked { .. } => Change::Recording { recording: true },
                Change::Recording { .. } => Change::Joined { member: member() },
                Change::Joined { .. } => Change::Talking { id, talking: true },
                Change::Talking { .. } => Change::Muted { id, muted: false },
                Change::Muted { .. } => Change::Deaf { id, deaf: true },
                Change::Deaf { .. } => Change::Level { id, level: 0 },
                Change::Level { .. } => Change::Energy { id, energy: Energy::default() },
                Change::Energy { .. } => Change::Quality { id, quality: quality() },
                Change::Quality { .. } => Change::Left { id },
                Change::Left { .. } => Change::Ended,
                Change::Ended => break,
            });
        }
        changes
    }

    #[test]
    fn reads_whatever_the_model_writes() {
        let members = vec![member()];
        let full = Conference { id: conference(), since: 9, locked: true, recording: true, members };
        let messages = [
            Message::Snapshot { now: 7, live: Live::default() },
            Message::Snapshot { now: 7, live: Live { revision: 2, conference: Some(full) } },
            Message::Delta(Delta { revision: 3, changes: every_change() }),
            Message::Delta(Delta { revision: 3, changes: Vec::new() }),
        ];
        for message in messages {
            let text = serde_json::to_string(&message).unwrap();
            assert_eq!(read(&text), Some(message), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_message() {
        let odd = [
            "",
            "null",
            "{}",
            r#"{"type":"delta"}"#,
            r#"{"type":"snapshot","now":1}"#,
            r#"{"type":"delta","revision":1,"changes":[{"type":"left"}]}"#,
            r#"{"type":"delta","revision":1,"changes":[{"type":"left","id":"x"}]}"#,
            r#"{"type":"delta","revision":1,"changes":[{"type":"began","id":3,"since":1}]}"#,
            r#"{"type":"delta","revision":1,"changes":[{"type":"sang","id":3}]}"#,
        ];
        for text in odd {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
