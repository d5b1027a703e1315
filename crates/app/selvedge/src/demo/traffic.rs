//! Steady traffic: good requests, whose failures are counted, and bad ones, so that there is something to see refused.

use super::client::Call;
use super::issuer::Grant;
use super::shop::{Errand, Service};
use super::world::{World, checkout, get, told};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Between two requests of one good client.
const GOOD_PAUSE: Duration = Duration::from_millis(25);
/// Between two bad requests.
const BAD_PAUSE: Duration = Duration::from_millis(200);
/// After this a client asks for a new token: well before the old one ends.
const TOKEN_AGE: Duration = Duration::from_secs(120);
/// Failures that are remembered word for word.
const FAILURES_MAX: usize = 8;

/// What became of the good requests.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    /// How many were made.
    pub(crate) made: u64,
    /// How many of them failed.
    pub(crate) failed: u64,
    /// The first failures.
    pub(crate) failures: Vec<String>,
}

/// Traffic that runs until it is dropped.
pub(crate) struct Traffic {
    tally: Rc<RefCell<Tally>>,
    _clients: JoinSet<()>,
}

/// What a good client does again and again.
#[derive(Debug, Clone, Copy)]
enum Habit {
    /// Looks at the products, anonymous.
    Browse,
    /// The same, each time on a connection of its own.
    Visit,
    /// Buys: through all four services.
    Buy,
    /// Looks at the orders.
    Read,
}

impl Traffic {
    /// Begins.
    pub(crate) fn start(world: &Rc<World>) -> Traffic {
        let tally = Rc::new(RefCell::new(Tally::default()));
        let mut clients = JoinSet::new();
        for habit in [Habit::Browse, Habit::Visit, Habit::Buy, Habit::Read] {
            drop(clients.spawn_local(good(habit, world.clone(), tally.clone())));
        }
        drop(clients.spawn_local(bad(world.clone())));
        Traffic { tally, _clients: clients }
    }

    /// What became of the good requests until now.
    pub(crate) fn tally(&self) -> Tally {
        self.tally.borrow().clone()
    }
}

impl Tally {
    fn count(&mut self, failure: Option<String>) {
        self.made = self.made.saturating_add(1);
        let Some(failure) = failure else { return };
        self.failed = self.failed.saturating_add(1);
        if self.failures.len() < FAILURES_MAX {
            self.failures.push(failure);
        }
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} good requests failed", self.failed, self.made)?;
        if !self.failures.is_empty() {
            write!(f, ": {}", self.failures.join("; "))?;
        }
        Ok(())
    }
}

async fn good(habit: Habit, world: Rc<World>, tally: Rc<RefCell<Tally>>) {
    let client = world.client();
    let mut ticks = interval(GOOD_PAUSE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut token: Option<(String, Instant)> = None;
    loop {
        ticks.tick().await;
        if token.as_ref().is_none_or(|(_, since)| since.elapsed() > TOKEN_AGE) {
            // Where the issuer is away, the old token serves on, as a client's would.
            let new = world.token("ada", "orders:read orders:write").await;
            token = new.ok().map(|new| (new, Instant::now())).or(token);
        }
        let bearer = token.as_ref().map(|(token, _)| token.as_str());
        let (call, expected) = match habit {
            Habit::Browse => (get("/products"), "200"),
            Habit::Visit => {
                client.forget();
                (get("/"), "200")
            }
            Habit::Buy => (checkout(bearer), "201"),
            Habit::Read => (Call { token: bearer, ..get("/orders") }, "200"),
        };
        let got = told(&client.call(&call).await);
        let failure = (got != expected).then(|| format!("{} {}: {got}", call.method, call.path));
        tally.borrow_mut().count(failure);
    }
}

/// Every kind of no, in turn. What comes back is in the records; here nobody looks.
async fn bad(world: Rc<World>) {
    let client = world.client();
    let mut ticks = interval(BAD_PAUSE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for turn in (0..6_u8).cycle() {
        ticks.tick().await;
        match turn {
            0 => drop(client.call(&checkout(None)).await),
            1 => drop(client.call(&get("/admin")).await),
            2 | 3 => {
                let scope = if turn == 2 { "orders:read" } else { "orders:write" };
                let audience = if turn == 2 { super::mesh::AUDIENCE } else { "https://elsewhere.example" };
                let grant = Grant {
                    subject: "mallory".to_owned(),
                    scope: scope.to_owned(),
                    audience: audience.to_owned(),
                    lifetime_s: 60,
                };
                let token = world.token_for(&grant).await.ok();
                drop(client.call(&checkout(token.as_deref())).await);
            }
            4 => drop(world.errand(Service::Inventory, charge()).await),
            _ => drop(world.errand(Service::Storefront, Errand::Ledger("SUM".to_owned())).await),
        }
    }
}

/// A charge, which only orders may make.
pub(crate) fn charge() -> Errand {
    Errand::Call { method: "POST".to_owned(), to: "payments".to_owned(), path: "/charges".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_and_the_first_are_told() {
        let mut tally = Tally::default();
        tally.count(None);
        (0..20).for_each(|n| tally.count(Some(format!("GET /{n}: 502"))));
        assert_eq!((tally.made, tally.failed, tally.failures.len()), (21, 20, FAILURES_MAX));
        assert!(tally.to_string().starts_with("20 of 21 good requests failed: GET /0: 502; "));
    }
}
