//! Who has talked since the page was opened: one lane per member, growing to the right.

use super::board::Row;
use leptos::prelude::*;
use model::MemberId;
use std::sync::Arc;

/// Minutes that the axis shows; it takes the next step when time reaches its end, so it rarely moves.
const SPANS_MIN: [u32; 10] = [1, 2, 5, 10, 20, 30, 60, 120, 240, 480];
/// A pause narrower than this part of the axis cannot be seen, so bars grow together there. It bounds their number
/// too, however long the page stays open.
const WIDEST_PAUSE: u32 = 400;

/// Milliseconds since the page was opened. Whole numbers: writing fractions takes a lot of the browser's code.
pub type PageMs = u32;

/// One time of talking; `to` is `None` while it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    pub from: PageMs,
    pub to: Option<PageMs>,
}

impl Bar {
    /// What tells one bar on screen from another: it changes when the bar ends, so that it is drawn anew then.
    pub fn key(&self) -> (PageMs, Option<PageMs>) {
        (self.from, self.to)
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
    /// Milliseconds that the axis shows.
    pub span_ms: RwSignal<PageMs>,
}

impl Lanes {
    /// Lanes for those who are in, with nothing in them yet.
    pub fn new(rows: &[Arc<Row>]) -> Lanes {
        let lanes = rows.iter().map(|row| Lane::new(row)).collect();
        Lanes { lanes: RwSignal::new(lanes), span_ms: RwSignal::new(minutes(SPANS_MIN[0])) }
    }

    /// Notes who talks at that moment.
    pub fn observe(&self, rows: &[Arc<Row>], at: PageMs) {
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
        let pause = self.span_ms.get_untracked() / WIDEST_PAUSE;
        for lane in self.lanes.get_untracked() {
            let row = rows.iter().find(|row| row.id == lane.id);
            lane.talk(row.is_some_and(|row| row.talking.get_untracked()), at, pause);
            if lane.gone.get_untracked() == row.is_some() {
                lane.gone.set(row.is_none());
            }
        }
    }

    /// Nothing is known from `at` on: the connection is lost. Talking ends here as far as this page can tell.
    pub fn blind(&self, at: PageMs) {
        self.lanes.get_untracked().iter().for_each(|lane| lane.talk(false, at, 0));
    }

    /// Lengthens the axis where time has come to its end.
    pub fn reach(&self, at: PageMs) {
        if at < self.span_ms.get_untracked() {
            return;
        }
        let next = SPANS_MIN.into_iter().map(minutes).find(|span| *span > at);
        let day_part = minutes(480);
        let next = next.unwrap_or_else(|| (at / day_part).saturating_add(1).saturating_mul(day_part));
        self.span_ms.set(next);
        self.lanes.get_untracked().iter().for_each(|lane| lane.coarsen(next / WIDEST_PAUSE));
    }
}

fn minutes(n: u32) -> PageMs {
    n * 60_000
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

    fn talk(&self, talking: bool, at: PageMs, pause: PageMs) {
        let last = self.bars.with_untracked(|bars| bars.last().copied());
        match (last, talking) {
            (Some(Bar { to: None, .. }), true) | (Some(Bar { to: Some(_), .. }) | None, false) => {}
            (Some(Bar { to: None, .. }), false) => self.end_last(Some(at)),
            (Some(Bar { to: Some(to), .. }), true) if at - to <= pause => self.end_last(None),
            (_, true) => self.bars.update(|bars| bars.push(Bar { from: at, to: None })),
        }
    }

    fn end_last(&self, to: Option<PageMs>) {
        self.bars.update(|bars| {
            if let Some(last) = bars.last_mut() {
                last.to = to;
            }
        });
    }

    /// Joins bars whose pause is too narrow to be seen.
    fn coarsen(&self, pause: PageMs) {
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
                energy: model::Energy::default(),
                quality: None,
            })
            .collect();
        Board::new(&Live {
            revision: 0,
            conference: Some(Conference { id, since: 0, locked: false, recording: false, members }),
        })
    }

    fn bars(lanes: &Lanes, lane: usize) -> Vec<(PageMs, Option<PageMs>)> {
        lanes.lanes.get_untracked()[lane].bars.get_untracked().iter().map(|b| (b.from, b.to)).collect()
    }

    #[test]
    fn notes_from_when_to_when_each_talks() {
        Owner::new().with(|| {
            let rows = board(2).rows.get_untracked();
            let lanes = Lanes::new(&rows);
            rows[0].talking.set(true);
            lanes.observe(&rows, 2_000);
            lanes.observe(&rows, 3_000);
            rows[0].talking.set(false);
            lanes.observe(&rows, 4_000);
            rows[0].talking.set(true);
            lanes.observe(&rows, 4_100);
            assert_eq!(bars(&lanes, 0), [(2_000, None)], "a pause too short to be seen");
            lanes.blind(6_000);
            lanes.observe(&rows, 9_000);
            assert_eq!(bars(&lanes, 0), [(2_000, Some(6_000)), (9_000, None)]);
            assert!(bars(&lanes, 1).is_empty());
        });
    }

    #[test]
    fn a_lane_stays_when_its_member_leaves_and_opens_when_one_comes() {
        Owner::new().with(|| {
            let rows = board(3).rows.get_untracked();
            let lanes = Lanes::new(&rows[..2]);
            rows[1].talking.set(true);
            lanes.observe(&rows[..2], 1_000);
            lanes.observe(&[rows[0].clone(), rows[2].clone()], 5_000);
            assert_eq!(bars(&lanes, 1), [(1_000, Some(5_000))]);
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
                lanes.observe(&rows, second * 1_000);
            }
            assert!(lanes.span_ms.get_untracked() > 86_399_000);
            assert!(bars(&lanes, 0).len() <= WIDEST_PAUSE as usize + 1, "{}", bars(&lanes, 0).len());
        });
    }
}
