//! The announcements of the rooms that are called, decoded: those used last, up to a number of bytes.

use super::Sound;
use model::AnnouncementId;
use model::limits::ANNOUNCEMENT_CACHE_BYTES;
use std::sync::{Arc, Mutex, PoisonError};

/// The one used last stands last. There are few: a list is as fast as any map.
#[derive(Default)]
pub(super) struct Cache(Mutex<Vec<(AnnouncementId, Arc<Sound>)>>);

impl Cache {
    pub(super) fn get(&self, id: AnnouncementId) -> Option<Arc<Sound>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|(of, _)| *of == id)?;
        let entry = kept.remove(place);
        let sound = Arc::clone(&entry.1);
        kept.push(entry);
        Some(sound)
    }

    pub(super) fn put(&self, id: AnnouncementId, sound: Sound) -> Arc<Sound> {
        let sound = Arc::new(sound);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(of, _)| *of != id);
        kept.push((id, Arc::clone(&sound)));
        let mut bytes: usize = kept.iter().map(|(_, sound)| sound.bytes()).sum();
        while bytes > ANNOUNCEMENT_CACHE_BYTES && kept.len() > 1 {
            bytes -= kept.remove(0).1.bytes();
        }
        sound
    }

    pub(super) fn forget(&self, id: AnnouncementId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(of, _)| *of != id);
    }
}

impl Sound {
    fn bytes(&self) -> usize {
        (self.narrow.len() + self.wide.len()) * size_of::<i16>()
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
        let sound = || Sound { narrow: Arc::default(), wide: vec![0; ANNOUNCEMENT_CACHE_BYTES / 6].into() };
        (1..=3).for_each(|n| drop(cache.put(id(n), sound())));
        assert!(cache.get(id(1)).is_some());
        cache.put(id(4), sound());
        let there: Vec<bool> = (1..=4).map(|n| cache.get(id(n)).is_some()).collect();
        assert_eq!(there, [true, false, true, true]);
        cache.forget(id(1));
        assert!(cache.get(id(1)).is_none());
    }
}
