//! A room's live state as signals: one per member and property, so that a level that moves touches one style only.

use leptos::prelude::*;
use model::live::{Change, Conference, Gap, Live, Member, Message, UnixMs};
use model::{ConferenceId, Energy, MemberId, Quality};
use std::sync::Arc;

/// One member: what never changes as values, what changes as signals of its own.
#[derive(Debug)]
pub struct Row {
    pub id: MemberId,
    /// As the network gave it; empty if withheld.
    pub number: String,
    pub name: String,
    pub since: UnixMs,
    pub talking: ArcRwSignal<bool>,
    pub muted: ArcRwSignal<bool>,
    pub deaf: ArcRwSignal<bool>,
    /// 0 to 100.
    pub level: ArcRwSignal<u8>,
    pub energy: ArcRwSignal<Energy>,
    pub quality: ArcRwSignal<Option<Quality>>,
}

impl Row {
    fn new(member: &Member) -> Arc<Row> {
        Arc::new(Row {
            id: member.id,
            number: member.number.clone(),
            name: member.name.clone(),
            since: member.since,
            talking: ArcRwSignal::new(member.talking),
            muted: ArcRwSignal::new(member.muted),
            deaf: ArcRwSignal::new(member.deaf),
            level: ArcRwSignal::new(member.level),
            energy: ArcRwSignal::new(member.energy),
            quality: ArcRwSignal::new(member.quality),
        })
    }

    fn take(&self, member: &Member) {
        put(&self.talking, member.talking);
        put(&self.muted, member.muted);
        put(&self.deaf, member.deaf);
        put(&self.level, member.level);
        put(&self.energy, member.energy);
        put(&self.quality, member.quality);
    }
}

/// Sets a signal only where that changes something: whoever listens is not woken for nothing.
fn put<T: PartialEq + Send + Sync + 'static>(signal: &ArcRwSignal<T>, value: T) {
    if signal.with_untracked(|had| *had != value) {
        signal.set(value);
    }
}

/// What there is to say of the room as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: ConferenceId,
    pub since: UnixMs,
    pub locked: bool,
    pub recording: bool,
}

/// Who came or left last, to be read out.
#[derive(Clone, Debug)]
pub enum News {
    Joined(Arc<Row>),
    Left(Arc<Row>),
}

/// The room as its page shows it. Copies are handles to the same state.
#[derive(Clone, Copy, Debug)]
pub struct Board {
    revision: StoredValue<u64>,
    /// `None`: nobody is in.
    pub session: RwSignal<Option<Session>>,
    /// In the order in which they came in.
    pub rows: RwSignal<Vec<Arc<Row>>>,
    pub news: RwSignal<Option<News>>,
}

impl Board {
    pub fn new(live: &Live) -> Board {
        Board {
            revision: StoredValue::new(live.revision),
            session: RwSignal::new(live.conference.as_ref().map(session)),
            rows: RwSignal::new(live.members().iter().map(Row::new).collect()),
            news: RwSignal::new(None),
        }
    }

    /// Takes what the server sent.
    ///
    /// # Errors
    /// [`Gap`], and nothing changed, where a delta was missed: only a fresh snapshot helps.
    pub fn receive(&self, message: &Message) -> Result<(), Gap> {
        match message {
            Message::Snapshot { live, .. } => self.replace(live),
            Message::Delta(delta) => {
                let had = self.revision.get_value();
                if delta.revision <= had {
                    return Ok(());
                }
                if delta.revision != had + 1 {
                    return Err(Gap { had, found: delta.revision });
                }
                self.revision.set_value(delta.revision);
                delta.changes.iter().for_each(|change| self.change(change));
            }
        }
        Ok(())
    }

    /// The state as the model has it; what [`Live::apply`] would have made of the same messages.
    pub fn live(&self) -> Live {
        let member = |row: &Arc<Row>| Member {
            id: row.id,
            number: row.number.clone(),
            name: row.name.clone(),
            since: row.since,
            talking: row.talking.get_untracked(),
            muted: row.muted.get_untracked(),
            deaf: row.deaf.get_untracked(),
            level: row.level.get_untracked(),
            energy: row.energy.get_untracked(),
            quality: row.quality.get_untracked(),
        };
        let members = self.rows.with_untracked(|rows| rows.iter().map(member).collect());
        Live {
            revision: self.revision.get_value(),
            conference: self.session.get_untracked().map(|s| Conference {
                id: s.id,
                since: s.since,
                locked: s.locked,
                recording: s.recording,
                members,
            }),
        }
    }

    /// Members who stay keep their row, so that focus and a half-made choice in it survive.
    fn replace(&self, live: &Live) {
        self.revision.set_value(live.revision);
        let session = live.conference.as_ref().map(session);
        if self.session.get_untracked() != session {
            self.session.set(session);
        }
        let had = self.rows.get_untracked();
        let rows: Vec<Arc<Row>> = live
            .members()
            .iter()
            .map(|member| match had.iter().find(|row| row.id == member.id) {
                Some(row) => {
                    row.take(member);
                    row.clone()
                }
                None => Row::new(member),
            })
            .collect();
        let same = had.len() == rows.len() && had.iter().zip(&rows).all(|(a, b)| a.id == b.id);
        if !same {
            self.rows.set(rows);
        }
    }

