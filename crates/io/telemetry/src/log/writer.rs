//! The thread that writes: one write for each batch.

use super::file::RecordsFile;
use super::{Batch, Counts, Message};
use std::sync::mpsc::Receiver;

/// Runs until `Message::Close`, or until the log and its recorders are gone.
pub(super) fn run(receiver: &Receiver<Message>, mut file: RecordsFile, counts: &Counts) {
    while let Ok(Message::Batch(mut batch, home)) = receiver.recv() {
        write(&mut file, &batch, counts);
        batch.lines.clear();
        // Refused when the recorder has enough spares or is gone: then the buffer is simply freed.
        let _ = home.try_send(batch.lines);
    }
}

fn write(file: &mut RecordsFile, batch: &Batch, counts: &Counts) {
    match file.append(&batch.lines) {
        Ok(()) => counts.add_written(batch.records),
        Err(error) => {
            counts.add_lost(batch.records);
            counts.failed(&error);
        }
    }
}
