//! What a solver is asked is what our engine decides: a proof about the one holds for the other.

use super::random::{Random, facts, mesh};
use crate::cedar::entity::{self, string};
use crate::cedar::named::Named;
use crate::cedar::residual::store;
use crate::{Policy, check, implications};
use cedar_policy_core::ast::{Context, PolicySet, Value};
use cedar_policy_core::authorizer::{Authorizer, Decision as Answer};
use cedar_policy_core::parser::parse_policyset;
use selvedge_config::Checked;
use selvedge_model::{Credential, Decision, Facts};
use smol_str::SmolStr;
use std::sync::Arc;

/// Pairs of repositories.
const PAIRS: u64 = 120;
/// Facts that are asked of each pair.
const FACTS_PER_PAIR: u64 = 150;
/// More segments than any pattern of the random repositories has.
const SEGMENTS: usize = 6;

fn compiled(seed: u64) -> Option<(Checked, Policy)> {
    check(&mesh(&mut Random::new(seed))).ok()
}

/// Whether the policies of a question allow these facts.
fn allowed(policies: &PolicySet, policy: &Policy, facts: &Facts<'_>) -> bool {
    let view = policy.view(facts, &[]);
    let mut context = entity::context(&view, &Named::All, &Named::All);
    let mut put = |key: &str, value: Value| context.insert(SmolStr::from(key), value);
    put("refused", Value::from(matches!(facts.credential, Credential::Refused)));
    put("request", Value::from(facts.request.is_some()));
    let path = facts.request.map_or("", |request| request.path);
    let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
    put("depth", Value::from(i64::try_from(segments.len()).unwrap()));
    for at in 0..SEGMENTS {
        // Beyond the path's end a solver may think of anything, so that it must not matter.
        put(&format!("s{at}"), string(segments.get(at).copied().unwrap_or(["", "a", "b"][at % 3])));
    }
    let (caller, service) = (entity::caller(&view, &Named::All), entity::service(&view, &Named::All));
    let request = entity::request(Some(&caller), Some(&service), Context::Value(Arc::new(context)));
    let response = Authorizer::new().is_authorized(request, policies, &store([caller, service]).unwrap());
    response.decision == Answer::Allow
}

#[test]
fn a_question_allows_what_the_engine_allows_and_nothing_else() {
    let (mut compared, mut permitted) = (0_u64, 0_u64);
    for pair in 0..PAIRS {
        let (Some(before), Some(after)) = (compiled(2 * pair + 1), compiled(2 * pair + 2)) else { continue };
        // Labels are chosen by chance as well; most pairs differ in them and are refused where conditions name labels.
        let Ok(found) = implications(&before.0, &after.0) else { continue };
        for question in found {
            let sides = [(&before.1, &question.before), (&after.1, &question.after)];
            let sides = sides.map(|(policy, text)| (policy, parse_policyset(text).unwrap(), text));
            let mut random = Random::new(pair);
            for _ in 0..FACTS_PER_PAIR {
                facts(&mut random, |facts| {
                    if facts.service != &question.service {
                        return;
                    }
                    for (policy, policies, text) in &sides {
                        let ours = matches!(policy.decide(facts), Decision::Allow(_));
                        assert_eq!(allowed(policies, policy, facts), ours, "pair {pair}: {facts:?}\n{text}");
                        compared += 1;
                        permitted += u64::from(ours);
                    }
                });
            }
        }
    }
    assert!(compared > 2_000 && permitted > compared / 30, "{permitted} permitted of {compared}");
}
