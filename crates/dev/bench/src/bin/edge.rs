//! What limits and API keys cost for one request, without a network: nanoseconds, and the memory of a flood of keys.

use anyhow::{Context, Result};
use clap::Parser;
use selvedge_authn::{new_key, shown_key};
use selvedge_limit::{Gcra, Keys, Place, Quota, Rate, Table, Used, Window};
use serde_json::json;
use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

/// Keys of the flood.
const FLOOD: u64 = 10_000_000;
/// Keys that the default table has room for.
const KEYS: usize = 1 << 18;
/// Callers that were there before the flood.
const HONEST: u64 = 1_000;
const MIB: f64 = 1024.0 * 1024.0;

/// Measures what limits and API keys cost.
#[derive(Parser)]
struct Arguments {
    /// How often each step is taken.
    #[arg(long, default_value_t = 2_000_000)]
    steps: u64,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let keys = Keys::new([1, 2, 3, 4]);
    let rate = Rate::new(1_000_000, 1_000, 1_000_000)?;
    let figures = json!({
        "rate_ns": rate_ns(&keys, &rate, arguments.steps),
        "quota_ns": quota_ns(&keys, arguments.steps),
        "key_ns": key_ns(arguments.steps)?,
        "flood": flood(&keys)?,
    });
    writeln!(std::io::stdout(), "{figures}").context("cannot print")
}

/// The usual key: where the limit stands, issuer and subject.
fn parts(number: &[u8]) -> [&[u8]; 4] {
    [b"gateway", b"rule orders/customers-read: rate 100/s per subject", b"corporate", number]
}

fn rate_ns(keys: &Keys, rate: &Rate, steps: u64) -> f64 {
    let table = Table::<Gcra>::new(KEYS);
    each(steps, |step| {
        let key = keys.key(parts(&(step % HONEST).to_be_bytes()));
        black_box(table.with(key, step * 100, |state| state.take(rate, step * 100)));
    })
}

fn quota_ns(keys: &Keys, steps: u64) -> f64 {
    let (table, quota) = (Table::<Used>::new(KEYS), Quota { count: u32::MAX, window: Window::Day });
    each(steps, |step| {
        let key = keys.lasting(parts(&(step % HONEST).to_be_bytes()));
        black_box(table.with(key, 1_790_000_000, |state| state.take(&quota, 1_790_000_000)));
    })
}

fn key_ns(steps: u64) -> Result<f64> {
    let key = new_key([7; 8], &[9; 32]);
    let mut kept = [0; 32];
    for (byte, at) in kept.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(key.sha256.get(at..at + 2).context("the hash is too short")?, 16)?;
    }
    Ok(each(steps, |_| {
        black_box(shown_key(black_box(key.text.as_bytes())).is_some_and(|shown| shown.is(&kept)));
    }))
}

/// All at one moment: the worst that a flood can be, since no key's state becomes idle during it.
fn flood(keys: &Keys) -> Result<serde_json::Value> {
    let (now, rate) = (1_000_000_000, Rate::new(60, 60_000, 10)?);
    let before = resident()?;
    let table = Table::<Gcra>::new(KEYS);
    let ask = |who: &[u8]| table.with(keys.key([b"client", who]), now, |state| state.take(&rate, now));
    let honest = |number: u64| format!("honest {number}").into_bytes();
    for number in 0..HONEST {
        black_box(ask(&honest(number)));
    }
    let begun = Instant::now();
    let through = (0..FLOOD).filter(|number| ask(&number.to_be_bytes()).1.admitted).count();
    let ns = begun.elapsed().as_nanos() as f64 / FLOOD as f64;
    let kept =
        (0..HONEST).filter(|number| matches!(ask(&honest(*number)), (Place::Own, taken) if taken.admitted)).count();
    Ok(json!({
        "keys": FLOOD, "ns": ns, "table_mib": table.bytes() as f64 / MIB, "grown_mib": (resident()? - before) / MIB,
        "through": through, "honest_kept": kept, "honest": HONEST,
    }))
}

fn each(steps: u64, mut step: impl FnMut(u64)) -> f64 {
    let begun = Instant::now();
    (0..steps).for_each(&mut step);
    begun.elapsed().as_nanos() as f64 / steps as f64
}

/// Bytes of this process that are in memory.
fn resident() -> Result<f64> {
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    let pages: f64 = pages.split(' ').nth(1).context("statm has no second number")?.parse()?;
    Ok(pages * 4096.0)
}
