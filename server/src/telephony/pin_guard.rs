//! Wrong PINs: who types too many has to wait, and is then not taken any more.
//!
//! Each wrong PIN counts for its caller's number, wherever it was typed, and for its room. One is forgiven every ten
//! minutes; a right one forgives nothing, so nobody can buy tries with a PIN of its own. Callers who withhold their number
//! share one account in each room, and wait at most: one of them must not keep the others out. A room under attack makes all
//! its callers wait a little.

use model::limits::{PIN_CALLERS, PIN_ROOMS, PIN_WRONG_KEPT_PER_ROOM};
use model::live::UnixMs;
use model::{PinAlert, RoomId};
use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard};

/// One wrong PIN of a caller is forgiven every so often.
const FORGIVEN_MS: u64 = 10 * 60 * 1_000;
/// How long a room remembers.
const REMEMBERED_MS: u64 = 60 * 60 * 1_000;
/// Wrong PINs of a caller from which on it waits so many milliseconds. Two calls' tries are anybody's bad day.
const CALLER_WAITS: [(u32, u64); 2] = [(6, 10_000), (9, 30_000)];
/// From which on it is not taken any more.
const CALLER_REFUSED: u32 = 12;
/// Wrong PINs of a room within the hour, from which on all its callers wait so many milliseconds.
const ROOM_WAITS: [(usize, u64); 2] = [(30, 5_000), (100, 15_000)];
/// Wrong PINs of a room within the hour, from which on its owner is told.
const ALERT: usize = 6;

/// Whether a caller may try a room's PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PinAccess {
    /// After so long; 0: at once.
    After { ms: u64 },
    /// Not now; again in so many seconds.
    Refused { retry_after_s: u64 },
}

/// Who typed wrong PINs, and where.
#[derive(Default)]
pub(crate) struct PinGuard {
    tables: Mutex<Tables>,
}

#[derive(Default)]
struct Tables {
    callers: HashMap<Who, Account>,
    rooms: HashMap<RoomId, VecDeque<Wrong>>,
}

/// A number, or all those of a room who withhold theirs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Who {
    Number(String),
    Withheld(RoomId),
}

#[derive(Clone, Copy)]
struct Account {
    wrong: u32,
    /// From when the next one is forgiven, counted.
    since: UnixMs,
}

#[derive(Clone, Copy)]
struct Wrong {
    at: UnixMs,
    /// Of [`Who`].
    hash: u64,
}

impl Who {
    fn new(room: RoomId, caller: &str) -> Who {
        if caller.is_empty() { Who::Withheld(room) } else { Who::Number(caller.to_owned()) }
    }

    fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        Hash::hash(self, &mut hasher);
        hasher.finish()
    }
}

impl Account {
    fn forgive(&mut self, now: UnixMs) {
        let forgiven = now.saturating_sub(self.since) / FORGIVEN_MS;
        self.wrong = self.wrong.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX));
        self.since += forgiven * FORGIVEN_MS;
    }

    /// Until less than `wrong` are left.
    fn ms_to_below(&self, now: UnixMs, wrong: u32) -> u64 {
        let steps = u64::from(self.wrong.saturating_sub(wrong)) + 1;
        (self.since + steps * FORGIVEN_MS).saturating_sub(now)
    }
}

impl PinGuard {
    /// `caller`: its number, empty if withheld.
    pub(crate) fn access(&self, now: UnixMs, room: RoomId, caller: &str) -> PinAccess {
        let mut tables = self.tables();
        let who = Who::new(room, caller);
        let mut ms = waits(&ROOM_WAITS, tables.wrong_in(now, room).len());
        if let Some(account) = tables.callers.get_mut(&who) {
            account.forgive(now);
            if account.wrong >= CALLER_REFUSED && matches!(who, Who::Number(_)) {
                let retry_after_s = account.ms_to_below(now, CALLER_REFUSED).div_ceil(1_000);
                return PinAccess::Refused { retry_after_s };
            }
            ms = ms.max(waits(&CALLER_WAITS, account.wrong));
        }
        PinAccess::After { ms }
    }

