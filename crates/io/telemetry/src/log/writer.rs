//! The thread that writes: all batches that wait become one buffer and one write.

use super::file::RecordsFile;
use super::{Counts, Message};
use selvedge_model::Record;
use std::sync::mpsc::Receiver;

/// Bytes in the buffer from which no further batch is added before the write.
const WRITE_BYTES: usize = 1024 * 1024;

/// Runs until `Message::Close`, or until the log and its recorders are gone.
pub(super) fn run(receiver: &Receiver<Message>, file: RecordsFile, counts: &Counts) {
    let mut writer = Writer { file, lines: Vec::with_capacity(WRITE_BYTES), records: 0, open: true, counts };
    while writer.open
        && let Ok(message) = receiver.recv()
    {
        writer.take(message);
        while let Ok(message) = receiver.try_recv() {
            writer.take(message);
            if writer.lines.len() >= WRITE_BYTES {
                writer.write();
            }
        }
        writer.write();
    }
}

struct Writer<'a> {
    file: RecordsFile,
    lines: Vec<u8>,
    /// Records in `lines`.
    records: usize,
    open: bool,
    counts: &'a Counts,
}

impl Writer<'_> {
    fn take(&mut self, message: Message) {
        match message {
            Message::Batch(mut records, home) => {
                records.drain(..).for_each(|record| self.line(&record));
                // Refused when the recorder has enough spares or is gone: then the list is simply freed.
                let _ = home.try_send(records);
            }
            Message::Close => self.open = false,
        }
    }

    fn line(&mut self, record: &Record) {
        let start = self.lines.len();
        match serde_json::to_writer(&mut self.lines, record) {
            Ok(()) => {
                self.lines.push(b'\n');
                self.records += 1;
            }
            Err(error) => {
                self.lines.truncate(start);
                self.counts.add_lost(1);
                self.counts.failed(&error.into());
            }
        }
    }

    fn write(&mut self) {
        if self.lines.is_empty() {
            return;
        }
        match self.file.append(&self.lines) {
            Ok(()) => self.counts.add_written(self.records),
            Err(error) => {
                self.counts.add_lost(self.records);
                self.counts.failed(&error);
            }
        }
        self.lines.clear();
        self.records = 0;
    }
}
