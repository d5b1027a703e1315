//! The ledger: lines over TCP, one answer for each. `ADD ORDER CENTS` → `OK ENTRIES`, `SUM` → `SUM CENTS`.

use super::super::serve;
use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Bytes of one line.
const LINE_BYTES_MAX: u64 = 256;
/// How long asking may take, the connection included.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);

/// What the ledger has: how many entries, and their sum in cents.
#[derive(Debug, Default, Clone, Copy)]
struct Sum {
    entries: u64,
    cents: u64,
}

/// Serves the ledger for ever.
pub(super) async fn serve(listener: TcpListener) {
    let sum = Rc::new(Cell::new(Sum::default()));
    serve::accept(listener, |stream| {
        let sum = sum.clone();
        // A client that goes away is its own affair.
        async move { drop(converse(stream, &sum).await) }
    })
    .await;
}

async fn converse(stream: TcpStream, sum: &Cell<Sum>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    loop {
        line.clear();
        (&mut stream).take(LINE_BYTES_MAX).read_line(&mut line).await?;
        if !line.ends_with('\n') {
            return Ok(());
        }
        let (next, answer) = respond(sum.get(), line.trim_end());
        sum.set(next);
        stream.write_all(answer.as_bytes()).await?;
    }
}

fn respond(sum: Sum, line: &str) -> (Sum, String) {
    let words: Vec<&str> = line.split(' ').collect();
    match words.as_slice() {
        ["SUM"] => (sum, format!("SUM {}\n", sum.cents)),
        ["ADD", order, cents] if !order.is_empty() => match cents.parse::<u32>() {
            Ok(cents) => {
                let sum =
                    Sum { entries: sum.entries.saturating_add(1), cents: sum.cents.saturating_add(u64::from(cents)) };
                (sum, format!("OK {}\n", sum.entries))
            }
            Err(_) => (sum, "ERROR cents are a number\n".to_owned()),
        },
        _ => (sum, "ERROR write ADD or SUM\n".to_owned()),
    }
}

/// Sends one line, and gives the line that comes back; `None` when the connection closes without a byte.
///
/// # Errors
/// When there is no connection, or it breaks after a byte, or time is over.
pub(super) async fn ask(address: SocketAddr, line: &str) -> std::io::Result<Option<String>> {
    tokio::time::timeout(ASK_TIMEOUT, ask_now(address, line)).await.unwrap_or(Err(std::io::ErrorKind::TimedOut.into()))
}

async fn ask_now(address: SocketAddr, line: &str) -> std::io::Result<Option<String>> {
    let mut stream = BufReader::new(TcpStream::connect(address).await?);
    let mut answer = String::new();
    // Refused, the connection may break while we write: what counts is whether a byte comes back.
    let written = stream.write_all(format!("{line}\n").as_bytes()).await;
    let read = (&mut stream).take(LINE_BYTES_MAX).read_line(&mut answer).await;
    match (answer.is_empty(), written.and(read)) {
        (true, Ok(_)) => Ok(None),
        (true, Err(error))
            if matches!(error.kind(), std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe) =>
        {
            Ok(None)
        }
        (_, Err(error)) => Err(error),
        (false, Ok(_)) => Ok(Some(answer.trim_end().to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_counted_and_summed() {
        let (sum, answer) = respond(Sum::default(), "ADD o-1 250");
        assert_eq!(answer, "OK 1\n");
        assert_eq!(respond(sum, "SUM").1, "SUM 250\n");
    }

    #[test]
    fn what_is_no_command_changes_nothing() {
        for line in ["", "ADD", "ADD o-1", "ADD  1", "ADD o-1 x", "add o-1 1", "SUM all"] {
            let (sum, answer) = respond(Sum::default(), line);
            assert!(answer.starts_with("ERROR"), "{line}");
            assert_eq!(sum.entries, 0, "{line}");
        }
    }

    #[tokio::test]
    async fn a_connection_that_closes_without_a_byte_is_told_from_an_answer() {
        let closing = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = closing.local_addr().unwrap();
        let (asked, _) = tokio::join!(ask(address, "SUM"), async { drop(closing.accept().await) });
        assert_eq!(asked.unwrap(), None);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::task::LocalSet::new();
        serving.spawn_local(serve(listener));
        assert_eq!(serving.run_until(ask(address, "SUM")).await.unwrap().as_deref(), Some("SUM 0"));
    }
}
