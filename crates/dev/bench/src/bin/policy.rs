//! `bench-policy`: our side of `./x bench policy`. It writes repositories and OPA's input, and measures decisions of our
//! engine and of Cedar's authorizer.

use anyhow::{Context, Result, anyhow, bail};
use clap::{Parser, Subcommand};
use selvedge_bench::policy::chance::Chance;
use selvedge_bench::policy::measure::{Cost, Counting, Meter};
use selvedge_bench::policy::request::Request;
use selvedge_bench::policy::world::{Size, World};
use selvedge_bench::policy::{edit, opa};
use selvedge_config::{Checked, Diagnostic, render};
use selvedge_model::Decision;
use selvedge_policy::{Policy, Question, Reference};
use serde_json::{Value, json};
use std::hint::black_box;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: &Counting = &stats_alloc::INSTRUMENTED_SYSTEM;

/// Measures the policy engine, or writes what its peers need to decide the same.
#[derive(Parser)]
struct Arguments {
    /// Services of the mesh.
    #[arg(long, global = true, default_value_t = 1_000)]
    services: usize,
    /// Rules of each service.
    #[arg(long, global = true, default_value_t = 10)]
    rules: usize,
    /// Requests drawn.
    #[arg(long, global = true, default_value_t = 100_000)]
    requests: usize,
    /// What all chance follows from.
    #[arg(long, global = true, default_value_t = 1)]
    seed: u64,
    /// Every rule has a condition that stays Cedar.
    #[arg(long, global = true)]
    residual: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Decide the requests with our engine, and print what it cost as JSON.
    Decide {
        /// Seconds of each measurement.
        #[arg(long, default_value_t = 5.0)]
        seconds: f64,
    },
    /// The same with Cedar's authorizer, over the whole policy rendered as Cedar.
    Cedar {
        /// Seconds of the measurement.
        #[arg(long, default_value_t = 5.0)]
        seconds: f64,
    },
    /// Write the mesh repository.
    Repository {
        /// Where to.
        directory: PathBuf,
        /// Change a little in one service of a hundred, for `selvedge plan`.
        #[arg(long)]
        changed: bool,
    },
    /// Write the policy and the requests for OPA.
    Opa {
        /// Where to.
        directory: PathBuf,
    },
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let size = Size { services: arguments.services, rules: arguments.rules, residual: arguments.residual };
    let mut chance = Chance::new(arguments.seed);
    let mut world = World::draw(size, &mut chance);
    let mut requests = || Request::draw(&world, arguments.requests, &mut chance);
    match &arguments.command {
        Command::Decide { seconds } => print(&ours(&world, &requests()?, *seconds)?),
        Command::Cedar { seconds } => print(&cedar(&world, &requests()?, *seconds)?),
        Command::Opa { directory } => write_opa(&world, &requests()?, directory),
        Command::Repository { directory, changed } => {
            if *changed {
                edit::change(&mut world);
            }
            world.files().iter().try_for_each(|file| write(&directory.join(&*file.name), &file.text))
        }
    }
}

/// Every figure of our engine. Decisions share a reading of the clock in batches of 32.
fn ours(world: &World, requests: &[Request], seconds: f64) -> Result<Value> {
    let meter = Meter { allocator: ALLOCATOR, time: Duration::from_secs_f64(seconds), batch: 32 };
    let checked = checked(world)?;
    let (policy, bytes, compile) = meter.held(|| Policy::compile(&checked));
    let policy = policy.map_err(|found| shown(world, &found))?;
    let all: Vec<&Request> = requests.iter().collect();
    let (allowed, denied): (Vec<&Request>, Vec<&Request>) = all.iter().partition(|request| allows(&policy, request));
    if allowed.is_empty() || denied.is_empty() {
        bail!("all requests have the same answer: draw more");
    }
    let cost = |requests: &[&Request]| {
        let touch = |request: &&Request| {
            black_box(request.read());
        };
        json_of(&meter.cost(requests, touch, |request| drop(black_box(policy.decide(black_box(&request.facts()))))))
    };
    Ok(json!({
        "rules": world.rules(), "allowed_part": allowed.len() as f64 / all.len() as f64,
        "prepare_ms": compile.as_secs_f64() * 1e3, "bytes": bytes,
        "index_bytes": policy.index_bytes(), "all": cost(&all), "allowed": cost(&allowed), "denied": cost(&denied),
    }))
}

/// Every figure of Cedar's authorizer, whose answers must be ours. Requests and entities are made before the clock runs.
fn cedar(world: &World, requests: &[Request], seconds: f64) -> Result<Value> {
    let meter = Meter { allocator: ALLOCATOR, time: Duration::from_secs_f64(seconds), batch: 1 };
    let checked = checked(world)?;
    let policy = Policy::compile(&checked).map_err(|found| shown(world, &found))?;
    let (reference, bytes, prepare) = meter.held(|| Reference::of(&checked));
    let reference = reference.context("Cedar does not read the rendered policy")?;
    let question = |request: &Request| reference.question(&policy, &request.facts()).context("facts are not rendered");
    let questions: Vec<Question> = requests.iter().map(question).collect::<Result<_>>()?;
    for (request, question) in requests.iter().zip(&questions) {
        let (ours, theirs) = (allows(&policy, request), reference.answer(question).allowed);
        if ours != theirs {
            bail!("we say {ours}, Cedar {theirs}: {request:?}");
        }
    }
    let all = meter.cost(&questions, |_| {}, |question| drop(black_box(reference.answer(question))));
    Ok(json!({
        "rules": world.rules(), "prepare_ms": prepare.as_secs_f64() * 1e3, "bytes": bytes, "all": json_of(&all),
    }))
}

fn json_of(cost: &Cost) -> Value {
    json!({
        "median_ns": cost.median_ns, "p99_ns": cost.p99_ns, "allocations": cost.allocations, "decisions": cost.decisions,
    })
}

fn checked(world: &World) -> Result<Checked> {
    selvedge_config::check(&world.files()).map_err(|found| shown(world, &found))
}

fn shown(world: &World, found: &[Diagnostic]) -> anyhow::Error {
    anyhow!("{}", render(found, &world.files(), false))
}

fn allows(policy: &Policy, request: &Request) -> bool {
    matches!(policy.decide(&request.facts()), Decision::Allow(_))
}

fn write_opa(world: &World, requests: &[Request], directory: &Path) -> Result<()> {
    let policy = Policy::compile(&checked(world)?).map_err(|found| shown(world, &found))?;
    let requests = requests.iter().map(|request| opa::request(request, allows(&policy, request)));
    write(&directory.join("policy.rego"), &opa::rego(world))?;
    write(&directory.join("data.json"), &opa::data(world).to_string())?;
    write(&directory.join("requests.json"), &Value::Array(requests.collect()).to_string())
}

fn write(path: &Path, text: &str) -> Result<()> {
    let unwritable = || format!("cannot write `{}`", path.display());
    std::fs::create_dir_all(path.parent().unwrap_or(path)).with_context(unwritable)?;
    std::fs::write(path, text).with_context(unwritable)
}

fn print(value: &Value) -> Result<()> {
    writeln!(std::io::stdout(), "{value}").context("cannot write to standard output")
}
