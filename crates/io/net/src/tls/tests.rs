//! Handshakes over loopback sockets, against an authority that is made when the tests run.

mod clients;
mod edge;
mod link;
mod mesh;

use crate::{Stream, TlsError, now_s, random_bytes};
use selvedge_identity::{Authority, PrivateKey, ServerCertificate, Svid, Terms, request};
use selvedge_model::{Host, SpiffeId, TrustDomain};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SOON: Duration = Duration::from_secs(10);
const DAY_S: u64 = 86_400;

/// An authority that is a day old.
struct World {
    domain: TrustDomain,
    authority: Authority,
}

impl World {
    fn new(domain: &str) -> World {
        let domain = TrustDomain::parse(domain).unwrap();
        World { authority: Authority::create(&domain, now_s() - DAY_S).unwrap(), domain }
    }

    fn id(&self, path: &str) -> SpiffeId {
        SpiffeId::parse(&format!("spiffe://{}/{path}", self.domain)).unwrap()
    }

    fn svid(&self, path: &str) -> Svid {
        self.svid_at(path, now_s())
    }

    /// An SVID of one hour from `now`.
    fn svid_at(&self, path: &str, now: u64) -> Svid {
        let key = PrivateKey::generate().unwrap();
        let chain = self.authority.issue_svid(&request(&key).unwrap(), &self.id(path), &[], &terms(now)).unwrap();
        Svid::new(chain, key).unwrap()
    }

    fn server(&self, host: &str) -> ServerCertificate {
        let key = PrivateKey::generate().unwrap();
        let hosts = [Host::parse(host).unwrap()];
        let chain = self.authority.issue_server(&request(&key).unwrap(), &hosts, &terms(now_s())).unwrap();
        ServerCertificate::new(chain, key).unwrap()
    }

    fn roots(&self) -> Vec<Vec<u8>> {
        self.authority.bundle().roots
    }
}

fn terms(now: u64) -> Terms {
    Terms { ttl_s: 3600, now, serial: random_bytes() }
}

/// Two ends of one loopback connection: server, client.
async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (accepted, client) = tokio::join!(listener.accept(), TcpStream::connect(addr));
    (accepted.unwrap().0, client.unwrap())
}

/// Bytes go both ways, and the end is seen as an end.
async fn talk(mut one: Stream, mut other: Stream) {
    one.write_all(b"ping").await.unwrap();
    one.flush().await.unwrap();
    let mut read = [0; 4];
    other.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"ping");
    other.write_all(b"pong").await.unwrap();
    other.shutdown().await.unwrap();
    let mut rest = Vec::new();
    one.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"pong");
}

fn is_protocol(error: &TlsError, word: &str) -> bool {
    matches!(error, TlsError::Protocol(text) if text.contains(word))
}
