//! The format, the judge, and the repository's own cases on `core/http` alone.

use crate::*;
use selvedge_model::Role;
use std::path::Path;

const ROLES: [Role; 3] = [Role::Gateway, Role::MeshOutbound, Role::MeshInbound];

fn case(text: &str) -> Result<Case, CaseError> {
    Case::parse(Path::new("x.case"), text)
}

fn scene() -> Scene {
    Scene { host: "a.example".into(), peer: "192.0.2.1".into(), scheme: "https".into() }
}

const GOOD: &str = "why: w\nsource: s\n\n--- request\nGET /b HTTP/1.1\nHost: {HOST}\n\n--- expect\nstatus: 200\n\n\
                    --- upstream\nGET /b HTTP/1.1\nhost: {host}\n\n";

#[test]
fn every_case_of_the_repository_holds_for_the_parser_alone() {
    let mut cases = requests().unwrap();
    cases.retain(|case| !case.over_sockets);
    assert!(cases.len() >= 80, "{} cases", cases.len());
    for role in ROLES {
        let (count, failures) = run(&cases, &mut Pure(role)).unwrap();
        let lines: Vec<String> = failures.iter().map(ToString::to_string).collect();
        assert!(count > 0 && lines.is_empty(), "{} of {count} failed:\n{}", lines.len(), lines.join("\n"));
    }
}

#[test]
fn a_line_ends_in_cr_lf_and_escapes_are_bytes() {
    let text = ["a\\r\\x00\\\\", "b{repeat 3 x\\n}{host}{other}\\", "{HOST}"];
    let template = Template::parse(text.into_iter()).unwrap();
    assert_eq!(template.render(&scene()), b"a\r\0\\\r\nbx\nx\nx\na.example{other}A.EXAMPLE\r\n");
    for text in ["\\q", "\\x0", "\\xgg", "{repeat x}", "{repeat 3 x"] {
        assert!(Template::parse([text].into_iter()).is_err(), "{text}");
    }
}

#[test]
fn a_file_that_is_no_case_is_refused_with_its_line() {
    for (text, words) in [
        (GOOD.replace("why: w\n", ""), "x.case:0: `why` is missing"),
        (GOOD.replace("source: s\n", ""), "`source` is missing"),
        (GOOD.replace("status: 200\n", ""), "`status` is missing"),
        (GOOD.replace("status: 200", "status: 99"), "x.case:9: `status: 99` is not known here"),
        (GOOD.replace("source: s", "sauce: s"), "x.case:2: `sauce: s` is not known here"),
        (GOOD.replace("source: s", "source: s\nroles: edge"), "`roles: edge` is not known"),
        (GOOD.replace("--- request", "--- requests"), "`--- requests` is not known"),
        (GOOD.replace("{HOST}", "\\q"), "no escape begins so"),
    ] {
        let error = case(&text).unwrap_err().to_string();
        assert!(error.contains(words), "{error} has no {words}");
    }
}

#[test]
fn an_outcome_is_compared_in_every_part() {
    let good = |upstream: &str| Outcome { status: Some(200), closed: false, upstream: Some(upstream.into()) };
    let case = case(&GOOD.replace("status: 200", "status: 200 or 204\nnever: forged\nabsent: X-Real-IP")).unwrap();
    let seen = "GET /b HTTP/1.1\r\nhost: a.example\r\nx-forwarded-for: 192.0.2.1\r\n\r\n";
    assert_eq!(case.judge(&good(seen), &scene()), Ok(()));
    for (outcome, words) in [
        (Outcome { status: Some(400), ..good(seen) }, "status: wanted 200 or 204, got 400"),
        (Outcome { upstream: None, ..good(seen) }, "whole requests upstream"),
        (good(&seen.replace("/b", "/c")), "request line"),
        (good(&seen.replace("a.example", "b.example")), "fields"),
        (good(&seen.replace("\r\n\r\n", "\r\nx: y\r\n\r\n")), "fields"),
        (good(&seen.replace("\r\n\r\n", "\r\ncontent-length: 1\r\n\r\nz")), "body"),
        (good(&seen.replace("192.0.2.1", "forged")), "never `forged`"),
        (good(&seen.replace("x-forwarded-for", "x-real-ip")), "no field `x-real-ip`"),
        (good(&format!("{seen}{seen}")), "whole requests upstream"),
        (good(&format!("{seen}GET")), "whole requests upstream"),
    ] {
        let mismatch = case.judge(&outcome, &scene()).unwrap_err();
        assert!(mismatch.0.contains(words), "{mismatch} has no {words}");
    }
}

#[test]
fn a_refusal_lets_nothing_whole_through() {
    let refusal =
        |more: &str| case(&format!("why: w\nsource: s\n--- request\n\n--- expect\nstatus: 400\n{more}")).unwrap();
    let outcome = |upstream: &str| Outcome { status: Some(400), closed: false, upstream: Some(upstream.into()) };
    assert!(refusal("").judge(&outcome(""), &scene()).is_ok());
    assert!(refusal("").judge(&outcome("G"), &scene()).is_err());
    assert!(refusal("closed: yes").judge(&outcome(""), &scene()).is_err());
    let head = "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n";
    assert!(refusal("upstream: cut").judge(&outcome(&format!("{head}5\r\nab")), &scene()).is_ok());
    assert!(refusal("upstream: cut").judge(&outcome(&format!("{head}2\r\nab\r\n0\r\n\r\n")), &scene()).is_err());
}

#[test]
fn an_open_case_must_fail_until_it_is_mended() {
    let open = |text: &str| vec![case(&text.replace("source: s", "source: s\nopen: not yet")).unwrap()];
    assert_eq!(run(&open(GOOD), &mut Pure(Role::Gateway)).unwrap().1.len(), 1);
    let (count, failures) = run(&open(&GOOD.replace("/b", "/%2f")), &mut Pure(Role::Gateway)).unwrap();
    assert_eq!((count, failures), (1, Vec::new()));
}
