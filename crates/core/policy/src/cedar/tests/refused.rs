//! What is refused when a repository is checked, and where the caret stands.

use super::{errors, repository, serde_quoted};
use selvedge_config::render;

/// A condition of the outside rule, the code of its error, and what is marked.
const CONDITIONS: &[(&str, &str, &str)] = &[
    ("context.user.amr.contain(\"mfa\")", "cedar-syntax", "context.user.amr.contain(\"mfa\")"),
    ("context.user.amr &&", "cedar-syntax", ""),
    ("true); permit(principal, action, resource", "cedar-syntax", ")"),
    ("context.usr.subject == \"a\"", "cedar-type", "context.usr.subject"),
    ("context.user.subject == 3", "cedar-type", "context.user.subject == 3"),
    ("context.method", "cedar-type", "context.method"),
    ("context.client.isInRange(ip(\"10.0.0.0/8\"))", "cedar-type", "context.client.isInRange(ip(\"10.0.0.0/8\"))"),
    ("context has client && context.client.isInRange(ip(\"10.0.0.0/99\"))", "cedar-type", "ip(\"10.0.0.0/99\")"),
    ("context.captures.id == \"1\"", "cedar-type", "context.captures.id"),
    ("context.captures has nothing && context.captures.nothing == \"\"", "", ""),
    ("context.headers.x_tenant == \"a\"", "cedar-type", "context.headers.x_tenant"),
    ("context.headers has authorization", "cedar-type", "context.headers has authorization"),
    ("context.headers has x_forwarded_for", "cedar-type", "context.headers has x_forwarded_for"),
    ("context.headers has X_Tenant", "cedar-type", "context.headers has X_Tenant"),
    ("principal == Caller::\"chekout\"", "unknown-name", "Caller::\"chekout\""),
    ("principal == User::\"u1\"", "cedar-type", ""),
    ("principal == ?principal", "cedar-type", ""),
    ("context.user.subject == \"раypal\"", "cedar-misleading", ""),
];

#[test]
fn each_mistake_in_a_condition_is_refused_with_its_code_and_place() {
    for (condition, code, marked) in CONDITIONS {
        let files = repository(&format!("when: {}", serde_quoted(condition)), "", "");
        let found = errors(&files);
        let Some(error) = found.iter().find(|error| error.code == *code) else {
            assert!(code.is_empty() && found.is_empty(), "{condition}: {found:?}");
            continue;
        };
        let line = files[0].text.lines().nth(error.line as usize - 1).unwrap();
        let at: String = line.chars().skip(error.column as usize - 1).take(error.width as usize).collect();
        assert!(marked.is_empty() || at == *marked, "{condition}: marks `{at}`: {}", render(&found, &files, false));
    }
}

#[test]
fn a_condition_in_a_block_is_marked_on_its_own_line() {
    let block = "when: |\n        context.user.amr.contains(\"mfa\") &&\n          context.usr == 1";
    let files = repository(block, "", "");
    let found = errors(&files);
    let shown = render(&found, &files, false);
    let line = files[0].text.lines().position(|line| line.contains("context.usr")).unwrap() + 1;
    assert!(shown.contains(&format!("mesh.yaml:{line}:11")), "{shown}");
}

#[test]
fn inside_and_on_tcp_ports_there_is_less_to_see() {
    let codes = |inside: &str, tcp: &str| {
        let text = super::MESH.replace("WHEN", "").replace("INSIDE", inside).replace("RAW", tcp);
        errors(&[selvedge_config::SourceFile { name: "mesh.yaml".into(), text: text.into() }]).len()
    };
    assert_eq!(codes("when: 'context.user.subject == \"a\"'", ""), 1);
    assert_eq!(codes("when: 'context has user && context.user.subject == \"a\"'", ""), 0);
    assert_eq!(codes("", "when: 'context.path == \"/\"'"), 1);
    assert_eq!(codes("", "when: 'context.method == \"GET\"'"), 1);
    assert_eq!(codes("", "when: 'context.time.hour < 18 && principal.labels.contains(\"team=checkout\")'"), 0);
}

/// A file of guardrails, and the code of its error.
const GUARDRAILS: &[(&str, &str)] = &[
    ("", ""),
    ("// nothing yet", ""),
    ("@id(\"a\") forbid(principal, action, resource);", ""),
    ("forbid(principal, action, resource);", "guardrail-id"),
    ("@id(\"\") forbid(principal, action, resource);", "guardrail-id"),
    ("@id(\"a\") permit(principal, action, resource);", "guardrail-permits"),
    ("@id(\"a\") forbid(principal, action, resource); @id(\"a\") forbid(principal, action, resource);", "guardrail-id"),
    ("@id(\"a\") forbid(principal, action, resource)", "cedar-syntax"),
    ("@id(\"a\") forbid(principal == ?principal, action, resource);", "cedar-syntax"),
    ("@id(\"a\") forbid(principal == Caller::\"nobody\", action, resource);", "unknown-name"),
    ("@id(\"a\") forbid(principal == Caller::\"gateway/public\", action, resource);", ""),
    ("@id(\"a\") forbid(principal == Service::\"orders\", action, resource);", "guardrail-idle"),
    ("@id(\"a\") forbid(principal, action == Action::\"walk\", resource);", "cedar-type"),
    ("@id(\"a\") forbid(principal, action, resource) when { false };", "guardrail-idle"),
    ("@id(\"a\") forbid(principal, action, resource) when { context.user.subject == \"x\" };", "cedar-type"),
    ("@id(\"a\") forbid(principal, action, resource) when { context.captures.id == \"x\" };", "cedar-type"),
    ("kind: Mesh", "cedar-syntax"),
];

#[test]
fn each_mistake_in_a_guardrail_is_refused_with_its_code() {
    for (text, code) in GUARDRAILS {
        let found = errors(&repository("", "", text));
        assert!(found.iter().all(|error| error.file.as_ref() == "company.cedar"), "{text}: {found:?}");
        assert!(
            if code.is_empty() { found.is_empty() } else { found.iter().any(|e| e.code == *code) },
            "{text}: {found:?}"
        );
    }
}

#[test]
fn errors_of_conditions_come_together_with_all_others() {
    let mut files = repository("when: 'context.usr == 1'", "", "@id(\"a\") permit(principal, action, resource);");
    files[0].text = files[0].text.replace("workload", "x").replace("protocol: TCP", "protocol: TPC").into();
    let codes: Vec<&str> = errors(&files).iter().map(|error| error.code).collect();
    assert!(codes.contains(&"cedar-type") && codes.contains(&"guardrail-permits"), "{codes:?}");
}
