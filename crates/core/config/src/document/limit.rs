//! `limit`: one limit or a list of them, in a rule, a service or a gateway.

use super::value;
use crate::checked::{Amount, Limit, Per};
use crate::reader::{Map, Reader};
use crate::tree::{Node, Value};
use selvedge_limit::{Quota, Rate, Window};
use std::sync::Arc;

/// Limits of one rule, service or gateway: each is asked for every request.
const LIMITS_MAX: usize = 8;

/// What callers can be told apart by, where a limit stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Scope {
    subject: bool,
    key: bool,
    client: bool,
    caller: bool,
    header: bool,
}

/// Before identity: the address and the head are all that is known.
pub(super) const GATEWAY: Scope = Scope { subject: false, key: false, client: true, caller: false, header: true };
/// All callers of a service, from both sides: what only one side has would leave the other without a key of its own.
pub(super) const SERVICE: Scope = Scope { subject: false, key: false, client: false, caller: true, header: false };
/// Outside callers with a token.
pub(super) const TOKENS: Scope = Scope { subject: true, key: false, client: true, caller: false, header: true };
/// Outside callers with an API key.
pub(super) const KEYS: Scope = Scope { subject: true, key: true, client: true, caller: false, header: true };
/// Outside callers without a credential.
pub(super) const ANYONE: Scope = Scope { subject: false, key: false, client: true, caller: false, header: true };
/// Services.
pub(super) const INSIDE: Scope = Scope { subject: false, key: false, client: false, caller: true, header: true };

pub(super) fn read(reader: &mut Reader<'_>, node: &Node, scope: Scope) -> Vec<Limit> {
    let items = match &node.value {
        Value::List(_) => reader.list(node, "`limit`"),
        _ => std::slice::from_ref(node),
    };
    if items.len() > LIMITS_MAX {
        let message = format!("at most {LIMITS_MAX} limits stand in one place");
        reader.error("bad-value", node.at, message, "leave out those that others imply");
    }
    items.iter().filter_map(|item| read_one(reader, item, scope)).collect()
}

fn read_one(reader: &mut Reader<'_>, node: &Node, scope: Scope) -> Option<Limit> {
    let map = reader.map(node, "a limit", &["rate", "burst", "quota", "concurrency", "per"])?;
    let written = ["rate", "quota", "concurrency"].into_iter().filter(|key| map.get(key).is_some());
    let written: Vec<&str> = written.collect();
    let &[kind] = written.as_slice() else {
        let help = "write one of `rate: 100/s`, `quota: 10000/day` and `concurrency: 20`; a list has several";
        reader.error("ambiguous-limit", node.at, "a limit says one thing".to_owned(), help);
        return None;
    };
    if let (Some(burst), true) = (map.get("burst"), kind != "rate") {
        reader.error("not-enforceable", burst.at, "only a rate has a burst".to_owned(), "leave `burst` out");
    }
    let amount = read_amount(reader, &map, kind)?;
    let per = map.get("per").map(|node| read_per(reader, node, scope)).unwrap_or_default();
    Some(Limit { amount, per })
}

fn read_amount(reader: &mut Reader<'_>, map: &Map<'_>, kind: &str) -> Option<Amount> {
    let node = map.get(kind)?;
    match kind {
        "rate" => {
            let (count, period_ms) = reader.parse(node, "rate", rate)?;
            let burst = map.get("burst").and_then(|node| reader.parse(node, "burst", value::count));
            match Rate::new(count, period_ms, burst.unwrap_or(count)) {
                Ok(rate) => Some(Amount::Rate(rate)),
                Err(error) => {
                    reader.error("bad-value", node.at, "this rate cannot be kept".to_owned(), error.to_string());
                    None
                }
            }
        }
        "quota" => reader.parse(node, "quota", quota).map(Amount::Quota),
        _ => reader.parse(node, "number at once", value::count).map(Amount::Concurrency),
    }
}

