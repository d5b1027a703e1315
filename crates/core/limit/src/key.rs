//! Keys of a table: the parts of what is limited, hashed with a seed that nobody outside knows.
//!
//! Without the seed an attacker cannot aim: neither at the set of a victim, nor at its key.

use ahash::RandomState;
use aws_lc_rs::digest::{Context, SHA256};
use std::hash::{BuildHasher, Hasher};

/// Random bits.
pub type Seed = [u64; 4];

/// A key of a [`crate::Table`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key(pub(crate) u64);

/// Makes keys.
#[derive(Debug, Clone)]
pub struct Keys {
    quick: RandomState,
    seed: Seed,
}

impl Keys {
    /// Keys under a seed.
    pub fn new(seed: Seed) -> Keys {
        let [a, b, c, d] = seed;
        Keys { quick: RandomState::with_seeds(a, b, c, d), seed }
    }

    /// The seed, to be kept with what is kept under its keys.
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// The key of these parts. Parts are told apart: `["a", "b"]` and `["ab"]` have different keys.
    pub fn key<'p>(&self, parts: impl IntoIterator<Item = &'p [u8]>) -> Key {
        let mut hasher = self.quick.build_hasher();
        for part in parts {
            hasher.write_usize(part.len());
            hasher.write(part);
        }
        Key::of(hasher.finish())
    }

    /// As [`Keys::key`], the same in every process with this seed, whatever version or processor: for what is kept across
    /// restarts.
    pub fn lasting<'p>(&self, parts: impl IntoIterator<Item = &'p [u8]>) -> Key {
        let mut context = Context::new(&SHA256);
        self.seed.iter().for_each(|word| context.update(&word.to_be_bytes()));
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let digest = context.finish();
        let first = digest.as_ref().iter().take(8).fold(0, |word, byte| (word << 8) | u64::from(*byte));
        Key::of(first)
    }
}

impl Key {
    /// Zero stands for an empty place.
    pub(crate) fn of(hash: u64) -> Key {
        Key(hash.max(1))
    }
}
