//! A set of small numbers: which rules, or which patterns. Up to 64 members take no memory of their own.

/// A set of indices. Two sets with the same members are equal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Bits {
    first: u64,
    /// What is over 63. INVARIANT: the last word is not zero.
    more: Vec<u64>,
}

impl Bits {
    /// The set of these.
    pub(super) fn of(members: &[usize]) -> Bits {
        Bits::default().with(members)
    }

    /// The set, and these.
    pub(super) fn with(&self, members: &[usize]) -> Bits {
        let mut bits = self.clone();
        members.iter().for_each(|member| bits.insert(*member));
        bits
    }

    /// Adds one.
    pub(super) fn insert(&mut self, member: usize) {
        let (word, bit) = (member / 64, 1 << (member % 64));
        let Some(at) = word.checked_sub(1) else {
            self.first |= bit;
            return;
        };
        if self.more.len() <= at {
            self.more.resize(at + 1, 0);
        }
        self.more.get_mut(at).into_iter().for_each(|word| *word |= bit);
    }

    fn word(&self, at: usize) -> u64 {
        match at.checked_sub(1) {
            None => self.first,
            Some(at) => self.more.get(at).copied().unwrap_or(0),
        }
    }

    fn words(&self) -> impl Iterator<Item = u64> + '_ {
        std::iter::once(self.first).chain(self.more.iter().copied())
    }

    fn from_words(mut words: impl Iterator<Item = u64>) -> Bits {
        let first = words.next().unwrap_or(0);
        let mut more: Vec<u64> = words.collect();
        more.truncate(more.iter().rposition(|word| *word != 0).map_or(0, |last| last + 1));
        Bits { first, more }
    }

    /// Whether it has a member.
    pub(super) fn has(&self, member: usize) -> bool {
        self.word(member / 64) & (1 << (member % 64)) != 0
    }

    /// Whether something is in both.
    pub(super) fn meets(&self, other: &Bits) -> bool {
        self.words().zip(other.words()).any(|(a, b)| a & b != 0)
    }

    /// What is in both.
    pub(super) fn meet(&self, other: &Bits) -> Bits {
        if self.more.is_empty() || other.more.is_empty() {
            return Bits { first: self.first & other.first, more: Vec::new() };
        }
        Bits::from_words(self.words().zip(other.words()).map(|(a, b)| a & b))
    }

    /// Whether it has no member.
    pub(super) fn is_empty(&self) -> bool {
        self.words().all(|word| word == 0)
    }

    /// How many members it has.
    pub(super) fn len(&self) -> usize {
        self.words().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether all its members are in the other.
    pub(super) fn within(&self, other: &Bits) -> bool {
        self.words().enumerate().all(|(at, word)| word & !other.word(at) == 0)
    }

    /// Adds all members of the other.
    pub(super) fn join(&mut self, other: &Bits) {
        let longest = self.more.len().max(other.more.len()) + 1;
        *self = Bits::from_words((0..longest).map(|at| self.word(at) | other.word(at)));
    }

    /// The set without the other's members.
    pub(super) fn less(&self, other: &Bits) -> Bits {
        Bits::from_words(self.words().enumerate().map(|(at, word)| word & !other.word(at)))
    }

    /// The members, from the smallest.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words().enumerate().flat_map(|(at, word)| {
            let mut left = word;
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros() as usize;
                (left != 0).then(|| {
                    left &= left - 1;
                    at * 64 + bit
                })
            })
        })
    }
}
