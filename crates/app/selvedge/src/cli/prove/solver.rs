//! One question to the solver, through Cedar's own compiler of policies to it: the one place beside core/policy that
//! names Cedar, since that compiler starts a process.

use anyhow::{Result, anyhow};
use cedar_policy::{EntityUid, EvalResult, PolicySet, Schema};
use cedar_policy_symcc::solver::LocalSolver;
use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicySet, Env};
use selvedge_policy::Implication;
use serde_json::{Map, Value, json};
use std::path::Path;
use tokio::process::Command;

/// Milliseconds that the solver may take for one service.
const SOLVER_MS_MAX: u32 = 60_000;

/// What the solver found: facts that `after` allows and `before` does not, attributes by name.
pub(super) struct Found {
    /// The caller's name as an entity, and its attributes.
    pub(super) caller: (String, Value),
    /// The attributes of the service.
    pub(super) service: Value,
    pub(super) context: Value,
}

/// Whether it holds: `None` when it was proved.
///
/// # Errors
/// When the solver gave no answer: it does not start, has not enough time, or does not know.
pub(super) fn ask(implication: &Implication, program: &Path) -> Result<Option<Found>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(asked(implication, program))
}

async fn asked(implication: &Implication, program: &Path) -> Result<Option<Found>> {
    let (schema, _) = Schema::from_cedarschema_str(&implication.schema)?;
    let kind = schema.request_envs().next().ok_or_else(|| anyhow!("the schema has no action"))?;
    let compile = |text: &str| {
        let policies: PolicySet = text.parse()?;
        Ok::<_, anyhow::Error>(CompiledPolicySet::compile(&policies, &kind, &schema)?)
    };
    let (before, after) = (compile(&implication.before)?, compile(&implication.after)?);
    let mut command = Command::new(program);
    command.args(["--lang", "smt"]).arg(format!("--tlimit={SOLVER_MS_MAX}")).kill_on_drop(true);
    let mut solver = CedarSymCompiler::new(LocalSolver::from_command(&mut command)?)?;
    let found = solver.check_implies_with_counterexample_opt(&after, &before).await?;
    found.as_ref().map(read).transpose()
}

fn read(found: &Env) -> Result<Found> {
    let request = &found.request;
    let caller = request.principal().ok_or_else(|| anyhow!("the solver names no caller"))?;
    let service = request.resource().ok_or_else(|| anyhow!("the solver names no service"))?;
    let attributes = |uid: &EntityUid| {
        let entity = found.entities.get(uid);
        let pairs = entity.into_iter().flat_map(|entity| entity.attrs());
        Value::Object(pairs.filter_map(|(key, value)| Some((key.to_owned(), plain(value.ok()?)))).collect())
    };
    let mut context = Map::new();
    for key in CONTEXT.iter().map(|key| (*key).to_owned()).chain((0..SEGMENTS_MAX).map(|at| format!("s{at}"))) {
        if let Some(value) = request.context().and_then(|context| context.get(&key)) {
            context.insert(key, plain(value));
        }
    }
    let name: &str = caller.id().as_ref();
    Ok(Found {
        caller: (name.to_owned(), attributes(caller)),
        service: attributes(service),
        context: Value::Object(context),
    })
}

/// What the context has, beside segments.
const CONTEXT: &[&str] = &["request", "refused", "depth", "method", "path", "headers", "client", "time", "tls", "user"];
/// Segments that are read: more than the patterns of a sensible mesh have.
const SEGMENTS_MAX: usize = 64;

fn plain(value: EvalResult) -> Value {
    match value {
        EvalResult::Bool(value) => json!(value),
        EvalResult::Long(value) => json!(value),
        EvalResult::String(value) => json!(value),
        EvalResult::EntityUid(uid) => json!(uid.to_string()),
        EvalResult::Set(items) => items.iter().cloned().map(plain).collect(),
        EvalResult::Record(fields) => {
            Value::Object(fields.iter().map(|(key, value)| (key.clone(), plain(value.clone()))).collect())
        }
        EvalResult::ExtensionValue(text) => json!(text),
    }
}
