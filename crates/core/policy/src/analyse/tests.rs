//! The analysis against brute force: small random repositories, and every request that could tell their rules apart,
//! each decided by the engine that enforces.

mod cases;
mod facts;
mod world;

use super::cells::Cells;
use super::class::Place;
use super::frame::{Asked, Cell, Frame};
use super::terms::Terms;
use super::{Analysis, diff};
use facts::Request;
use proptest::prelude::*;
use selvedge_config::checked::{Never, NeverCaller};
use selvedge_model::{Decision, Name, PathPattern, Source};
use std::collections::BTreeSet;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn allowed(decision: &Decision) -> bool {
    matches!(decision, Decision::Allow(_))
}

/// The cell of a request; `None` when no grant is for its caller.
fn cell(frame: &Frame<'_>, request: &Request) -> Option<Cell> {
    let caller = frame.callers.iter().position(|(who, _)| who.iter().any(|identity| request.is_by(identity)))?;
    let method = match request.request {
        Some((method, _)) => frame.methods.iter().position(|(name, _)| name.as_deref() == Some(method)),
        None => None,
    };
    let place = frame.places.iter().position(|(place, _)| match (place, request.request) {
        (Place::Path(class), Some((_, path))) => class.has(path),
        (Place::Connection, None) => true,
        (Place::Path(_), None) | (Place::Connection, Some(_)) => false,
    })?;
    Some(Cell { caller, method: method.unwrap_or(frame.methods.len() - 1), place })
}

