//! What `selvedge run` started: a process that our own user vouches for, and everything below it, is a service's
//! workload for as long as it runs.
//!
//! Whoever may say so may read the node's keys anyway, so this lets nobody in who was out. A process counts only while
//! it has the same user: between processes of one user there is no border that could be kept.

use super::process::{Process, line_of};
use selvedge_model::Name;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Processes that may be vouched for at a time.
const RUNS_MAX: usize = 1024;

/// Guards what is vouched for. It is of the whole machine, as processes are; held for a look or a change.
static RUNS: Mutex<Vec<Entry>> = Mutex::new(Vec::new());
/// How many there are, so that who has none pays nothing.
static COUNT: AtomicUsize = AtomicUsize::new(0);

#[derive(Debug)]
struct Entry {
    number: usize,
    pid: u32,
    uid: u32,
    process: Process,
    service: Name,
}

/// A process that is vouched for until this is dropped.
#[derive(Debug)]
pub struct Run {
    number: usize,
}

/// Vouches for a process, which the caller holds, and for all that it starts. `None`: it has ended, or there are too many.
pub(super) fn vouch(pid: u32, uid: u32, service: &Name) -> Option<Run> {
    static NUMBERS: AtomicUsize = AtomicUsize::new(0);
    let process = Process::open(pid)?;
    let mut runs = lock();
    if runs.len() >= RUNS_MAX {
        return None;
    }
    let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
    runs.push(Entry { number, pid, uid, process, service: service.clone() });
    COUNT.store(runs.len(), Ordering::Release);
    Some(Run { number })
}

/// Whether there are any.
pub(super) fn any() -> bool {
    COUNT.load(Ordering::Acquire) > 0
}

/// The service that a process was started as.
pub(super) fn find(pid: u32, uid: u32) -> Option<Name> {
    if !any() {
        return None;
    }
    let line: Vec<u32> = line_of(pid).collect();
    let runs = lock();
    let run = |ancestor: &u32| runs.iter().find(|run| run.pid == *ancestor && run.uid == uid && run.process.is_alive());
    // The nearest counts: what runs within a run is what it was started as last.
    line.iter().find_map(run).map(|run| run.service.clone())
}

impl Drop for Run {
    fn drop(&mut self) {
        let mut runs = lock();
        runs.retain(|run| run.number != self.number);
        COUNT.store(runs.len(), Ordering::Release);
    }
}

fn lock() -> MutexGuard<'static, Vec<Entry>> {
    // Each step leaves it whole.
    RUNS.lock().unwrap_or_else(PoisonError::into_inner)
}
