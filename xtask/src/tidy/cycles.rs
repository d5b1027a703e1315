//! No import cycle between the modules of a crate (DESIGN §9).
//!
//! A module stands with all that is below it, and is compared with its siblings: `a → b` when something in or below `a`
//! names something in or below `b`. Between a module and its own parent there are no arrows: they are one idea, in
//! two files. A name that a module only passes on (`pub use`) counts as one of the module that has it.

use super::paths::{Named, paths};
use super::{Finding, Source};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;

/// A module's path in its crate; the root's is empty.
type Module = Vec<String>;
/// Where a name stands.
type Place = (PathBuf, usize);
/// For each module, the siblings that it names, and where first.
type Arrows = BTreeMap<String, BTreeMap<String, Place>>;

/// How often a name is followed from module to module.
const FOLLOWED_MAX: usize = 8;

/// Checks every crate.
pub(super) fn check(sources: &[Source], found: &mut Vec<Finding>) {
    let mut crates: BTreeMap<String, Vec<(&Source, Module)>> = BTreeMap::new();
    for source in sources.iter().filter(|source| !source.is_test) {
        if let Some((home, module)) = module_of(&source.place()) {
            crates.entry(home).or_default().push((source, module));
        }
    }
    for modules in crates.values() {
        for arrows in Crate::new(modules).arrows().values() {
            circles(arrows, found);
        }
    }
}

/// The crate and the module of a file, when it is one of a library, or of a program that has none.
fn module_of(place: &str) -> Option<(String, Module)> {
    let (home, path) = place.split_once("/src/")?;
    let path = path.strip_suffix(".rs")?;
    // A program in the crate of a library is a crate of its own, with one file.
    let home = if path == "main" || path.starts_with("bin/") { format!("{home} {path}") } else { home.to_owned() };
    let module = if matches!(path, "lib" | "main") { Vec::new() } else { path.split('/').map(str::to_owned).collect() };
    Some((home, module))
}

/// What is named in the modules of one crate.
struct Crate<'a> {
    named: BTreeMap<Module, (&'a Source, Vec<Named>)>,
}

impl<'a> Crate<'a> {
    fn new(modules: &[(&'a Source, Module)]) -> Crate<'a> {
        let named = modules.iter().map(|(source, module)| (module.clone(), (*source, paths(&source.code))));
        Crate { named: named.collect() }
    }

    /// The arrows between the children of each module.
    fn arrows(&self) -> BTreeMap<Module, Arrows> {
        let mut all: BTreeMap<Module, Arrows> = BTreeMap::new();
        for (from, (source, names)) in &self.named {
            for named in names {
                let Some(to) = self.resolve(from, &named.segments, FOLLOWED_MAX) else { continue };
                let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
                // One of them is above the other, or they are the same.
                let (Some(a), Some(b)) = (from.get(shared), to.get(shared)) else { continue };
                let above = from.iter().take(shared).cloned().collect();
                let arrows = all.entry(above).or_default().entry(a.clone()).or_default();
                arrows.entry(b.clone()).or_insert_with(|| (source.file.clone(), named.line));
            }
        }
        all
    }

    /// The module that a path in `from` leads to; none when it leaves the crate.
    fn resolve(&self, from: &Module, segments: &[String], follow: usize) -> Option<Module> {
        let mut at = from.clone();
        let (first, mut rest) = segments.split_first()?;
        match first.as_str() {
            "crate" => at.clear(),
            "self" => {}
            "super" => drop(at.pop()),
            child => {
                at.push(child.to_owned());
                self.named.get(&at)?;
            }
        }
        while let Some((next, after)) = rest.split_first() {
            if next == "super" {
                at.pop();
            } else {
                let below: Module = at.iter().chain([next]).cloned().collect();
                if !self.named.contains_key(&below) {
                    return Some(self.passed_on(&at, next, follow).unwrap_or(at));
                }
                at = below;
            }
            rest = after;
        }
        Some(at)
    }

    /// The module that `name` comes from, when `module` only passes it on.
    fn passed_on(&self, module: &Module, name: &str, follow: usize) -> Option<Module> {
        let (_, names) = self.named.get(module)?;
        let import = names.iter().find(|named| named.alias.as_deref() == Some(name))?;
        self.resolve(module, &import.segments, follow.checked_sub(1)?)
    }
}

/// Reports each circle once.
fn circles(arrows: &Arrows, found: &mut Vec<Finding>) {
    let mut reported = BTreeSet::new();
    for start in arrows.keys() {
        if reported.contains(start) {
            continue;
        }
        let Some(circle) = circle(arrows, start) else { continue };
        let places: Vec<&Place> =
            circle.iter().zip(circle.iter().skip(1)).filter_map(|(from, to)| arrows.get(*from)?.get(*to)).collect();
        let Some((file, line)) = places.first() else { continue };
        let told: Vec<String> = places.iter().map(|(file, line)| format!("{}:{line}", file.display())).collect();
        let names: Vec<String> = circle.iter().map(|name| format!("`{name}`")).collect();
        let message = format!(
            "modules import each other in a circle, {} ({}): move what they share below both",
            names.join(" → "),
            told.join(", ")
        );
        found.push(Finding { file: file.clone(), line: *line, message });
        reported.extend(circle.into_iter().cloned());
    }
}

/// The shortest way from a module back to itself.
fn circle<'a>(arrows: &'a Arrows, start: &'a String) -> Option<Vec<&'a String>> {
    let mut ways: VecDeque<Vec<&String>> = VecDeque::from([vec![start]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for next in way.last().and_then(|last| arrows.get(*last)).into_iter().flat_map(BTreeMap::keys) {
            let longer: Vec<&String> = way.iter().copied().chain([next]).collect();
            if next == start {
                return Some(longer);
            }
            if seen.insert(next) {
                ways.push_back(longer);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests;
