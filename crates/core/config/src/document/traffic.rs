//! `Service.spec.traffic`, key by key.

use super::gateway::set;
use super::{flag, value};
use crate::checked::{Balance, Check, HashBy, Retries, Traffic};
use crate::reader::{Map, Reader};
use crate::tree::{Node, Value};
use std::sync::Arc;

/// The largest budget: with more, second tries turn a slow service into a dead one.
const BUDGET_MAX_PER_MILLE: u32 = 200;
const KEYS: &[&str] =
    &["balance", "timeouts", "retries", "outlier", "health", "circuit", "slowStart", "websocket", "proxyProtocol"];

pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Traffic {
    let mut traffic = Traffic::default();
    let Some(map) = reader.map(node, "traffic", KEYS) else { return traffic };
    if let Some(balance) = map.get("balance").and_then(|node| read_balance(reader, node)) {
        traffic.balance = balance;
    }
    if let Some(node) = map.get("timeouts") {
        read_timeouts(reader, node, &mut traffic);
    }
    if let Some(node) = map.get("retries") {
        read_retries(reader, node, &mut traffic.retries);
    }
    if let Some(node) = map.get("outlier") {
        read_outlier(reader, node, &mut traffic);
    }
    traffic.health = map.get("health").and_then(|node| read_check(reader, node));
    if let Some(node) = map.get("circuit")
        && let Some(map) = reader.map(node, "`circuit`", &["connections", "pending", "requests"])
    {
        set(reader, &map, "connections", value::count, &mut traffic.circuit.connections_max);
        set(reader, &map, "pending", value::count, &mut traffic.circuit.pending_max);
        set(reader, &map, "requests", value::count, &mut traffic.circuit.requests_max);
    }
    set(reader, &map, "slowStart", value::duration_ms, &mut traffic.slow_start_ms);
    traffic.websocket = flag(reader, &map, "websocket");
    traffic.proxy_protocol = flag(reader, &map, "proxyProtocol");
    traffic
}

fn read_timeouts(reader: &mut Reader<'_>, node: &Node, traffic: &mut Traffic) {
    let Some(map) = reader.map(node, "`timeouts`", &["connect", "request", "idle"]) else { return };
    set(reader, &map, "connect", value::duration_ms, &mut traffic.connect_timeout_ms);
    set(reader, &map, "request", value::duration_ms, &mut traffic.request_timeout_ms);
    set(reader, &map, "idle", value::duration_ms, &mut traffic.idle_timeout_ms);
}

fn read_balance(reader: &mut Reader<'_>, node: &Node) -> Option<Balance> {
    const HELP: &str = "write `leastLatency`, `roundRobin` or `{ hash: … }`";
    if let Value::Text(_) = &node.value {
        return reader.parse(node, "way to balance", |text| match text {
            "leastLatency" => Ok(Balance::LeastLatency),
            "roundRobin" => Ok(Balance::RoundRobin),
            _ => Err(HELP),
        });
    }
    let map = reader.map(node, "`balance`", &["hash"])?;
    let hash = reader.required(&map, "hash")?;
    let by = match &hash.value {
        Value::Text(_) => reader.parse(hash, "key to hash", |text| match text {
            "client" => Ok(HashBy::Client),
            "subject" => Ok(HashBy::Subject),
            _ => Err("write `client`, `subject`, `{ header: NAME }` or `{ cookie: NAME }`"),
        }),
        _ => {
            let map = reader.map(hash, "`hash`", &["header", "cookie"])?;
            match (map.get("header"), map.get("cookie")) {
                (Some(header), None) => reader.parse(header, "field name", header_name).map(HashBy::Header),
                (None, Some(cookie)) => reader.parse(cookie, "cookie name", token).map(HashBy::Cookie),
                _ => {
                    let message = "`hash` names one thing to hash".to_owned();
                    reader.error("bad-value", hash.at, message, "write `{ header: NAME }` or `{ cookie: NAME }`");
                    None
                }
            }
        }
    };
    by.map(Balance::Hash)
}

fn read_retries(reader: &mut Reader<'_>, node: &Node, retries: &mut Retries) {
    let Some(map) = reader.map(node, "`retries`", &["budget", "on"]) else { return };
    set(reader, &map, "budget", budget, &mut retries.budget_per_mille);
    let Some(reasons) = reader.texts(&map, "on", Reason::parse) else { return };
    *retries = Retries { on_connect: false, on_reset: false, on_statuses: 0, ..*retries };
    for reason in reasons {
        match reason.value {
            Reason::Connect => retries.on_connect = true,
            Reason::Reset => retries.on_reset = true,
            Reason::Status(bit) => retries.on_statuses |= bit,
        }
    }
}

enum Reason {
    Connect,
    Reset,
    Status(u32),
}

