//! JSON, and requests against a description: nothing panics, and what is taken as JSON is JSON to another reader too.

use selvedge_config::SourceFile;
use selvedge_http::{Arrival, Canonical, Forwarding, HeadLimits, Scheme, canonicalise, parse_request};
use selvedge_schema::{Body, Bound, JsonLimits, Schemas, parse_json};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, OnceLock};

const SHOP: &str = include_str!("../../../cases/inputs/shop.openapi.yaml");
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
spec: { service: shop, rules: [{ name: all, from: { service: shop }, schema: shop.openapi.yaml }] }
";

fn bound() -> &'static Arc<Bound> {
    static BOUND: OnceLock<Arc<Bound>> = OnceLock::new();
    BOUND.get_or_init(|| {
        let files = [("mesh.yaml", MESH), ("shop.openapi.yaml", SHOP)];
        let files = files.map(|(name, text)| SourceFile { name: name.into(), text: text.into() });
        let checked = selvedge_config::check(&files).expect("documents");
        let schemas = Schemas::compile(&checked).expect("a description");
        schemas.of(&checked.access[0].rules[0].id).expect("a bound rule").clone()
    })
}

pub fn json(data: &[u8]) {
    if parse_json(data, &JsonLimits::default()).is_ok() {
        serde_json::from_slice::<serde_json::Value>(data).expect("what is taken is JSON");
    }
}

/// A head, and after it a body.
pub fn request(data: &[u8]) {
    let Ok(Some((head, taken))) = parse_request(data, &HeadLimits::default()) else { return };
    let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let arrival = Arrival { scheme: Scheme::Http, sni: None, peer, forwarding: Forwarding::Replace };
    let Ok(request): Result<Canonical, _> = canonicalise(head, &arrival) else { return };
    if let Ok(Body::Held(held)) = bound().check_head(&request) {
        if let Err(violation) = held.check(&data[taken..]) {
            let _ = (violation.pointer(), violation.to_string());
        }
    }
}

pub fn jsons() -> Vec<Vec<u8>> {
    [r#"{"a":[1,-0.5e3,"x\u0041\ud83d\ude00",true,false,null],"b":{}}"#, "[[[]]]", "1e308"]
        .map(|text| text.into())
        .into()
}

pub fn requests() -> Vec<Vec<u8>> {
    let bodies = [
        ("orders", "application/json", r#"{"customer":"a","items":[{"sku":"ABC"}]}"#),
        ("orders", "application/xml", "<a b='c'>&lt;<d/></a>"),
        ("login", "application/x-www-form-urlencoded", "user=a&password=12345678"),
        (
            "upload",
            "multipart/form-data; boundary=B",
            "--B\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\na\r\n--B--",
        ),
    ];
    let post = bodies.map(|(path, media, body)| {
        format!(
            "POST /{path} HTTP/1.1\r\nHost: a\r\nContent-Type: {media}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    });
    let get = ["limit=1&status=new", "filter[from]=2026-10-05&tags=a|b"];
    let get = get.map(|query| format!("GET /orders?{query} HTTP/1.1\r\nHost: a\r\nCookie: tenant=a\r\n\r\n"));
    post.into_iter().chain(get).map(String::into_bytes).collect()
}
