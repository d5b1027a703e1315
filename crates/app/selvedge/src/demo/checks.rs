//! The named checks of `selvedge demo --once`: what must get through, what must not, and what must go on meanwhile.

mod change;
mod explain;

use super::client::{Answer, Call, CallError};
use super::issuer::{self, Grant};
use super::mesh::AUDIENCE;
use super::shop::{Errand, Report, Service};
use super::traffic::{Traffic, charge};
use super::world::{World, checkout, get, told};
use serde::Serialize;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long the mesh port may take to close a connection that speaks plaintext.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes that are read from it at most.
const CLOSE_BYTES_MAX: u64 = 4 * 1024;

/// One check.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Check {
    /// What is checked.
    pub(crate) name: &'static str,
    /// What should come of it.
    pub(crate) expected: String,
    /// What came of it.
    pub(crate) got: String,
    /// Whether that is well.
    pub(crate) ok: bool,
}

impl Check {
    /// A check that holds when both texts are the same.
    fn equal(name: &'static str, expected: &str, got: String) -> Check {
        Check { name, expected: expected.to_owned(), ok: got == expected, got }
    }
}

/// Runs all checks while traffic runs.
pub(crate) async fn run(world: &Rc<World>, report: &mut dyn FnMut(&Check)) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut add = |check: Check| {
        report(&check);
        checks.push(check);
    };
    let traffic = Traffic::start(world);
    let first = world.status().await.map(|status| status.serials()).unwrap_or_default();
    for check in edge(world).await {
        add(check);
    }
    for check in inside(world).await {
        add(check);
    }
    for check in explain::run(world).await {
        add(check);
    }
    add(change::bad(world, &traffic).await);
    add(change::good(world).await);
    add(change::rotated(world, &first, &traffic).await);
    checks
}

/// From outside.
async fn edge(world: &World) -> Vec<Check> {
    let client = world.client();
    let (write, read) = (world.token("ada", "orders:write").await.ok(), world.token("ada", "orders:read").await.ok());
    let grant = |audience: &str, lifetime_s: i64| Grant {
        subject: "ada".to_owned(),
        scope: "orders:write".to_owned(),
        audience: audience.to_owned(),
        lifetime_s,
    };
    let elsewhere = world.token_for(&grant("https://elsewhere.example", 300)).await.ok();
    let expired = world.token_for(&grant(AUDIENCE, -120)).await.ok();
    let forged = issuer::forge(
        write.as_deref().unwrap_or_default(),
        format!("http://{}", world.issuer),
        &grant(AUDIENCE, 300),
        selvedge_net::now_s(),
    );
    let browse = client.call(&get("/products")).await;
    let buy = client.call(&checkout(write.as_deref())).await;
    let orders = client.call(&Call { token: read.as_deref(), ..get("/orders") }).await;
    let mut checks = vec![
        Check::equal("anonymous-allowed-at-edge", "200", told(&browse)),
        Check::equal("allowed-through-edge-and-mesh", "201, charged, in stock, in the ledger", bought(&buy)),
        Check::equal("read-with-scope-allowed", "200", told(&orders)),
        Check::equal("anonymous-denied", "401 with a challenge", challenged(&client.call(&checkout(None)).await)),
        Check::equal("wrong-scope-denied", "403", told(&client.call(&checkout(read.as_deref())).await)),
        Check::equal("unexposed-path-not-found", "404", told(&client.call(&get("/admin")).await)),
    ];
    let tokens = [
        ("wrong-audience-denied", elsewhere),
        ("expired-token-denied", expired),
        ("forged-token-denied", forged.ok()),
        ("bad-token-denied-where-anonymous-is-allowed", Some("e30.e30.".to_owned())),
    ];
    for (name, token) in tokens {
        let call = if name.ends_with("allowed") { get("/products") } else { checkout(None) };
        let got = match &token {
            Some(token) => challenged(&client.call(&Call { token: Some(token), ..call }).await),
            None => "no token to try".to_owned(),
        };
        checks.push(Check::equal(name, "401 with a challenge", got));
    }
    checks
}

