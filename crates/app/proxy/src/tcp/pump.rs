//! Bytes both ways between two connections, each direction ending by itself.

use crate::wire::io::Io;
use crate::wire::timer::Timer;
use selvedge_model::Fault;
use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

/// Bytes that wait for one end before the other is read on.
const BACKLOG_MAX: usize = 64 * 1024;

/// A tunnel.
pub(crate) struct Pump<'a> {
    down: &'a mut Io,
    up: &'a mut Io,
    timer: Timer,
    idle: Duration,
    pumped: Pumped,
    /// Whether each direction has ended.
    ended: (bool, bool),
}

/// How much went each way.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pumped {
    /// Bytes from downstream.
    pub(crate) bytes_in: u64,
    /// Bytes to downstream.
    pub(crate) bytes_out: u64,
}

impl<'a> Pump<'a> {
    pub(crate) fn new(down: &'a mut Io, up: &'a mut Io, idle: Duration) -> Pump<'a> {
        Pump { down, up, timer: Timer::after(idle), idle, pumped: Pumped::default(), ended: (false, false) }
    }

    pub(crate) fn pumped(&self) -> Pumped {
        self.pumped
    }

    /// Goes on until both directions have ended. May be dropped and called again.
    pub(crate) async fn run(&mut self) -> Result<(), Fault> {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        let before = (self.pumped.bytes_in, self.pumped.bytes_out);
        poll_way(cx, self.down, self.up, &mut self.pumped.bytes_in, &mut self.ended.0)
            .map_err(|side| if side == End::From { Fault::ClientGone } else { Fault::UpstreamClosed })?;
        poll_way(cx, self.up, self.down, &mut self.pumped.bytes_out, &mut self.ended.1)
            .map_err(|side| if side == End::From { Fault::UpstreamClosed } else { Fault::ClientGone })?;
        if self.ended == (true, true) {
            return Poll::Ready(Ok(()));
        }
        if before != (self.pumped.bytes_in, self.pumped.bytes_out) {
            self.timer.set(self.idle);
        }
        self.timer.poll_over(cx).map(|()| Err(Fault::UpstreamTimeout))
    }
}

/// Which end of a direction broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    From,
    To,
}

/// Moves one direction on, as far as it goes.
fn poll_way(cx: &mut Context<'_>, from: &mut Io, to: &mut Io, count: &mut u64, ended: &mut bool) -> Result<(), End> {
    while !*ended {
        let bytes = from.input.bytes();
        if !bytes.is_empty() {
            to.output.memory().extend_from_slice(bytes);
            let taken = bytes.len();
            *count += taken as u64;
            from.input.consume(taken);
        }
        if from.ended {
            match to.poll_shutdown(cx) {
                Poll::Ready(shut) => {
                    *ended = true;
                    return shut.map_err(|_| End::To);
                }
                Poll::Pending => return Ok(()),
            }
        }
        let flushed = to.poll_flush(cx);
        if let Poll::Ready(Err(_)) = flushed {
            return Err(End::To);
        }
        if to.output.unsent().len() > BACKLOG_MAX {
            return Ok(());
        }
        match from.poll_fill(cx) {
            Poll::Ready(Ok(_)) => {}
            Poll::Ready(Err(_)) => return Err(End::From),
            Poll::Pending => return Ok(()),
        }
    }
    Ok(())
}
