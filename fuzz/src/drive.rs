//! The search on a stable toolchain: no coverage, but seeds that reach deep, a seed that repeats a run, and all checks.

use crate::mutate::mutate;
use crate::random::Random;
use crate::{Target, run};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// An input that takes longer is a finding of its own: somebody's core is busy with one request.
const INPUT_TIME_MAX: Duration = Duration::from_secs(2);

/// An input for which something does not hold.
pub struct Found {
    /// Where the input was written.
    pub file: PathBuf,
    /// The input, escaped.
    pub input: String,
    /// What did not hold.
    pub what: String,
}

/// Runs a target's own inputs, and then mutations of them until the time is over.
///
/// # Errors
/// The first input for which something does not hold.
pub fn drive(target: &Target, time: Duration, seed: u64, artifacts: &Path) -> Result<u64, Found> {
    let inputs = (target.inputs)();
    let (start, mut told, mut count) = (Instant::now(), Instant::now(), 0_u64);
    for input in &inputs {
        one(target, input, artifacts)?;
        count += 1;
    }
    let mut random = Random::new(seed);
    while start.elapsed() < time {
        one(target, &mutate(&inputs, &mut random), artifacts)?;
        count += 1;
        if told.elapsed() >= TELL_EVERY {
            told = Instant::now();
            let seconds = start.elapsed().as_secs_f64();
            println!("{}: {count} inputs, {:.0}/s, {seconds:.0} s", target.name, count as f64 / seconds);
        }
    }
    Ok(count)
}

fn one(target: &Target, input: &[u8], artifacts: &Path) -> Result<(), Found> {
    let start = Instant::now();
    let panicked = panic::catch_unwind(AssertUnwindSafe(|| run(target.name, input))).err();
    let what = match panicked {
        Some(payload) => payload
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_else(|| "it panicked".to_owned()),
        None if start.elapsed() > INPUT_TIME_MAX => format!("it took {:?}", start.elapsed()),
        None => return Ok(()),
    };
    let file = artifacts.join(target.name).join(format!("crash-{:016x}", hash(input)));
    let written = file.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&file, input));
    let what = written.err().map_or(what.clone(), |error| format!("{what} (and the input was not kept: {error})"));
    Err(Found { file, input: input.escape_ascii().to_string(), what })
}

/// FNV-1a, for a file's name.
fn hash(input: &[u8]) -> u64 {
    input.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
