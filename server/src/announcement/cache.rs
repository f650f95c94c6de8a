//! The announcements of the rooms that are called, decoded: those used last, up to a number of bytes.

use engine::Announcement;
use model::AnnouncementId;
use model::limits::ANNOUNCEMENT_CACHE_BYTES;
use std::sync::{Arc, Mutex, PoisonError};

struct Kept {
    id: AnnouncementId,
    sound: Arc<Announcement>,
    bytes: usize,
}

/// The one used last stands last. There are few: a list is as fast as any map.
#[derive(Default)]
pub(super) struct Cache(Mutex<Vec<Kept>>);

impl Cache {
    pub(super) fn get(&self, id: AnnouncementId) -> Option<Arc<Announcement>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = all.iter().position(|kept| kept.id == id)?;
        let kept = all.remove(place);
        let sound = Arc::clone(&kept.sound);
        all.push(kept);
        Some(sound)
    }

    pub(super) fn put(&self, id: AnnouncementId, sound: Announcement, bytes: usize) -> Arc<Announcement> {
        let sound = Arc::new(sound);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|kept| kept.id != id);
        all.push(Kept { id, sound: Arc::clone(&sound), bytes });
        let mut held: usize = all.iter().map(|kept| kept.bytes).sum();
        while held > ANNOUNCEMENT_CACHE_BYTES && all.len() > 1 {
            held -= all.remove(0).bytes;
        }
        sound
    }

    pub(super) fn forget(&self, id: AnnouncementId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|kept| kept.id != id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let cache = Cache::default();
        let id = |n| AnnouncementId(Uuid::from_u128(n));
        // A third of all.
        let put = |n| cache.put(id(n), Announcement::default(), ANNOUNCEMENT_CACHE_BYTES / 3);
        (1..=3).for_each(|n| drop(put(n)));
        assert!(cache.get(id(1)).is_some());
        put(4);
        let there: Vec<bool> = (1..=4).map(|n| cache.get(id(n)).is_some()).collect();
        assert_eq!(there, [true, false, true, true]);
        cache.forget(id(1));
        assert!(cache.get(id(1)).is_none());
    }
}
