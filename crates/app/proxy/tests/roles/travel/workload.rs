//! Workloads that call on: the rest of a path says whom.
//!
//! `/as/USER` answers with the workload's name; `/as/USER/NEXT…` asks `NEXT` for `/as/USER/…` in the same trace, and
//! answers as it does, or 502; `untraced` and `mistraced` lose the trace first; `hold` waits until it is released.

use crate::client::Client;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What all workloads of a mesh share.
#[derive(Clone)]
pub(crate) struct Shared {
    /// Every head that came.
    pub(crate) heard: Arc<Mutex<Vec<String>>>,
    /// Whether somebody waits, and whether they may go on.
    pub(crate) holding: watch::Sender<bool>,
    pub(crate) released: watch::Sender<bool>,
}

impl Shared {
    pub(crate) fn new() -> Shared {
        Shared { heard: Arc::default(), holding: watch::Sender::new(false), released: watch::Sender::new(false) }
    }
}

/// Serves as the workload of this name, which calls on through this address.
pub(crate) async fn serve(name: &'static str, out: SocketAddr, shared: Shared) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(name, out, shared.clone(), stream));
        }
    });
    address
}

async fn connection(name: &str, out: SocketAddr, shared: Shared, mut stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    let (mut bytes, mut onward) = (Vec::new(), None);
    loop {
        while !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
            match stream.read_buf(&mut bytes).await {
                Ok(count) if count > 0 => {}
                Ok(_) | Err(_) => return,
            }
        }
        let head = String::from_utf8(std::mem::take(&mut bytes)).unwrap();
        shared.heard.lock().unwrap().push(head.clone());
        let (status, body) = answer(name, out, &shared, &head, &mut onward).await;
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn answer(
    name: &str,
    out: SocketAddr,
    shared: &Shared,
    head: &str,
    onward: &mut Option<Client>,
) -> (u16, String) {
    let path = head.split(' ').nth(1).unwrap().trim_start_matches("/open");
    let mut steps: Vec<&str> = path.split('/').skip(1).collect();
    let trace = head.lines().find_map(|line| line.strip_prefix("traceparent: ")).expect("no trace came").to_owned();
    let mut field = format!("traceparent: {trace}\r\n");
    match steps.get(2).copied() {
        Some("untraced") => field.clear(),
        Some("mistraced") => {
            field = "traceparent: 00-00000000000000000000000000000bad-00f067aa0ba902b7-01\r\n".to_owned()
        }
        Some("hold") => {
            shared.holding.send_replace(true);
            drop(shared.released.subscribe().wait_for(|released| *released).await);
        }
        Some(_) | None => {}
    }
    if matches!(steps.get(2), Some(&("untraced" | "mistraced" | "hold"))) {
        steps.remove(2);
    }
    if steps.len() < 3 {
        return (200, name.to_owned());
    }
    let next = steps.remove(2);
    let mut client = match onward.take() {
        Some(client) => client,
        None => Client::plain(out).await,
    };
    client.send(format!("GET /{} HTTP/1.1\r\nHost: {next}\r\n{field}\r\n", steps.join("/"))).await;
    let Some(answer) = client.answer().await else { return (502, "nothing".to_owned()) };
    if answer.status == 200 {
        *onward = Some(client);
        return (200, String::from_utf8(answer.body).unwrap());
    }
    (502, answer.status.to_string())
}
