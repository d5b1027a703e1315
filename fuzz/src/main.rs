//! `drive TARGET|all [SECONDS] [SEED]`: the fuzz targets on a stable toolchain. `drive --list` names them, and
//! `drive TARGET FILE` runs one kept input, and `drive --inputs TARGET FOLDER` writes the inputs that a search begins with.

use selvedge_fuzz::{TARGETS, Target, drive, run};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

/// Seconds for one target.
const SECONDS: u64 = 60;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, rest @ ..] = arguments.as_slice() else { return usage() };
    if name == "--list" {
        TARGETS.iter().for_each(|target| println!("{}", target.name));
        return ExitCode::SUCCESS;
    }
    if let ("--inputs", [target, folder]) = (name.as_str(), rest) {
        return write_inputs(target, Path::new(folder));
    }
    let targets: Vec<&Target> = TARGETS.iter().filter(|target| name == "all" || target.name == *name).collect();
    if targets.is_empty() {
        return usage();
    }
    if let Some(input) = rest.first().filter(|file| Path::new(file).is_file()) {
        let input = std::fs::read(input).unwrap_or_default();
        targets.iter().for_each(|target| run(target.name, &input));
        return ExitCode::SUCCESS;
    }
    let number = |at: usize| rest.get(at).map(|text| text.parse::<u64>());
    match (number(0).unwrap_or(Ok(SECONDS)), number(1).unwrap_or(Ok(seed()))) {
        (Ok(seconds), Ok(seed)) => search(&targets, Duration::from_secs(seconds), seed),
        _ => usage(),
    }
}

fn search(targets: &[&Target], time: Duration, seed: u64) -> ExitCode {
    let artifacts = Path::new(env!("CARGO_MANIFEST_DIR")).join("artifacts");
    for target in targets {
        println!("{}: {} s, seed {seed}", target.name, time.as_secs());
        match drive::drive(target, time, seed, &artifacts) {
            Ok(count) => println!("{}: {count} inputs, nothing found", target.name),
            Err(found) => {
                println!("{}: FOUND with seed {seed}: {}\ninput: \"{}\"", target.name, found.what, found.input);
                println!("run it again: fuzz/run.sh {} {}", target.name, found.file.display());
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

fn write_inputs(name: &str, folder: &Path) -> ExitCode {
    let Some(target) = TARGETS.iter().find(|target| target.name == name) else { return usage() };
    for (index, input) in (target.inputs)().iter().enumerate() {
        if let Err(error) = std::fs::write(folder.join(format!("own-{index:03}")), input) {
            eprintln!("cannot write into `{}`: {error}", folder.display());
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn seed() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(1, |time| time.as_millis() as u64)
}

fn usage() -> ExitCode {
    eprintln!("usage: drive TARGET|all [SECONDS] [SEED] | TARGET FILE | --inputs TARGET FOLDER | --list");
    ExitCode::from(2)
}
