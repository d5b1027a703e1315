//! One exchange carried between its two ends: the request's body one way, the answer the other, both at once.
//!
//! Neither end is read faster than the other takes it, so an exchange holds a bounded number of bytes.

use crate::wire::down::Down;
use crate::wire::message::{Answer, Step};
use crate::wire::timer::Timer;
use crate::wire::up::Up;
use selvedge_http::{Fields, HeadLimits};
use selvedge_model::Fault;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// Bytes that wait for one end before the other is read on.
const BACKLOG_MAX: usize = 64 * 1024;
/// A client may be slow for so long in all…
pub(crate) const SLOW_GRACE: Duration = Duration::from_secs(10);
/// …and then sends at least so many bytes a second (THREATS).
pub(crate) const BODY_BYTES_PER_SECOND_MIN: u64 = 1024;

/// How long and how large an exchange may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// From the last progress of the request until the answer's head.
    pub(crate) answer: Duration,
    /// Without a byte of a body.
    pub(crate) idle: Duration,
    /// Bytes of a request's body.
    pub(crate) body_bytes_max: u64,
    /// An upstream's head.
    pub(crate) head: HeadLimits,
}

/// One exchange on its way.
pub(crate) struct Relay<'a, 'io> {
    pub(crate) down: &'a mut Down<'io>,
    pub(crate) up: &'a mut Up,
    pub(crate) timer: &'a mut Timer,
    pub(crate) bounds: Bounds,
    pub(crate) method: &'a str,
    /// Fields that we add to the answer.
    pub(crate) added: &'a [(&'static str, &'a [u8])],
    /// Whether an answer of this status is not passed on, since the request is sent to another endpoint.
    pub(crate) again: &'a dyn Fn(u16) -> bool,
    pub(crate) state: State,
}

/// How far an exchange has come.
#[derive(Debug)]
pub(crate) struct State {
    started: Instant,
    request_ended: bool,
    /// Whether the last thing that was waited for was the client's body.
    waits_for_client: bool,
    answer_ended: bool,
    /// The status of an answer that was not passed on.
    pub(crate) refused_with: Option<u16>,
    /// The answer's status, once its head has come.
    pub(crate) status: Option<u16>,
    /// Bytes of the request's body.
    pub(crate) bytes_in: u64,
    /// Bytes of the answer's body.
    pub(crate) bytes_out: u64,
}

impl State {
    /// An exchange that began then.
    pub(crate) fn new(started: Instant) -> State {
        State {
            started,
            request_ended: false,
            waits_for_client: false,
            answer_ended: false,
            refused_with: None,
            status: None,
            bytes_in: 0,
            bytes_out: 0,
        }
    }
}

