//! The name of a leg inside one engine, and where it is kept.

/// A leg. After the leg was closed the key is stale, and whatever is done with it does nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LegKey {
    slot: u32,
    generation: u32,
}

impl LegKey {
    /// A small number, unique among the legs that are open now; it is used again after the leg was closed.
    pub fn index(self) -> usize {
        self.slot as usize
    }

    #[cfg(test)]
    pub(crate) fn test(slot: u32) -> Self {
        LegKey { slot, generation: 0 }
    }
}

/// Values under keys that are never mistaken for later ones.
pub(crate) struct Slab<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

impl<T> Slab<T> {
    pub(crate) fn new() -> Self {
        Slab { slots: Vec::new(), free: Vec::new() }
    }

    pub(crate) fn insert(&mut self, make: impl FnOnce(LegKey) -> T) -> LegKey {
        if let Some(slot) = self.free.pop()
            && let Some(place) = self.slots.get_mut(slot as usize)
        {
            let key = LegKey { slot, generation: place.generation };
            place.value = Some(make(key));
            return key;
        }
        let key = LegKey { slot: self.slots.len() as u32, generation: 0 };
        self.slots.push(Slot { generation: 0, value: Some(make(key)) });
        key
    }

    pub(crate) fn remove(&mut self, key: LegKey) -> Option<T> {
        let place = self.slots.get_mut(key.index()).filter(|place| place.generation == key.generation)?;
        let value = place.value.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.free.push(key.slot);
        Some(value)
    }

    pub(crate) fn get(&self, key: LegKey) -> Option<&T> {
        self.slots.get(key.index()).filter(|place| place.generation == key.generation)?.value.as_ref()
    }

    pub(crate) fn get_mut(&mut self, key: LegKey) -> Option<&mut T> {
        self.slots.get_mut(key.index()).filter(|place| place.generation == key.generation)?.value.as_mut()
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots.iter_mut().filter_map(|place| place.value.as_mut())
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_key_finds_nothing_where_another_lives_now() {
        let mut slab = Slab::new();
        let first = slab.insert(|_| 'a');
        assert_eq!(slab.remove(first), Some('a'));
        let second = slab.insert(|_| 'b');
        assert_eq!(second.index(), first.index());
        assert!(slab.get(first).is_none() && slab.get_mut(first).is_none() && slab.remove(first).is_none());
        assert_eq!((slab.get(second), slab.len()), (Some(&'b'), 1));
    }
}
