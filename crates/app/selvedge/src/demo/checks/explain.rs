//! `selvedge explain ID`, as a person would run it: an id from an answer leads to the rule, its file and its line.

use super::super::processes::program;
use super::super::shop::{Report, Service};
use super::super::traffic::charge;
use super::super::world::{World, checkout, get};
use super::Check;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

/// How long a record may take to its file.
const RECORD_TIMEOUT: Duration = Duration::from_secs(3);
/// How long the command may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(5);

/// An allowed and a denied decision at the edge, and one between services, which must be about the right caller.
pub(super) async fn run(world: &World) -> Vec<Check> {
    let client = world.client();
    let allowed = client.call(&get("/products")).await;
    let allowed = allowed.ok().and_then(|answer| answer.decision().map(str::to_owned));
    let token = world.token("ada", "orders:read").await.ok();
    let denied = client.call(&checkout(token.as_deref())).await;
    let denied = denied.ok().and_then(|answer| answer.decision().map(str::to_owned));
    let inside = match world.errand(Service::Inventory, charge()).await {
        Report::Answer { decision, .. } => decision,
        Report::Line(_) | Report::Closed | Report::Failed(_) => None,
    };
    vec![
        check(
            "explain-allowed",
            "both hops, by storefront/everyone-browses at its line",
            (world, allowed),
            &["gateway", "inbound", "everyone-browses", &place(world, "everyone-browses")],
        )
        .await,
        check(
            "explain-denied",
            "the nearest miss storefront/customers-buy at its line, and the scope",
            (world, denied),
            &["gateway", "customers-buy", "orders:write", &place(world, "customers-buy")],
        )
        .await,
        check(
            "explain-denied-between-services",
            "inventory to payments, the nearest miss payments/orders-charges at its line",
            (world, inside),
            &["inventory", "payments", "orders-charges", &place(world, "orders-charges")],
        )
        .await,
    ]
}

/// The file and line of a rule in the demo's own repository.
fn place(world: &World, rule: &str) -> String {
    let text = std::fs::read_to_string(world.repository.join("access.yaml")).unwrap_or_default();
    let line = text.lines().position(|line| line.contains(&format!("name: {rule}"))).map_or(0, |index| index + 1);
    format!("access.yaml:{line}")
}

async fn check(name: &'static str, expected: &str, of: (&World, Option<String>), words: &[&str]) -> Check {
    let (world, Some(id)) = of else {
        return Check::equal(name, expected, "the answer had no decision id".to_owned());
    };
    let end = Instant::now() + RECORD_TIMEOUT;
    loop {
        let got = match explain(world, &id).await {
            Ok(text) => {
                let lacking: Vec<&str> = words.iter().copied().filter(|word| !text.contains(word)).collect();
                if lacking.is_empty() {
                    return Check::equal(name, expected, expected.to_owned());
                }
                format!("lacks {} in: {}", lacking.join(", "), text.trim().replace('\n', " | "))
            }
            Err(why) => why,
        };
        if Instant::now() > end {
            return Check::equal(name, expected, got);
        }
        sleep(Duration::from_millis(100)).await;
    }
}

async fn explain(world: &World, id: &str) -> Result<String, String> {
    let program = program().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command.arg("explain").arg(id).arg("--state").arg(&world.state);
    command.arg("--dir").arg(&world.repository).kill_on_drop(true);
    let output = tokio::time::timeout(COMMAND_TIMEOUT, command.output()).await;
    let output =
        output.map_err(|_| "`selvedge explain` does not end".to_owned())?.map_err(|error| error.to_string())?;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if out.trim().is_empty() { Err(err.trim().to_owned()) } else { Ok(out.into_owned()) }
}
