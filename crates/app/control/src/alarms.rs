//! What ends soon or is wrong with roots, ours and those of others: said long before, and shown wherever somebody looks.

use crate::authority::call::Standing;
use crate::rotate::lives;
use crate::say;
use crate::shared::Shared;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// How often it is looked.
const TICK: Duration = Duration::from_secs(1);
/// Seconds before an end at which it is said again, last first.
const ALARMS_S: [u64; 5] = [3_600, 24 * 3_600, 7 * 24 * 3_600, 14 * 24 * 3_600, 30 * 24 * 3_600];

/// All of it; one line each.
pub(crate) fn of(shared: &Shared) -> Vec<String> {
    let now = shared.now_s();
    let mut alarms = ours(&shared.standing(), now);
    alarms.extend(shared.world().federation.alarms(&shared.current().documents.checked, now));
    alarms
}

/// Says what is new of it, for as long as the future is polled.
pub(crate) async fn keep(shared: Arc<Shared>) {
    let mut said = Vec::new();
    loop {
        sleep(TICK).await;
        let now = of(&shared);
        now.iter().filter(|alarm| !said.contains(*alarm)).for_each(|alarm| say(alarm));
        said = now;
    }
}

/// What ends soon of what signs here; a line changes when the next threshold is passed. A threshold of more than a quarter of
/// a life is none: then the rotation has not even begun.
fn ours(standing: &Standing, now: u64) -> Vec<String> {
    let alarm = |(what, (begin, end)): (&'static str, (u64, u64))| {
        let (left, life) = (end.saturating_sub(now), end.saturating_sub(begin));
        let threshold = ALARMS_S.iter().find(|threshold| left <= **threshold && **threshold <= life / 4)?;
        let within = if *threshold == 3_600 { "1 hour".to_owned() } else { format!("{} days", threshold / 86_400) };
        let told = "see `selvedge identity rotate --dry-run` for what rotation waits for";
        let when = if left == 0 { "has ended".to_owned() } else { format!("ends within {within}") };
        Some(format!("the {what} {when}: {told}"))
    };
    lives(standing).into_iter().filter_map(alarm).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use selvedge_identity::{Authority, Realm};
    use selvedge_model::TrustDomain;

    const NOW: u64 = 1_800_000_000;
    const DAY: u64 = 24 * 3_600;

    fn standing() -> Standing {
        let domain = TrustDomain::parse("acme.example").unwrap();
        let realm = Realm::create(Authority::create(&domain, NOW).unwrap(), NOW).unwrap();
        let intermediate = realm.active().unwrap().intermediate_life();
        Standing { bundle: realm.bundle(), rotation: realm.rotation().clone(), intermediate, steps: Vec::new() }
    }

    #[test]
    fn nothing_is_alarming_while_rotation_has_time() {
        assert!(ours(&standing(), NOW).is_empty());
        assert!(ours(&standing(), NOW + 20 * DAY).is_empty(), "the key of tokens is due now");
    }

    #[test]
    fn an_end_is_said_at_each_threshold_before_it() {
        let standing = standing();
        let said = |days_left: u64| {
            let all = ours(&standing, standing.intermediate.1 - days_left * DAY);
            all.iter().find(|line| line.contains("intermediate")).cloned().unwrap_or_default()
        };
        assert_eq!(said(31), "");
        for (left, within) in [(30, "30 days"), (14, "14 days"), (7, "7 days"), (1, "1 days")] {
            assert!(said(left).contains(within), "{left}: {}", said(left));
        }
        let all = ours(&standing, standing.intermediate.1 - 3_000);
        assert!(all.iter().any(|line| line.contains("1 hour")), "{all:?}");
        let all = ours(&standing, standing.intermediate.1 + 1);
        assert!(all.iter().any(|line| line.contains("the intermediate has ended")), "{all:?}");
    }
}
