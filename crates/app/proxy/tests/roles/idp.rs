//! An identity provider of a few lines on loopback: it says of each token what a test told it to.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

#[derive(Default)]
struct Said {
    /// Status and body by token.
    answers: HashMap<String, (u16, String)>,
    /// The key set.
    jwks: String,
    asked: Vec<String>,
}

pub(crate) struct Idp {
    pub(crate) address: SocketAddr,
    said: Arc<Mutex<Said>>,
    task: AbortHandle,
}

impl Drop for Idp {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Idp {
    pub(crate) async fn start(jwks: String) -> Idp {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let said = Arc::new(Mutex::new(Said { jwks, ..Said::default() }));
        let shared = Arc::clone(&said);
        let task = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                tokio::spawn(serve(tcp, Arc::clone(&shared)));
            }
        });
        Idp { address, said, task: task.abort_handle() }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What is said of a token; of any other, that it is not active.
    pub(crate) fn says(&self, token: &str, status: u16, body: &str) {
        self.said.lock().unwrap().answers.insert(token.to_owned(), (status, body.to_owned()));
    }

    /// The tokens that were asked about.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.said.lock().unwrap().asked.clone()
    }
}

async fn serve(mut tcp: TcpStream, said: Arc<Mutex<Said>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match tcp.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    if tcp.read_exact(&mut body).await.is_err() {
        return;
    }
    let (status, answer) = {
        let mut said = said.lock().unwrap();
        if head.starts_with("post /introspect ") {
            let form = String::from_utf8(body).unwrap();
            let token = decode(form.strip_prefix("token=").unwrap().split('&').next().unwrap());
            said.asked.push(token.clone());
            said.answers.get(&token).cloned().unwrap_or((200, "{\"active\":false}".to_owned()))
        } else {
            (200, said.jwks.clone())
        }
    };
    let length = answer.len();
    let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{answer}");
    // A client that has seen enough may be gone.
    let _ = tcp.write_all(answer.as_bytes()).await;
    let _ = tcp.shutdown().await;
}

fn decode(form: &str) -> String {
    let mut parts = form.split('%');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}
