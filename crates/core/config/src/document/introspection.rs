//! `introspection` of an issuer: its tokens are asked about at the issuer itself (RFC 7662).

use super::value;
use crate::checked::{Introspection, Reach, SecretAt};
use crate::reader::{Map, Reader};
use crate::tree::{Node, Value};
use std::sync::Arc;

/// Seconds for which an answer counts, unless the document says otherwise: so long a token may live on that was revoked.
const CACHE_S: u64 = 30;
/// The longest time that a document may say, in seconds.
const CACHE_S_MAX: u64 = 300;
/// Variables that documents may name begin so: whoever writes documents is not to read all that the process was given.
const VARIABLE_PREFIX: &str = "SELVEDGE_SECRET_";
/// Bytes of a client id, and of the name of a file or variable.
const NAME_BYTES_MAX: usize = 255;

/// The block of an issuer, which was opened as `issuer`.
pub(super) fn of_issuer(reader: &mut Reader<'_>, issuer: &Map<'_>, reach: Reach) -> Option<Introspection> {
    let node = issuer.get("introspection")?;
    for key in ["jwksUri", "tokenTypes"] {
        if let Some(node) = issuer.get(key) {
            let help = format!("leave `{key}` out: an issuer that is asked about its tokens needs no keys here");
            reader.error("not-enforceable", node.at, format!("`{key}` is about tokens that are verified here"), help);
        }
    }
    read(reader, node, reach)
}

fn read(reader: &mut Reader<'_>, node: &Node, reach: Reach) -> Option<Introspection> {
    let map = reader.map(node, "`introspection`", &["endpoint", "clientId", "clientSecret", "cache"])?;
    let (id, secret) = (reader.required(&map, "clientId"), reader.required(&map, "clientSecret"));
    let endpoint = map.get("endpoint").and_then(|node| reader.place(node, "URL of an endpoint", value::url));
    if let Some(plain) = endpoint.as_ref().filter(|url| url.value.starts_with("http://") && reach != Reach::Loopback) {
        let help = "use https; plain http is only for `reach: loopback`, on a laptop or in a test";
        reader.error("plaintext-issuer", plain.at, "tokens would be sent in plaintext".to_owned(), help);
    }
    let cache_s = map.get("cache").and_then(|node| reader.parse(node, "time for an answer", cache_s));
    Some(Introspection {
        endpoint: endpoint.map(|endpoint| endpoint.value),
        client_id: id.and_then(|node| reader.parse(node, "client id", client_id))?,
        client_secret: secret.and_then(|node| secret_at(reader, node))?,
        cache_s: cache_s.unwrap_or(CACHE_S),
    })
}

fn secret_at(reader: &mut Reader<'_>, node: &Node) -> Option<SecretAt> {
    let help = format!("write `{{ file: NAME }}` or `{{ env: {VARIABLE_PREFIX}NAME }}`");
    if let Value::Text(_) | Value::Bool(_) = &node.value {
        // The value is not repeated: it may be a secret.
        let message = "`clientSecret` says where the secret is, and is never the secret itself".to_owned();
        reader.error("secret-in-document", node.at, message, format!("{help}; a secret that stood here is known"));
        return None;
    }
    let map = reader.map(node, "`clientSecret`", &["file", "env"])?;
    match (map.get("file"), map.get("env")) {
        (Some(node), None) => reader.parse(node, "file of a secret", file).map(SecretAt::File),
        (None, Some(node)) => reader.parse(node, "variable of a secret", variable).map(SecretAt::Variable),
        (Some(_), Some(_)) | (None, None) => {
            reader.error("bad-value", node.at, "a secret is in one place".to_owned(), help);
            None
        }
    }
}

/// Below the directory of files: what is read here is sent to an address that a document names.
fn file(text: &str) -> Result<Arc<str>, &'static str> {
    let is_step = |part: &str| !part.is_empty() && part != "." && part != "..";
    if text.len() <= NAME_BYTES_MAX && text.split('/').all(is_step) && !text.contains(['\\', '\0']) {
        Ok(text.into())
    } else {
        Err("write a path below the directory of files, such as `secrets/introspection`")
    }
}

fn variable(text: &str) -> Result<Arc<str>, String> {
    let legal = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    let rest = text.strip_prefix(VARIABLE_PREFIX).unwrap_or_default();
    if !rest.is_empty() && text.len() <= NAME_BYTES_MAX && rest.bytes().all(legal) {
        Ok(text.into())
    } else {
        Err(format!("write a name in capitals that begins with `{VARIABLE_PREFIX}`"))
    }
}

/// RFC 6749 appendix A.1.
fn client_id(text: &str) -> Result<Arc<str>, &'static str> {
    if !text.is_empty() && text.len() <= NAME_BYTES_MAX && text.bytes().all(|b| matches!(b, 0x20..=0x7e)) {
        Ok(text.into())
    } else {
        Err("write up to 255 printable ASCII characters")
    }
}

fn cache_s(text: &str) -> Result<u64, &'static str> {
    let ms = value::duration_ms(text)?;
    let whole = ms.is_multiple_of(1_000) && ms <= CACHE_S_MAX * 1_000;
    if whole { Ok(ms / 1_000) } else { Err("write whole seconds from `1s` to `5m`; `30s` is usual") }
}
