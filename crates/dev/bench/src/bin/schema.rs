//! `bench-schema`: what it costs to hold a JSON body of 2 KiB against an OpenAPI description, head included.

use anyhow::{Result, anyhow, bail};
use selvedge_config::{Diagnostic, SourceFile};
use selvedge_http::{Arrival, Canonical, Forwarding, HeadLimits, Scheme, canonicalise, parse_request};
use selvedge_schema::{Body, Bound, Schemas};
use serde_json::{Value, json};
use std::hint::black_box;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// The most that it may cost, in µs (issue 6).
const GOAL_US: f64 = 15.0;
const ROUNDS: u32 = 20_000;
const TURNS: usize = 7;

const MESH: &str = "apiVersion: selvedge.dev/v1
kind: Mesh
metadata: { name: acme }
spec: { trustDomain: acme.example }
---
apiVersion: selvedge.dev/v1
kind: Service
metadata: { name: shop }
spec: { ports: [{ name: http, port: 8081, protocol: HTTP }], endpoints: [127.0.0.1] }
---
apiVersion: selvedge.dev/v1
kind: Access
metadata: { name: shop }
spec: { service: shop, rules: [{ name: all, from: { service: shop }, schema: shop.openapi.json }] }
";

fn main() -> Result<()> {
    let (bound, body) = (bound()?, serde_json::to_vec(&order())?);
    let request = request(body.len())?;
    let mut turns: Vec<f64> = Vec::with_capacity(TURNS);
    for _ in 0..TURNS {
        let started = cpu_ns()?;
        for _ in 0..ROUNDS {
            hold(&bound, black_box(&request), black_box(&body))?;
        }
        turns.push((cpu_ns()? - started) as f64 / 1e3 / f64::from(ROUNDS));
    }
    turns.sort_by(f64::total_cmp);
    let ours = turns.get(TURNS / 2).copied().unwrap_or_default();
    let figure = json!({
        "case": format!("OpenAPI, a JSON body of {} bytes", body.len()), "unit": "us", "ours": (ours * 100.0).round() / 100.0,
        "peers": {}, "ratio": null, "goal": GOAL_US, "met": ours <= GOAL_US,
    });
    writeln!(std::io::stdout(), "{figure}")?;
    Ok(())
}

/// Nanoseconds that this thread has run: on a machine that others use too, the wall clock counts their work.
fn cpu_ns() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let first = text.split(' ').next().ok_or_else(|| anyhow!("the kernel keeps no scheduling statistics"))?;
    Ok(first.parse()?)
}

fn hold(bound: &Bound, request: &Canonical, body: &[u8]) -> Result<()> {
    let refused = |violation: selvedge_schema::Violation| anyhow!("{violation}");
    match bound.check_head(request).map_err(refused)? {
        Body::Held(held) => held.check(body).map_err(refused),
        Body::Empty | Body::Passes => bail!("the body is not held"),
    }
}

fn bound() -> Result<Arc<Bound>> {
    let schema = description().to_string();
    let files = [("mesh.yaml", MESH), ("shop.openapi.json", &*schema)];
    let files = files.map(|(name, text)| SourceFile { name: name.into(), text: text.into() });
    let shown = |found: Vec<Diagnostic>| anyhow!("{}", selvedge_config::render(&found, &files, false));
    let checked = selvedge_config::check(&files).map_err(shown)?;
    let schemas = Schemas::compile(&checked).map_err(shown)?;
    let rule = checked.access.first().and_then(|access| access.rules.first());
    rule.and_then(|rule| schemas.of(&rule.id)).cloned().ok_or_else(|| anyhow!("no rule is bound"))
}

fn request(length: usize) -> Result<Canonical> {
    let head = format!(
        "POST /orders?dry=true HTTP/1.1\r\nHost: api.example\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    let parsed = parse_request(head.as_bytes(), &HeadLimits::default()).map_err(|error| anyhow!("{error}"))?;
    let (head, _) = parsed.ok_or_else(|| anyhow!("the head is cut short"))?;
    let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let arrival = Arrival { scheme: Scheme::Http, sni: None, peer, forwarding: Forwarding::Replace };
    canonicalise(head, &arrival).map_err(|error| anyhow!("{error}"))
}

/// Objects in an array, formats, a pattern, ranges, and nothing else accepted: what such descriptions usually have.
fn description() -> Value {
    let text = |max: u32| json!({ "type": "string", "minLength": 1, "maxLength": max });
    let item = json!({
        "type": "object", "additionalProperties": false, "required": ["sku", "quantity", "price"],
        "properties": {
            "sku": { "type": "string", "pattern": "^[A-Z]{3}-[0-9]{4}$" },
            "quantity": { "type": "integer", "minimum": 1, "maximum": 1000 },
            "price": { "type": "number", "minimum": 0 },
            "note": text(200),
            "tags": { "type": "array", "maxItems": 10, "items": text(20) },
        },
    });
    let customer = json!({
        "type": "object", "additionalProperties": false, "required": ["name", "email"],
        "properties": { "name": text(100), "email": { "type": "string", "format": "email" }, "vip": { "type": "boolean" } },
    });
    let order = json!({
        "type": "object", "additionalProperties": false, "required": ["customer", "items"],
        "properties": {
            "id": { "type": "string", "format": "uuid" },
            "placed": { "type": "string", "format": "date-time" },
            "customer": customer,
            "status": { "enum": ["new", "paid", "sent"] },
            "items": { "type": "array", "minItems": 1, "maxItems": 100, "items": item },
        },
    });
    json!({
        "openapi": "3.1.0",
        "paths": { "/orders": { "post": {
            "parameters": [{ "name": "dry", "in": "query", "schema": { "type": "boolean" } }],
            "requestBody": { "required": true, "content": { "application/json": { "schema": order } } },
        } } },
    })
}

fn order() -> Value {
    let items: Vec<Value> = (0..16)
        .map(|i| {
            json!({
                "sku": format!("ABC-{i:04}"), "quantity": i + 1, "price": 19.99 + f64::from(i),
                "note": "leave it at the door, please", "tags": ["red", "large", "gift"],
            })
        })
        .collect();
    json!({
        "id": "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "placed": "2026-10-05T09:30:00Z", "status": "new",
        "customer": { "name": "Ann Example", "email": "ann@shop.example", "vip": true }, "items": items,
    })
}
