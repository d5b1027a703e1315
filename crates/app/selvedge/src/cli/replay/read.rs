//! Records from files, in blocks of whole lines, to a thread for each core.

use super::tally::{Shapes, Tally};
use anyhow::{Context, Result, anyhow};
use selvedge_model::Record;
use selvedge_plan::Plan;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

/// Bytes that are read at a time.
const BLOCK_BYTES: usize = 1024 * 1024;
/// Blocks that wait for a thread, for each of them: reading stays ahead, and memory stays small.
const BLOCKS_WAITING: usize = 2;
/// The longest line, in bytes; a longer one is no record of ours.
const LINE_BYTES_MAX: usize = 1024 * 1024;
/// Threads at most: one reader feeds them.
const THREADS_MAX: usize = 64;

/// Replays all files.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn all(files: &[PathBuf], plan: &Plan, shapes: &Shapes) -> Result<Tally> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
    let (sender, receiver) = sync_channel::<Vec<u8>>(threads * BLOCKS_WAITING);
    // Guards the receiving end: a thread holds it only while it takes a block.
    let receiver = Mutex::new(receiver);
    std::thread::scope(|scope| {
        let work = || blocks(&receiver, plan, shapes);
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let read = files.iter().try_for_each(|file| one(file, &sender));
        // The threads end when no more can come.
        drop(sender);
        let mut tally = Tally::default();
        for worker in workers {
            tally.merge(worker.join().map_err(|_| anyhow!("a thread ended before its records did"))?);
        }
        read.map(|()| tally)
    })
}

fn blocks(receiver: &Mutex<Receiver<Vec<u8>>>, plan: &Plan, shapes: &Shapes) -> Tally {
    let mut tally = Tally::default();
    loop {
        let block = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(block) = block else { return tally };
        for line in block.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
            match serde_json::from_slice::<Record>(line) {
                Ok(record) => tally.count(&record, plan, shapes),
                Err(_) => tally.unreadable += 1,
            }
        }
    }
}

fn one(path: &Path, sender: &SyncSender<Vec<u8>>) -> Result<()> {
    let unreadable = || format!("cannot read `{}`", path.display());
    if path.as_os_str() == "-" {
        return split(std::io::stdin().lock(), sender).with_context(unreadable);
    }
    split(File::open(path).with_context(unreadable)?, sender).with_context(unreadable)
}

/// Sends the content in blocks that end with a line.
fn split(mut from: impl Read, sender: &SyncSender<Vec<u8>>) -> Result<()> {
    let mut held = Vec::with_capacity(2 * BLOCK_BYTES);
    loop {
        let read = from.by_ref().take(BLOCK_BYTES as u64).read_to_end(&mut held)?;
        let end = held.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let whole = if read == 0 || (end == 0 && held.len() > LINE_BYTES_MAX) { held.len() } else { end };
        let rest = held.split_off(whole);
        let block = std::mem::replace(&mut held, rest);
        if !block.is_empty() {
            sender.send(block).map_err(|_| anyhow!("no thread takes the records"))?;
        }
        if read == 0 {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests;
