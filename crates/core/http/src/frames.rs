//! A count of the frames of an HTTP/2 connection that cost their sender nothing (RFC 9113 §10.5).
//!
//! The h2 crate bounds what it holds in memory, streams, and resets that come before we got to a stream. What it does not
//! bound is how many frames of other kinds come: each is a little work, and none ends. Here each kind has an allowance,
//! which fills up again with time.

/// Bytes of a frame's head (RFC 9113 §4.1).
const HEAD_BYTES: usize = 9;
/// Bytes of the preface that a client sends first (RFC 9113 §3.4).
const PREFACE_BYTES: usize = 24;
/// A WINDOW_UPDATE below so many bytes is a small one.
const SMALL_UPDATE: usize = 1_024;

/// Kinds of frames (RFC 9113 §6).
const DATA: u8 = 0;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
/// Flags.
const END_STREAM: u8 = 1;
const ACK: u8 = 1;

/// What there is too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flood {
    /// Streams that are reset (CVE-2023-44487).
    #[error("too many streams are reset")]
    Resets,
    /// Settings (CVE-2019-9515).
    #[error("too many settings")]
    Settings,
    /// Pings (CVE-2019-9512).
    #[error("too many pings")]
    Pings,
    /// DATA without data (CVE-2019-9518).
    #[error("too many frames without data")]
    EmptyData,
    /// Priorities, which mean nothing any more (CVE-2019-9513).
    #[error("too many priorities")]
    Priorities,
    /// Windows that are opened byte by byte (CVE-2019-9511, CVE-2019-9517).
    #[error("too many small updates of windows")]
    Updates,
    /// Pieces of one head (CVE-2024-27316 and its like).
    #[error("a head in too many pieces")]
    Continuations,
}

/// How many of a kind may come at once, and how many a second after that.
#[derive(Debug, Clone, Copy)]
struct Allowance {
    burst: u32,
    per_second: u32,
}

const fn allowance(burst: u32, per_second: u32) -> Allowance {
    Allowance { burst, per_second }
}

/// In the order of [`Flood`]. Far above what peers really send: gRPC measures its path with a ping for each round trip, and
/// some clients open their window with each small answer.
const ALLOWANCES: [(Flood, Allowance); 7] = [
    (Flood::Resets, allowance(500, 100)),
    (Flood::Settings, allowance(20, 1)),
    (Flood::Pings, allowance(1_000, 500)),
    (Flood::EmptyData, allowance(100, 20)),
    (Flood::Priorities, allowance(300, 20)),
    (Flood::Updates, allowance(10_000, 10_000)),
    (Flood::Continuations, allowance(32, 4)),
];

/// Follows what one side of a connection sends.
#[derive(Debug, Clone)]
pub struct Frames {
    /// Bytes to pass over: of the preface or of a payload.
    skip: usize,
    head: [u8; HEAD_BYTES],
    /// How much of `head` has come.
    have: usize,
    /// The length of the increment of a WINDOW_UPDATE that is being read.
    update: Option<[u8; 4]>,
    /// Thousandths of frames that are left, in the order of [`Flood`].
    left: [u64; ALLOWANCES.len()],
    at_ms: u64,
}

impl Frames {
    /// What a client sends, from its preface on.
    pub fn of_client(now_ms: u64) -> Frames {
        Frames::after(PREFACE_BYTES, now_ms)
    }

    /// What a server sends.
    pub fn of_server(now_ms: u64) -> Frames {
        Frames::after(0, now_ms)
    }

    fn after(skip: usize, at_ms: u64) -> Frames {
        let left = ALLOWANCES.map(|(_, allowance)| u64::from(allowance.burst) * 1_000);
        Frames { skip, head: [0; HEAD_BYTES], have: 0, update: None, left, at_ms }
    }

    /// Follows more bytes, in pieces of any size.
    ///
    /// # Errors
    /// When there is too much of something: the connection must be closed.
    pub fn follow(&mut self, mut bytes: &[u8], now_ms: u64) -> Result<(), Flood> {
        self.refill(now_ms);
        while !bytes.is_empty() {
            if self.skip > 0 {
                let taken = self.skip.min(bytes.len());
                let (piece, rest) = bytes.split_at(taken);
                (self.skip, bytes) = (self.skip - taken, rest);
                self.payload(piece)?;
                continue;
            }
            let (byte, rest) = match bytes.split_first() {
                Some((byte, rest)) => (*byte, rest),
                None => break,
            };
            if let Some(slot) = self.head.get_mut(self.have) {
                *slot = byte;
            }
            (self.have, bytes) = (self.have + 1, rest);
            if self.have == HEAD_BYTES {
                self.have = 0;
                self.begin()?;
            }
        }
        Ok(())
    }

    /// A frame's head has come whole.
    fn begin(&mut self) -> Result<(), Flood> {
        let [a, b, c, kind, flags, ..] = self.head;
        self.skip = u32::from_be_bytes([0, a, b, c]) as usize;
        self.update = (kind == WINDOW_UPDATE && self.skip == 4).then_some([0; 4]);
        match kind {
            DATA if self.skip == 0 && flags & END_STREAM == 0 => self.count(3),
            PRIORITY => self.count(4),
            RST_STREAM => self.count(0),
            SETTINGS if flags & ACK == 0 => self.count(1),
            PING if flags & ACK == 0 => self.count(2),
            CONTINUATION => self.count(6),
            _ => Ok(()),
        }
    }

    /// Part of a payload, of which only the increment of a window is of interest.
    fn payload(&mut self, bytes: &[u8]) -> Result<(), Flood> {
        let Some(update) = &mut self.update else { return Ok(()) };
        for byte in bytes {
            let [_, b, c, d] = *update;
            *update = [b, c, d, *byte];
        }
        if self.skip > 0 {
            return Ok(());
        }
        let increment = u32::from_be_bytes(*update) as usize;
        self.update = None;
        if increment < SMALL_UPDATE { self.count(5) } else { Ok(()) }
    }

    fn count(&mut self, index: usize) -> Result<(), Flood> {
        let (Some(left), Some((flood, _))) = (self.left.get_mut(index), ALLOWANCES.get(index)) else { return Ok(()) };
        *left = left.checked_sub(1_000).ok_or(*flood)?;
        Ok(())
    }

    fn refill(&mut self, now_ms: u64) {
        let passed = now_ms.saturating_sub(self.at_ms);
        if passed == 0 {
            return;
        }
        for (left, (_, allowance)) in self.left.iter_mut().zip(&ALLOWANCES) {
            let more = passed.saturating_mul(allowance.per_second.into());
            *left = left.saturating_add(more).min(u64::from(allowance.burst) * 1_000);
        }
        self.at_ms = now_ms;
    }
}

#[cfg(test)]
mod tests;
