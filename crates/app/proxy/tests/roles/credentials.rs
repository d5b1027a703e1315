//! Every case of `cases/edge`: what callers from outside show, and each way in which it must not count.
//!
//! Credentials are made when a case is run, of what its part `--- given` says; `{token}` and the like stand for them in the
//! request.

use crate::client::{Answer, Client};
use crate::documents::Documents;
use crate::idp::Idp;
use crate::origin::{Origin, Reply};
use crate::wait::SOON;
use crate::way::{Way, around};
use crate::world::World;
use selvedge_net::now_s;
use selvedge_testkit::{EdgeCase, Outcome, Scene, edge};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

const HOST: &str = "direct.example";

/// Rules of `direct`, by path: what must be shown there.
const RULES: &[(&str, &str, &str)] = &[
    (
        "direct",
        "opaque",
        "from: { gateway: edge, hosts: [direct.example], token: opaque, scopes: [read] }, paths: [/opaque/**]",
    ),
    ("direct", "signed", "from: { gateway: edge, hosts: [direct.example], token: signed }, paths: [/signed/**]"),
    ("direct", "free", "from: { gateway: edge, hosts: [direct.example], anonymous: true }, paths: [/free/**]"),
];

fn documents(documents: &mut Documents, idp: &Idp) {
    *documents = documents.clone().without("public-direct");
    RULES.iter().for_each(|rule| documents.with(*rule));
    let url = idp.url();
    let issuers = format!(
        "{{ opaque: {{ issuer: \"{url}\", audiences: [\"https://api.example\"], reach: loopback, \
         introspection: {{ endpoint: \"{url}/introspect\", clientId: edge, clientSecret: {{ env: SELVEDGE_SECRET_IDP }} }} }}, \
         signed: {{ issuer: \"https://signed.example\", audiences: [\"https://api.example\"], reach: loopback, \
         jwksUri: \"{url}/jwks\" }} }}"
    );
    // Documents of tests live as long as the tests.
    documents.issuers = Box::leak(issuers.into_boxed_str());
    documents.fetches = true;
}

struct Edge {
    idp: Idp,
    origin: Origin,
    world: World,
}

impl Edge {
    async fn start() -> Edge {
        let reply = Reply::raw("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok").close();
        let (idp, origin) = (Idp::start("{\"keys\":[]}".to_owned()).await, Origin::always(reply).await);
        let world = around(&origin, |given| documents(given, &idp)).await;
        let edge = Edge { idp, origin, world };
        edge.ready().await;
        edge
    }

    /// Until the gateway knows whom to ask.
    async fn ready(&self) {
        self.idp.says("ready", 200, &answer(&self.idp.url(), &json!({})));
        let request = request("/opaque/ready", "ready");
        let end = Instant::now() + SOON;
        while self.send(&request).await.status != Some(200) {
            assert!(Instant::now() < end, "the gateway does not ask");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn send(&self, request: &str) -> Outcome {
        let mut client = Way::EdgeHttps.connect(&self.world).await;
        client.send(request).await;
        let answer = client.answer().await;
        client.end().await;
        self.outcome(answer, client).await
    }

    async fn outcome(&self, answer: Option<Answer>, mut client: Client) -> Outcome {
        let mut next = answer.clone();
        while next.is_some() {
            next = client.answer().await;
        }
        let status = answer.as_ref().map(|answer| answer.status);
        let upstream = Some(self.origin.settled().await).filter(|bytes| !bytes.is_empty());
        Outcome { status, closed: answer.is_none_or(|answer| answer.closes()), upstream }
    }

    /// Makes what the case gives, and sends its request.
    async fn run(&self, case: &EdgeCase, scene: &Scene) -> Result<(), String> {
        let mut token = format!("token-of-{}", case.case.name);
        for (key, value) in &case.given {
            match key.as_str() {
                "token" => token = value.clone(),
                "answer" | "status" => {}
                other => return Err(format!("`{other}` is not known here")),
            }
        }
        if case.given.contains_key("answer") || case.given.contains_key("status") {
            let text = case.given.get("answer").map_or("{}", String::as_str);
            let body = match serde_json::from_str::<Value>(&timed(text)) {
                Ok(change @ Value::Object(_)) => answer(&self.idp.url(), &change),
                Ok(_) | Err(_) => timed(text),
            };
            let status = case.given.get("status").map_or(200, |status| status.parse().unwrap());
            self.idp.says(&token, status, &body);
        }
        let request = String::from_utf8(case.case.request.render(scene)).unwrap().replace("{token}", &token);
        let outcome = self.send(&request).await;
        case.case.judge(&outcome, scene).map_err(|mismatch| mismatch.0)
    }
}

/// Times as `"now+300"` become numbers.
fn timed(text: &str) -> String {
    let mut parts = text.split("\"now");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (offset, rest) = part.split_once('"').unwrap();
        let offset: i64 = if offset.is_empty() { 0 } else { offset.parse().unwrap() };
        out += &format!("{}{rest}", now_s() as i64 + offset);
    }
    out
}

/// An answer about a good token, with these keys changed, or removed by null.
fn answer(issuer: &str, change: &Value) -> String {
    let mut answer = json!({
        "active": true, "token_type": "Bearer", "iss": issuer, "aud": "https://api.example", "sub": "u1",
        "scope": "read", "exp": now_s() + 300,
    });
    merge(&mut answer, change);
    answer.to_string()
}

fn merge(into: &mut Value, change: &Value) {
    let object = into.as_object_mut().unwrap();
    for (key, value) in change.as_object().unwrap() {
        if value.is_null() {
            object.remove(key);
        } else {
            object.insert(key.clone(), value.clone());
        }
    }
}

fn request(path: &str, token: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token}\r\n\r\n")
}

