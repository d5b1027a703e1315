//! The worker's end of the decision log: lines that are handed over in batches.
//!
//! A record becomes its line here, on the thread that made it: records that were freed on another thread would cost the
//! allocator more than writing them costs.

use super::{Batch, Counts, Message, line};
use selvedge_model::Record;
use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

/// Records in a full batch.
pub(super) const BATCH_RECORDS: usize = 256;
/// Bytes of a usual batch.
const BATCH_BYTES: usize = BATCH_RECORDS * 768;
/// Emptied buffers that wait for their next use, for each recorder.
const SPARES_MAX: usize = 4;

/// Takes the records of one worker thread. It may move to that thread, and is not shared between threads.
pub struct Recorder {
    batch: RefCell<Batch>,
    sender: SyncSender<Message>,
    /// Buffers come back emptied, so that a busy worker does not allocate one for each batch.
    home: SyncSender<Vec<u8>>,
    spares: Receiver<Vec<u8>>,
    counts: Arc<Counts>,
}

impl Recorder {
    pub(super) fn new(sender: SyncSender<Message>, counts: Arc<Counts>) -> Recorder {
        let (home, spares) = sync_channel(SPARES_MAX);
        Recorder { batch: RefCell::default(), sender, home, spares, counts }
    }

    /// Keeps a record; the 256th of a batch hands the batch over.
    pub fn record(&self, record: &Record) {
        let mut batch = self.batch.borrow_mut();
        if let Err(error) = batch.push(record) {
            self.counts.add_lost(1);
            self.counts.failed(&error.into());
        }
        if batch.records >= BATCH_RECORDS {
            drop(batch);
            self.flush();
        }
    }

    /// Hands over what there is; for the worker's 20 ms timer. Never blocks: when the writer is too far behind, the
    /// batch is dropped and counted as lost.
    pub fn flush(&self) {
        let mut batch = self.batch.borrow_mut();
        if batch.records == 0 {
            return;
        }
        let lines = match self.sender.try_send(Message::Batch(std::mem::take(&mut *batch), self.home.clone())) {
            Ok(()) => self.spares.try_recv().unwrap_or_else(|_| Vec::with_capacity(BATCH_BYTES)),
            Err(TrySendError::Full(refused) | TrySendError::Disconnected(refused)) => self.lose(refused),
        };
        *batch = Batch { lines, records: 0 };
    }

    /// Counts a batch that was not taken, and gives its buffer back for the next records.
    fn lose(&self, refused: Message) -> Vec<u8> {
        match refused {
            Message::Batch(mut batch, _) => {
                self.counts.add_lost(batch.records);
                batch.lines.clear();
                batch.lines
            }
            Message::Close => Vec::new(),
        }
    }
}

impl Batch {
    fn push(&mut self, record: &Record) -> Result<(), serde_json::Error> {
        let start = self.lines.len();
        if let Err(error) = line::push(record, &mut self.lines) {
            self.lines.truncate(start);
            return Err(error);
        }
        self.records += 1;
        Ok(())
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
