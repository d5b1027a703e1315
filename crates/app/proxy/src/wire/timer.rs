//! One timer for a connection, set anew for each thing that is waited for.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// A deadline that can be moved.
#[derive(Debug)]
pub(crate) struct Timer(Pin<Box<Sleep>>);

impl Timer {
    /// A timer that ends after `duration`.
    pub(crate) fn after(duration: Duration) -> Timer {
        Timer(Box::pin(sleep_until(Instant::now() + duration)))
    }

    /// Moves the deadline to `duration` from now.
    pub(crate) fn set(&mut self, duration: Duration) {
        self.set_at(Instant::now() + duration);
    }

    /// Moves the deadline.
    pub(crate) fn set_at(&mut self, deadline: Instant) {
        self.0.as_mut().reset(deadline);
    }

    /// Whether the deadline is over; wakes the task when it will be.
    pub(crate) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}
