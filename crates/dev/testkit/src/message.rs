//! What an upstream saw: HTTP/1.1 requests read back from its bytes, by a reader that is not the product's.

/// One request as the upstream saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The request line, byte for byte.
    pub line: String,
    /// Fields, names in lower case, in the order of arrival.
    pub fields: Vec<(String, String)>,
    /// The body, without its framing.
    pub body: Vec<u8>,
}

/// Everything that an upstream saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Whole requests.
    pub messages: Vec<Message>,
    /// Bytes after the last whole request.
    pub left: usize,
}

/// Reads requests until no whole one is left.
pub fn read(bytes: &[u8]) -> Seen {
    let (mut seen, mut rest) = (Seen::default(), bytes);
    while let Some((message, taken)) = one(rest) {
        seen.messages.push(message);
        rest = rest.get(taken..).unwrap_or_default();
    }
    seen.left = rest.len();
    seen
}

/// One whole request and its length in bytes.
fn one(bytes: &[u8]) -> Option<(Message, usize)> {
    let (mut message, head) = Message::head(bytes)?;
    let rest = bytes.get(head..)?;
    let (body, taken) = if message.field("transfer-encoding").is_some_and(|coding| coding == "chunked") {
        chunks(rest)?
    } else {
        let length = message.field("content-length").map_or(Some(0), |length| length.parse().ok())?;
        (rest.get(..length)?.to_vec(), length)
    };
    message.body = body;
    Some((message, head + taken))
}

impl Message {
    /// The head at the beginning of `bytes`, and its length with the empty line.
    pub(crate) fn head(bytes: &[u8]) -> Option<(Message, usize)> {
        let end = find(bytes, b"\r\n\r\n")?;
        let text = String::from_utf8_lossy(bytes.get(..end)?);
        let mut lines = text.split("\r\n");
        let line = lines.next()?.to_owned();
        let field = |line: &str| {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            (name.to_ascii_lowercase(), value.trim_matches([' ', '\t']).to_owned())
        };
        Some((Message { line, fields: lines.map(field).collect(), body: Vec::new() }, end + 4))
    }

    /// The first value of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// A whole body in chunks: its data, and its length with sizes and trailers.
fn chunks(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut data, mut at) = (Vec::new(), 0);
    loop {
        let rest = bytes.get(at..)?;
        let end = find(rest, b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(rest.get(..end)?).ok()?, 16).ok()?;
        at += end + 2;
        if size == 0 {
            break;
        }
        data.extend_from_slice(bytes.get(at..at.checked_add(size)?)?);
        at += size;
        bytes.get(at..at + 2).filter(|end| end == b"\r\n")?;
        at += 2;
    }
    loop {
        let end = find(bytes.get(at..)?, b"\r\n")?;
        at += end + 2;
        if end == 0 {
            return Some((data, at));
        }
    }
}

/// Where `what` begins in `bytes`.
pub(crate) fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
