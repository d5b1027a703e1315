//! A simulated year: the true state machine, true certificates and true verification, on virtual time.
//!
//! A control plane that goes away and crashes, nodes that are slow, go away and come back, clocks that jump by a day. Two
//! nodes that are healthy must never fail to shake hands: online in this hour, and with a clock that is right.
//! `SELVEDGE_YEAR_SEED` repeats a run, `SELVEDGE_YEARS` makes it longer.

use super::*;
use crate::rotation::Stage;

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
/// Leaves live for a day, so that a year has some thousand of them.
const LEAF_TTL_S: u64 = DAY;
const NODES: usize = 6;
const STEP_S: u64 = HOUR;

/// SplitMix64: a few lines, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn one_in(&mut self, chances: u64) -> bool {
        self.next().is_multiple_of(chances)
    }

    fn upto(&mut self, most: u64) -> u64 {
        self.next() % (most + 1)
    }
}

struct Node {
    id: SpiffeId,
    bundle: TrustBundle,
    chain: Vec<Vec<u8>>,
    renew_at: u64,
    begins: u64,
    ends: u64,
    /// Away until then.
    away_until: u64,
    /// How far its clock is off, until when.
    clock: (i64, u64),
    /// Hears of a new bundle so much later.
    slow_s: u64,
    hears_at: Option<u64>,
    /// What it last said: bundle, root.
    said: (u64, String),
}

struct World {
    now: u64,
    random: Random,
    realm: Realm,
    pace: Pace,
    control_away_until: u64,
    control_clock: (i64, u64),
    nodes: Vec<Node>,
    serial: u128,
    serials: std::collections::BTreeSet<String>,
    steps: Vec<Step>,
    handshakes: u64,
    rejoined: u64,
}

fn shift(now: u64, (by, until): (i64, u64)) -> u64 {
    if now < until { now.saturating_add_signed(by) } else { now }
}

impl World {
    fn new(seed: u64) -> World {
        let mut random = Random(seed);
        let pace = Pace { root_ttl_s: 60 * DAY, settle_s: HOUR };
        let first = root(NOW, pace).unwrap();
        let realm = Realm::create(first, NOW).unwrap();
        let node = |index: usize| Node {
            id: id(&format!("spiffe://acme.example/node/n{index}")),
            bundle: realm.bundle(),
            chain: Vec::new(),
            renew_at: NOW,
            begins: 0,
            ends: 0,
            away_until: 0,
            clock: (0, 0),
            slow_s: [0, 0, HOUR, 3 * HOUR][(random.next() % 4) as usize],
            hears_at: None,
            said: (realm.rotation().sequence, String::new()),
        };
        let nodes = (0..NODES).map(node).collect();
        let (control_away_until, control_clock, serial) = (0, (0, 0), 0);
        let (serials, steps, handshakes, rejoined) = (Default::default(), Vec::new(), 0, 0);
        World {
            now: NOW,
            random,
            realm,
            pace,
            control_away_until,
            control_clock,
            nodes,
            serial,
            serials,
            steps,
            handshakes,
            rejoined,
        }
    }

    fn trouble(&mut self) {
        let now = self.now;
        if self.random.one_in(200) {
            self.control_away_until = now + self.random.upto(9 * HOUR);
        }
        if self.random.one_in(300) {
            let by = if self.random.one_in(2) { DAY as i64 } else { -(DAY as i64) };
            self.control_clock = (by, now + self.random.upto(6 * HOUR));
        }
        for index in 0..NODES {
            if self.random.one_in(500) {
                // Sometimes for longer than its certificate lives: then it has to join again.
                self.nodes[index].away_until = now + self.random.upto(40 * HOUR);
            }
            if self.random.one_in(700) {
                let by = if self.random.one_in(2) { DAY as i64 } else { -(DAY as i64) };
                self.nodes[index].clock = (by, now + self.random.upto(6 * HOUR));
            }
        }
        if self.random.one_in(3000) {
            self.realm.ask();
        }
        if self.random.one_in(4000) {
            let active = self.realm.rotation().active_root().unwrap().id.clone();
            self.realm.taint(&active);
        }
    }

