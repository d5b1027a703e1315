//! One timer for a connection, set anew for each thing that is waited for.

use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// A deadline that can be moved. Moving it back costs nothing: the runtime's timer stays where it is, and is set again
/// when it goes off too early, so that a busy connection touches it once in a while and not with each request.
#[derive(Debug)]
pub(crate) struct Timer {
    deadline: Instant,
    /// When the runtime's timer goes off; never later than the deadline.
    armed: Instant,
    sleep: Pin<Box<Sleep>>,
    /// Whom the runtime's timer wakes.
    wakes: Option<Waker>,
}

impl Timer {
    /// A timer that ends after `duration`.
    pub(crate) fn after(duration: Duration) -> Timer {
        let deadline = Instant::now() + duration;
        Timer { deadline, armed: deadline, sleep: Box::pin(sleep_until(deadline)), wakes: None }
    }

    /// Moves the deadline to `duration` from now.
    pub(crate) fn set(&mut self, duration: Duration) {
        self.set_at(Instant::now() + duration);
    }

    /// Moves the deadline.
    pub(crate) fn set_at(&mut self, deadline: Instant) {
        self.deadline = deadline;
        if deadline < self.armed {
            self.arm();
        }
    }

    /// Whether the deadline is over; wakes the task when it will be.
    pub(crate) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let known = self.wakes.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
            if known && !self.sleep.is_elapsed() {
                return Poll::Pending;
            }
            if !known {
                self.wakes = Some(cx.waker().clone());
            }
            ready!(self.sleep.as_mut().poll(cx));
            if self.deadline <= self.armed {
                return Poll::Ready(());
            }
            self.arm();
        }
    }

    fn arm(&mut self) {
        self.armed = self.deadline;
        self.sleep.as_mut().reset(self.deadline);
        // The next poll tells it whom to wake.
        self.wakes = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_millis(60);

    #[tokio::test]
    async fn a_deadline_that_moves_is_met_where_it_was_moved_last() {
        let began = Instant::now();
        for (first, second, third) in [(SHORT, LONG, SHORT), (LONG, SHORT, LONG), (SHORT, SHORT, LONG)] {
            let began = Instant::now();
            let mut timer = Timer::after(first);
            assert!(poll_fn(|cx| Poll::Ready(timer.poll_over(cx))).await.is_pending());
            timer.set_at(began + second);
            timer.set_at(began + third);
            poll_fn(|cx| timer.poll_over(cx)).await;
            assert!(began.elapsed() >= third, "too early");
        }
        assert!(began.elapsed() < Duration::from_secs(10), "far too late");
    }
}