fn config() -> ProptestConfig {
    let cases = std::env::var("SELVEDGE_ANALYSIS_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(12);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_cell_says_of_each_request_what_the_engine_decides(seed in world::seed()) {
        let (checked, policy) = seed.check();
        let analysis = Analysis::of(&checked, &policy);
        let service = &checked.services["orders"];
        for port in &service.ports {
            let mut terms = Terms::default();
            let sides = [analysis.side(service, &port.name, &mut terms)];
            let frame = Frame::of(&sides, &Asked::default());
            let mut cells = Cells::new(&frame, 0, &terms);
            for request in world::requests(false).filter(|request| request.port == port.name) {
                let decided = allowed(&request.decide(&policy));
                let analysed = cell(&frame, &request).is_some_and(|cell| {
                    let holding = cells.at(cell);
                    let holds = |cube: &super::condition::Cube| {
                        cube.literals().iter().all(|l| request.holds(terms.term(*l).unwrap()) == l.holds())
                    };
                    let any = holding.formula.any.iter().any(holds);
                    let none = !holding.formula.none.iter().any(holds);
                    assert!(!(holding.is_never && any && none), "{request:?}");
                    any && none
                });
                prop_assert_eq!(analysed, decided, "{:?} {:?}", request, request.decide(&policy));
            }
        }
    }

    #[test]
    fn a_difference_is_what_the_engine_decides_differently(before in world::seed(), after in world::seed(), near in any::<bool>()) {
        let after = if near { world::Seed { rules: after.rules[..1].iter().chain(&before.rules).copied().collect(), ..before.clone() } } else { after };
        let ((old, old_policy), (new, new_policy)) = (before.check(), after.check());
        let difference = diff(&Analysis::of(&old, &old_policy), &Analysis::of(&new, &new_policy));
        let mut witnessed = vec![(false, false); difference.changes.len()];
        for request in world::requests(false) {
            let decided = (allowed(&request.decide(&old_policy)), allowed(&request.decide(&new_policy)));
            let mut told = false;
            for (change, witnessed) in difference.changes.iter().zip(&mut witnessed) {
                if !cases::covers(change, &request) {
                    continue;
                }
                told = true;
                let holds = |access: &super::Access| cases::holds(access, &request);
                prop_assert_eq!((holds(&change.before), holds(&change.after)), decided, "{:?} {:?}", change, request);
                witnessed.0 |= decided == (false, true);
                witnessed.1 |= decided == (true, false);
            }
            prop_assert!(told || decided.0 == decided.1, "{:?} {:?} {:#?}", request, decided, difference.changes);
        }
        for (change, mut witnessed) in difference.changes.iter().zip(witnessed) {
            // What few requests did not witness, all must.
            let wanted = (change.widens, change.narrows);
            for request in world::requests(true).filter(|request| cases::covers(change, request)) {
                if witnessed == wanted {
                    break;
                }
                let decided = (allowed(&request.decide(&old_policy)), allowed(&request.decide(&new_policy)));
                witnessed.0 |= decided == (false, true);
                witnessed.1 |= decided == (true, false);
            }
            prop_assert_eq!(witnessed, wanted, "{:#?}", change);
        }
    }

    #[test]
    fn a_rule_that_is_found_to_do_nothing_allows_no_request(seed in world::seed()) {
        let (checked, policy) = seed.check();
        let dead = ["contradictory-rule", "shadowed-by-guardrail", "duplicate-rule", "unreachable-rule"];
        let found = Analysis::of(&checked, &policy).findings();
        let found: BTreeSet<u32> = found.iter().filter(|f| dead.contains(&f.code)).map(|f| f.at.line).collect();
        let mut alive = BTreeSet::new();
        let all: BTreeSet<u32> = checked.access.iter().flat_map(|a| &a.rules).map(|rule| rule.id.source.line).collect();
        let wanted: BTreeSet<u32> = all.difference(&found).copied().collect();
        // What few requests do not show alive, all must.
        for (at, request) in world::requests(false).map(|r| (0, r)).chain(world::requests(true).map(|r| (1, r))) {
            if at == 1 && alive == wanted {
                break;
            }
            if let Decision::Allow(rule) = request.decide(&policy) {
                alive.insert(rule.source.line);
            }
        }
        prop_assert_eq!(alive, wanted);
    }

    #[test]
    fn an_invariant_is_proved_when_no_request_breaks_it(seed in world::seed(), who in 0..4_usize, path in 0..4_usize, method in 0..3_usize) {
        let (checked, policy) = seed.check();
        let from = [
            NeverCaller::Gateway(name("public")),
            NeverCaller::Anonymous(None),
            NeverCaller::Services(vec![name("batch")]),
            NeverCaller::Services(vec![name("cart"), name("orders")]),
        ];
        let never = Never {
            name: "test".into(),
            source: Source { file: "x".into(), line: 1 },
            from: from[who].clone(),
            to: vec![name("orders")],
            port: Some(name("http")),
            method: [None, Some("GET".into()), Some("PUT".into())][method].clone(),
            path: PathPattern::parse(["/**", "/a/b/**", "/a/{x}", "/c"][path]).unwrap(),
        };
        let violations = Analysis::of(&checked, &policy).never(&never);
        let meant = |request: &&Request| {
            let by = match (&never.from, &request.caller) {
                (NeverCaller::Gateway(gateway), facts::Who::Outside { gateway: through, .. }) => gateway.as_str() == *through,
                (NeverCaller::Anonymous(_), facts::Who::Outside { user, .. }) => user.is_none(),
                (NeverCaller::Services(names), facts::Who::Service(by, _)) => names.iter().any(|name| name.as_str() == *by),
                _ => false,
            };
            let of = request.request.is_some_and(|(method, path)| {
                never.method.as_ref().is_none_or(|named| **named == *method) && never.path.matches(path)
            });
            by && of
        };
        let breaks = |request: &Request| meant(&request) && allowed(&request.decide(&policy));
        let mut broken: Vec<Request> = world::requests(false).filter(breaks).collect();
        if broken.is_empty() && !violations.is_empty() {
            broken.extend(world::requests(true).find(breaks));
        }
        prop_assert_eq!(violations.is_empty(), broken.is_empty(), "{:#?} {:?}", violations, broken.first());
        for request in &broken {
            let told = violations.iter().any(|violation| {
                violation.callers.iter().any(|caller| request.is_by(caller)) && cases::holds(&violation.access, request)
            });
            prop_assert!(told, "{:?}", request);
        }
    }
}
