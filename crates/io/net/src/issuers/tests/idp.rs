//! An identity provider of a few lines: raw answers by path, over http or https.

use crate::{EdgeTls, Stream};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

#[derive(Default)]
struct Said {
    answers: HashMap<String, String>,
    asked: Vec<String>,
    connections: usize,
    hangs: bool,
    /// What was posted, with the `Authorization` field that came with it.
    posted: Vec<(String, String)>,
}

pub(super) struct Idp {
    pub(super) addr: SocketAddr,
    said: Arc<Mutex<Said>>,
    secure: bool,
    task: AbortHandle,
}

impl Drop for Idp {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Idp {
    pub(super) async fn start() -> Idp {
        Idp::start_with(None).await
    }

    pub(super) async fn start_with(tls: Option<EdgeTls>) -> Idp {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let said = Arc::new(Mutex::new(Said::default()));
        let (shared, secure) = (Arc::clone(&said), tls.is_some());
        let task = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                shared.lock().unwrap().connections += 1;
                let stream = match &tls {
                    None => Stream::Plain(tcp),
                    Some(tls) => match tls.accept(tcp, Duration::from_secs(5)).await {
                        Ok((stream, _)) => stream,
                        Err(_) => continue,
                    },
                };
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Idp { addr, said, secure, task: task.abort_handle() }
    }

    pub(super) fn url(&self) -> String {
        if self.secure { format!("https://localhost:{}", self.addr.port()) } else { format!("http://{}", self.addr) }
    }

    pub(super) fn answer(&self, path: &str, raw: String) {
        self.said.lock().unwrap().answers.insert(path.to_owned(), raw);
    }

    /// The discovery document at the root.
    pub(super) fn document(&self, json: &str) {
        self.answer("/.well-known/openid-configuration", ok(json));
    }

    /// A right discovery document for an issuer of this server.
    pub(super) fn discovery(&self, issuer: &str) {
        let path = issuer.strip_prefix(&self.url()).unwrap().trim_end_matches('/');
        let document = serde_json::json!({ "issuer": issuer, "jwks_uri": format!("{}/jwks", self.url()) });
        self.answer(&format!("{path}/.well-known/openid-configuration"), ok(&document.to_string()));
    }

    pub(super) fn hang(&self) {
        self.said.lock().unwrap().hangs = true;
    }

    pub(super) fn posted(&self) -> Vec<(String, String)> {
        self.said.lock().unwrap().posted.clone()
    }

    pub(super) fn asked(&self) -> Vec<String> {
        self.said.lock().unwrap().asked.clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.said.lock().unwrap().connections
    }
}

async fn serve(mut stream: Stream, said: Arc<Mutex<Said>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
    let mut body = vec![0; field("content-length: ").parse().unwrap_or(0)];
    if stream.read_exact(&mut body).await.is_err() {
        return;
    }
    let (answer, hangs) = {
        let mut said = said.lock().unwrap();
        said.asked.push(path.clone());
        if head.starts_with("POST ") {
            said.posted.push((String::from_utf8(body).unwrap(), field("authorization: ")));
        }
        let missing = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned();
        (said.answers.get(&path).cloned().unwrap_or(missing), said.hangs)
    };
    if hangs {
        std::future::pending::<()>().await;
    }
    // A client that has seen enough may be gone.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

pub(super) fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// A key set of one Ed25519 key; `letter` makes it another.
pub(super) fn jwks(letter: &str) -> String {
    // Not a point of small order, which would be refused.
    let x = format!("x{}{}", letter.repeat(41), "A");
    serde_json::json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": letter, "x": x }] }).to_string()
}
