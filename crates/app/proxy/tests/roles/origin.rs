//! A scripted workload that speaks raw HTTP/1.1: it keeps every byte that it was sent, and answers what a test says.

use crate::wait::soon;
use selvedge_testkit::{Message, read};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The workload.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    heard: Arc<Heard>,
}

/// What came, by connection in the order of arrival.
struct Heard {
    connections: Mutex<Vec<Connection>>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Clone)]
struct Connection {
    from: SocketAddr,
    bytes: Vec<u8>,
    ended: bool,
}

/// A request whose head has come.
pub(crate) struct Request {
    /// How many heads came before, on all connections.
    pub(crate) nth: usize,
    /// The request line.
    pub(crate) line: String,
}

/// What to do about it.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    bytes: Vec<u8>,
    early: bool,
    trickle: bool,
    then: Then,
}

#[derive(Debug, Clone, Copy)]
enum Then {
    Keep,
    Close,
    Reset,
    Hang,
}

type Script = Arc<dyn Fn(&Request) -> Reply + Send + Sync>;

impl Reply {
    /// These bytes, as they are; the connection stays.
    pub(crate) fn raw(bytes: impl Into<Vec<u8>>) -> Reply {
        Reply { bytes: bytes.into(), early: false, trickle: false, then: Then::Keep }
    }

    /// A good answer with this body; the connection stays.
    pub(crate) fn ok(body: &str) -> Reply {
        Reply::raw(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
    }

    /// Not a byte, for ever.
    pub(crate) fn hang() -> Reply {
        Reply::raw("").stop()
    }

    /// The same, and not a byte more, for ever.
    pub(crate) fn stop(self) -> Reply {
        Reply { then: Then::Hang, ..self }
    }

    /// The same, and the connection is closed after it.
    pub(crate) fn close(self) -> Reply {
        Reply { then: Then::Close, ..self }
    }

    /// The same, and the connection is reset after it.
    pub(crate) fn reset(self) -> Reply {
        Reply { then: Then::Reset, ..self }
    }

    /// The same, before the request's body has come.
    pub(crate) fn early(self) -> Reply {
        Reply { early: true, ..self }
    }

    /// The same, byte by byte.
    pub(crate) fn trickle(self) -> Reply {
        Reply { trickle: true, ..self }
    }
}

impl Origin {
    /// Starts a workload with a script, for as long as the runtime lives.
    pub(crate) async fn start(script: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Origin {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Heard { connections: Mutex::default(), changed: watch::Sender::new(()) });
        let (script, keep): (Script, _) = (Arc::new(script), heard.clone());
        tokio::spawn(async move {
            let nth = Arc::new(Mutex::new(0));
            while let Ok((stream, from)) = listener.accept().await {
                let index = keep.accepted(from);
                let (heard, script, nth) = (keep.clone(), script.clone(), nth.clone());
                tokio::spawn(async move {
                    serve(stream, &heard, index, &script, &nth).await;
                    heard.change(index, |connection| connection.ended = true);
                });
            }
        });
        Origin { address, heard }
    }

    /// A workload that always gives the same answer.
    pub(crate) async fn always(reply: Reply) -> Origin {
        Origin::start(move |_| reply.clone()).await
    }

    /// The whole requests that came so far.
    pub(crate) fn requests(&self) -> Vec<Message> {
        self.heard.all().iter().flat_map(|connection| read(&connection.bytes).messages).collect()
    }

    /// How many connections were made so far.
    pub(crate) fn connections(&self) -> usize {
        self.heard.all().len()
    }

    /// Every byte that came so far.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.heard.all().into_iter().flat_map(|connection| connection.bytes).collect()
    }

    /// Waits until the connection of this number, from 0, has ended at the other side.
    pub(crate) async fn ended(&self, index: usize) {
        self.heard.wait(|all| all.get(index).is_some_and(|connection| connection.ended)).await;
    }

