//! What must go on while things change: documents, good and bad, and certificates.

use super::super::mesh::{BROKEN, OFFERS};
use super::super::shop::Service;
use super::super::traffic::Traffic;
use super::super::world::{World, get, told};
use super::Check;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a change may take to be seen.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long after the start of the wait every certificate must have been renewed: a life of 20 s, half of it, the jitter.
const ROTATION_TIMEOUT: Duration = Duration::from_secs(14);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a refused document lies there after it was reported, for good requests to go on.
const BROKEN_FOR: Duration = Duration::from_millis(500);

/// A document in error is reported and not enforced, and good requests go on.
pub(super) async fn bad(world: &World, traffic: &Traffic) -> Check {
    let expected = "reported, same plan, nothing opened, 0 failed";
    let check = |got: String| Check::equal("bad-config-kept-out", expected, got);
    let before = world.status().await.ok().and_then(|status| status.plan());
    let failed = traffic.tally().failed;
    if let Err(error) = BROKEN.make(&world.repository) {
        return check(format!("cannot write the document: {error}"));
    }
    let end = Instant::now() + CHANGE_TIMEOUT;
    let mut reported = false;
    while !reported && Instant::now() < end {
        sleep(PAUSE).await;
        reported = world.status().await.is_ok_and(|status| status.mentions(BROKEN.name));
    }
    sleep(BROKEN_FOR).await;
    let after = world.status().await.ok().and_then(|status| status.plan());
    let opened = told(&world.client().call(&get("/admin")).await) != "404";
    let undone = BROKEN.undo(&world.repository);
    let failed = traffic.tally().failed.saturating_sub(failed);
    check(format!(
        "{}, {}, {}, {failed} failed{}",
        if reported { "reported" } else { "not reported" },
        if before.is_some() && before == after { "same plan" } else { "another plan" },
        if opened { "something opened" } else { "nothing opened" },
        undone.map_or_else(|error| format!("; cannot remove the document: {error}"), |()| String::new())
    ))
}

/// A good document is enforced: a path that was not found is served.
pub(super) async fn good(world: &World) -> Check {
    let client = world.client();
    let before = told(&client.call(&get("/offers")).await);
    if let Err(error) = OFFERS.make(&world.repository) {
        return Check::equal("good-config-enforced", "404, then 200", format!("cannot write the document: {error}"));
    }
    let end = Instant::now() + CHANGE_TIMEOUT;
    let mut after = before.clone();
    while after != "200" && Instant::now() < end {
        sleep(PAUSE).await;
        after = told(&client.call(&get("/offers")).await);
    }
    Check::equal("good-config-enforced", "404, then 200", format!("{before}, then {after}"))
}

/// Every service's certificate has another serial than at first, and no good request failed from the first to the last.
pub(super) async fn rotated(world: &World, first: &BTreeMap<String, String>, traffic: &Traffic) -> Check {
    let expected = "4 of 4 services renewed, 0 failed";
    let end = Instant::now() + ROTATION_TIMEOUT;
    let mut count = 0;
    while count < Service::ALL.len() && Instant::now() < end {
        sleep(PAUSE).await;
        count = world.status().await.map_or(count, |status| renewed(first, &status.serials()));
    }
    let tally = traffic.tally();
    let mut check = Check::equal(
        "certificates-rotated-under-traffic",
        expected,
        format!("{count} of {} services renewed, {} failed", Service::ALL.len(), tally.failed),
    );
    check.ok &= tally.made > 0;
    check.got = format!("{} ({tally})", check.got);
    check
}

/// How many services have another serial.
fn renewed(first: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> usize {
    let of = |serials: &BTreeMap<String, String>, service: Service| {
        let path = format!("/{}", service.as_str());
        let mine = serials.iter().find(|(id, _)| id.strip_prefix("spiffe://shop.example") == Some(&path));
        mine.map(|(_, serial)| serial.clone())
    };
    let renewed = |service: &&Service| match (of(first, **service), of(now, **service)) {
        (Some(first), Some(now)) => first != now,
        (None, _) | (_, None) => false,
    };
    Service::ALL.iter().filter(renewed).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_renewed_when_its_serial_is_another() {
        let serials = |orders: &str, payments: &str| {
            let id = |service: &str| format!("spiffe://shop.example/{service}");
            BTreeMap::from([(id("orders"), orders.to_owned()), (id("payments"), payments.to_owned())])
        };
        assert_eq!(renewed(&serials("1", "2"), &serials("3", "2")), 1);
        assert_eq!(renewed(&serials("1", "2"), &serials("3", "4")), 2);
        assert_eq!(renewed(&BTreeMap::new(), &serials("3", "4")), 0, "one that was never seen is not renewed");
    }
}
