//! Guardrails: `forbid` policies of the organisation, each with its `@id`.

use super::conjunction::{Condition, Held};
use super::error::{self, SYNTAX, TYPE, misleads};
use super::header::{named, on_the_wire};
use super::lowering;
use super::names::Names;
use super::schema::Shape;
use crate::lower::View;
use ahash::RandomState;
use cedar_policy_core::ast::PrincipalOrResourceConstraint as Scope;
use cedar_policy_core::ast::{AnyId, Effect, Policy, PolicySet};
use cedar_policy_core::parser::parse_policyset;
use cedar_policy_core::validator::{ValidationMode, ValidationWarning};
use selvedge_config::Diagnostic;
use selvedge_config::checked::{self, Written};
use selvedge_model::Source;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

/// How the names of gateways as callers begin.
const GATEWAY: &str = "gateway/";

/// One guardrail.
#[derive(Debug)]
pub(crate) struct Guardrail {
    /// Its `@id`.
    pub(crate) id: Arc<str>,
    pub(crate) source: Source,
    /// The caller that its scope names: a service's name, or `gateway/NAME`; every caller otherwise.
    pub(crate) caller: Option<Arc<str>>,
    /// The service that its scope names; every service otherwise.
    pub(crate) service: Option<Arc<str>>,
    /// When it forbids; without conjuncts always.
    pub(crate) condition: Condition,
}

/// Every guardrail, found by the service that is called or by the caller.
#[derive(Debug, Default)]
pub(crate) struct Guardrails {
    pub(crate) all: Vec<Guardrail>,
    /// Those whose scope names neither service nor caller.
    general: Vec<usize>,
    by_service: HashMap<Arc<str>, Vec<usize>, RandomState>,
    /// Those whose scope names a caller and no service: by a gateway's name, and by another caller's.
    by_gateway: HashMap<Arc<str>, Vec<usize>, RandomState>,
    by_caller: HashMap<Arc<str>, Vec<usize>, RandomState>,
    /// Request fields that they name, by their names on the wire.
    pub(crate) headers: BTreeSet<Arc<str>>,
}

impl Guardrails {
    /// The first guardrail, in the order written, that forbids; with the error, if it could not be evaluated.
    pub(crate) fn forbids(&self, view: &View<'_>) -> Option<(&Guardrail, Option<Arc<str>>)> {
        let of_service = self.by_service.get(view.facts.service.as_str());
        // A gateway's own identity has the same name as what comes through it.
        let of_caller = match view.caller() {
            (GATEWAY, name) => self.by_gateway.get(name),
            (_, name) => match name.strip_prefix(GATEWAY) {
                Some(gateway) => self.by_gateway.get(gateway),
                None => self.by_caller.get(name),
            },
        };
        let mut indices = self.general.iter().chain([of_service, of_caller].into_iter().flatten().flatten());
        let mut first: Option<(usize, Option<Arc<str>>)> = None;
        for index in &mut indices {
            let earlier = first.as_ref().is_none_or(|(found, _)| index < found);
            let Some(guardrail) = self.all.get(*index).filter(|_| earlier) else { continue };
            if guardrail.caller.as_ref().is_some_and(|caller| !view.is_caller(caller)) {
                continue;
            }
            match guardrail.condition.matches(view) {
                Held::Yes => first = Some((*index, None)),
                Held::No(_) => {}
                Held::Error(error) => first = Some((*index, Some(error))),
            }
        }
        let (index, error) = first?;
        Some((self.all.get(index)?, error))
    }

    /// Compiles every file.
    pub(crate) fn compile(files: &[checked::Guardrail], names: &Names, found: &mut Vec<Diagnostic>) -> Guardrails {
        let mut guardrails = Guardrails::default();
        let mut ids = BTreeMap::new();
        for file in files {
            if error::within_budget(&file.text, found) {
                guardrails.add_file(&file.text, names, &mut ids, found);
            }
        }
        guardrails
    }

