//! HTTP/2 connections: streams within limits, floods counted by the h2 crate and by us (`flood.rs`), each stream an exchange of its own.

use crate::connection::Connection;
use crate::exchange::exchange;
use crate::flood::Counted;
use crate::wire::down::{Down, H2Down};
use crate::wire::h2_head;
use crate::wire::timer::Timer;
use crate::worker::Worker;
use bytes::Bytes;
use h2::server::{Builder, SendResponse};
use http::Request;
use selvedge_net::Stream;
use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::time::Duration;

/// Windows that a client may fill, in bytes (THREATS).
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Bytes of answers that wait for one stream's window.
const SEND_BUFFER: usize = 128 * 1024;
/// Streams that a client reset before we got to them (CVE-2023-44487, rapid reset).
const PENDING_RESETS_MAX: usize = 20;
/// Streams that we reset because of the client's mistakes, before it is sent away (CVE-2025-8671, made you reset).
const LOCAL_RESETS_MAX: usize = 64;
/// After an answer to a body that is still coming, the stream is reset so much later: the reset is no error (RFC 9113
/// §8.1), but some clients lose an answer that comes along with one.
const LINGER: Duration = Duration::from_secs(2);

/// Serves a connection until either side ends it.
pub(crate) async fn serve(worker: &Rc<Worker>, connection: Connection, stream: Stream) {
    let limits = connection.limits;
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(limits.streams_max)
        .max_header_list_size(u32::try_from(limits.head_bytes_max).unwrap_or(u32::MAX))
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
        .max_local_error_reset_streams(Some(LOCAL_RESETS_MAX));
    let made = tokio::time::timeout(
        Duration::from_millis(limits.head_timeout_ms),
        builder.handshake::<_, Bytes>(Counted::of_client(stream)),
    );
    let Ok(Ok(mut streams)) = made.await else { return };
    let (connection, open) = (Rc::new(connection), Rc::new(Cell::new(0_u32)));
    let idle = Duration::from_millis(limits.idle_timeout_ms);
    let mut told = false;
    loop {
        let next = tokio::select! {
            next = tokio::time::timeout(idle, streams.accept()) => next,
            () = worker.draining(), if !told => {
                // What is under way goes on; for anything new the client makes another connection.
                streams.graceful_shutdown();
                told = true;
                continue;
            }
        };
        match next {
            Ok(Some(Ok((request, respond)))) => {
                let (worker, connection, open) = (worker.clone(), connection.clone(), open.clone());
                open.set(open.get() + 1);
                connection.waits.set(false);
                // Owned by the connection: its stream ends with it.
                drop(tokio::task::spawn_local(async move {
                    serve_stream(&worker, &connection, request, respond).await;
                    open.set(open.get() - 1);
                    connection.waits.set(open.get() == 0);
                }));
            }
            Ok(Some(Err(_)) | None) => return,
            Err(_) if open.get() == 0 => {
                streams.graceful_shutdown();
                let _ = tokio::time::timeout(idle, poll_fn(|cx| streams.poll_closed(cx))).await;
                return;
            }
            Err(_) => {}
        }
    }
}

async fn serve_stream(
    worker: &Worker,
    connection: &Connection,
    request: Request<h2::RecvStream>,
    respond: SendResponse<Bytes>,
) {
    let (parts, body) = request.into_parts();
    let head = h2_head::request(&parts, body.is_end_stream(), &connection.head_limits());
    let mut down = Down::H2(H2Down::new(body, respond, parts.method == http::Method::HEAD));
    let mut timer = Timer::after(Duration::from_millis(connection.limits.idle_timeout_ms));
    exchange(worker, connection, head, &mut down, &mut timer).await;
    let _ = tokio::time::timeout(LINGER, poll_fn(|cx| down.poll_past(cx))).await;
}