    /// A wrong PIN was typed.
    pub(crate) fn wrong(&self, now: UnixMs, room: RoomId, caller: &str) {
        let who = Who::new(room, caller);
        let hash = who.hash();
        let mut tables = self.tables();
        tables.count(now, who);
        tables.make_room(now, room);
        let wrong = tables.rooms.entry(room).or_default();
        if wrong.len() >= PIN_WRONG_KEPT_PER_ROOM {
            wrong.pop_front();
        }
        wrong.push_back(Wrong { at: now, hash });
    }

    /// What the room's owner should know.
    pub(crate) fn alert(&self, now: UnixMs, room: RoomId) -> Option<PinAlert> {
        let mut tables = self.tables();
        let wrong = tables.wrong_in(now, room);
        if wrong.len() < ALERT {
            return None;
        }
        let mut callers: Vec<u64> = wrong.iter().map(|wrong| wrong.hash).collect();
        callers.sort_unstable();
        callers.dedup();
        Some(PinAlert { wrong: wrong.len(), callers: callers.len() })
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Tables {
    /// One more for its caller. Of a full table, those are forgotten who are forgiven; else whoever was wrong the least.
    fn count(&mut self, now: UnixMs, who: Who) {
        if self.callers.len() >= PIN_CALLERS && !self.callers.contains_key(&who) {
            self.callers.retain(|_, account| {
                account.forgive(now);
                account.wrong > 0
            });
            if self.callers.len() >= PIN_CALLERS {
                let least = self.callers.iter().min_by_key(|(_, account)| (account.wrong, account.since));
                let least = least.map(|(who, _)| who.clone());
                least.and_then(|who| self.callers.remove(&who));
            }
        }
        let account = self.callers.entry(who).or_insert(Account { wrong: 0, since: now });
        account.forgive(now);
        if account.wrong == 0 {
            account.since = now;
        }
        account.wrong = account.wrong.saturating_add(1);
    }

    /// The room's wrong PINs of the last hour, oldest first.
    fn wrong_in(&mut self, now: UnixMs, room: RoomId) -> &[Wrong] {
        let Some(wrong) = self.rooms.get_mut(&room) else { return &[] };
        while wrong.front().is_some_and(|wrong| wrong.at + REMEMBERED_MS <= now) {
            wrong.pop_front();
        }
        wrong.make_contiguous()
    }

    /// Of a full table, rooms are forgotten in which nothing was wrong for an hour; else the one that was quiet longest.
    fn make_room(&mut self, now: UnixMs, room: RoomId) {
        if self.rooms.len() < PIN_ROOMS || self.rooms.contains_key(&room) {
            return;
        }
        let last = |wrong: &VecDeque<Wrong>| wrong.back().map_or(0, |wrong| wrong.at);
        self.rooms.retain(|_, wrong| last(wrong) + REMEMBERED_MS > now);
        if self.rooms.len() >= PIN_ROOMS {
            let quietest = self.rooms.iter().min_by_key(|(_, wrong)| last(wrong)).map(|(room, _)| *room);
            quietest.and_then(|room| self.rooms.remove(&room));
        }
    }
}

/// Of steps with growing thresholds, the last one that is reached.
fn waits<N: PartialOrd + Copy>(steps: &[(N, u64)], wrong: N) -> u64 {
    steps.iter().rev().find(|(least, _)| wrong >= *least).map_or(0, |(_, ms)| *ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const NOW: UnixMs = 1_800_000_000_000;

    fn room(n: u128) -> RoomId {
        RoomId(Uuid::from_u128(n))
    }

    fn after(ms: u64) -> PinAccess {
        PinAccess::After { ms }
    }

    fn wrong(guard: &PinGuard, times: usize, room: RoomId, caller: &str) {
        (0..times).for_each(|_| guard.wrong(NOW, room, caller));
    }

    #[test]
    fn a_caller_waits_longer_and_longer_and_is_then_refused_in_every_room() {
        let guard = PinGuard::default();
        let mut seen = Vec::new();
        for n in 0..13 {
            seen.push(guard.access(NOW, room(1), "+33612345678"));
            guard.wrong(NOW, room(n % 3), "+33612345678");
        }
        assert_eq!(seen[..6], [after(0); 6]);
        assert_eq!(seen[6..9], [after(10_000); 3]);
        assert_eq!(seen[9..12], [after(30_000); 3]);
        assert_eq!(seen[12], PinAccess::Refused { retry_after_s: 600 });
        assert_eq!(guard.access(NOW, room(9), "+33612345678"), PinAccess::Refused { retry_after_s: 1_200 });
        assert_eq!(guard.access(NOW, room(9), "+33600000000"), after(0), "others are not concerned");
    }

    #[test]
    fn one_is_forgiven_every_ten_minutes() {
        let guard = PinGuard::default();
        wrong(&guard, 12, room(1), "1");
        let at = |minutes: u64| guard.access(NOW + minutes * 60_000, room(2), "1");
        assert_eq!(at(0), PinAccess::Refused { retry_after_s: 600 });
        assert_eq!(at(9), PinAccess::Refused { retry_after_s: 60 });
        assert_eq!((at(10), at(39), at(40)), (after(30_000), after(30_000), after(10_000)));
        assert_eq!((at(69), at(70)), (after(10_000), after(0)));
    }

    #[test]
    fn who_withholds_the_number_waits_and_keeps_nobody_out() {
        let guard = PinGuard::default();
        wrong(&guard, 20, room(1), "");
        assert_eq!(guard.access(NOW, room(1), ""), after(30_000));
        assert_eq!(guard.access(NOW, room(2), ""), after(0));
    }

    #[test]
    fn a_room_under_attack_makes_all_wait_and_its_owner_knows() {
        let guard = PinGuard::default();
        assert_eq!(guard.alert(NOW, room(1)), None);
        for n in 0..100 {
            guard.wrong(NOW + n, room(1), &format!("{}", n % 40));
            match n + 1 {
                5 => assert_eq!(guard.alert(NOW + n, room(1)), None),
                6 => assert_eq!(guard.alert(NOW + n, room(1)), Some(PinAlert { wrong: 6, callers: 6 })),
                29 => assert_eq!(guard.access(NOW + n, room(1), "x"), after(0)),
                30 => assert_eq!(guard.access(NOW + n, room(1), "x"), after(5_000)),
                _ => {}
            }
        }
        assert_eq!(guard.access(NOW + 100, room(1), "x"), after(15_000));
        assert_eq!(guard.alert(NOW + 100, room(1)), Some(PinAlert { wrong: 100, callers: 40 }));
        assert_eq!(guard.alert(NOW, room(2)), None);
        let later = NOW + REMEMBERED_MS + 99;
        assert_eq!(guard.alert(later, room(1)), None);
        assert_eq!(guard.access(later, room(1), "x"), after(0));
    }

    #[test]
    fn the_tables_are_bounded_and_keep_the_worst() {
        let guard = PinGuard::default();
        wrong(&guard, 12, room(1), "worst");
        for n in 0..PIN_CALLERS + 100 {
            guard.wrong(NOW, room(n as u128 + 2), &n.to_string());
        }
        wrong(&guard, PIN_WRONG_KEPT_PER_ROOM + 1, room(1), "");
        assert!(matches!(guard.access(NOW, room(1), "worst"), PinAccess::Refused { .. }));
        let tables = guard.tables();
        assert!(tables.callers.len() <= PIN_CALLERS && tables.rooms.len() <= PIN_ROOMS);
        assert_eq!(tables.rooms[&room(1)].len(), PIN_WRONG_KEPT_PER_ROOM);
    }
}
