//! Which thread has which room.
//!
//! All legs of a room must meet on one thread, and what one thread says of a room must not come after what another says of
//! it later. So a room stays where it is until its thread has said that nothing is left of it; only then may its next
//! conference begin elsewhere.

use model::RoomId;
use std::collections::HashMap;

pub(super) struct Placement {
    rooms: HashMap<RoomId, Placed>,
    legs_per_thread: Vec<usize>,
}

struct Placed {
    thread: usize,
    /// Open now.
    legs: usize,
    /// Opened, and not yet said by the thread to be over.
    unsettled: usize,
}

impl Placement {
    pub(super) fn new(threads: usize) -> Placement {
        Placement { rooms: HashMap::new(), legs_per_thread: vec![0; threads] }
    }

    /// A leg is to be opened. A new room goes to the thread with the fewest legs.
    pub(super) fn enter(&mut self, room: RoomId) -> usize {
        let legs_per_thread = &self.legs_per_thread;
        let idlest = || (0..legs_per_thread.len()).min_by_key(|t| legs_per_thread[*t]).unwrap_or(0);
        let placed =
            self.rooms.entry(room).or_insert_with(|| Placed { thread: idlest(), legs: 0, unsettled: 0 });
        placed.legs += 1;
        placed.unsettled += 1;
        let thread = placed.thread;
        self.legs_per_thread[thread] += 1;
        thread
    }

    /// A leg is to be closed; the answer is its thread.
    pub(super) fn leave(&mut self, room: RoomId) -> Option<usize> {
        let placed = self.rooms.get_mut(&room)?;
        placed.legs = placed.legs.checked_sub(1)?;
        self.legs_per_thread[placed.thread] -= 1;
        Some(placed.thread)
    }

    /// The room's thread is done with so many of its legs.
    pub(super) fn over(&mut self, room: RoomId, closed: usize) {
        if let Some(placed) = self.rooms.get_mut(&room) {
            placed.unsettled = placed.unsettled.saturating_sub(closed);
            if placed.unsettled == 0 {
                self.rooms.remove(&room);
            }
        }
    }

    pub(super) fn legs(&self, room: RoomId) -> usize {
        self.rooms.get(&room).map_or(0, |placed| placed.legs)
    }

    /// Where a room is, if it is anywhere.
    pub(super) fn thread(&self, room: RoomId) -> Option<usize> {
        self.rooms.get(&room).map(|placed| placed.thread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    fn room(n: u128) -> RoomId {
        RoomId(uuid::Uuid::from_u128(n))
    }

    #[test]
    fn a_room_stays_on_its_thread_and_new_rooms_go_to_the_idlest() {
        let mut placement = Placement::new(2);
        let first = placement.enter(room(1));
        assert_eq!(placement.enter(room(1)), first);
        let second = placement.enter(room(2));
        assert_ne!(second, first);
        assert_eq!(placement.enter(room(3)), second);
        assert_eq!(placement.leave(room(1)), Some(first));
        assert_eq!(placement.leave(room(1)), Some(first));
        assert_eq!(placement.leave(room(1)), None);
        assert_eq!(placement.legs_per_thread.iter().sum::<usize>(), 2);
        // Its thread has not yet said that nothing is left, so a third caller meets what is.
        assert_eq!(placement.enter(room(1)), first);
        placement.leave(room(1));
        placement.over(room(1), 3);
        assert_eq!(placement.thread(room(1)), None);
    }

    /// What passes between the threads, in the order in which each queue keeps it.
    #[derive(Clone, Default)]
    struct Threads {
        commands: [VecDeque<bool>; 2],
        /// Legs of the one room that each engine has, and those that it has closed since the room came into being.
        engines: [(usize, usize); 2],
        /// From both threads, in one queue: (thread, legs closed).
        events: VecDeque<(usize, usize)>,
    }

    /// Every order in which the queues of two threads can be worked off while three calls come and go: the room must never
    /// be on two threads at once, and never begin anew before its end elsewhere was heard.
    #[test]
    fn no_order_of_events_puts_a_room_on_two_threads() {
        let mut seen = 0;
        explore(
            &mut Placement::new(2),
            &Threads::default(),
            &[true, false, true, true, false, false],
            &mut seen,
        );
        assert!(seen > 1_000, "{seen} orders");
    }

    fn explore(placement: &mut Placement, threads: &Threads, calls: &[bool], seen: &mut usize) {
        let alive = |t: &usize| threads.engines[*t] != (0, 0) || !threads.commands[*t].is_empty();
        assert!((0..2).filter(alive).count() <= 1, "the room is on two threads");
        let mut any = false;
        if let Some((opens, rest)) = calls.split_first() {
            any = true;
            let (mut placement, mut threads) = (copy(placement), threads.clone());
            // Another room's call makes the other thread the idler one, so that a forgotten room would move.
            let thread = if *opens {
                let thread = placement.enter(room(1));
                assert!(threads.events.iter().all(|(other, _)| *other == thread), "its end is not heard yet");
                placement.legs_per_thread[thread] += 10;
                thread
            } else {
                placement.leave(room(1)).unwrap()
            };
            threads.commands[thread].push_back(*opens);
            explore(&mut placement, &threads, rest, seen);
        }
        for t in 0..2 {
            if let Some(opens) = threads.commands[t].front() {
                any = true;
                let mut next = threads.clone();
                next.commands[t].pop_front();
                let (legs, closed) = &mut next.engines[t];
                if *opens {
                    *legs += 1;
                } else {
                    (*legs, *closed) = (*legs - 1, *closed + 1);
                }
                explore(&mut copy(placement), &next, calls, seen);
            }
            // It is said a little later, unless another call has come before.
            if let (0, closed @ 1..) = threads.engines[t] {
                any = true;
                let mut next = threads.clone();
                next.engines[t] = (0, 0);
                next.events.push_back((t, closed));
                explore(&mut copy(placement), &next, calls, seen);
            }
        }
        if let Some((_, closed)) = threads.events.front() {
            any = true;
            let (mut placement, mut next) = (copy(placement), threads.clone());
            next.events.pop_front();
            placement.over(room(1), *closed);
            explore(&mut placement, &next, calls, seen);
        }
        *seen += usize::from(!any);
    }

    fn copy(placement: &Placement) -> Placement {
        let rooms = placement.rooms.iter();
        let copied = |p: &Placed| Placed { thread: p.thread, legs: p.legs, unsettled: p.unsettled };
        Placement {
            rooms: rooms.map(|(room, placed)| (*room, copied(placed))).collect(),
            legs_per_thread: placement.legs_per_thread.clone(),
        }
    }
}
