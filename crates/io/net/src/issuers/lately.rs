//! What was learned lately, by hash: of bounded size, each with its end. Two tables take turns, so that the one that is
//! given away at once holds what was not looked for since the other was begun.

use std::collections::HashMap;

/// Hash of a token and of the settings under which it is asked about.
pub(super) type Digest = [u8; 32];

#[derive(Debug)]
pub(super) struct Lately<T> {
    young: HashMap<Digest, Kept<T>>,
    old: HashMap<Digest, Kept<T>>,
    /// Entries of each table.
    max: usize,
}

#[derive(Debug, Clone)]
struct Kept<T> {
    value: T,
    /// From then on it does not count, in seconds since 1970.
    until: u64,
}

impl<T: Clone> Lately<T> {
    pub(super) fn new(max: usize) -> Lately<T> {
        Lately { young: HashMap::new(), old: HashMap::new(), max }
    }

    pub(super) fn find(&mut self, digest: &Digest, now: u64) -> Option<T> {
        if let Some(kept) = self.young.get(digest) {
            return (now < kept.until).then(|| kept.value.clone());
        }
        let kept = self.old.remove(digest).filter(|kept| now < kept.until)?;
        self.keep(*digest, kept.value.clone(), kept.until);
        Some(kept.value)
    }

    pub(super) fn keep(&mut self, digest: Digest, value: T, until: u64) {
        if self.young.len() >= self.max && !self.young.contains_key(&digest) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(digest, Kept { value, until });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(number: usize) -> Digest {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&number.to_be_bytes());
        digest
    }

    #[test]
    fn nothing_counts_at_its_end() {
        let mut lately = Lately::new(4);
        lately.keep(digest(1), 'a', 100);
        assert_eq!((lately.find(&digest(1), 99), lately.find(&digest(1), 100)), (Some('a'), None));
        lately.keep(digest(1), 'b', 101);
        assert_eq!(lately.find(&digest(1), 100), Some('b'));
    }

    #[test]
    fn a_flood_costs_no_more_than_two_tables_and_what_is_used_stays() {
        let mut lately = Lately::new(10);
        lately.keep(digest(0), 0, 100);
        for number in 1..1_000 {
            lately.keep(digest(number), number, 100);
            assert_eq!(lately.find(&digest(0), 1), Some(0), "{number}");
            assert!(lately.young.len() + lately.old.len() <= 20);
        }
        assert_eq!(lately.find(&digest(1), 1), None);
    }
}
