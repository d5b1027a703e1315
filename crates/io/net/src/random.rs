//! Randomness from the kernel.

use std::cell::RefCell;

/// Bytes that a thread fetches from the kernel at once: 64 ids for one call.
const POOL_BYTES: usize = 1024;
/// Bytes of one `u128`.
const WORD_BYTES: usize = 16;

thread_local! {
    /// Random bytes of this thread that were not handed out yet.
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; POOL_BYTES], used: POOL_BYTES }) };
}

struct Pool {
    bytes: [u8; POOL_BYTES],
    used: usize,
}

/// 128 random bits, for ids and jitter: from a buffer of the thread, so that a request costs no system call.
pub fn random_u128() -> u128 {
    POOL.with_borrow_mut(Pool::word)
}

/// Random bytes for secrets and serials, straight from the kernel: no buffer keeps a copy.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    fill(&mut bytes);
    bytes
}

impl Pool {
    fn word(&mut self) -> u128 {
        if self.used + WORD_BYTES > POOL_BYTES {
            fill(&mut self.bytes);
            self.used = 0;
        }
        let word = self.bytes.get(self.used..).and_then(<[u8]>::first_chunk);
        self.used += WORD_BYTES;
        // INVARIANT: `used` leaves at least one word, by the check above.
        word.map_or_else(|| u128::from_le_bytes(random_bytes()), |word| u128::from_le_bytes(*word))
    }
}

/// A kernel that gives no randomness ends the process: an id that can be guessed is worse than none.
fn fill(bytes: &mut [u8]) {
    if getrandom::fill(bytes).is_err() {
        std::process::abort();
    }
}

#[cfg(test)]
mod tests;
