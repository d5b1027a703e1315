//! The decision log: records of all workers, written by one thread as JSON lines.
//!
//! Each worker fills a buffer of its own and hands over whole batches, so that a hop wakes nobody. The queue between
//! them is bounded. When the disk is slower than the traffic, batches are dropped and counted: never a silent loss,
//! and never a request that waits for a disk.

mod file;
mod line;
mod recorder;
mod writer;

pub(crate) use file::{FILE_NAME, ROTATED_KEPT, about, rotated};
pub use recorder::Recorder;

use file::RecordsFile;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Batches between the workers and the writer: at most 65,536 records, some 40 MiB.
const QUEUE_BATCHES_MAX: usize = 256;

/// The writer of `records.jsonl` in one directory, and the source of its recorders.
#[derive(Debug)]
pub struct DecisionLog {
    sender: SyncSender<Message>,
    writer: JoinHandle<()>,
    counts: Arc<Counts>,
}

/// What became of the records.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    written: AtomicU64,
    lost: AtomicU64,
    /// Guards the text of the last failure; the writer and the admin page alone take it.
    last_error: Mutex<Option<String>>,
}

/// What goes to the writer.
enum Message {
    /// Records, and where to send the emptied buffer for its next use.
    Batch(Batch, SyncSender<Vec<u8>>),
    /// Write what is queued, then end.
    Close,
}

/// Records as the lines that the file gets.
#[derive(Default)]
struct Batch {
    lines: Vec<u8>,
    records: usize,
}

impl DecisionLog {
    /// Opens `records.jsonl` in `dir` for appending (directory 0700 and file 0600 when they are made here), and starts
    /// the thread that writes it. Files are rotated at 256 MiB, and 4 rotated ones are kept.
    ///
    /// # Errors
    /// When the directory or the file cannot be made or opened, or no thread started; the path is in the message.
    pub fn open(dir: &Path) -> io::Result<DecisionLog> {
        DecisionLog::start(RecordsFile::open(dir, file::FILE_BYTES_MAX)?)
    }

    /// A recorder for one worker thread.
    pub fn recorder(&self) -> Recorder {
        Recorder::new(self.sender.clone(), Arc::clone(&self.counts))
    }

    /// Records that are in the file.
    pub fn written(&self) -> u64 {
        self.counts.written()
    }

    /// Records that were dropped: the queue was full, or the file could not be written.
    pub fn lost(&self) -> u64 {
        self.counts.lost()
    }

    /// Why the file could not be written, the last time that it could not.
    pub fn last_error(&self) -> Option<String> {
        self.counts.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Writes what was handed over and ends the thread. Blocks; call it when the workers have ended. What a recorder
    /// hands over afterwards is counted as lost.
    pub fn close(self) {
        // Neither fails unless the thread is gone already, and then there is nothing left to wait for.
        let _ = self.sender.send(Message::Close);
        let _ = self.writer.join();
    }

    pub(crate) fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    fn start(file: RecordsFile) -> io::Result<DecisionLog> {
        let (sender, receiver) = sync_channel(QUEUE_BATCHES_MAX);
        let counts = Arc::new(Counts::default());
        let writer = std::thread::Builder::new().name("records".into()).spawn({
            let counts = Arc::clone(&counts);
            move || writer::run(&receiver, file, &counts)
        })?;
        Ok(DecisionLog { sender, writer, counts })
    }
}

impl Counts {
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    fn add_written(&self, records: usize) {
        self.written.fetch_add(records as u64, Ordering::Relaxed);
    }

    fn add_lost(&self, records: usize) {
        self.lost.fetch_add(records as u64, Ordering::Relaxed);
    }

    fn failed(&self, error: &io::Error) {
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
    }
}

#[cfg(test)]
mod tests;
