//! `cases/policy`: small repositories, each with one known defect or none. `selvedge check` finds every defect at its
//! place and nothing else; `selvedge test` passes or fails as each says; and for every repository that is valid, the
//! analysis gives the answer that the engine gives for every concrete request.

#[path = "policy_corpus/brute.rs"]
mod brute;
#[path = "policy_corpus/case.rs"]
mod case;
#[path = "policy_corpus/term.rs"]
mod term;

use case::{Case, Verdict};
use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::Path;

type Done = Result<(), Box<dyn Error>>;

/// Fewer would mean that repositories got lost.
const CASES_MIN: usize = 60;

fn cases() -> Result<Vec<Case>, Box<dyn Error>> {
    Case::all(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../cases/policy")))
}

fn report(failures: &[String]) -> Done {
    if failures.is_empty() { Ok(()) } else { Err(format!("{}\n{}", failures.len(), failures.join("\n")).into()) }
}

#[test]
fn every_defect_is_found_at_its_place_and_nothing_else_is() -> Done {
    let cases = cases()?;
    assert!(cases.len() >= CASES_MIN, "only {} repositories", cases.len());
    let mut failures = Vec::new();
    for case in &cases {
        let found = case.check()?;
        if found != case.expected {
            failures.push(format!("{}: {}\n  expected {:?}\n  found    {found:?}", case.name, case.why, case.expected));
        }
    }
    report(&failures)
}

#[test]
fn expectations_pass_or_fail_as_each_repository_says() -> Done {
    let mut failures = Vec::new();
    for case in cases()? {
        let Some(verdict) = case.test else { continue };
        let code = case.run(&["test"])?.status.code();
        let wanted = match verdict {
            Verdict::Passes => 0,
            Verdict::Fails => 1,
        };
        if code != Some(wanted) {
            failures.push(format!("{}: {}: exit {code:?}, not {wanted}", case.name, case.why));
        }
    }
    report(&failures)
}

#[test]
fn the_analysis_answers_every_concrete_request_as_the_engine_does() -> Done {
    let (mut failures, mut compared) = (Vec::new(), 0);
    for case in cases()?.iter().filter(|case| !case.is_refused()) {
        let repository = brute::Repository::read(&case.directory).map_err(|e| format!("{}: {e}", case.name))?;
        compared += repository.compare(&mut |difference| failures.push(format!("{}: {difference}", case.name)));
    }
    assert!(compared > 100_000, "only {compared} requests");
    failures.truncate(20);
    report(&failures)
}

/// As the program prints it: whom `who-can` names is who may, and `can` exits accordingly for each caller.
#[test]
fn the_commands_answer_as_brute_force_does() -> Done {
    let mut failures = Vec::new();
    for case in cases()?.iter().filter(|case| case.expected.is_empty()) {
        for asked in brute::Repository::read(&case.directory)?.by_rule() {
            let named = case.who_can(&asked.service, &asked.request)?;
            if named != asked.allowed {
                let (service, request) = (&asked.service, &asked.request);
                failures.push(format!("{}: {request} of {service}: {named:?}, not {:?}", case.name, asked.allowed));
            }
            for caller in &asked.callers {
                let code = case.run(&["can", caller, &asked.service, &asked.request])?.status.code();
                if code != Some(i32::from(!asked.allowed.contains(caller))) {
                    failures
                        .push(format!("{}: can {caller} {} of {}: {code:?}", case.name, asked.request, asked.service));
                }
            }
        }
    }
    report(&failures)
}

#[test]
fn every_finding_has_a_page_and_a_repository() -> Done {
    let pages = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/findings"));
    let mut written = BTreeSet::new();
    for entry in fs::read_dir(pages)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        written.extend(name.strip_suffix(".md").filter(|name| *name != "README").map(str::to_owned));
    }
    let planted: BTreeSet<String> = cases()?.iter().filter(|case| !case.is_refused()).flat_map(Case::codes).collect();
    let known: BTreeSet<String> = selvedge_policy::analyse::CODES.iter().map(|code| (*code).to_owned()).collect();
    assert_eq!(written, known, "docs/findings has one page for each code");
    assert_eq!(planted, known, "cases/policy has a repository for each code");
    let index = fs::read_to_string(pages.join("README.md"))?;
    for code in &known {
        let page = fs::read_to_string(pages.join(format!("{code}.md")))?;
        for part in ["Why it matters", "How to fix it", "How to accept it", &format!("finding: {code}, reason:")] {
            assert!(page.contains(part), "{code}.md says nothing of `{part}`");
        }
        assert!(index.contains(&format!("({code}.md)")), "the index of findings lacks `{code}`");
    }
    Ok(())
}
