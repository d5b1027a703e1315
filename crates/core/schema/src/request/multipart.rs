//! `multipart/form-data` bodies (RFC 7578), read strictly: every byte belongs to a delimiter, a part's head or its data.
//!
//! Nothing before the first delimiter and nothing after the last, no bare line feeds, no folded or repeated or unknown
//! head fields, no `filename*`: readers differ about each of them, and so a field could hide.

use super::form::Object;
use super::{malformed, read_json};
use crate::api::Fields;
use crate::json::quote;
use crate::media::{MediaType, media_type, parameter};
use crate::schema::Types;
use crate::validate::Validator;
use crate::violation::{Kind, Place, Violation};
use memchr::memmem;

/// Parts of one body.
const PARTS_MAX: usize = 128;
/// Bytes of the head of a part.
const HEAD_BYTES_MAX: usize = 1024;
/// Characters of a boundary (RFC 2046 §5.1.1).
const BOUNDARY_MAX: usize = 70;

/// One part.
struct Part<'b> {
    name: String,
    is_file: bool,
    media: Option<MediaType>,
    data: &'b [u8],
}

pub(crate) fn check(
    bytes: &[u8],
    media: &MediaType,
    fields: &Fields,
    validator: &Validator<'_>,
) -> Result<(), Violation> {
    let boundary = media.boundary.as_deref().filter(|boundary| is_boundary(boundary));
    let boundary = boundary.ok_or_else(|| Violation::new(Kind::MediaType, Place::Body, "has no valid boundary"))?;
    let mut object = Object::new(fields);
    for part in split(bytes, boundary)? {
        add(part?, &mut object)?;
    }
    object.check(validator)
}

/// RFC 2046 §5.1.1, without the space.
fn is_boundary(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&b);
    (1..=BOUNDARY_MAX).contains(&text.len()) && text.bytes().all(plain)
}

/// The parts, each read.
fn split<'b>(
    bytes: &'b [u8],
    boundary: &str,
) -> Result<impl Iterator<Item = Result<Part<'b>, Violation>> + use<'b>, Violation> {
    let broken = || malformed("is no multipart body");
    let delimiter = format!("\r\n--{boundary}");
    let mut rest = bytes.strip_prefix(delimiter.as_bytes().get(2..).unwrap_or_default()).ok_or_else(broken)?;
    let mut count = 0;
    let mut parts = Vec::new();
    loop {
        match rest {
            b"--" | b"--\r\n" => return Ok(parts.into_iter()),
            _ => {}
        }
        count += 1;
        if count > PARTS_MAX {
            return Err(malformed("has too many parts"));
        }
        let body = rest.strip_prefix(b"\r\n").ok_or_else(broken)?;
        let end = memmem::find(body, delimiter.as_bytes()).ok_or_else(broken)?;
        let (part, after) = body.split_at_checked(end).ok_or_else(broken)?;
        parts.push(read(part));
        rest = after.get(delimiter.len()..).unwrap_or_default();
    }
}

fn read(part: &[u8]) -> Result<Part<'_>, Violation> {
    let broken = || malformed("has a part whose head cannot be read");
    let window = part.get(..part.len().min(HEAD_BYTES_MAX + 4)).unwrap_or_default();
    let end = memmem::find(window, b"\r\n\r\n").ok_or_else(broken)?;
    let head = part.get(..end).and_then(|head| std::str::from_utf8(head).ok()).ok_or_else(broken)?;
    let data = part.get(end + 4..).unwrap_or_default();
    let (mut disposition, mut media) = (None, None);
    for line in head.split("\r\n") {
        if line.contains(|c: char| c.is_control()) {
            return Err(broken());
        }
        let (name, value) = line.split_once(':').ok_or_else(broken)?;
        let value = value.trim_matches([' ', '\t']);
        match name.to_ascii_lowercase().as_str() {
            "content-disposition" if disposition.is_none() => disposition = Some(value),
            "content-type" if media.is_none() => media = Some(media_type(value.as_bytes()).ok_or_else(broken)?),
            _ => return Err(broken()),
        }
    }
    let (name, is_file) = disposition.and_then(named).ok_or_else(broken)?;
    Ok(Part { name, is_file, media, data })
}

/// The name in `form-data; name="…"`, and whether a `filename` is beside it.
fn named(value: &str) -> Option<(String, bool)> {
    let (kind, mut rest) = value.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return None;
    }
    let (mut name, mut is_file) = (None, false);
    while !rest.is_empty() {
        let (key, value, after) = parameter(rest)?;
        match key.to_ascii_lowercase().as_str() {
            "name" if name.is_none() => name = Some(value.to_owned()),
            "filename" if !is_file => is_file = true,
            _ => return None,
        }
        rest = after;
    }
    Some((name.filter(|name| !name.is_empty())?, is_file))
}

fn add(part: Part<'_>, object: &mut Object<'_>) -> Result<(), Violation> {
    let field = object.field(&part.name);
    let wrong = |reason| Err(Violation::new(Kind::MediaType, Place::Body, reason).under_theirs(&part.name));
    let essence = part.media.as_ref().map_or("text/plain", |media| &media.essence);
    if let Some(field) = field
        && !field.media.is_empty()
        && !field.media.iter().any(|range| range.fits(essence).is_some())
    {
        return wrong("is of a media type that is not accepted");
    }
    let charset = part.media.as_ref().and_then(|media| media.charset.as_deref());
    if charset.is_some_and(|charset| !charset.eq_ignore_ascii_case("utf-8")) {
        return wrong("is in a character set other than utf-8");
    }
    if field.is_some_and(|field| field.is_file) {
        return object.add(part.name, "\"\"".to_owned());
    }
    if part.is_file {
        return wrong("is no file");
    }
    let text = std::str::from_utf8(part.data).map_err(|_| malformed("is not UTF-8").under_theirs(&part.name))?;
    let is_object = field
        .and_then(|field| field.items.or(field.types))
        .is_some_and(|types| types.any(Types::OBJECT) && !types.any(Types::STRING));
    if essence == "application/json" || is_object {
        read_json(part.data).map_err(|violation| violation.under_theirs(&part.name))?;
        return object.add(part.name, text.to_owned());
    }
    if essence != "text/plain" && field.is_none_or(|field| field.media.is_empty()) {
        return wrong("is of a media type that is not accepted");
    }
    let types = field.and_then(|field| field.items.or(field.types)).unwrap_or(Types::STRING);
    if types == Types::STRING {
        let mut quoted = String::new();
        quote(text, &mut quoted);
        return object.add(part.name, quoted);
    }
    object.add_text(part.name, text)
}