impl Reason {
    fn parse(text: &str) -> Result<Reason, &'static str> {
        match text {
            "connect" => Ok(Reason::Connect),
            "reset" => Ok(Reason::Reset),
            status => {
                let status = status.parse().ok().filter(|status| (500..=504).contains(status));
                let bit = status.and_then(Retries::bit);
                bit.map(Reason::Status).ok_or("write `connect`, `reset`, or a status from 500 to 504")
            }
        }
    }
}

fn read_outlier(reader: &mut Reader<'_>, node: &Node, traffic: &mut Traffic) {
    let known = ["consecutive", "successRate", "requests", "interval", "ejection", "ejectionMax", "share"];
    let Some(map) = reader.map(node, "`outlier`", &known) else { return };
    let outlier = &mut traffic.outlier;
    set(reader, &map, "consecutive", value::count, &mut outlier.consecutive);
    set(reader, &map, "successRate", per_mille, &mut outlier.success_per_mille);
    set(reader, &map, "requests", value::count, &mut outlier.requests_min);
    set(reader, &map, "interval", value::duration_ms, &mut outlier.interval_ms);
    set(reader, &map, "ejection", value::duration_ms, &mut outlier.ejection_ms);
    set(reader, &map, "ejectionMax", value::duration_ms, &mut outlier.ejection_max_ms);
    set(reader, &map, "share", per_mille, &mut outlier.share_per_mille);
}

fn read_check(reader: &mut Reader<'_>, node: &Node) -> Option<Check> {
    let map = reader.map(node, "`health`", &["path", "interval", "timeout", "healthy", "unhealthy"])?;
    let mut check = Check { path: None, interval_ms: 5_000, timeout_ms: 1_000, healthy: 2, unhealthy: 3 };
    check.path = map.get("path").and_then(|node| reader.parse(node, "path", path));
    set(reader, &map, "interval", interval, &mut check.interval_ms);
    set(reader, &map, "timeout", value::duration_ms, &mut check.timeout_ms);
    set(reader, &map, "healthy", value::count, &mut check.healthy);
    set(reader, &map, "unhealthy", value::count, &mut check.unhealthy);
    Some(check)
}

/// Settings that no port of the service could enforce must not look as if one did.
pub(super) fn check(reader: &mut Reader<'_>, node: &Node, traffic: &Traffic, (http, tcp): (bool, bool)) {
    for (key, is_set, is_enforced, protocol) in
        [("websocket", traffic.websocket, http, "HTTP"), ("proxyProtocol", traffic.proxy_protocol, tcp, "TCP")]
    {
        if is_set && !is_enforced {
            let message = format!("`{key}` is for a port with `protocol: {protocol}`, and the service has none");
            reader.error("not-enforceable", node.at, message, format!("leave `{key}` out"));
        }
    }
}

/// The zone of a written endpoint.
pub(super) fn zone(reader: &mut Reader<'_>, map: &Map<'_>) -> Option<selvedge_model::Name> {
    map.get("zone").and_then(|node| reader.parse(node, "zone", selvedge_model::Name::parse))
}

/// Often enough to be of use, and no load by itself.
fn interval(text: &str) -> Result<u64, &'static str> {
    let ms = value::duration_ms(text)?;
    if ms >= 100 { Ok(ms) } else { Err("at least `100ms`") }
}

fn path(text: &str) -> Result<Arc<str>, &'static str> {
    const HELP: &str = "write a path such as `/healthz`";
    let plain = text.starts_with('/') && text.len() <= 1_024 && text.bytes().all(|byte| byte.is_ascii_graphic());
    if plain && !text.contains('#') { Ok(text.into()) } else { Err(HELP) }
}

fn token(text: &str) -> Result<Arc<str>, &'static str> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let good = !text.is_empty() && text.len() <= 256 && text.bytes().all(is_token);
    if good { Ok(text.into()) } else { Err("write a name of letters, digits and hyphens") }
}

fn header_name(text: &str) -> Result<Arc<str>, &'static str> {
    token(text).map(|name| name.to_ascii_lowercase().into())
}

fn budget(text: &str) -> Result<u32, &'static str> {
    per_mille(text).ok().filter(|share| *share <= BUDGET_MAX_PER_MILLE).ok_or("write a share from 0 to 0.2")
}

/// Thousandths of a share such as `0.25`.
fn per_mille(text: &str) -> Result<u32, &'static str> {
    const HELP: &str = "write a share from 0 to 1 with at most three digits after the point, such as `0.25`";
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(part) || whole.len() > 1 || part.len() > 3 {
        return Err(HELP);
    }
    let number = format!("{whole}{part:0<3}").parse::<u32>().map_err(|_| HELP)?;
    if number <= 1_000 { Ok(number) } else { Err(HELP) }
}
