//! Buffers lent by a pool of the thread: a connection that waits holds none.

use std::cell::RefCell;

/// Bytes of a fresh buffer: one TLS record (RFC 8446 §5.1).
const BUFFER_BYTES: usize = 16 * 1024;
/// Buffers that a thread keeps for the next connection.
const KEPT_MAX: usize = 128;

thread_local! {
    /// Whole buffers, initialised: to read into.
    static INPUTS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
    /// Empty buffers: to append to.
    static OUTPUTS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Bytes that arrived and are not yet read. Its memory is initialised once and lent again and again.
#[derive(Debug, Default)]
pub(crate) struct Input {
    memory: Vec<u8>,
    start: usize,
    end: usize,
}

/// Bytes that are to be sent.
#[derive(Debug, Default)]
pub(crate) struct Output {
    memory: Vec<u8>,
    sent: usize,
}

impl Input {
    /// What has arrived.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.memory.get(self.start..self.end).unwrap_or_default()
    }

    /// Forgets the first `count` bytes.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Room for more; grows when there is none.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        if self.memory.is_empty() {
            self.memory = INPUTS.with_borrow_mut(Vec::pop).unwrap_or_else(|| vec![0; BUFFER_BYTES]);
        }
        if self.end == self.memory.len() {
            if self.start > 0 {
                self.memory.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
            } else {
                self.memory.resize(self.memory.len() * 2, 0);
            }
        }
        self.memory.get_mut(self.end..).unwrap_or_default()
    }

    /// Notes that `count` bytes of [`Input::space`] were filled.
    pub(crate) fn filled(&mut self, count: usize) {
        self.end = (self.end + count).min(self.memory.len());
    }

    /// Gives the memory back when nothing is in it.
    pub(crate) fn rest(&mut self) {
        if self.start == self.end && !self.memory.is_empty() {
            give_back(&INPUTS, std::mem::take(&mut self.memory));
            (self.start, self.end) = (0, 0);
        }
    }
}

impl Output {
    /// Where to append.
    pub(crate) fn memory(&mut self) -> &mut Vec<u8> {
        if self.memory.capacity() == 0 {
            self.memory = OUTPUTS.with_borrow_mut(Vec::pop).unwrap_or_else(|| Vec::with_capacity(BUFFER_BYTES));
        }
        &mut self.memory
    }

    /// What is still to be sent.
    pub(crate) fn unsent(&self) -> &[u8] {
        self.memory.get(self.sent..).unwrap_or_default()
    }

    /// Notes that `count` bytes were sent; gives the memory back after the last.
    pub(crate) fn advance(&mut self, count: usize) {
        self.sent += count;
        if self.sent >= self.memory.len() && self.memory.capacity() > 0 {
            self.sent = 0;
            self.memory.clear();
            give_back(&OUTPUTS, std::mem::take(&mut self.memory));
        }
    }
}

/// One that grew is not kept: a single large head must not cost memory for ever.
fn give_back(pool: &'static std::thread::LocalKey<RefCell<Vec<Vec<u8>>>>, memory: Vec<u8>) {
    if memory.capacity() == BUFFER_BYTES {
        // A thread that ends has no pool any more: the memory is freed.
        let _ = pool.try_with(|pool| {
            if let Ok(mut pool) = pool.try_borrow_mut()
                && pool.len() < KEPT_MAX
            {
                pool.push(memory);
            }
        });
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        give_back(&INPUTS, std::mem::take(&mut self.memory));
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.memory.clear();
        give_back(&OUTPUTS, std::mem::take(&mut self.memory));
    }
}
