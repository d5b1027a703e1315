//! Who calls: raw HTTP/1.1 bytes out, and answers read back by a reader that is not the product's.

use crate::wait::soon;
use crate::world::World;
use selvedge_identity::Svid;
use selvedge_model::SpiffeId;
use selvedge_net::{Alpn, Call, MeshTls, Stream, TlsError, client};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const HANDSHAKE: Duration = Duration::from_secs(10);

/// A connection.
pub(crate) struct Client {
    pub(crate) stream: Stream,
    input: Vec<u8>,
    end: End,
}

/// How a connection has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Open,
    /// In order: what came is what was sent.
    Clean,
    /// A reset, or TLS without its closing word.
    Broken,
}

/// A final answer, 1xx passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the body came to its end.
    pub(crate) whole: bool,
    /// The interim answers before it.
    pub(crate) interim: Vec<u16>,
}

impl Client {
    pub(crate) fn new(stream: Stream) -> Client {
        Client { stream, input: Vec::new(), end: End::Open }
    }

    pub(crate) async fn plain(address: SocketAddr) -> Client {
        let stream = soon(TcpStream::connect(address)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Client::new(Stream::Plain(stream))
    }

    /// At the gateway's HTTPS listener, as a browser would.
    pub(crate) async fn tls(world: &World, host: &str, alpn: Alpn) -> Result<Client, TlsError> {
        let tcp = soon(TcpStream::connect(world.documents.places.edge_https)).await.unwrap();
        let roots = world.authority.bundle().roots;
        client::connect(tcp, host, &roots, Some(alpn), HANDSHAKE).await.map(|(stream, _)| Client::new(stream))
    }

    /// As [`Client::tls`] in HTTP/1.1, showing this certificate when one is asked for.
    pub(crate) async fn tls_showing(world: &World, host: &str, shown: &Svid) -> Result<Client, TlsError> {
        let tcp = soon(TcpStream::connect(world.documents.places.edge_https)).await.unwrap();
        let (roots, key) = (world.authority.bundle().roots, shown.key.pkcs8_der());
        let connected = client::connect_showing(tcp, host, &roots, HANDSHAKE, (&shown.chain, key)).await;
        connected.map(|(stream, _)| Client::new(stream))
    }

    /// At the mesh listener, as the peer of this path, for `<port>.<service>`.
    pub(crate) async fn mesh(
        world: &World,
        tls: &MeshTls,
        path: &str,
        to: &str,
        alpn: Alpn,
    ) -> Result<Client, TlsError> {
        Client::mesh_as(world, tls, &world.id(path), to, alpn).await
    }

    /// As [`Client::mesh`], by whole id: one of another trust domain.
    pub(crate) async fn mesh_as(
        world: &World,
        tls: &MeshTls,
        as_id: &SpiffeId,
        to: &str,
        alpn: Alpn,
    ) -> Result<Client, TlsError> {
        let tcp = soon(TcpStream::connect(world.documents.places.mesh)).await.unwrap();
        let service = to.split_once('.').unwrap().1;
        let expected = world.id(service);
        let server_name = format!("{to}.{}", world.domain);
        let call = Call { as_id, server_name: &server_name, expected: &expected, alpn };
        tls.connect(tcp, HANDSHAKE, call).await.map(|(stream, _)| Client::new(stream))
    }

    /// Sends bytes. A peer that has closed already is no error: what it answered is read afterwards.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let sent = async {
            self.stream.write_all(bytes.as_ref()).await?;
            self.stream.flush().await
        };
        drop(soon(sent).await);
    }

    /// Ends our side.
    pub(crate) async fn end(&mut self) {
        drop(soon(self.stream.shutdown()).await);
    }

    /// Sends a request without a body and reads its answer.
    pub(crate) async fn get(&mut self, host: &str, path: &str) -> Answer {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        self.answer().await.expect("no answer")
    }

    /// Sends a request with a body of a length and reads its answer.
    pub(crate) async fn post(&mut self, host: &str, path: &str, body: &str) -> Answer {
        let length = body.len();
        self.send(format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n{body}")).await;
        self.answer().await.expect("no answer")
    }

    /// The next answer. `None`: the connection ended before its head was whole. May be dropped and called again.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        self.answer_to("GET").await
    }

    /// The next answer, to a request with this method.
    pub(crate) async fn answer_to(&mut self, method: &str) -> Option<Answer> {
        loop {
            if let Some((answer, taken)) = parse(&self.input, method, End::Open) {
                self.input.drain(..taken);
                return Some(answer);
            }
            if !soon(self.fill()).await {
                let (answer, _) = parse(&self.input, method, self.end)?;
                self.input.clear();
                return Some(answer);
            }
        }
    }

    /// What is left until the connection ends.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while soon(self.fill()).await {}
        std::mem::take(&mut self.input)
    }

    /// So many bytes, or fewer when the connection ends before.
    pub(crate) async fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.input.len() < count && soon(self.fill()).await {}
        self.input.drain(..count.min(self.input.len())).collect()
    }

    /// Reads more; `false` at the end, however it came.
    async fn fill(&mut self) -> bool {
        self.end = match self.stream.read_buf(&mut self.input).await {
            Ok(0) => End::Clean,
            Ok(_) => End::Open,
            Err(_) => End::Broken,
        };
        self.end == End::Open
    }
}

