//! Reads one page of an admin listener, for `selvedge status`. It blocks, and so is for a command line.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Milliseconds for the whole exchange.
const TIME_MS_MAX: u64 = 5_000;
/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The body of the page at `path`. Blocks for at most 5 s and takes at most 16 MiB.
///
/// # Errors
/// When the path is none, nobody listens, the time or size is over its limit, the answer is torn, or its status is not
/// 200: then the message has the status and what the answer says.
pub fn get(addr: SocketAddr, path: &str) -> io::Result<String> {
    get_within(addr, path, Duration::from_millis(TIME_MS_MAX))
}

pub(super) fn get_within(addr: SocketAddr, path: &str, time: Duration) -> io::Result<String> {
    if !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(io::Error::new(ErrorKind::InvalidInput, "a path begins with `/` and has no spaces"));
    }
    let end = Instant::now() + time;
    let mut stream = TcpStream::connect_timeout(&addr, left(end)?)?;
    stream.set_write_timeout(Some(left(end)?))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\n\r\n")?;
    parse(&read(&mut stream, end)?)
}

/// All until the end of the stream. The time that is left is set anew for each read, so that drops do not add up.
fn read(stream: &mut TcpStream, end: Instant) -> io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    let mut chunk = [0; 16 * 1024];
    loop {
        stream.set_read_timeout(Some(left(end)?))?;
        match stream.read(&mut chunk) {
            Ok(0) => return Ok(answer),
            Ok(count) => answer.extend_from_slice(chunk.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Err(timed_out()),
            Err(error) => return Err(error),
        }
        if answer.len() > ANSWER_BYTES_MAX {
            return Err(io::Error::new(ErrorKind::FileTooLarge, "the answer of the admin listener is over 16 MiB"));
        }
    }
}

/// The body of an answer of our own server: it always says its length.
fn parse(answer: &[u8]) -> io::Result<String> {
    let bad = |what: &str| io::Error::new(ErrorKind::InvalidData, format!("the admin listener answered {what}"));
    let text = std::str::from_utf8(answer).map_err(|_| bad("with bytes that are no text"))?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(|| bad("without a whole head"))?;
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let status = words.next().filter(|version| version.starts_with("HTTP/1.")).and(words.next());
    let status = status.ok_or_else(|| bad("something other than HTTP"))?;
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok());
    if length != Some(body.len()) {
        return Err(bad("with a torn body"));
    }
    if status != "200" {
        return Err(bad(&format!("`{status}`: {}", body.trim_end().escape_debug())));
    }
    Ok(body.into())
}

fn left(end: Instant) -> io::Result<Duration> {
    end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()).ok_or_else(timed_out)
}

fn timed_out() -> io::Error {
    io::Error::new(ErrorKind::TimedOut, "the admin listener does not answer in time")
}
