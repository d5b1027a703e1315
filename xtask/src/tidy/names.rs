//! Who may name what in sources: the outside world, the clock and chance stay out of `core`, and a library that must
//! not spread stays in its file.

use super::paths::{Named, paths};
use super::{Finding, Source};
use std::collections::BTreeMap;

/// Something that is named in some places only.
struct Rule {
    /// A path, and all that is below it. The last segment may end in `*`.
    path: &'static str,
    /// Where the rule holds: the beginning of a file's path.
    within: &'static str,
    /// Where it does not.
    except: &'static [&'static str],
    /// What to do instead.
    remedy: &'static str,
}

const OUTSIDE: &str = "core has no socket, file, process or thread: take bytes as an argument";
const CLOCK: &str = "core has no clock: take `now` as an argument";
const CHANCE: &str = "core has no randomness: take a seed as an argument";
const ENVIRONMENT: &str = "environment variables are read in cli alone: take the value as an argument";
const CEDAR: &str = "Cedar is spoken in crates/core/policy/src/cedar alone: take our own form of conditions";
const TLS: &str = "TLS is spoken in crates/io/net/src/tls alone: call it instead";

/// Where Cedar may be named: the second is what asks a solver, which starts a process, so it cannot be in core.
const SPEAKS_CEDAR: &[&str] = &["crates/core/policy/src/cedar", "crates/app/selvedge/src/cli/prove/solver.rs"];

/// Where environment variables may be read.
const READS_ENVIRONMENT: &[&str] = &["crates/app/selvedge/src/cli", "crates/dev/"];

const RULES: &[Rule] = &[
    core("tokio", OUTSIDE),
    core("hyper", OUTSIDE),
    core("hyper_util", OUTSIDE),
    core("mio", OUTSIDE),
    core("socket2", OUTSIDE),
    core("std::net::Tcp*", OUTSIDE),
    core("std::net::Udp*", OUTSIDE),
    core("std::net::ToSocketAddrs", OUTSIDE),
    core("std::os", OUTSIDE),
    core("std::fs", OUTSIDE),
    core("std::process", OUTSIDE),
    core("std::thread", OUTSIDE),
    core("std::env", OUTSIDE),
    core("std::io::std*", OUTSIDE),
    core("std::time::SystemTime", CLOCK),
    core("std::time::Instant", CLOCK),
    core("time::OffsetDateTime::now*", CLOCK),
    core("getrandom", CHANCE),
    core("rand", CHANCE),
    // Keys are made where they belong, by the cryptography library's own generator: the one exception.
    Rule { path: "aws_lc_rs::rand", within: "crates/core/", except: &["crates/core/identity/"], remedy: CHANCE },
    everywhere("std::env::var*", READS_ENVIRONMENT, ENVIRONMENT),
    everywhere("std::env::set_var", &[], "what other threads read must not change: pass the value on"),
    everywhere("std::env::remove_var", &[], "what other threads read must not change: pass the value on"),
    everywhere("std::env::home_dir", READS_ENVIRONMENT, ENVIRONMENT),
    everywhere("std::env::temp_dir", READS_ENVIRONMENT, ENVIRONMENT),
    everywhere("rustls", &["crates/io/net/src/tls"], TLS),
    everywhere("tokio_rustls", &["crates/io/net/src/tls"], TLS),
    everywhere("rustls_native_certs", &["crates/io/net/src/tls"], TLS),
    everywhere("serde_saphyr", &["crates/core/config/src/tree.rs"], "YAML is read in tree.rs alone: take its nodes"),
    everywhere("cedar_policy*", SPEAKS_CEDAR, CEDAR),
    everywhere("miette", &["crates/core/policy/src/cedar"], CEDAR),
    everywhere(
        "anyhow",
        &["crates/app/selvedge/", "crates/dev/"],
        "anyhow is for the binary: write an enum whose variants are facts",
    ),
];

const fn core(path: &'static str, remedy: &'static str) -> Rule {
    Rule { path, within: "crates/core/", except: &[], remedy }
}

const fn everywhere(path: &'static str, except: &'static [&'static str], remedy: &'static str) -> Rule {
    Rule { path, within: "crates/", except, remedy }
}

/// Checks one file of product code. Each rule is reported once, where it is broken first.
pub(super) fn check(source: &Source, found: &mut Vec<Finding>) {
    let place = source.place();
    let holds =
        |rule: &&Rule| place.starts_with(rule.within) && !rule.except.iter().any(|except| place.starts_with(except));
    let rules: Vec<&Rule> = RULES.iter().filter(holds).collect();
    if rules.is_empty() {
        return;
    }
    let named = paths(&source.code);
    let known: BTreeMap<&str, &[String]> =
        named.iter().filter_map(|n| n.alias.as_deref().map(|alias| (alias, n.segments.as_slice()))).collect();
    for rule in rules {
        let first = named.iter().find(|named| rule.covers(&full(named, &known)));
        if let Some(named) = first {
            let message = format!("`{}` may not be named here: {}", rule.path, rule.remedy);
            found.push(Finding { file: source.file.clone(), line: named.line, message });
        }
    }
}

/// A path with its first segment as `use` made it known.
fn full(named: &Named, known: &BTreeMap<&str, &[String]>) -> Vec<String> {
    let Some((first, rest)) = named.segments.split_first() else { return Vec::new() };
    match known.get(first.as_str()) {
        Some(before) if **before != named.segments[..] => [before, rest].concat(),
        _ => named.segments.clone(),
    }
}

impl Rule {
    fn covers(&self, segments: &[String]) -> bool {
        let pattern: Vec<&str> = self.path.split("::").collect();
        for (index, part) in pattern.iter().enumerate() {
            let fits = match (segments.get(index).map(String::as_str), part.strip_suffix('*')) {
                // Everything is taken that is there, and this is there.
                (Some("*"), _) => return index > 0,
                (Some(segment), Some(start)) => segment.starts_with(start),
                (Some(segment), None) => segment == *part,
                (None, _) => false,
            };
            if !fits {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests;
