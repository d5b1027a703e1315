//! A table from texts to numbers that fits the cache: eight bytes a slot, open addressing, at most half full.

use ahash::RandomState;

/// Numbers by hash; whether a number is the right one is for the caller to say, by the whole text.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// A power of two.
    slots: Box<[Slot]>,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    hash: u32,
    number: u32,
}

const EMPTY: Slot = Slot { hash: 0, number: u32::MAX };

/// Seeds of the hash: any will do. What is looked up never grows a table, so nobody outside gains by choosing texts.
const SEEDS: [u64; 4] = [0x243F_6A88_85A3_08D3, 0x1319_8A2E_0370_7344, 0xA409_3822_299F_31D0, 0x082E_FA98_EC4E_6C89];

/// The hash of a text.
pub(super) fn hash(text: &[u8]) -> u32 {
    let [a, b, c, d] = SEEDS;
    let hash = RandomState::with_seeds(a, b, c, d).hash_one(text);
    (hash ^ (hash >> 32)) as u32
}

impl Table {
    /// A table of distinct texts.
    pub(super) fn of(entries: &[(&[u8], u32)]) -> Table {
        let mut slots = vec![EMPTY; (entries.len() * 2).next_power_of_two()].into_boxed_slice();
        for (text, number) in entries {
            let hash = hash(text);
            let mut places = places(hash, slots.len());
            let free = places.find(|at| slots.get(*at).is_some_and(|slot| slot.number == EMPTY.number));
            // INVARIANT: more than half of the slots stay free, so one is found.
            if let Some(slot) = free.and_then(|at| slots.get_mut(at)) {
                *slot = Slot { hash, number: *number };
            }
        }
        Table { slots }
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.slots)
    }

    /// The number of a text, by `is`.
    pub(super) fn find(&self, text: &[u8], is: impl Fn(u32) -> bool) -> Option<u32> {
        let hash = hash(text);
        for at in places(hash, self.slots.len()) {
            let slot = self.slots.get(at)?;
            if slot.number == EMPTY.number {
                return None;
            }
            if slot.hash == hash && is(slot.number) {
                return Some(slot.number);
            }
        }
        None
    }
}

/// The slots where a hash may stand, in order.
fn places(hash: u32, slots: usize) -> impl Iterator<Item = usize> {
    let mask = slots.wrapping_sub(1);
    (0..slots).map(move |step| (hash as usize).wrapping_add(step) & mask)
}

#[cfg(test)]
mod tests;