    fn receipts(&self) -> Receipts {
        let control_now = shift(self.now, self.control_clock);
        let active = self.realm.rotation().active_root().unwrap().id.clone();
        let mut receipts = Receipts::nobody(&active);
        for node in &self.nodes {
            let connected = self.now >= node.away_until;
            let moved = node.said.1 == active;
            // Control knows when the certificate ends that it gave; a clock that jumped ahead must not end it early.
            if connected || control_now.min(self.now) <= node.ends {
                receipts.everyone_has = receipts.everyone_has.min(node.said.0);
                receipts.everyone_moved &= moved;
            }
            if connected {
                receipts.connected_have = receipts.connected_have.min(node.said.0);
                receipts.connected_moved &= moved;
            }
        }
        receipts
    }

    /// The control plane's hour: rotation with a crash between any two steps.
    fn control(&mut self) {
        if self.now < self.control_away_until {
            return;
        }
        let clock = shift(self.now, self.control_clock);
        for _ in 0..8 {
            let (receipts, pace) = (self.receipts(), self.pace);
            let stepped = self.realm.advance(clock, &receipts, pace, &mut |now| root(now, pace)).unwrap();
            let Some(step) = stepped else { break };
            self.steps.push(step);
            if self.random.one_in(2) {
                let text = serde_json::to_string(&self.realm.kept()).unwrap();
                let kept: RealmKept = serde_json::from_str(&text).unwrap();
                let find =
                    |text: &str| Ok(std::sync::Arc::new(PrivateKey::from_pem(text)?) as std::sync::Arc<dyn Signer>);
                self.realm = Realm::from_kept(&kept, &find).unwrap();
            }
            if self.random.one_in(4) {
                self.control_away_until = self.now + self.random.upto(2 * HOUR);
                break;
            }
        }
    }

    fn node(&mut self, index: usize) {
        let (now, control_up) = (self.now, self.now >= self.control_away_until);
        if now < self.nodes[index].away_until || !control_up {
            return;
        }
        let offered = self.realm.bundle();
        let node = &mut self.nodes[index];
        let clock = shift(now, node.clock);
        let ended = now > node.ends;
        if offered != node.bundle {
            let due = *node.hears_at.get_or_insert(now + node.slow_s);
            if now >= due || ended {
                (node.bundle, node.hears_at) = (offered.clone(), None);
            }
        }
        // An urgent change is told at once: those who do not show the new root ask for a new certificate.
        let active = self.realm.active().unwrap();
        let is_urgent = self.realm.rotation().roots.iter().any(|slot| slot.is_tainted && slot.stage == Stage::Retiring);
        let is_other = self.nodes[index].said.1 != active.root_fingerprint();
        let is_early = clock < self.nodes[index].begins;
        if clock >= self.nodes[index].renew_at || ended || is_early || (is_urgent && is_other) {
            self.renew(index, ended);
        }
        let node = &mut self.nodes[index];
        if node.bundle.is_usable_at(shift(now, node.clock)) {
            node.said.0 = node.bundle.sequence;
        }
    }

