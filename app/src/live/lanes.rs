//! Who has talked since the page was opened: one lane per member, growing to the right.

use super::board::Row;
use leptos::prelude::*;
use model::MemberId;
use std::sync::Arc;

/// Seconds that the axis shows; it takes the next step when talk reaches its end, so it rarely moves.
const SPANS_S: [f64; 10] =
    [60.0, 120.0, 300.0, 600.0, 1_200.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 28_800.0];
/// A pause narrower than this part of the axis cannot be seen, so bars grow together there. It bounds their number
/// too, however long the page stays open.
const NARROWEST: f64 = 1.0 / 400.0;

/// One time of talking, in seconds since the page was opened; `to` is `None` while it lasts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    pub from: f64,
    pub to: Option<f64>,
}

impl Bar {
    /// What tells one bar on screen from another: it changes when the bar ends, so that it is drawn anew then.
    pub fn key(&self) -> (u64, u64) {
        (self.from.to_bits(), self.to.map_or(0, f64::to_bits))
    }
}

#[derive(Debug)]
pub struct Lane {
    pub id: MemberId,
    pub number: String,
    pub name: String,
    pub bars: ArcRwSignal<Vec<Bar>>,
    /// The member has left; the lane stays.
    pub gone: ArcRwSignal<bool>,
}

/// All lanes. Copies are handles to the same state.
#[derive(Clone, Copy, Debug)]
pub struct Lanes {
    pub lanes: RwSignal<Vec<Arc<Lane>>>,
    /// Seconds that the axis shows.
    pub span_s: RwSignal<f64>,
}

impl Lanes {
    /// Lanes for those who are in, with nothing in them yet.
    pub fn new(rows: &[Arc<Row>]) -> Lanes {
        let lanes = rows.iter().map(|row| Lane::new(row)).collect();
        Lanes { lanes: RwSignal::new(lanes), span_s: RwSignal::new(SPANS_S[0]) }
    }

    /// Notes who talks, `at` seconds after the page was opened.
    pub fn observe(&self, rows: &[Arc<Row>], at: f64) {
        let known = self.lanes.get_untracked();
        let new: Vec<_> = rows
            .iter()
            .filter(|row| !known.iter().any(|l| l.id == row.id))
            .map(|row| Lane::new(row))
            .collect();
        if !new.is_empty() {
            self.lanes.update(|lanes| lanes.extend(new));
        }
        self.reach(at);
        let pause = self.span_s.get_untracked() * NARROWEST;
        for lane in self.lanes.get_untracked() {
            let row = rows.iter().find(|row| row.id == lane.id);
            lane.talk(row.is_some_and(|row| row.talking.get_untracked()), at, pause);
            if lane.gone.get_untracked() == row.is_some() {
                lane.gone.set(row.is_none());
            }
        }
    }

    /// Nothing is known from `at` on: the connection is lost. Talking ends here as far as this page can tell.
    pub fn blind(&self, at: f64) {
        self.lanes.get_untracked().iter().for_each(|lane| lane.talk(false, at, 0.0));
    }

    /// Lengthens the axis where time has come to its end.
    pub fn reach(&self, at: f64) {
        let span = self.span_s.get_untracked();
        if at < span {
            return;
        }
        let next = SPANS_S
            .into_iter()
            .find(|s| *s > at)
            .unwrap_or_else(|| (at / 28_800.0).ceil() * 28_800.0 + 28_800.0);
        self.span_s.set(next);
        self.lanes.get_untracked().iter().for_each(|lane| lane.coarsen(next * NARROWEST));
    }
}

impl Lane {
    fn new(row: &Row) -> Arc<Lane> {
        Arc::new(Lane {
            id: row.id,
            number: row.number.clone(),
            name: row.name.clone(),
            bars: ArcRwSignal::new(Vec::new()),
            gone: ArcRwSignal::new(false),
        })
    }

