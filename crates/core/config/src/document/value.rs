//! Values in documents: durations, sizes, networks, addresses. None may be zero or infinite.

use crate::checked::{HostPort, Network, Reach};
use selvedge_model::Host;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Milliseconds of `250ms`, `30s`, `5m`, `1h` or `1d`, at most 30 days.
pub(crate) fn duration_ms(text: &str) -> Result<u64, &'static str> {
    const HELP: &str = "write a whole number and a unit, such as `250ms`, `30s`, `5m`, `1h` or `1d`, up to 30d";
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or(HELP)?;
    let (number, unit) = text.split_at(digits);
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(HELP),
    };
    let value = number.parse::<u64>().ok().and_then(|n| n.checked_mul(unit_ms)).ok_or(HELP)?;
    if value == 0 || value > 30 * 86_400_000 { Err(HELP) } else { Ok(value) }
}

/// Bytes of `512`, `64KiB`, `10MiB` or `1GiB`, at most 1 TiB.
pub(crate) fn bytes(text: &str) -> Result<u64, &'static str> {
    const HELP: &str = "write a whole number with or without a unit, such as `64KiB`, `10MiB` or `1GiB`";
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(HELP),
    };
    let value = number.parse::<u64>().ok().and_then(|n| n.checked_mul(unit)).ok_or(HELP)?;
    if value == 0 || value > 1 << 40 { Err(HELP) } else { Ok(value) }
}

/// A whole number from 1.
pub(crate) fn count(text: &str) -> Result<u32, &'static str> {
    text.parse().ok().filter(|n| *n > 0).ok_or("write a whole number from 1")
}

/// Seconds since 1970 of `2026-10-05T09:30:00Z`: a date and time in UTC (RFC 3339).
pub(crate) fn time_s(text: &str) -> Result<u64, &'static str> {
    const HELP: &str = "write a time in UTC from 1970 to 9999, such as `2026-10-05T09:30:00Z`";
    let shape = text.bytes().map(|b| if b.is_ascii_digit() { b'0' } else { b });
    if !shape.eq("0000-00-00T00:00:00Z".bytes()) {
        return Err(HELP);
    }
    let number = |at: std::ops::Range<usize>| text.get(at).and_then(|t| t.parse::<u64>().ok()).ok_or(HELP);
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let february = if leap(year) { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let before = month.checked_sub(1).and_then(|index| usize::try_from(index).ok()).ok_or(HELP)?;
    let length = months.get(before).copied().ok_or(HELP)?;
    if year < 1970 || day < 1 || day > length || hour > 23 || minute > 59 || second > 59 {
        return Err(HELP);
    }
    let years: u64 = (1970..year).map(|year| if leap(year) { 366 } else { 365 }).sum();
    let days = years + months.iter().take(before).sum::<u64>() + day - 1;
    Ok(((days * 24 + hour) * 60 + minute) * 60 + second)
}

/// A port number.
pub(crate) fn port(text: &str) -> Result<u16, &'static str> {
    text.parse().ok().filter(|n| *n > 0).ok_or("a port is a number from 1 to 65535")
}

/// `10.0.0.0/8` or a single address.
pub(crate) fn network(text: &str) -> Result<Network, &'static str> {
    const HELP: &str = "write an address and a prefix length, such as `10.0.0.0/8` or `2001:db8::/32`";
    let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
    let address: IpAddr = address.parse().map_err(|_| HELP)?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let prefix = prefix.map_or(Ok(longest), str::parse).map_err(|_| HELP)?;
    if prefix > longest { Err(HELP) } else { Ok(Network { address, prefix }) }
}

/// `127.0.0.1:8080`.
pub(crate) fn socket(text: &str) -> Result<SocketAddr, &'static str> {
    let parsed: Option<SocketAddr> = text.parse().ok();
    parsed.filter(|socket| socket.port() != 0).ok_or("write an address and a port, such as `127.0.0.1:8080`")
}

/// A socket that only this machine reaches: what listens there speaks for a workload.
pub(crate) fn loopback(text: &str) -> Result<SocketAddr, &'static str> {
    let socket = socket(text)?;
    if socket.ip().is_loopback() { Ok(socket) } else { Err("only a loopback address, such as `127.0.0.1:15001`") }
}

/// `host:port`, the port left out where there is a default.
pub(crate) fn host_port(text: &str, default: u16) -> Result<HostPort, String> {
    let (host, number) = match text.rsplit_once(':') {
        Some((host, number)) if !number.ends_with(']') => (host, port(number)?),
        _ => (text, default),
    };
    Ok(HostPort { host: Host::parse(host).map_err(|e| e.to_string())?, port: number })
}

/// An `https` URL, or `http` where the issuer is on loopback; without query, fragment or user.
pub(crate) fn url(text: &str) -> Result<Arc<str>, &'static str> {
    const HELP: &str = "write a URL such as `https://login.acme.example/realms/acme`, without `?`, `#` or `@`";
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(HELP)?;
    let host = rest.split('/').next().unwrap_or_default();
    if text.contains(['?', '#', '@', ' ']) || host_port(host, 443).is_err() { Err(HELP) } else { Ok(text.into()) }
}

/// Any text that is not empty.
pub(crate) fn text(text: &str) -> Result<Arc<str>, &'static str> {
    if text.is_empty() { Err("it may not be empty") } else { Ok(text.into()) }
}

/// Which addresses a URL may lead to.
pub(crate) fn reach(text: &str) -> Result<Reach, &'static str> {
    match text {
        "public" => Ok(Reach::Public),
        "private" => Ok(Reach::Private),
        "loopback" => Ok(Reach::Loopback),
        _ => Err("write `public`, `private` or `loopback`"),
    }
}
