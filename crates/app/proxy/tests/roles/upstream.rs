//! Workloads that speak HTTP/2 with prior knowledge, or opaque TCP.

use crate::wait::soon;
use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::request::Parts;
use http::{HeaderMap, Response};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A workload in HTTP/2. What it does is said by the path: `/echo`, `/empty`, `/cut`, `/refuse`, `/hang`.
pub(crate) struct Http2 {
    pub(crate) address: SocketAddr,
    heads: Arc<Mutex<Vec<Parts>>>,
    kill: watch::Sender<()>,
}

impl Http2 {
    pub(crate) async fn start() -> Http2 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (heads, kill) = (Arc::new(Mutex::new(Vec::new())), watch::Sender::new(()));
        let (keep, killed) = (heads.clone(), kill.subscribe());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (heads, mut killed) = (keep.clone(), killed.clone());
                killed.mark_unchanged();
                tokio::spawn(async move {
                    tokio::select! {
                        () = connection(stream, heads) => {}
                        _ = killed.changed() => {}
                    }
                });
            }
        });
        Http2 { address, heads, kill }
    }

    /// Heads of the requests that came so far.
    pub(crate) fn heads(&self) -> Vec<Parts> {
        self.heads.lock().unwrap().clone()
    }

    /// Drops every open connection without a word.
    pub(crate) fn kill(&self) {
        self.kill.send_replace(());
    }
}

async fn connection(stream: TcpStream, heads: Arc<Mutex<Vec<Parts>>>) {
    let Ok(mut streams) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((request, respond))) = streams.accept().await {
        let (head, body) = request.into_parts();
        let path = head.uri.path().to_owned();
        heads.lock().unwrap().push(head);
        tokio::spawn(answer(path, body, respond));
    }
}

async fn answer(path: String, body: RecvStream, mut respond: SendResponse<Bytes>) {
    match path.as_str() {
        "/empty" => drop(respond.send_response(Response::new(()), true)),
        "/refuse" => respond.send_reset(Reason::REFUSED_STREAM),
        "/hang" => std::future::pending().await,
        "/cut" => {
            let Ok(mut body) = respond.send_response(Response::new(()), false) else { return };
            drop(body.send_data(Bytes::from_static(b"half"), false));
            // The first half leaves before the reset does.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            body.send_reset(Reason::INTERNAL_ERROR);
        }
        _ => echo(body, respond).await,
    }
}

/// The body back, byte for byte, and trailers after it.
async fn echo(mut body: RecvStream, mut respond: SendResponse<Bytes>) {
    let head = Response::builder().header("content-type", "application/grpc").body(()).unwrap();
    let Ok(mut back) = respond.send_response(head, false) else { return };
    while let Some(Ok(data)) = body.data().await {
        drop(body.flow_control().release_capacity(data.len()));
        if send(&mut back, data).await.is_none() {
            return;
        }
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    trailers.insert("selvedge-decision", "forged".parse().unwrap());
    drop(back.send_trailers(trailers));
}

/// Sends data as the window goes.
pub(crate) async fn send(stream: &mut h2::SendStream<Bytes>, mut data: Bytes) -> Option<()> {
    while !data.is_empty() {
        stream.reserve_capacity(data.len());
        let room = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await?.ok()?;
        stream.send_data(data.split_to(room.min(data.len())), false).ok()?;
    }
    Some(())
}

/// A workload in opaque TCP: it speaks first, returns every byte, and says how many there were when its client has
/// ended its side.
pub(crate) struct Tcp {
    pub(crate) address: SocketAddr,
    pub(crate) heard: Arc<Mutex<Vec<u8>>>,
    /// Connections: accepted, ended.
    counts: watch::Sender<(usize, usize)>,
}

/// What it says first.
pub(crate) const GREETING: &[u8] = b"220 at your service\r\n";

impl Tcp {
    pub(crate) async fn start() -> Tcp {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (heard, counts) = (Arc::new(Mutex::new(Vec::new())), watch::Sender::new((0, 0)));
        let (keep, count) = (heard.clone(), counts.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.send_modify(|(accepted, _)| *accepted += 1);
                let (heard, count) = (keep.clone(), count.clone());
                tokio::spawn(async move {
                    drop(converse(stream, &heard).await);
                    count.send_modify(|(_, ended)| *ended += 1);
                });
            }
        });
        Tcp { address, heard, counts }
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> usize {
        self.counts.borrow().0
    }

    /// Waits until so many connections have ended.
    pub(crate) async fn ended(&self, wanted: usize) {
        let mut counts = self.counts.subscribe();
        drop(soon(counts.wait_for(|(_, ended)| *ended >= wanted)).await.unwrap());
    }
}

async fn converse(mut stream: TcpStream, heard: &Mutex<Vec<u8>>) -> std::io::Result<()> {
    stream.write_all(GREETING).await?;
    let (mut buffer, mut count) = ([0; 16 * 1024], 0);
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return stream.write_all(format!("{count} bytes\r\n").as_bytes()).await;
        }
        count += read;
        heard.lock().unwrap().extend_from_slice(&buffer[..read]);
        stream.write_all(&buffer[..read]).await?;
    }
}