    /// Waits until all that was sent has arrived and every connection has ended; every byte that came since the last
    /// time. Connections arrive in order, so that one of our own shows when all before it have come.
    pub(crate) async fn settled(&self) -> Vec<u8> {
        let marker = TcpStream::connect(self.address).await.unwrap();
        let from = marker.local_addr().unwrap();
        drop(marker);
        self.heard.wait(|all| all.iter().any(|c| c.from == from) && all.iter().all(|c| c.ended)).await;
        let all = std::mem::take(&mut *self.heard.connections.lock().unwrap());
        all.into_iter().flat_map(|connection| connection.bytes).collect()
    }
}

impl Heard {
    fn accepted(&self, from: SocketAddr) -> usize {
        let mut connections = self.connections.lock().unwrap();
        connections.push(Connection { from, bytes: Vec::new(), ended: false });
        connections.len() - 1
    }

    fn change(&self, index: usize, change: impl FnOnce(&mut Connection)) {
        if let Some(connection) = self.connections.lock().unwrap().get_mut(index) {
            change(connection);
        }
        self.changed.send_replace(());
    }

    fn all(&self) -> Vec<Connection> {
        self.connections.lock().unwrap().clone()
    }

    async fn wait(&self, enough: impl Fn(&[Connection]) -> bool) {
        let mut changed = self.changed.subscribe();
        soon(async {
            while !enough(&self.connections.lock().unwrap()) {
                changed.changed().await.unwrap();
            }
        })
        .await;
    }
}

async fn serve(mut stream: TcpStream, heard: &Heard, index: usize, script: &Script, nth: &Mutex<usize>) {
    stream.set_nodelay(true).unwrap();
    let mut bytes = Vec::new();
    loop {
        let Some(head) = more(&mut stream, heard, index, &mut bytes, |bytes| {
            bytes.windows(4).position(|window| window == b"\r\n\r\n")
        })
        .await
        else {
            return;
        };
        let line = String::from_utf8_lossy(&bytes[..head]).lines().next().unwrap_or_default().to_owned();
        let request = Request { nth: count(nth), line };
        let reply = script(&request);
        let whole = |bytes: &[u8]| Some(read(bytes)).filter(|seen| !seen.messages.is_empty());
        if !reply.early && more(&mut stream, heard, index, &mut bytes, whole).await.is_none() {
            return;
        }
        if send(&mut stream, &reply).await.is_err() {
            return;
        }
        match reply.then {
            Then::Keep => {}
            Then::Close => return,
            Then::Reset => return stream.set_zero_linger().unwrap(),
            Then::Hang => drop(more(&mut stream, heard, index, &mut bytes, |_| None::<()>).await),
        }
        let Some(seen) = more(&mut stream, heard, index, &mut bytes, whole).await else { return };
        bytes.drain(..bytes.len() - seen.left);
    }
}

/// How many there were before this one.
fn count(nth: &Mutex<usize>) -> usize {
    let mut nth = nth.lock().unwrap();
    *nth += 1;
    *nth - 1
}

/// Reads until there is something to be found. `None`: the other side has ended first.
async fn more<T>(
    stream: &mut TcpStream,
    heard: &Heard,
    index: usize,
    bytes: &mut Vec<u8>,
    look: impl Fn(&[u8]) -> Option<T>,
) -> Option<T> {
    loop {
        if let Some(found) = look(bytes) {
            return Some(found);
        }
        let before = bytes.len();
        match stream.read_buf(bytes).await {
            Ok(count) if count > 0 => heard.change(index, |c| c.bytes.extend_from_slice(&bytes[before..])),
            Ok(_) | Err(_) => return None,
        }
    }
}

async fn send(stream: &mut TcpStream, reply: &Reply) -> std::io::Result<()> {
    let size = if reply.trickle { 1 } else { reply.bytes.len().max(1) };
    for part in reply.bytes.chunks(size) {
        stream.write_all(part).await?;
        if reply.trickle {
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}