    fn talk(&self, talking: bool, at: f64, pause: f64) {
        let last = self.bars.with_untracked(|bars| bars.last().copied());
        match (last, talking) {
            (Some(Bar { to: None, .. }), true) | (Some(Bar { to: Some(_), .. }) | None, false) => {}
            (Some(Bar { to: None, .. }), false) => self.end_last(Some(at)),
            (Some(Bar { to: Some(to), .. }), true) if at - to <= pause => self.end_last(None),
            (_, true) => self.bars.update(|bars| bars.push(Bar { from: at, to: None })),
        }
    }

    fn end_last(&self, to: Option<f64>) {
        self.bars.update(|bars| {
            if let Some(last) = bars.last_mut() {
                last.to = to;
            }
        });
    }

    /// Joins bars whose pause is too narrow to be seen.
    fn coarsen(&self, pause: f64) {
        let bars = self.bars.get_untracked();
        let mut out: Vec<Bar> = Vec::with_capacity(bars.len());
        for bar in &bars {
            match out.last_mut() {
                Some(Bar { to: Some(to), .. }) if bar.from - *to > pause => out.push(*bar),
                Some(last) => last.to = bar.to,
                None => out.push(*bar),
            }
        }
        if out.len() != bars.len() {
            self.bars.set(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::board::Board;
    use model::ConferenceId;
    use model::live::{Conference, Live, Member};

    fn board(members: u64) -> Board {
        let id: ConferenceId = serde_json::from_str(r#""018f0000-0000-7000-8000-000000000001""#).unwrap();
        let members = (1..=members)
            .map(|id| Member {
                id: MemberId(id),
                number: id.to_string(),
                name: String::new(),
                since: 0,
                talking: false,
                muted: false,
                deaf: false,
                level: 0,
            })
            .collect();
        Board::new(&Live {
            revision: 0,
            conference: Some(Conference { id, since: 0, locked: false, members }),
        })
    }

    fn bars(lanes: &Lanes, lane: usize) -> Vec<(f64, Option<f64>)> {
        lanes.lanes.get_untracked()[lane].bars.get_untracked().iter().map(|b| (b.from, b.to)).collect()
    }

    #[test]
    fn notes_from_when_to_when_each_talks() {
        Owner::new().with(|| {
            let rows = board(2).rows.get_untracked();
            let lanes = Lanes::new(&rows);
            rows[0].talking.set(true);
            lanes.observe(&rows, 2.0);
            lanes.observe(&rows, 3.0);
            rows[0].talking.set(false);
            lanes.observe(&rows, 4.0);
            rows[0].talking.set(true);
            lanes.observe(&rows, 4.1);
            assert_eq!(bars(&lanes, 0), [(2.0, None)], "a pause too short to be seen");
            lanes.blind(6.0);
            lanes.observe(&rows, 9.0);
            assert_eq!(bars(&lanes, 0), [(2.0, Some(6.0)), (9.0, None)]);
            assert!(bars(&lanes, 1).is_empty());
        });
    }

    #[test]
    fn a_lane_stays_when_its_member_leaves_and_opens_when_one_comes() {
        Owner::new().with(|| {
            let rows = board(3).rows.get_untracked();
            let lanes = Lanes::new(&rows[..2]);
            rows[1].talking.set(true);
            lanes.observe(&rows[..2], 1.0);
            lanes.observe(&[rows[0].clone(), rows[2].clone()], 5.0);
            assert_eq!(bars(&lanes, 1), [(1.0, Some(5.0))]);
            let gone: Vec<bool> =
                lanes.lanes.get_untracked().iter().map(|l| l.gone.get_untracked()).collect();
            assert_eq!(gone, [false, true, false]);
        });
    }

    #[test]
    fn the_number_of_bars_stays_bounded_for_a_day() {
        Owner::new().with(|| {
            let rows = board(1).rows.get_untracked();
            let lanes = Lanes::new(&rows);
            for second in 0..86_400 {
                rows[0].talking.set(second % 2 == 0);
                lanes.observe(&rows, f64::from(second));
            }
            assert!(lanes.span_s.get_untracked() > 86_399.0);
            assert!(bars(&lanes, 0).len() as f64 <= 1.0 / NARROWEST + 1.0, "{}", bars(&lanes, 0).len());
        });
    }
}
