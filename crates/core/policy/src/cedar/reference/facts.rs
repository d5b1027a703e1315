//! Facts as the rendered policy takes them.

use super::Question;
use crate::Policy;
use crate::cedar::entity::{self, captures, record, string};
use crate::cedar::named::Named;
use crate::cedar::residual::store;
use cedar_policy_core::ast::{Context, Value};
use selvedge_model::{Credential, Facts, PathPattern};
use smol_str::SmolStr;
use std::sync::Arc;

pub(super) fn question(
    policy: &Policy,
    facts: &Facts<'_>,
    patterns: &[(String, Vec<PathPattern>)],
) -> Option<Question> {
    let view = policy.view(facts, &[]);
    let mut context = entity::context(&view, &Named::All, &Named::All);
    let mut put = |key: &'static str, value: Value| {
        context.insert(SmolStr::new_static(key), value);
    };
    let refused = matches!(facts.credential, Credential::Refused);
    put("refused", Value::from(refused));
    put("request", Value::from(facts.request.is_some()));
    let path = facts.request.map_or("", |request| request.path);
    let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
    put("depth", Value::from(i64::try_from(segments.len()).ok()?));
    let numbered = segments.iter().enumerate().map(|(at, segment)| string(&format!("{at}={segment}")));
    put("segments", Value::set(numbered, None));
    let taken = patterns.iter().map(|(rule, patterns)| {
        let taken = captures(&policy.view(facts, patterns));
        (SmolStr::from(rule.as_str()), record(taken))
    });
    put("taken", record(taken));
    let (caller, service) = (entity::caller(&view, &Named::All), entity::service(&view, &Named::All));
    let request = entity::request(Some(&caller), Some(&service), Context::Value(Arc::new(context)));
    Some(Question { request, entities: store([caller, service]).ok()? })
}