    fn renew(&mut self, index: usize, ended: bool) {
        let (now, clock) = (self.now, shift(self.now, self.control_clock));
        let key = PrivateKey::generate().unwrap();
        self.serial += 1;
        self.realm.note_leaf(LEAF_TTL_S);
        let terms = Terms { ttl_s: LEAF_TTL_S, now: clock, serial: (1_u128 << 126 | self.serial).to_be_bytes() };
        let node = &mut self.nodes[index];
        let issued = self.realm.active().unwrap().issue_svid(&request(&key).unwrap(), &node.id, &[], &terms);
        let Ok(chain) = issued else { return };
        let svid = Svid::new(chain, key).unwrap();
        assert!(self.serials.insert(svid.serial.clone()), "a serial was issued twice");
        // A node takes what its own clock and bundle believe, and keeps the last good otherwise.
        if verify(&node.bundle, &svid.chain, shift(now, node.clock)).is_err() && !node.chain.is_empty() && !ended {
            return;
        }
        // Nor does it take one that was issued before the one that it holds: the control plane's clock has gone back.
        let node_clock = shift(now, node.clock);
        let is_good = (node.begins..=node.ends).contains(&node_clock);
        if is_good && svid.not_before + 60 < node.begins {
            return;
        }
        self.rejoined += u64::from(ended && !node.chain.is_empty());
        node.renew_at = svid.renew_at(self.random.next());
        node.said.1 = node.bundle.root_of(&svid.chain).unwrap_or_default();
        (node.begins, node.ends, node.chain) = (svid.not_before, svid.not_after, svid.chain);
    }

    fn is_healthy(&self, node: &Node) -> bool {
        let clock_is_right = self.now >= node.clock.1 && self.now > node.clock.1 + HOUR;
        let was_here = self.now >= node.away_until + 12 * HOUR;
        // Taken while its clock and the control plane's were ahead by the same day: it knows, and asks for another.
        let is_early = self.now < node.begins;
        clock_is_right && was_here && !is_early && !node.chain.is_empty()
    }

    fn shake_hands(&mut self) {
        let pick = |random: u64| (random % NODES as u64) as usize;
        let (a, b) = (pick(self.random.next()), pick(self.random.next()));
        let (one, two) = (&self.nodes[a], &self.nodes[b]);
        if a == b || !self.is_healthy(one) || !self.is_healthy(two) {
            return;
        }
        for (shown, by) in [(one, two), (two, one)] {
            let answer = verify(&by.bundle, &shown.chain, self.now);
            let days = (self.now - NOW) / DAY;
            assert!(answer.is_ok(), "day {days}: {} to {}: {answer:?}\n{:#?}", shown.id, by.id, self.realm.rotation());
        }
        self.handshakes += 1;
    }

    fn run(&mut self, years: u64) {
        while self.now < NOW + years * 365 * DAY {
            self.trouble();
            self.control();
            (0..NODES).for_each(|index| self.node(index));
            self.shake_hands();
            self.now += STEP_S;
        }
    }
}

fn root(now: u64, pace: Pace) -> Result<Authority, IssueError> {
    let key: std::sync::Arc<dyn Signer> = std::sync::Arc::new(PrivateKey::generate()?);
    Authority::create_with(&domain(), key, now, pace.root_ttl_s)
}

fn from_env(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn a_year_of_rotations_without_a_failed_handshake() {
    let seed = from_env("SELVEDGE_YEAR_SEED").unwrap_or(2026);
    let years = from_env("SELVEDGE_YEARS").unwrap_or(1);
    println!("SELVEDGE_YEAR_SEED={seed} SELVEDGE_YEARS={years}");
    let mut world = World::new(seed);
    world.run(years);
    let count = |wanted: fn(&Step) -> bool| world.steps.iter().filter(|step| wanted(step)).count();
    let activated = count(|step| matches!(step, Step::ActivateRoot(_)));
    let retired = count(|step| matches!(step, Step::RetireRoot(_)));
    println!(
        "{} handshakes, {} certificates, {activated} roots activated, {retired} retired, {} rejoined",
        world.handshakes, world.serial, world.rejoined
    );
    assert!(activated >= 5 && retired + 2 >= activated, "rotation stood still: {:?}", world.steps);
    assert!(count(|step| matches!(step, Step::RetireJwtKey(_))) >= 5, "{:?}", world.steps);
    assert!(world.handshakes > 2_000);
    assert!(world.realm.bundle().roots.len() <= 3);
}
