//! `format` (JSON Schema 2020-12 validation §7.3; OpenAPI data types), each in linear time and without allocation.
//! A format that is not known here is an annotation, as those standards say.

use crate::json::Number;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A format that is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Date,
    DateTime,
    Time,
    Email,
    Hostname,
    Ipv4,
    Ipv6,
    Uri,
    UriReference,
    Uuid,
    Byte,
    Int32,
    Int64,
    Float,
}

impl Format {
    pub(crate) fn named(name: &str) -> Option<Format> {
        Some(match name {
            "date" => Format::Date,
            "date-time" => Format::DateTime,
            "time" => Format::Time,
            "email" => Format::Email,
            "hostname" => Format::Hostname,
            "ipv4" => Format::Ipv4,
            "ipv6" => Format::Ipv6,
            "uri" => Format::Uri,
            "uri-reference" => Format::UriReference,
            "uuid" => Format::Uuid,
            "byte" => Format::Byte,
            "int32" => Format::Int32,
            "int64" => Format::Int64,
            "float" => Format::Float,
            _ => return None,
        })
    }

    /// Whether it is one of numbers.
    pub(crate) fn is_numeric(self) -> bool {
        matches!(self, Format::Int32 | Format::Int64 | Format::Float)
    }

    pub(crate) fn expected(self) -> &'static str {
        match self {
            Format::Date => "must be a date such as 2026-10-05",
            Format::DateTime => "must be a date and time such as 2026-10-05T09:30:00Z",
            Format::Time => "must be a time such as 09:30:00Z",
            Format::Email => "must be an email address",
            Format::Hostname => "must be a host name",
            Format::Ipv4 => "must be an IPv4 address",
            Format::Ipv6 => "must be an IPv6 address",
            Format::Uri => "must be a URI",
            Format::UriReference => "must be a URI or a relative reference",
            Format::Uuid => "must be a UUID",
            Format::Byte => "must be base64",
            Format::Int32 => "must fit into 32 bits",
            Format::Int64 => "must fit into 64 bits",
            Format::Float => "must fit into a float of 32 bits",
        }
    }

    /// Whether a number fits; other formats say nothing of numbers.
    pub(crate) fn holds(self, number: Number) -> bool {
        match (self, number) {
            (Format::Int32, Number::Whole(whole)) => i32::try_from(whole).is_ok(),
            (Format::Int64, Number::Whole(whole)) => i64::try_from(whole).is_ok(),
            (Format::Int32 | Format::Int64, Number::Float(_)) => false,
            (Format::Float, number) => number.float().abs() <= f64::from(f32::MAX),
            _ => true,
        }
    }

    /// Whether a text is of this format; numeric formats say nothing of texts.
    pub(crate) fn takes(self, text: &str) -> bool {
        match self {
            Format::Date => is_date(text.as_bytes()),
            Format::DateTime => is_date_time(text.as_bytes()),
            Format::Time => is_time(text.as_bytes()),
            Format::Email => is_email(text),
            Format::Hostname => is_hostname(text),
            Format::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
            Format::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
            Format::Uri => is_reference(text) && has_scheme(text),
            Format::UriReference => is_reference(text),
            Format::Uuid => is_uuid(text.as_bytes()),
            Format::Byte => is_base64(text.as_bytes()),
            Format::Int32 | Format::Int64 | Format::Float => true,
        }
    }
}

/// The number of `digits` decimal digits at `at`.
fn number(text: &[u8], at: usize, digits: usize) -> Option<u32> {
    let part = text.get(at..at + digits)?;
    part.iter().try_fold(0, |value, b| b.is_ascii_digit().then(|| value * 10 + u32::from(b - b'0')))
}

/// RFC 3339 `full-date`.
fn is_date(text: &[u8]) -> bool {
    let (Some(year), Some(month), Some(day)) = (number(text, 0, 4), number(text, 5, 2), number(text, 8, 2)) else {
        return false;
    };
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return false,
    };
    text.len() == 10 && text.get(4) == Some(&b'-') && text.get(7) == Some(&b'-') && (1..=days).contains(&day)
}

/// RFC 3339 `date-time`.
fn is_date_time(text: &[u8]) -> bool {
    let Some((date, rest)) = text.split_at_checked(10) else { return false };
    let Some((separator, time)) = rest.split_first() else { return false };
    is_date(date) && matches!(separator, b'T' | b't') && is_time(time)
}

/// RFC 3339 `full-time`.
fn is_time(text: &[u8]) -> bool {
    let (Some(hour), Some(minute), Some(second)) = (number(text, 0, 2), number(text, 3, 2), number(text, 6, 2)) else {
        return false;
    };
    let mut at = 8;
    if text.get(at) == Some(&b'.') {
        let digits = text.iter().skip(9).take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 {
            return false;
        }
        at += 1 + digits;
    }
    let offset = text.get(at..).unwrap_or_default();
    let zone = match offset {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', _, _, b':', _, _] => {
            number(offset, 1, 2).is_some_and(|h| h < 24) && number(offset, 4, 2).is_some_and(|m| m < 60)
        }
        _ => false,
    };
    let colons = text.get(2) == Some(&b':') && text.get(5) == Some(&b':');
    colons && zone && hour < 24 && minute < 60 && second <= 60
}

/// A mailbox as mail servers take it (RFC 5321 §4.1.2), without quoting and address literals.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let atom = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
    let dots = local.split('.').all(|part| !part.is_empty() && part.bytes().all(atom));
    dots && local.len() <= 64 && is_hostname(domain)
}

/// RFC 1123 §2.1.
fn is_hostname(text: &str) -> bool {
    let label = |label: &str| {
        let inner = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        inner && !label.is_empty() && label.len() <= 63 && !label.starts_with('-') && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// RFC 3986 §3.1.
fn has_scheme(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once(':') else { return false };
    let inner = scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    inner && scheme.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
}

/// The characters of RFC 3986, with whole escapes and one fragment.
fn is_reference(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&b);
    let mut parts = text.split('%').skip(1).map(|part| part.as_bytes().get(..2));
    let escapes = parts.all(|hex| hex.is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)));
    escapes && text.bytes().all(plain) && text.bytes().filter(|b| *b == b'#').count() <= 1
}

fn is_uuid(text: &[u8]) -> bool {
    let fits = |(at, b): (usize, &u8)| if matches!(at, 8 | 13 | 18 | 23) { *b == b'-' } else { b.is_ascii_hexdigit() };
    text.len() == 36 && text.iter().enumerate().all(fits)
}

/// RFC 4648 §4, padded.
fn is_base64(text: &[u8]) -> bool {
    let body = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    text.len().is_multiple_of(4) && body.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
}

#[cfg(test)]
mod tests;
