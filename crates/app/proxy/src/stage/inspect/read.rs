//! Reading a whole body into memory: within its limit, within what a worker may hold, and not for ever.

use crate::hop::Refusal;
use crate::relay::{BODY_BYTES_PER_SECOND_MIN, SLOW_GRACE};
use crate::wire::down::Down;
use crate::wire::message::Step;
use crate::wire::timer::Timer;
use selvedge_model::Fault;
use std::cell::Cell;
use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// Bytes of bodies that one worker holds at once: clients that send slowly must not fill the memory together.
const HELD_BYTES_MAX: u64 = 64 * 1024 * 1024;

thread_local! {
    /// Bytes that this worker holds.
    static HELD: Cell<u64> = const { Cell::new(0) };
}

/// A part of what a worker may hold; given back when it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Share(u64);

impl Share {
    /// Takes more. `false`: the worker holds as much as it may.
    fn grow(&mut self, bytes: u64) -> bool {
        let all = HELD.get().saturating_add(bytes);
        if all > HELD_BYTES_MAX {
            return false;
        }
        HELD.set(all);
        self.0 += bytes;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        // A thread that ends counts no more.
        let _ = HELD.try_with(|held| held.set(held.get().saturating_sub(self.0)));
    }
}

/// A body that is being read.
pub(super) struct Reading {
    bytes: Vec<u8>,
    share: Share,
    bytes_max: u64,
    started: Instant,
    idle: Duration,
}

/// Why a body was not read to its end.
pub(super) enum Unread {
    TooLarge,
    Broken(Refusal),
}

impl Reading {
    pub(super) fn new(bytes_max: u64, idle_timeout_ms: u64) -> Reading {
        let idle = Duration::from_millis(idle_timeout_ms);
        Reading { bytes: Vec::new(), share: Share::default(), bytes_max, started: Instant::now(), idle }
    }

    /// Bytes so far.
    pub(super) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub(super) fn end(self) -> (Vec<u8>, Share) {
        (self.bytes, self.share)
    }

    pub(super) async fn run(&mut self, down: &mut Down<'_>, timer: &mut Timer) -> Result<(), Unread> {
        timer.set_at(self.deadline());
        poll_fn(|cx| self.poll(cx, down, timer)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>, down: &mut Down<'_>, timer: &mut Timer) -> Poll<Result<(), Unread>> {
        let broken = |fault, why| Poll::Ready(Err(Unread::Broken(Refusal::fault(fault, why))));
        loop {
            let (bytes, bytes_max) = (&mut self.bytes, self.bytes_max);
            let mut fits = true;
            let polled = down.poll_body(cx, &mut |data| {
                fits = (bytes.len() + data.len()) as u64 <= bytes_max;
                if fits {
                    bytes.extend_from_slice(data);
                }
            });
            match polled {
                Poll::Ready(Ok(Step::Data(_))) if !fits => return Poll::Ready(Err(Unread::TooLarge)),
                Poll::Ready(Ok(Step::Data(count))) if !self.share.grow(count as u64) => {
                    return broken(Fault::NotReady, "bodies that are held have reached their limit");
                }
                Poll::Ready(Ok(Step::Data(_))) => timer.set_at(self.deadline()),
                Poll::Ready(Ok(Step::End(_))) => return Poll::Ready(Ok(())),
                Poll::Ready(Err(fault)) => return broken(fault, "the body did not come whole"),
                Poll::Pending if down.poll_gone(cx).is_ready() => {
                    return broken(Fault::ClientGone, "the client went away");
                }
                Poll::Pending => break,
            }
        }
        timer
            .poll_over(cx)
            .map(|()| Err(Unread::Broken(Refusal::fault(Fault::ClientTimeout, "the body came too slowly"))))
    }

    /// As for a body that passes through: some seconds in all, and then so many bytes in each.
    fn deadline(&self) -> Instant {
        let earned = Duration::from_secs(self.len() / BODY_BYTES_PER_SECOND_MIN);
        (self.started + SLOW_GRACE + earned).min(Instant::now() + self.idle)
    }
}
