//! One repository of the corpus, and what its `expect` file says.

use serde_json::Value;
use std::collections::BTreeSet;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// One repository.
pub(crate) struct Case {
    /// The directory's name.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) directory: PathBuf,
    /// What is wrong with it, or what is tricky about it.
    pub(crate) why: String,
    /// What `check` finds: codes with `file:line`, sorted.
    pub(crate) expected: Vec<String>,
    /// What `selvedge test` says, if the case has expectations.
    pub(crate) test: Option<Verdict>,
}

/// What `selvedge test` says.
#[derive(Clone, Copy)]
pub(crate) enum Verdict {
    /// All expectations hold.
    Passes,
    /// One does not.
    Fails,
}

impl Case {
    /// All cases, in order of name.
    pub(crate) fn all(corpus: &Path) -> Result<Vec<Case>, Box<dyn Error>> {
        let mut cases = Vec::new();
        for entry in std::fs::read_dir(corpus)? {
            let directory = entry?.path();
            if directory.is_dir() {
                cases.push(Case::read(directory)?);
            }
        }
        cases.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(cases)
    }

    fn read(directory: PathBuf) -> Result<Case, Box<dyn Error>> {
        let name = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(directory.join("expect")).map_err(|e| format!("{name}/expect: {e}"))?;
        let mut case = Case { name, directory, why: String::new(), expected: Vec::new(), test: None };
        for line in text.lines() {
            match line.split_once(": ") {
                Some(("why", why)) => why.clone_into(&mut case.why),
                Some(("test", "passes")) => case.test = Some(Verdict::Passes),
                Some(("test", "fails")) => case.test = Some(Verdict::Fails),
                Some(_) => return Err(format!("{}/expect: what is `{line}`?", case.name).into()),
                None => case.expected.push(line.to_owned()),
            }
        }
        if case.why.is_empty() {
            return Err(format!("{}/expect says no `why`", case.name).into());
        }
        case.expected.sort();
        Ok(case)
    }

    /// Whether the repository has errors, and so no policy: findings have codes of their own pages.
    pub(crate) fn is_refused(&self) -> bool {
        !self.expected.is_empty() && self.codes().any(|code| !selvedge_policy::analyse::CODES.contains(&code.as_str()))
    }

    /// The codes that are expected.
    pub(crate) fn codes(&self) -> impl Iterator<Item = String> {
        self.expected.iter().map(|line| line.split(' ').next().unwrap_or_default().to_owned())
    }

    /// Runs the program with the repository as its last argument.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Output, Box<dyn Error>> {
        Ok(Command::new(env!("CARGO_BIN_EXE_selvedge")).args(arguments).arg(&self.directory).output()?)
    }

    /// The callers that `who-can` names: `checkout`, `gateway:public`.
    pub(crate) fn who_can(&self, service: &str, request: &str) -> Result<BTreeSet<String>, Box<dyn Error>> {
        let output = self.run(&["--output", "json", "who-can", service, request])?;
        let answer: Value = serde_json::from_slice(&output.stdout)
            .map_err(|e| format!("{}: no JSON ({e}): {}", self.name, String::from_utf8_lossy(&output.stderr)))?;
        let list = |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
        let callers = list(&answer, "answers").into_iter().flat_map(|answer| list(&answer, "callers"));
        let label = |caller: Value| {
            let text = |key: &str| caller.get(key).and_then(Value::as_str).map(str::to_owned);
            text("service").or_else(|| text("workload")).or_else(|| Some(format!("gateway:{}", text("gateway")?)))
        };
        Ok(callers.filter_map(label).collect())
    }

    /// What `check` finds, in the form of `expect`. Its exit code must agree: 1 for errors, 0 for findings or nothing.
    pub(crate) fn check(&self) -> Result<Vec<String>, Box<dyn Error>> {
        let output = self.run(&["check", "--output", "json"])?;
        let report: Value = serde_json::from_slice(&output.stdout)
            .map_err(|e| format!("{}: no JSON ({e}): {}", self.name, String::from_utf8_lossy(&output.stderr)))?;
        let list = |key: &str| report.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
        let (errors, findings) = (list("errors"), list("findings"));
        let code = i32::from(!errors.is_empty());
        if output.status.code() != Some(code) {
            return Err(format!("{}: exit {:?} with {} errors", self.name, output.status.code(), errors.len()).into());
        }
        let mut found: Vec<String> = errors.iter().chain(&findings).map(line).collect();
        found.sort();
        Ok(found)
    }
}

/// `CODE FILE:LINE`; a finding without a file is about the repository as a whole.
fn line(found: &Value) -> String {
    let place = found.get("at").unwrap_or(found);
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (code, file) = (text(found, "code"), text(place, "file"));
    match place.get("line").and_then(Value::as_u64) {
        Some(line) if !file.is_empty() => format!("{code} {file}:{line}"),
        _ => code,
    }
}
