//! Announcements that members speak by telephone: the engine tells how far they are, the server does its part and answers.

use super::Switchboard;
use crate::announcement::{Made, Spoken};
use app::LiveRooms;
use engine::{DictationAnswer, DictationStep, TAPE_HZ};
use model::limits::{ANNOUNCEMENT_SECONDS, DICTATIONS_AT_ONCE};
use model::{MemberId, Pin, RoomId};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use store::ControlPinAccess;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const TAPE_SAMPLES: usize = ANNOUNCEMENT_SECONDS * TAPE_HZ as usize;

/// Those that go on.
pub(super) struct Dictations {
    turns: Arc<Semaphore>,
    next: AtomicU64,
    going: Mutex<HashMap<MemberId, Going>>,
}

struct Going {
    /// A member may begin another one before the work on its last one is done.
    id: u64,
    access: Option<ControlPinAccess>,
    made: Option<Made>,
    _turn: OwnedSemaphorePermit,
}

impl Default for Dictations {
    fn default() -> Self {
        Dictations {
            turns: Arc::new(Semaphore::new(DICTATIONS_AT_ONCE)),
            next: AtomicU64::new(0),
            going: Mutex::default(),
        }
    }
}

impl Dictations {
    /// `None`: as many go on as may.
    fn begin(&self, member: MemberId) -> Option<u64> {
        let turn = Arc::clone(&self.turns).try_acquire_owned().ok()?;
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(member, Going { id, access: None, made: None, _turn: turn });
        Some(id)
    }

    /// The member is in the conference again, or has gone.
    pub(super) fn over(&self, member: MemberId) {
        self.lock().remove(&member);
    }

    /// Asks one that goes on, or puts something into it.
    fn with<T>(&self, member: MemberId, id: u64, f: impl FnOnce(&mut Going) -> T) -> Option<T> {
        self.lock().get_mut(&member).filter(|going| going.id == id).map(f)
    }

    fn id(&self, member: MemberId) -> Option<u64> {
        self.lock().get(&member).map(|going| going.id)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<MemberId, Going>> {
        self.going.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A member has come so far.
pub(super) fn follow(board: &Arc<Switchboard>, room: RoomId, member: MemberId, step: DictationStep) {
    let id = match step {
        DictationStep::Over => return board.dictations.over(member),
        DictationStep::Begun { .. } => board.dictations.begin(member),
        DictationStep::Spoken { .. } | DictationStep::Kept => board.dictations.id(member),
    };
    let Some(id) = id else { return answer(board, room, member, DictationAnswer::Refused) };
    let board = Arc::clone(board);
    tokio::spawn(async move {
        let answered = match step {
            DictationStep::Begun { pin } => lend(&board, room, member, id, &pin).await,
            DictationStep::Spoken { tape } => make(&board, member, id, tape).await,
            DictationStep::Kept => keep(&board, room, member, id).await,
            DictationStep::Over => return,
        };
        // One that is over, and its successor, wait for nothing.
        if board.dictations.id(member) == Some(id) {
            answer(&board, room, member, answered.unwrap_or(DictationAnswer::Refused));
        }
    });
}

fn answer(board: &Switchboard, room: RoomId, member: MemberId, answer: DictationAnswer) {
    if board.media.answer_dictation(room, member, answer).is_err() {
        tracing::warn!(%member, "the media thread is too busy to go on with an announcement");
    }
}

/// The right to speak it, and the memory to speak into.
async fn lend(
    board: &Switchboard,
    room: RoomId,
    member: MemberId,
    id: u64,
    pin: &Pin,
) -> Option<DictationAnswer> {
    let access = match board.store.room_by_control_pin(room, pin).await {
        Ok(access) => access?,
        Err(error) => {
            tracing::error!(%error, "a control PIN cannot be looked up");
            return None;
        }
    };
    board.dictations.with(member, id, |going| going.access = Some(access))?;
    let tape = tokio::task::spawn_blocking(|| {
        // Ones are written, where zeros would only be promised: no tick has to wait for the memory.
        let mut tape = vec![1_i16; TAPE_SAMPLES];
        tape.clear();
        tape
    });
    tape.await.ok().map(DictationAnswer::Tape)
}

/// What callers would hear.
async fn make(board: &Switchboard, member: MemberId, id: u64, tape: Vec<i16>) -> Option<DictationAnswer> {
    match board.announcements.spoken(&tape).await {
        Ok(Spoken { made, sound }) => {
            board.dictations.with(member, id, |going| going.made = Some(made))?;
            Some(DictationAnswer::Sound { tape, sound })
        }
        Err(problem) => {
            tracing::info!(%member, %problem, "a spoken announcement was refused");
            None
        }
    }
}

async fn keep(board: &Switchboard, room: RoomId, member: MemberId, id: u64) -> Option<DictationAnswer> {
    let taken = board.dictations.with(member, id, |going| (going.access.take(), going.made.take()))?;
    let (Some(access), Some(made)) = taken else { return None };
    let now = board.live.now_ms();
    board.announcements.keep_spoken(&access, now, made).await.ok()?;
    let caller = board.live.live(room).member(member).map(|member| member.number.clone());
    let caller = caller.as_deref();
    let audited = board.store.audit(now, room, access.actor(), "recordAnnouncement", Some(member), caller);
    if let Err(error) = audited.await {
        tracing::error!(%error, "an audit row was lost");
    }
    Some(DictationAnswer::Saved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_go_on_at_once_and_each_ends_by_itself() {
        let dictations = Dictations::default();
        let ids: Vec<_> = (0..=DICTATIONS_AT_ONCE as u64).map(|n| dictations.begin(MemberId(n))).collect();
        assert!(ids[..DICTATIONS_AT_ONCE].iter().all(Option::is_some));
        assert_eq!(ids[DICTATIONS_AT_ONCE], None);
        dictations.over(MemberId(0));
        dictations.over(MemberId(0));
        assert!(dictations.begin(MemberId(99)).is_some());
        // What was done for the last one is none of the next one's.
        dictations.over(MemberId(1));
        let old = ids[1].unwrap();
        let new = dictations.begin(MemberId(1)).unwrap();
        assert_eq!(dictations.with(MemberId(1), old, |_| ()), None);
        assert_eq!(dictations.with(MemberId(1), new, |_| ()), Some(()));
    }
}