impl Relay<'_, '_> {
    /// Goes on until the answer was sent whole, or something broke.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        let waited = self.state.waits_for_client;
        let moved = self.poll_request(cx)? | self.poll_answer(cx)?;
        if self.state.answer_ended && self.down.poll_flush(cx)?.is_ready() {
            return Poll::Ready(Ok(()));
        }
        if self.down.poll_gone(cx).is_ready() {
            return Poll::Ready(Err(Fault::ClientGone));
        }
        if moved || waited != self.state.waits_for_client {
            self.timer.set_at(self.deadline());
        }
        self.timer.poll_over(cx).map(|()| Err(self.overdue()))
    }

    /// Puts in the whole of a body that was read before: nothing more is read from the client.
    pub(crate) fn send_held(&mut self, body: &[u8]) -> Result<(), Fault> {
        self.up.push(body)?;
        self.up.finish(None)?;
        self.state.bytes_in = body.len() as u64;
        self.state.request_ended = true;
        Ok(())
    }

    /// Moves the request on; whether anything moved.
    fn poll_request(&mut self, cx: &mut Context<'_>) -> Result<bool, Fault> {
        let mut moved = false;
        self.state.waits_for_client = false;
        while !self.state.request_ended {
            if self.up.backlog() > BACKLOG_MAX && self.flush_up(cx) {
                break;
            }
            let (up, mut pushed) = (&mut *self.up, Ok(()));
            match self.down.poll_body(cx, &mut |data| pushed = up.push(data)) {
                Poll::Ready(step) => match step? {
                    Step::Data(count) => self.took(count, pushed)?,
                    Step::End(trailers) => {
                        self.up.finish(trailers)?;
                        self.state.request_ended = true;
                    }
                },
                Poll::Pending => {
                    self.state.waits_for_client = true;
                    break;
                }
            }
            moved = true;
        }
        self.flush_up(cx);
        Ok(moved)
    }

    fn took(&mut self, count: usize, pushed: Result<(), Fault>) -> Result<(), Fault> {
        pushed?;
        self.state.bytes_in += count as u64;
        if self.state.bytes_in > self.bounds.body_bytes_max { Err(Fault::BodyTooLarge) } else { Ok(()) }
    }

    /// Sends what waits for the upstream; whether some is left. An upstream that takes no more may have answered
    /// already: then its answer is what counts, and reading it will tell.
    fn flush_up(&mut self, cx: &mut Context<'_>) -> bool {
        match self.up.poll_flush(cx) {
            Poll::Ready(Ok(())) => false,
            Poll::Ready(Err(_)) => {
                self.state.request_ended = true;
                false
            }
            Poll::Pending => true,
        }
    }

    /// Moves the answer on; whether anything moved.
    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Result<bool, Fault> {
        let mut moved = false;
        if self.state.status.is_none() {
            let Poll::Ready(head) = self.up.poll_head(cx, self.method, &self.bounds.head)? else { return Ok(false) };
            if (self.again)(head.status) {
                self.state.refused_with = Some(head.status);
                return Err(Fault::UpstreamClosed);
            }
            let mut fields = head.fields;
            add(&mut fields, self.added)?;
            self.state.status = Some(head.status);
            self.down.start(&Answer { status: head.status, fields: &fields, framing: head.framing })?;
            moved = true;
        }
        while !self.state.answer_ended {
            if self.down.backlog() > BACKLOG_MAX && self.down.poll_flush(cx)?.is_pending() {
                break;
            }
            let (down, mut pushed) = (&mut *self.down, Ok(()));
            match self.up.poll_body(cx, &mut |data| pushed = down.push(data)) {
                Poll::Ready(step) => match step? {
                    Step::Data(count) => {
                        pushed?;
                        self.state.bytes_out += count as u64;
                    }
                    Step::End(trailers) => {
                        self.down.finish(trailers)?;
                        self.state.answer_ended = true;
                    }
                },
                Poll::Pending => break,
            }
            moved = true;
        }
        // What is left over goes when there is room: the task is woken then.
        match self.down.poll_flush(cx) {
            Poll::Ready(Err(fault)) => Err(fault),
            Poll::Ready(Ok(())) | Poll::Pending => Ok(moved),
        }
    }

    fn deadline(&self) -> Instant {
        let now = Instant::now();
        if self.state.status.is_some() {
            return now + self.bounds.idle;
        }
        if self.state.waits_for_client {
            let earned = Duration::from_secs(self.state.bytes_in / BODY_BYTES_PER_SECOND_MIN);
            return (self.state.started + SLOW_GRACE + earned).min(now + self.bounds.idle);
        }
        now + self.bounds.answer
    }

    fn overdue(&self) -> Fault {
        if self.state.waits_for_client && self.state.status.is_none() {
            Fault::ClientTimeout
        } else {
            Fault::UpstreamTimeout
        }
    }
}

fn add(fields: &mut Fields, added: &[(&str, &[u8])]) -> Result<(), Fault> {
    added.iter().try_for_each(|(name, value)| fields.push(name.as_bytes(), value)).map_err(|_| Fault::BadResponse)
}