impl Answer {
    /// The first value of a field.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The decision id.
    pub(crate) fn decision(&self) -> &str {
        self.field("selvedge-decision").expect("no decision id")
    }

    /// Whether the server says that it closes the connection.
    pub(crate) fn closes(&self) -> bool {
        self.field("connection") == Some("close")
    }

    /// Status, body and whether it is whole.
    pub(crate) fn essence(&self) -> (u16, &str, bool) {
        (self.status, std::str::from_utf8(&self.body).unwrap_or("not text"), self.whole)
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// A final answer and its length. `None`: it is not whole, and more may come.
fn parse(bytes: &[u8], method: &str, end: End) -> Option<(Answer, usize)> {
    let (mut at, mut interim) = (0, Vec::new());
    loop {
        let length = find(&bytes[at..], b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[at..at + length]).into_owned();
        at += length + 4;
        let mut lines = head.split("\r\n");
        let status: u16 = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
        if status < 200 {
            interim.push(status);
            continue;
        }
        let field = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        let fields = lines.map(field).collect::<Option<Vec<_>>>().expect("a field without a colon");
        let mut answer = Answer { status, fields, body: Vec::new(), whole: true, interim };
        let (body, length, whole) = body(&answer, &bytes[at..], method, end);
        if !whole && end == End::Open {
            return None;
        }
        (answer.body, answer.whole) = (body, whole);
        return Some((answer, at + length));
    }
}

/// The body as far as it has come, how many bytes it took, and whether it is whole.
fn body(answer: &Answer, bytes: &[u8], method: &str, end: End) -> (Vec<u8>, usize, bool) {
    if method == "HEAD" || matches!(answer.status, 204 | 304) {
        return (Vec::new(), 0, true);
    }
    if answer.field("transfer-encoding") == Some("chunked") {
        assert_eq!(answer.field("content-length"), None, "two framings in one answer");
        return chunks(bytes);
    }
    match answer.field("content-length").map(|length| length.parse::<usize>().unwrap()) {
        Some(length) if bytes.len() >= length => (bytes[..length].to_vec(), length, true),
        Some(_) => (bytes.to_vec(), bytes.len(), false),
        // Only the end tells.
        None => (bytes.to_vec(), bytes.len(), end == End::Clean),
    }
}

fn chunks(bytes: &[u8]) -> (Vec<u8>, usize, bool) {
    let (mut data, mut at) = (Vec::new(), 0);
    loop {
        let Some(end) = find(&bytes[at..], b"\r\n") else { return (data, bytes.len(), false) };
        let size = std::str::from_utf8(&bytes[at..at + end]).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        let (size, from) = (size.expect("the size of a chunk"), at + end + 2);
        let Some(chunk) = bytes.get(from..from + size + 2) else {
            data.extend_from_slice(&bytes[from.min(bytes.len())..(from + size).min(bytes.len())]);
            return (data, bytes.len(), false);
        };
        assert!(chunk.ends_with(b"\r\n"), "a chunk that does not end in CR LF");
        data.extend_from_slice(&chunk[..size]);
        at = from + size + 2;
        if size == 0 {
            return (data, at, true);
        }
    }
}
