//! Active checks, made once for the process and not by each worker: what they say is one flag for each endpoint.
//!
//! A hop checks what it dials. The local workload, and a service without a node, is asked for the path that its document
//! names; another node is connected to, with both identities proven, since what its workload answers is its own to judge.

use crate::shared::Shared;
use crate::upstream::{Begun, Endpoint, Key, Lease, Watched};
use crate::wire::io::Io;
use selvedge_balance::Health;
use selvedge_config::checked::{Check, Protocol};
use selvedge_http::{HeadLimits, parse_response};
use std::future::poll_fn;
use std::io;
use std::sync::Weak;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Starts the thread of the checks. It ends with the process.
///
/// # Errors
/// When the thread or its runtime cannot be made.
pub(crate) fn start(shared: Weak<Shared>, mut begun: Begun) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("health".to_owned()).spawn(move || {
        tokio::task::LocalSet::new().block_on(&runtime, async move {
            while let Some((watched, flag)) = begun.recv().await {
                // Owned by the flag: it ends when nobody holds that.
                drop(tokio::task::spawn_local(check_on(shared.clone(), watched, flag)));
            }
        });
    })?;
    Ok(())
}

async fn check_on(shared: Weak<Shared>, (key, check): Watched, flag: Weak<AtomicBool>) {
    let endpoint = Endpoint::new(key.clone());
    let mut health = Health::default();
    let interval = Duration::from_millis(check.interval_ms);
    loop {
        let passed = {
            let Some(live) = shared.upgrade().map(|shared| shared.live.load_full()) else { return };
            let timeout = Duration::from_millis(check.timeout_ms);
            tokio::time::timeout(timeout, passes(&endpoint, &key, &check, &live)).await.unwrap_or(false)
        };
        let Some(flag) = flag.upgrade() else { return };
        flag.store(health.note(passed, &check.thresholds()), Ordering::Relaxed);
        drop(flag);
        // Up to a tenth later, so that checks of many endpoints, and of many nodes, do not come at one moment.
        let jitter = check.interval_ms / 10 + 1;
        tokio::time::sleep(interval + Duration::from_millis((selvedge_net::random_u128() % u128::from(jitter)) as u64))
            .await;
    }
}

async fn passes(endpoint: &Endpoint, key: &Key, check: &Check, live: &crate::live::Live) -> bool {
    let timeout = Duration::from_millis(check.timeout_ms);
    let asks = check.path.as_deref().filter(|_| !endpoint.is_mesh());
    match (asks, key.protocol) {
        (None, _) | (_, Protocol::Tcp) => endpoint.connect(live, timeout).await.is_ok(),
        (Some(path), protocol) => {
            let lease = endpoint.lease(live, timeout, &|| true).await;
            match (lease, protocol) {
                (Ok(Lease::H1(io, _, _)), _) => asked(io, path).await.is_some_and(is_good),
                (Ok(Lease::H2(sender)), _) => asked_h2(sender, path).await.is_some_and(is_good),
                (Err(_), _) => false,
            }
        }
    }
}

fn is_good(status: u16) -> bool {
    (200..400).contains(&status)
}

/// The status of an answer in HTTP/1.1.
async fn asked(mut io: Io, path: &str) -> Option<u16> {
    let head =
        format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nuser-agent: selvedge-health\r\nconnection: close\r\n\r\n");
    io.output.memory().extend_from_slice(head.as_bytes());
    poll_fn(|cx| io.poll_flush(cx)).await.ok()?;
    loop {
        if let Some((head, taken)) = parse_response(io.input.bytes(), "GET", &HeadLimits::default()).ok()? {
            io.input.consume(taken);
            match head.status {
                100..=199 => continue,
                status => return Some(status),
            }
        }
        if poll_fn(|cx| io.poll_fill(cx)).await.ok()? == 0 {
            return None;
        }
    }
}

/// The status of an answer in HTTP/2.
async fn asked_h2(sender: h2::client::SendRequest<bytes::Bytes>, path: &str) -> Option<u16> {
    let uri = http::Uri::builder().scheme("http").authority("localhost").path_and_query(path).build().ok()?;
    let head = http::Request::builder().uri(uri).header("user-agent", "selvedge-health").body(()).ok()?;
    let (answer, _) = sender.ready().await.ok()?.send_request(head, true).ok()?;
    Some(answer.await.ok()?.status().as_u16())
}
