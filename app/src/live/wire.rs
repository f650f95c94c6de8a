//! Reads the server's messages in the browser.
//!
//! [`Message`] can be read by serde as it is; but serde makes code for each structure and each of its fields, a tenth of the
//! browser's code. So the text is read into a [`Value`], and the message taken out of it here.

use model::live::{Change, Conference, Delta, Live, Member, Message};
use model::{ConferenceId, Energy, MemberId, Quality};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// The message that `text` holds; `None` where it is none.
pub fn read(text: &str) -> Option<Message> {
    message(&serde_json::from_str(text).ok()?)
}

/// A room's live state, as a page's island is given it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Start(pub Live);

impl<'de> Deserialize<'de> for Start {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        live(&value).map(Start).ok_or_else(|| D::Error::custom("no live state"))
    }
}

fn message(value: &Value) -> Option<Message> {
    match text(value, "type")? {
        "snapshot" => Some(Message::Snapshot { now: number(value, "now")?, live: live(value.get("live")?)? }),
        "delta" => {
            let changes = value.get("changes")?.as_array()?.iter().map(change).collect::<Option<_>>()?;
            Some(Message::Delta(Delta { revision: number(value, "revision")?, changes }))
        }
        _ => None,
    }
}

fn live(value: &Value) -> Option<Live> {
    let conference = some(value, "conference").map_or(Some(None), |it| conference(it).map(Some))?;
    Some(Live { revision: number(value, "revision")?, conference })
}

fn conference(value: &Value) -> Option<Conference> {
    Some(Conference {
        id: conference_id(value)?,
        since: number(value, "since")?,
        locked: flag(value, "locked")?,
        recording: flag(value, "recording")?,
        members: value.get("members")?.as_array()?.iter().map(member).collect::<Option<_>>()?,
    })
}

fn member(value: &Value) -> Option<Member> {
    Some(Member {
        id: member_id(value)?,
        number: text(value, "number")?.to_owned(),
        name: text(value, "name")?.to_owned(),
        since: number(value, "since")?,
        talking: flag(value, "talking")?,
        muted: flag(value, "muted")?,
        deaf: flag(value, "deaf")?,
        level: small(value, "level")?,
        energy: energy(value)?,
        quality: some(value, "quality").map_or(Some(None), |it| quality(it).map(Some))?,
    })
}

fn quality(value: &Value) -> Option<Quality> {
    Some(Quality {
        loss_permille: small(value, "lossPermille")?,
        jitter_ms: small(value, "jitterMs")?,
        round_trip_ms: some(value, "roundTripMs")
            .map_or(Some(None), |_| small(value, "roundTripMs").map(Some))?,
        r_factor: small(value, "rFactor")?,
        mos_tenths: small(value, "mosTenths")?,
    })
}

fn change(value: &Value) -> Option<Change> {
    Some(match text(value, "type")? {
        "began" => Change::Began { id: conference_id(value)?, since: number(value, "since")? },
        "ended" => Change::Ended,
        "locked" => Change::Locked { locked: flag(value, "locked")? },
        "recording" => Change::Recording { recording: flag(value, "recording")? },
        "joined" => Change::Joined { member: member(value.get("member")?)? },
        "left" => Change::Left { id: member_id(value)? },
        "talking" => Change::Talking { id: member_id(value)?, talking: flag(value, "talking")? },
        "muted" => Change::Muted { id: member_id(value)?, muted: flag(value, "muted")? },
        "deaf" => Change::Deaf { id: member_id(value)?, deaf: flag(value, "deaf")? },
        "level" => Change::Level { id: member_id(value)?, level: small(value, "level")? },
        "energy" => Change::Energy { id: member_id(value)?, energy: energy(value)? },
        "quality" => Change::Quality { id: member_id(value)?, quality: quality(value.get("quality")?)? },
        _ => return None,
    })
}

/// A member's is a number, a conference's a string.
fn member_id(value: &Value) -> Option<MemberId> {
    number(value, "id").map(MemberId)
}

fn conference_id(value: &Value) -> Option<ConferenceId> {
    text(value, "id")?.parse().ok()
}

fn energy(value: &Value) -> Option<Energy> {
    Energy::new(small(value, "energy")?).ok()
}

/// What is there, and not null.
fn some<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    value.get(key).filter(|value| !value.is_null())
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}

fn flag(value: &Value, key: &str) -> Option<bool> {
    value.get(key)?.as_bool()
}

fn number(value: &Value, key: &str) -> Option<u64> {
    value.get(key)?.as_u64()
}

fn small<T: TryFrom<u64>>(value: &Value, key: &str) -> Option<T> {
    number(value, key)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn an_id() -> ConferenceId {
        serde_json::from_str(r#""018f0000-0000-7000-8000-000000000001""#).unwrap()
    }

    fn a_quality() -> Quality {
        Quality { loss_permille: 12, jitter_ms: 3, round_trip_ms: None, r_factor: 90, mos_tenths: 43 }
    }

    fn a_member() -> Member {
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
            quality: Some(a_quality()),
        }
    }

    /// The match has no `_`: a new change must be added here, and then to what is read.
    fn every_change() -> Vec<Change> {
        let id = MemberId(3);
        let mut changes = vec![Change::Began { id: an_id(), since: 5 }];
        while let Some(last) = changes.last() {
            changes.push(match last {
                Change::Began { .. } => Change::Locked { locked: true },
                Change::Locked { .. } => Change::Recording { recording: true },
                Change::Recording { .. } => Change::Joined { member: a_member() },
                Change::Joined { .. } => Change::Talking { id, talking: true },
                Change::Talking { .. } => Change::Muted { id, muted: false },
                Change::Muted { .. } => Change::Deaf { id, deaf: true },
                Change::Deaf { .. } => Change::Level { id, level: 0 },
                Change::Level { .. } => Change::Energy { id, energy: Energy::default() },
                Change::Energy { .. } => Change::Quality { id, quality: a_quality() },
                Change::Quality { .. } => Change::Left { id },
                Change::Left { .. } => Change::Ended,
                Change::Ended => break,
            });
        }
        changes
    }

    #[test]
    fn reads_whatever_the_model_writes() {
        let members = vec![a_member()];
        let full = Conference { id: an_id(), since: 9, locked: true, recording: true, members };
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
    fn an_island_begins_with_what_the_page_holds() {
        let full =
            Conference { id: an_id(), since: 9, locked: true, recording: false, members: vec![a_member()] };
        for live in [Live::default(), Live { revision: 2, conference: Some(full) }] {
            let text = serde_json::to_string(&Start(live.clone())).unwrap();
            assert_eq!(serde_json::from_str::<Start>(&text).unwrap(), Start(live), "{text}");
        }
        assert!(serde_json::from_str::<Start>("{}").is_err());
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
