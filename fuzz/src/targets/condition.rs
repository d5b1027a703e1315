//! Conditions and guardrails: whatever the text, checking answers; and what is allowed, Cedar's authorizer allows too.

use selvedge_config::{SourceFile, render};
use selvedge_model::{Credential, Decision, Facts, Name, Peer, Principal, RequestFacts};
use selvedge_policy::{Reference, check};

const MESH: &str = include_str!("condition.yaml");

/// The condition stands before a NUL, guardrails after it.
pub(super) fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (when, guardrails) = text.split_once('\0').unwrap_or((&text, ""));
    let quoted = when.replace(['\n', '\r'], " ").replace('\'', "''");
    let file = |name: &str, text: String| SourceFile { name: name.into(), text: text.into() };
    let files = vec![file("mesh.yaml", MESH.replace("WHEN", &quoted)), file("company.cedar", guardrails.to_owned())];
    let (checked, policy) = match check(&files) {
        Ok(compiled) => compiled,
        Err(found) => {
            assert!(!found.is_empty() && !render(&found, &files, false).is_empty(), "a refusal says why");
            return;
        }
    };
    let reference = Reference::of(&checked).expect("what compiles can be rendered");
    let name = |text: &str| Name::parse(text).expect("a name");
    let (gateway, service, port) = (name("public"), name("orders"), name("http"));
    let texts = |text: &str| text.split(' ').map(Into::into).collect();
    let issuer = name("corporate");
    let user = Principal { issuer, subject: "u1".into(), scopes: texts("r w"), groups: texts("a"), amr: texts("mfa") };
    for (path, now) in [("/orders", 0), ("/orders/u1", 1_791_192_600), ("/orders/admin", u64::MAX)] {
        let facts = Facts {
            peer: Peer::Outside { gateway: &gateway, host: "api.acme.example" },
            credential: Credential::Token(&user),
            service: &service,
            port: &port,
            request: Some(RequestFacts { method: "GET", path }),
            client: Some([10, 0, 0, 1].into()),
            now,
            headers: &[("x-tenant", "acme")],
            tls: None,
        };
        let answer = reference.answer(&reference.question(&policy, &facts).expect("facts are a question"));
        let failed = answer.failed.iter().any(|name| !name.contains('/'));
        let allowed = matches!(policy.decide(&facts), Decision::Allow(_));
        assert_eq!(allowed, answer.allowed && !failed, "{path} at {now}: {answer:?}");
    }
}

pub(super) fn inputs() -> Vec<Vec<u8>> {
    let inputs = [
        "context.user.scopes.contains(\"r\")",
        "context has client && context.client.isInRange(ip(\"10.0.0.0/8\"))",
        "context.captures has id && context.captures.id == context.user.subject",
        "context.headers has x_tenant && context.headers.x_tenant like \"ac*\"",
        "context.time.hour + 1 < 20 || !([\"GET\"].contains(context.method))",
        "if context.path == \"/orders\" then true else context.user.groups.containsAny([\"a\", \"b\"])",
        "true\0@id(\"a\") forbid(principal, action, resource) when { context.path like \"*admin\" };",
        "true\0@id(\"a\") forbid(principal == Caller::\"gateway/public\", action, resource == Service::\"orders\") unless { \
         context has user && context.user.amr.containsAll([\"mfa\"]) };",
    ];
    inputs.iter().map(|text| text.as_bytes().to_vec()).collect()
}