    fn add_file(
        &mut self,
        text: &Written,
        names: &Names,
        ids: &mut BTreeMap<Arc<str>, Source>,
        found: &mut Vec<Diagnostic>,
    ) {
        let policies = match parse_policyset(text.as_str()) {
            Ok(policies) => policies,
            Err(errors) => return error::note_syntax(&errors, text, found),
        };
        for template in policies.all_templates().filter(|template| template.slots().next().is_some()) {
            let at = template.loc().map_or(0..text.as_str().len(), |loc| loc.start()..loc.end());
            found.push(text.error(
                SYNTAX,
                at,
                "a guardrail is no template".to_owned(),
                "write the entity in place of `?`",
            ));
        }
        let mut written: Vec<&Policy> = policies.policies().collect();
        written.sort_by_key(|policy| place(policy, text).start);
        let mut headers = BTreeSet::new();
        for policy in written {
            if let Some(guardrail) = read(policy, text, ids, found) {
                let condition = policy.non_scope_constraints();
                headers.extend(condition.iter().flat_map(|expr| named(expr, text, found)));
                names.check(&policy.condition(), text, found);
                self.add(guardrail);
            }
        }
        check(&policies, text, headers.clone(), found);
        self.headers.extend(headers.iter().map(|name| on_the_wire(name)));
    }

    fn add(&mut self, guardrail: Guardrail) {
        let index = self.all.len();
        match (&guardrail.service, &guardrail.caller) {
            (Some(service), _) => self.by_service.entry(service.clone()).or_default().push(index),
            (None, Some(caller)) => match caller.strip_prefix(GATEWAY) {
                Some(gateway) => self.by_gateway.entry(gateway.into()).or_default().push(index),
                None => self.by_caller.entry(caller.clone()).or_default().push(index),
            },
            (None, None) => self.general.push(index),
        }
        self.all.push(guardrail);
    }
}

fn place(policy: &Policy, text: &Written) -> Range<usize> {
    policy.loc().map_or(0..text.as_str().len(), |loc| loc.start()..loc.end())
}

/// One policy as a guardrail, or an error.
fn read(
    policy: &Policy,
    text: &Written,
    ids: &mut BTreeMap<Arc<str>, Source>,
    found: &mut Vec<Diagnostic>,
) -> Option<Guardrail> {
    let at = place(policy, text);
    if policy.effect() == Effect::Permit {
        let help = "write `forbid`; what is permitted is said by Access documents alone";
        found.push(text.error("guardrail-permits", at.clone(), "a guardrail permits nothing".to_owned(), help));
    }
    let source = Source { file: text.file().clone(), line: text.place(at.start).0 };
    let id = "id".parse::<AnyId>().ok().and_then(|key| policy.annotation(&key)).map(|id| Arc::from(id.val.as_str()));
    let Some(id) = id.filter(|id: &Arc<str>| !id.is_empty()) else {
        let help = "write `@id(\"name\")` before `forbid`";
        found.push(text.error("guardrail-id", at, "a guardrail needs an id".to_owned(), help));
        return None;
    };
    if let Some(other) = ids.insert(id.clone(), source.clone()) {
        let help = format!("rename one of them; the other is at {other}");
        found.push(text.error("guardrail-id", at.clone(), format!("`{id}` is the id of another guardrail"), help));
    }
    let caller = named_by(policy.principal_constraint().as_inner());
    let service = named_by(policy.resource_constraint().as_inner());
    let condition = policy.non_scope_constraints().map(lowering::lower);
    let condition = condition.unwrap_or(Condition { conjuncts: Vec::new(), captures: false });
    error::few_conjuncts(condition.conjuncts.len(), text, at, found);
    Some(Guardrail { id, source, caller, service, condition })
}

/// The one entity that a scope admits. Nothing has parents here, so `in` is equality.
fn named_by(scope: &Scope) -> Option<Arc<str>> {
    scope.get_euid().map(|uid| Arc::from(AsRef::<str>::as_ref(uid.eid())))
}

fn check(policies: &PolicySet, text: &Written, headers: BTreeSet<String>, found: &mut Vec<Diagnostic>) {
    let whole = 0..text.as_str().len();
    let shape = Shape { user: false, request: true, headers, captures: BTreeMap::new() };
    let Some(validator) = shape.validator() else {
        found.push(text.error(TYPE, whole, "the guardrails cannot be checked".to_owned(), "simplify them"));
        return;
    };
    let result = validator.validate(policies, ValidationMode::Strict);
    for problem in result.validation_errors() {
        error::note(TYPE, problem, text, whole.clone(), found);
    }
    for warning in result.validation_warnings() {
        let code = match warning {
            // What can never forbid looks as if it protected.
            ValidationWarning::ImpossiblePolicy(_) | ValidationWarning::InvalidActionApplication(_) => "guardrail-idle",
            warning if misleads(warning) => "cedar-misleading",
            _ => continue,
        };
        error::note(code, warning, text, whole.clone(), found);
    }
}