#[tokio::test]
async fn every_case_holds_at_the_edge() {
    let edge_of = Edge::start().await;
    let scene = Scene { host: HOST.to_owned(), peer: "127.0.0.1".to_owned(), scheme: "https".to_owned() };
    let cases = edge().unwrap();
    let mut failures = Vec::new();
    for case in &cases {
        if let Err(reason) = edge_of.run(case, &scene).await {
            failures.push(format!("{}: {reason}; because {}", case.case.name, case.case.why));
        }
    }
    assert!(cases.len() >= 20, "{} cases", cases.len());
    assert!(failures.is_empty(), "{} of {} failed:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

#[tokio::test]
async fn an_issuer_that_is_down_lets_nobody_new_in_and_comes_back() {
    let edge = Edge::start().await;
    edge.idp.says("broken", 500, "");
    let answer = ask(&edge, "/opaque/1", "broken").await;
    assert_eq!((answer.status, answer.field("retry-after")), (503, Some("1")));
    assert_eq!(answer.field("content-type"), Some("application/problem+json"));
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(!body.contains("opaque") && !body.contains("issuer"), "{body}");
    // What was said a moment ago counts on; what was not known is asked again.
    assert_eq!(ask(&edge, "/opaque/1", "ready").await.status, 200);
    edge.idp.says("broken", 200, &super::credentials::answer(&edge.idp.url(), &json!({})));
    assert_eq!(ask(&edge, "/opaque/1", "broken").await.status, 200);
    assert_eq!(edge.idp.asked().iter().filter(|token| *token == "ready").count(), 1);
}

#[tokio::test]
async fn no_token_is_shown_to_another_than_its_own_issuer() {
    let edge = Edge::start().await;
    let before = edge.idp.asked().len();
    // `{"alg":"ES256"}` and `{"iss":"https://signed.example"}`, `{"iss":"https://other.example"}`, `{}`.
    for claims in ["eyJpc3MiOiJodHRwczovL3NpZ25lZC5leGFtcGxlIn0", "eyJpc3MiOiJodHRwczovL290aGVyLmV4YW1wbGUifQ", "e30"] {
        let token = format!("eyJhbGciOiJFUzI1NiJ9.{claims}.c2ln");
        for path in ["/opaque/1", "/signed/1", "/free/1"] {
            assert_eq!(ask(&edge, path, &token).await.status, 401, "{path} with {claims}");
        }
    }
    assert_eq!(edge.idp.asked().len(), before);
}

async fn ask(edge: &Edge, path: &str, token: &str) -> Answer {
    let mut client = Way::EdgeHttps.connect(&edge.world).await;
    client.send(request(path, token)).await;
    client.answer().await.expect("no answer")
}