    fn change(&self, change: &Change) {
        match change {
            Change::Began { id, since } => {
                let (id, since) = (*id, *since);
                self.session.set(Some(Session { id, since, locked: false, recording: false }));
                self.rows.set(Vec::new());
            }
            Change::Ended => {
                self.session.set(None);
                self.rows.set(Vec::new());
            }
            Change::Locked { locked } => self.session.update(|session| {
                if let Some(session) = session {
                    session.locked = *locked;
                }
            }),
            Change::Recording { recording } => self.session.update(|session| {
                if let Some(session) = session {
                    session.recording = *recording;
                }
            }),
            // Without a conference there is nothing to join: the model says so too.
            Change::Joined { member } if self.session.with_untracked(Option::is_some) => {
                let row = Row::new(member);
                self.rows.update(|rows| rows.push(row.clone()));
                self.news.set(Some(News::Joined(row)));
            }
            Change::Joined { .. } => {}
            Change::Left { id } => {
                if let Some(row) = self.row(*id) {
                    self.rows.update(|rows| rows.retain(|row| row.id != *id));
                    self.news.set(Some(News::Left(row)));
                }
            }
            Change::Talking { id, talking } => self.with(*id, |row| put(&row.talking, *talking)),
            Change::Muted { id, muted } => self.with(*id, |row| put(&row.muted, *muted)),
            Change::Deaf { id, deaf } => self.with(*id, |row| put(&row.deaf, *deaf)),
            Change::Level { id, level } => self.with(*id, |row| put(&row.level, *level)),
            Change::Energy { id, energy } => self.with(*id, |row| put(&row.energy, *energy)),
            Change::Quality { id, quality } => self.with(*id, |row| put(&row.quality, Some(*quality))),
        }
    }

    fn row(&self, id: MemberId) -> Option<Arc<Row>> {
        self.rows.with_untracked(|rows| rows.iter().find(|row| row.id == id).cloned())
    }

    fn with(&self, id: MemberId, set: impl FnOnce(&Row)) {
        if let Some(row) = self.row(id) {
            set(&row);
        }
    }
}

fn session(conference: &Conference) -> Session {
    let Conference { id, since, locked, recording, .. } = *conference;
    Session { id, since, locked, recording }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::live::Delta;

    fn member(id: u64) -> Member {
        Member {
            id: MemberId(id),
            number: format!("060000000{id}"),
            name: String::new(),
            since: 1_000 * id,
            talking: false,
            muted: false,
            deaf: false,
            level: 0,
            energy: model::Energy::default(),
            quality: None,
        }
    }

    fn began() -> Change {
        serde_json::from_str(r#"{"type":"began","id":"018f0000-0000-7000-8000-000000000001","since":5}"#)
            .unwrap()
    }

    /// Every kind of change, also those that make no sense where they come.
    fn changes() -> Vec<Change> {
        let quality =
            Quality { loss_permille: 9, jitter_ms: 4, round_trip_ms: Some(80), r_factor: 88, mos_tenths: 43 };
        let mut out = vec![Change::Joined { member: member(9) }, Change::Left { id: MemberId(9) }, began()];
        for id in 1..=3 {
            out.push(Change::Joined { member: member(id) });
            out.push(Change::Talking { id: MemberId(id), talking: true });
            out.push(Change::Level { id: MemberId(id), level: 40 + id as u8 });
        }
        out.extend([
            Change::Muted { id: MemberId(2), muted: true },
            Change::Deaf { id: MemberId(3), deaf: true },
            Change::Energy { id: MemberId(3), energy: Energy::ALL[4] },
            Change::Quality { id: MemberId(2), quality },
            Change::Locked { locked: true },
            Change::Recording { recording: true },
            Change::Level { id: MemberId(77), level: 3 },
            Change::Left { id: MemberId(1) },
            Change::Left { id: MemberId(1) },
            Change::Talking { id: MemberId(2), talking: false },
            Change::Ended,
            Change::Locked { locked: true },
            Change::Recording { recording: true },
            began(),
            Change::Joined { member: member(4) },
        ]);
        out
    }

    #[test]
    fn shows_at_each_step_what_the_model_says() {
        Owner::new().with(|| {
            let mut live = Live::default();
            let board = Board::new(&live);
            for (i, change) in changes().into_iter().enumerate() {
                let delta = Delta { revision: i as u64 + 1, changes: vec![change] };
                live.apply(&delta).unwrap();
                board.receive(&Message::Delta(delta.clone())).unwrap();
                assert_eq!(board.live(), live, "after {delta:?}");
            }
        });
    }

    #[test]
    fn a_gap_changes_nothing_and_a_snapshot_heals_it() {
        Owner::new().with(|| {
            let board = Board::new(&Live::default());
            let late = Message::Delta(Delta { revision: 3, changes: vec![began()] });
            assert_eq!(board.receive(&late), Err(Gap { had: 0, found: 3 }));
            assert_eq!(board.live(), Live::default());

            let mut live = Live { revision: 2, conference: None };
            live.apply(&Delta { revision: 3, changes: vec![began()] }).unwrap();
            board.receive(&Message::Snapshot { now: 0, live: live.clone() }).unwrap();
            assert_eq!(board.live(), live);
            assert_eq!(board.receive(&late), Ok(()));
        });
    }

    #[test]
    fn who_stays_keeps_the_row() {
        Owner::new().with(|| {
            let mut live = Live::default();
            let joined = |id| Change::Joined { member: member(id) };
            live.apply(&Delta { revision: 1, changes: vec![began(), joined(1), joined(2)] }).unwrap();
            let board = Board::new(&live);
            let kept = board.rows.get_untracked()[1].clone();
            let changes = vec![
                Change::Left { id: MemberId(1) },
                Change::Muted { id: MemberId(2), muted: true },
                joined(3),
            ];
            live.apply(&Delta { revision: 2, changes }).unwrap();
            board.receive(&Message::Snapshot { now: 0, live: live.clone() }).unwrap();
            assert!(Arc::ptr_eq(&kept, &board.rows.get_untracked()[0]));
            assert_eq!(board.live(), live);
        });
    }
}