/// `100/s`, or `100/10s`.
fn rate(text: &str) -> Result<(u32, u64), &'static str> {
    const HELP: &str = "write how many in what, such as `100/s`, `60/m`, `1000/h` or `20/10s`";
    let (count, period) = text.split_once('/').ok_or(HELP)?;
    let digits = period.starts_with(|c: char| c.is_ascii_digit());
    let period = if digits { value::duration_ms(period) } else { value::duration_ms(&format!("1{period}")) };
    Ok((value::count(count).map_err(|_| HELP)?, period.map_err(|_| HELP)?))
}

fn quota(text: &str) -> Result<Quota, &'static str> {
    const HELP: &str = "write how many in what, such as `10000/day` or `100000/month`";
    let (count, window) = text.split_once('/').ok_or(HELP)?;
    let window = match window {
        "day" => Window::Day,
        "month" => Window::Month,
        _ => return Err(HELP),
    };
    Ok(Quota { count: value::count(count).map_err(|_| HELP)?, window })
}

fn read_per(reader: &mut Reader<'_>, node: &Node, scope: Scope) -> Vec<Per> {
    let items = match &node.value {
        Value::List(_) => reader.list(node, "`per`"),
        _ => std::slice::from_ref(node),
    };
    items.iter().filter_map(|item| read_part(reader, item, scope)).collect()
}

fn read_part(reader: &mut Reader<'_>, node: &Node, scope: Scope) -> Option<Per> {
    let per = match &node.value {
        Value::Map(_) => read_part_map(reader, node)?,
        _ => reader.parse(node, "way to tell callers apart", |text| match text {
            "subject" => Ok(Per::Subject),
            "apiKey" => Ok(Per::ApiKey),
            "client" => Ok(Per::Client { v4_prefix: 32, v6_prefix: 64 }),
            "caller" => Ok(Per::Caller),
            _ => Err("write `subject`, `apiKey`, `client`, `caller` or `{ header: NAME }`, or a list of these"),
        })?,
    };
    let (known, word) = match &per {
        Per::Subject => (scope.subject, "subject"),
        Per::ApiKey => (scope.key, "API key"),
        Per::Client { .. } => (scope.client, "client address"),
        Per::Caller => (scope.caller, "calling service"),
        Per::Header(_) => (scope.header, "header field"),
    };
    if !known {
        let help = "name what every such caller has, or leave `per` out for one limit on all";
        reader.error("not-enforceable", node.at, format!("not every caller has a {word} here"), help);
        return None;
    }
    Some(per)
}

fn read_part_map(reader: &mut Reader<'_>, node: &Node) -> Option<Per> {
    let map = reader.map(node, "`per`", &["client", "header"])?;
    match (map.get("client"), map.get("header")) {
        (Some(client), None) => {
            let map = reader.map(client, "`client`", &["v4Prefix", "v6Prefix"])?;
            let mut prefix = |key, longest: u8| match map.get(key) {
                Some(node) => reader.parse(node, "prefix length", |text| match text.parse::<u8>() {
                    Ok(length) if length > 0 && length <= longest => Ok(length),
                    Ok(_) | Err(_) => Err(format!("write a number from 1 to {longest}")),
                }),
                None => Some(longest.min(64)),
            };
            Some(Per::Client { v4_prefix: prefix("v4Prefix", 32)?, v6_prefix: prefix("v6Prefix", 128)? })
        }
        (None, Some(header)) => reader.parse(header, "name of a field", field_name).map(Per::Header),
        (Some(_), Some(_)) | (None, None) => {
            let help = "write `{ client: { v6Prefix: 56 } }` or `{ header: NAME }`; a list has both";
            reader.error("bad-value", node.at, "`per` has one of its keys".to_owned(), help);
            None
        }
    }
}

/// The name of a request field, in lower case. Only letters, digits and `-`: others have twins that servers take for it.
pub(super) fn field_name(text: &str) -> Result<Arc<str>, &'static str> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if text.is_empty() || text.len() > 64 || !text.bytes().all(plain) {
        return Err("write up to 64 letters, digits and `-`");
    }
    Ok(text.to_ascii_lowercase().into())
}
