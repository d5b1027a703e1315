//! Who may depend on whom: arrows go down, `app → io → core → model`, and some dependencies have one owner.

use super::Finding;
use std::path::Path;

/// Dependencies that one crate alone may name.
const OWNERS: &[(&str, &str)] = &[
    ("serde-saphyr", "crates/core/config"),
    ("cedar-policy-core", "crates/core/policy"),
    // For `selvedge prove` alone, behind a feature: it starts a process, which core may not.
    ("cedar-policy", "crates/app/selvedge"),
    ("cedar-policy-symcc", "crates/app/selvedge"),
    ("miette", "crates/core/policy"),
    ("jsonwebtoken", "crates/core/authn"),
    ("webpki", "crates/core/identity"),
    ("prost", "crates/io/workload"),
    ("rustix", "crates/io/net"),
    ("rustls", "crates/io/net"),
    ("tokio-rustls", "crates/io/net"),
];

/// Layers, from the ground up. A crate names only its own layer and those below.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Layer {
    Core,
    Io,
    App,
    Dev,
}

/// Checks one manifest under `crates/`.
pub(super) fn check(file: &Path, text: &str, found: &mut Vec<Finding>) {
    let home = file.parent().unwrap_or(file).to_string_lossy().replace('\\', "/");
    let mut section = "";
    for (index, line) in text.lines().enumerate() {
        if line.starts_with('[') {
            section = line;
        }
        let mut refuse = |message: String| found.push(Finding { file: file.into(), line: index + 1, message });
        let Some((dependency, rest)) = line.split_once(['.', ' ']).filter(|(_, rest)| rest.contains('=')) else {
            continue;
        };
        if let Some((_, owner)) = OWNERS.iter().find(|(name, owner)| *name == dependency && *owner != home) {
            refuse(format!("`{dependency}` belongs to {owner}: call that crate instead"));
        }
        if dependency.strip_prefix("selvedge-").is_some_and(|name| !may_name(&home, name, section)) {
            refuse(format!("`{home}` may not name `{dependency}`: arrows go down, app → io → core → model"));
        }
        if section.contains("dependencies") && rest.contains("version") {
            refuse(format!("declare the version of `{dependency}` once, in the workspace"));
        }
    }
}

fn may_name(home: &str, name: &str, section: &str) -> bool {
    let (from, to) = (layer(home), layer_of_crate(name));
    // What tests share may be named by the tests of all that it does not itself stand on.
    if to == Layer::Dev && section == "[dev-dependencies]" && from > Layer::Core {
        return true;
    }
    let strangers = matches!((home, name), ("crates/app/proxy", "control") | ("crates/app/control", "proxy"));
    to <= from && !home.ends_with("core/model") && !strangers
}

fn layer(home: &str) -> Layer {
    match home.split('/').nth(1) {
        Some("core") => Layer::Core,
        Some("io") => Layer::Io,
        Some("dev") => Layer::Dev,
        _ => Layer::App,
    }
}

fn layer_of_crate(name: &str) -> Layer {
    match name {
        "net" | "link" | "telemetry" | "state" | "workload" => Layer::Io,
        "proxy" | "control" | "console" => Layer::App,
        "testkit" | "sim" | "bench" => Layer::Dev,
        _ => Layer::Core,
    }
}

#[cfg(test)]
mod tests;