/// What an order says about the services that it went through.
fn bought(answer: &Result<Answer, CallError>) -> String {
    let status = told(answer);
    let Ok(answer) = answer else { return status };
    let order = answer.json();
    let charged = order.get("charge").is_some_and(|charge| charge == "accepted");
    let stock = order.get("in_stock").is_some_and(serde_json::Value::is_u64);
    let ledger = order.get("ledger").and_then(serde_json::Value::as_str).is_some_and(|line| line.starts_with("OK "));
    let said = [(charged, ", charged"), (stock, ", in stock"), (ledger, ", in the ledger")];
    said.iter().filter(|(holds, _)| *holds).fold(status, |text, (_, word)| text + word)
}

/// RFC 9110 §11.6.1: a 401 says how to authenticate.
fn challenged(answer: &Result<Answer, CallError>) -> String {
    let challenge = answer.as_ref().is_ok_and(|answer| answer.fields.contains_key("www-authenticate"));
    format!("{}{}", told(answer), if challenge { " with a challenge" } else { "" })
}

/// Between services.
async fn inside(world: &World) -> Vec<Check> {
    let ledger = || Errand::Ledger("SUM".to_owned());
    let alone = world.errand(Service::Orders, charge()).await;
    let charge = world.errand(Service::Inventory, charge()).await;
    let allowed = world.errand(Service::Orders, ledger()).await;
    let denied = world.errand(Service::Storefront, ledger()).await;
    let sum = if matches!(&allowed, Report::Line(line) if line.starts_with("SUM ")) {
        "a line from the ledger".to_owned()
    } else {
        allowed.to_string()
    };
    vec![
        plaintext(world).await,
        Check::equal(
            "user-travels-inside",
            "201, charged for the customer; 403 without one",
            format!("{}; {alone} without one", charged(world).await),
        ),
        Check::equal("service-without-a-rule-denied", "403", charge.to_string()),
        Check::equal("tcp-allowed", "a line from the ledger", sum),
        Check::equal("tcp-denied", "closed without a byte", denied.to_string()),
    ]
}

/// A purchase, whose charge is the third hop behind the gateway and needs the customer.
async fn charged(world: &World) -> String {
    let token = world.token("ada", "orders:write").await.ok();
    let answer = world.client().call(&checkout(token.as_deref())).await;
    let charged = answer.as_ref().is_ok_and(|answer| answer.json().get("charge").is_some_and(|c| c == "accepted"));
    format!("{}{}", told(&answer), if charged { ", charged for the customer" } else { "" })
}

/// The mesh ports speak TLS alone: a request in plaintext gets no answer.
async fn plaintext(world: &World) -> Check {
    let name = "plaintext-to-mesh-port-refused";
    let expected = "closed, no answer";
    let addresses = world.status().await.map(|status| status.mesh_addresses()).unwrap_or_default();
    if addresses.is_empty() {
        return Check::equal(name, expected, "`/status` names no mesh port".to_owned());
    }
    for address in addresses {
        let got = answer_to_plaintext(address).await;
        if got != expected {
            return Check::equal(name, expected, format!("{address}: {got}"));
        }
    }
    Check::equal(name, expected, expected.to_owned())
}

async fn answer_to_plaintext(address: SocketAddr) -> String {
    let mut stream = match TcpStream::connect(address).await {
        Ok(stream) => stream,
        Err(error) => return format!("nothing listens: {error}"),
    };
    let request = b"GET / HTTP/1.1\r\nhost: storefront\r\nconnection: close\r\n\r\n";
    let mut answer = Vec::new();
    let conversation = async {
        stream.write_all(request).await?;
        stream.take(CLOSE_BYTES_MAX).read_to_end(&mut answer).await
    };
    // A reset is a close, too: what counts is what was sent before it.
    let closed = tokio::time::timeout(CLOSE_TIMEOUT, conversation).await;
    match (closed, answer.first()) {
        (Err(_), _) => format!("still open after {} s", CLOSE_TIMEOUT.as_secs()),
        // Nothing, or a TLS alert (RFC 8446 §5.1: content type 21).
        (Ok(_), None | Some(21)) => "closed, no answer".to_owned(),
        (Ok(_), Some(_)) => format!("answered {} bytes", answer.len()),
    }
}
