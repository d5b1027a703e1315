//! The worker's end of the decision log: a list that is handed over whole.

use super::{Counts, Message};
use selvedge_model::Record;
use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

/// Records in a full batch.
pub(super) const BATCH_RECORDS: usize = 256;
/// Emptied lists that wait for their next use, for each recorder.
const SPARES_MAX: usize = 4;

/// Takes the records of one worker thread. It may move to that thread, and is not shared between threads.
pub struct Recorder {
    batch: Cell<Vec<Record>>,
    sender: SyncSender<Message>,
    /// Lists come back emptied, so that a busy worker does not allocate a hundred KiB for each batch.
    home: SyncSender<Vec<Record>>,
    spares: Receiver<Vec<Record>>,
    counts: Arc<Counts>,
}

impl Recorder {
    pub(super) fn new(sender: SyncSender<Message>, counts: Arc<Counts>) -> Recorder {
        let (home, spares) = sync_channel(SPARES_MAX);
        Recorder { batch: Cell::new(Vec::with_capacity(BATCH_RECORDS)), sender, home, spares, counts }
    }

    /// Keeps a record; the 256th of a batch hands the batch over.
    pub fn record(&self, record: Record) {
        let mut batch = self.batch.take();
        batch.push(record);
        let full = batch.len() >= BATCH_RECORDS;
        self.batch.set(batch);
        if full {
            self.flush();
        }
    }

    /// Hands over what there is; for the worker's 20 ms timer. Never blocks: when the writer is too far behind, the
    /// batch is dropped and counted as lost.
    pub fn flush(&self) {
        let records = self.batch.take();
        if records.is_empty() {
            self.batch.set(records);
            return;
        }
        let next = match self.sender.try_send(Message::Batch(records, self.home.clone())) {
            Ok(()) => self.spares.try_recv().unwrap_or_else(|_| Vec::with_capacity(BATCH_RECORDS)),
            Err(TrySendError::Full(refused) | TrySendError::Disconnected(refused)) => self.lose(refused),
        };
        self.batch.set(next);
    }

    /// Counts a batch that was not taken, and gives its list back for the next records.
    fn lose(&self, refused: Message) -> Vec<Record> {
        match refused {
            Message::Batch(mut records, _) => {
                self.counts.add_lost(records.len());
                records.clear();
                records
            }
            Message::Close => Vec::new(),
        }
    }
}

/// A worker that ends hands over its last records; this neither blocks nor fails.
impl Drop for Recorder {
    fn drop(&mut self) {
        self.flush();
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}
