//! HTTP/1.1 connections: one request after the other, each within its deadlines.

use crate::connection::Connection;
use crate::exchange::exchange;
use crate::wire::down::{Down, H1Down};
use crate::wire::io::Io;
use crate::wire::timer::Timer;
use crate::worker::Worker;
use selvedge_http::{HeadError, HeadLimits, RequestHead, parse_request};
use selvedge_net::now_s;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Instant;

/// After a refusal, what the client still sends is read past for so long, so that it sees the answer and not a reset.
const LINGER: Duration = Duration::from_secs(2);
/// Bytes that are read past.
const LINGER_BYTES_MAX: usize = 256 * 1024;

/// Serves a connection until either side ends it.
pub(crate) async fn serve(worker: &Worker, connection: &Connection, mut io: Io) {
    let mut timer = Timer::after(Duration::from_millis(connection.limits.head_timeout_ms));
    let limits = connection.head_limits();
    let mut since = Instant::now();
    loop {
        let waiting = Waiting::new(connection, since);
        connection.waits.set(io.input.bytes().is_empty());
        let Some(head) = next_head(&mut io, &mut timer, waiting, &limits).await else { break };
        connection.waits.set(false);
        let mut down = Down::H1(H1Down::new(&mut io, head.as_ref(), !worker.is_draining()));
        // Boxed, so that a connection that waits does not hold the room of an exchange.
        since = Box::pin(exchange(worker, connection, head, &mut down, &mut timer)).await;
        match down {
            Down::H1(h1) if h1.is_reusable() => {}
            Down::H1(_) | Down::H2(_) => {
                Box::pin(linger(&mut io)).await;
                break;
            }
        }
    }
}

/// How long the next head may take.
struct Waiting {
    /// Until it begins.
    idle: Instant,
    /// From its first byte.
    head: Duration,
}

impl Waiting {
    fn new(connection: &Connection, since: Instant) -> Waiting {
        let idle = Duration::from_millis(connection.limits.idle_timeout_ms);
        // A connection is worth nothing after its caller's certificate: a client that keeps it would only be refused on it.
        let valid = connection.caller.as_ref().map(|caller| Duration::from_secs(caller.until.saturating_sub(now_s())));
        Waiting {
            idle: since + valid.map_or(idle, |valid| idle.min(valid)),
            head: Duration::from_millis(connection.limits.head_timeout_ms),
        }
    }
}

/// The next request's head. `None`: the connection ended, or was idle for too long.
async fn next_head(
    io: &mut Io,
    timer: &mut Timer,
    waiting: Waiting,
    limits: &HeadLimits,
) -> Option<Result<RequestHead, HeadError>> {
    let mut begun = !io.input.bytes().is_empty();
    timer.set_at(if begun { Instant::now() + waiting.head } else { waiting.idle });
    // How much of the input has been searched for the end of a head: a slow client is not parsed byte by byte.
    let mut searched = 0;
    poll_fn(|cx| {
        loop {
            if let Poll::Ready(done) = poll_parse(io, &mut searched, limits) {
                return Poll::Ready(Some(done));
            }
            // Most heads come whole, so that this deadline is seldom set.
            if !begun && !io.input.bytes().is_empty() {
                begun = true;
                timer.set(waiting.head);
            }
            match poll_more(io, timer, cx) {
                Poll::Ready(true) => {}
                Poll::Ready(false) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await
}

fn poll_parse(io: &mut Io, searched: &mut usize, limits: &HeadLimits) -> Poll<Result<RequestHead, HeadError>> {
    let bytes = io.input.bytes();
    let fresh = bytes.get(searched.saturating_sub(3)..).unwrap_or_default();
    let is_whole = || fresh.windows(2).any(|pair| pair == b"\n\r" || pair == b"\n\n");
    if bytes.is_empty() || (*searched > 0 && bytes.len() <= limits.head_bytes_max && !is_whole()) {
        *searched = bytes.len();
        return Poll::Pending;
    }
    *searched = bytes.len();
    match parse_request(bytes, limits) {
        Ok(None) => Poll::Pending,
        Ok(Some((head, taken))) => {
            io.input.consume(taken);
            Poll::Ready(Ok(head))
        }
        Err(error) => Poll::Ready(Err(error)),
    }
}

/// Reads more. `false`: the end, or too late.
fn poll_more(io: &mut Io, timer: &mut Timer, cx: &mut Context<'_>) -> Poll<bool> {
    match io.poll_fill(cx) {
        Poll::Ready(filled) => Poll::Ready(filled.is_ok_and(|count| count > 0)),
        Poll::Pending => {
            ready!(timer.poll_over(cx));
            Poll::Ready(false)
        }
    }
}

/// Ends our side, and reads past what is still on its way.
async fn linger(io: &mut Io) {
    if io.broken {
        return;
    }
    let read_past = async {
        if poll_fn(|cx| io.poll_shutdown(cx)).await.is_err() {
            return;
        }
        let mut passed = 0;
        while passed < LINGER_BYTES_MAX {
            let count = io.input.bytes().len();
            io.input.consume(count);
            match poll_fn(|cx| io.poll_fill(cx)).await {
                Ok(count) if count > 0 => passed += count,
                Ok(_) | Err(_) => return,
            }
        }
    };
    let _ = tokio::time::timeout(LINGER, read_past).await;
}
