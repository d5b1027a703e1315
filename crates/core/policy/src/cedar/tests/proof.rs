//! What a solver is asked: that Cedar reads it, that it is exact about paths and captures, and what is refused.

use super::MESH;
use crate::{Implication, Unprovable, check, implications};
use cedar_policy_core::extensions::Extensions;
use cedar_policy_core::parser::parse_policyset;
use cedar_policy_core::validator::{ValidationMode, Validator, ValidatorSchema};
use selvedge_config::{Checked, SourceFile};

fn checked(from: &str, to: &str, guardrails: &str) -> Checked {
    let mesh = MESH.replace("WHEN", "").replace("INSIDE", "").replace("RAW", "");
    let rule = format!(
        "\n---\napiVersion: selvedge.dev/v1\nkind: Access\nmetadata: {{ name: more }}\nspec:\n  service: orders\n  rules:\n    - name: proof\n      from: {{ service: checkout }}\n      ports: [http]\n      paths: {from}\n{to}"
    );
    let files = [
        SourceFile { name: "mesh.yaml".into(), text: format!("{mesh}{rule}").into() },
        SourceFile { name: "g.cedar".into(), text: guardrails.into() },
    ];
    match check(&files) {
        Ok((checked, _)) => checked,
        Err(found) => panic!("{}", selvedge_config::render(&found, &files, false)),
    }
}

fn one(before: &Checked, after: &Checked) -> Implication {
    let mut found = implications(before, after).unwrap();
    assert_eq!(found.len(), 1);
    found.remove(0)
}

/// Cedar's strict validator, which the solver's compiler demands, finds nothing.
fn assert_valid(implication: &Implication) {
    let all = Extensions::all_available();
    let (schema, _) = ValidatorSchema::from_cedarschema_str(&implication.schema, all).unwrap();
    for text in [&implication.before, &implication.after] {
        let policies = parse_policyset(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let result = Validator::new(schema.clone()).validate(&policies, ValidationMode::Strict);
        let errors: Vec<String> = result.validation_errors().map(ToString::to_string).collect();
        assert!(errors.is_empty(), "{errors:?}\n{text}");
    }
}

#[test]
fn segments_are_numbered_and_guardrails_stand_inside() {
    let guardrail = "@id(\"night\") forbid(principal, action, resource) when { context.headers has x_tenant && \
                     context.time.hour + 1 > 22 };\n";
    let before = checked("[\"/orders/{id}\"]", "", guardrail);
    let after = checked("[\"/orders/**\"]", "      when: principal.labels.contains(\"team=checkout\")\n", guardrail);
    let found = one(&before, &after);
    assert_valid(&found);
    assert!(
        found.before.contains("context.depth == 2 && context.s0 == \"orders\" && context.s1 != \"\""),
        "{}",
        found.before
    );
    assert!(found.after.contains("context.depth >= 1 && context.s0 == \"orders\""), "{}", found.after);
    // A guardrail that fails denies, so it is part of each permit and not beside it.
    assert_eq!(found.after.matches("forbid").count(), 1, "{}", found.after);
    assert_eq!(found.after.matches("permit(").count(), found.after.matches("context.time.hour + 1").count());
    assert!(found.after.contains("principal.labels == [\"team=checkout\"]"), "{}", found.after);
}

#[test]
fn captures_are_those_of_the_first_pattern_that_covers() {
    let before = checked("[\"/a\"]", "", "");
    let when = "      when: context.captures has id && context.captures.id == \"7\"\n";
    let found = one(&before, &checked("[\"/{id}\", \"/x/{id}\"]", when, ""));
    assert_valid(&found);
    assert!(found.after.contains("{id: context.s0}.id"), "{}", found.after);
    assert!(found.after.contains("{id: context.s1}.id"), "{}", found.after);
    assert!(found.after.contains("!(context.depth == 1 && context.s0 != \"\")"), "{}", found.after);
}

#[test]
fn the_same_is_not_asked() {
    let same = checked("[\"/a\"]", "", "");
    assert_eq!(implications(&same, &same), Ok(Vec::new()));
}

#[test]
fn what_means_something_else_to_a_solver_is_refused() {
    let before = checked("[\"/a\"]", "", "");
    // For us such an attribute fails, for a solver everybody has it.
    let other = checked("[\"/a\"]", "      when: Caller::\"checkout\".kind == \"service\"\n", "");
    assert!(matches!(implications(&before, &other), Err(Unprovable::Stranger(_))));
    let labels = checked("[\"/a\"]", "      when: principal.labels.contains(\"team=checkout\")\n", "");
    let mut moved = before.clone();
    for service in moved.services.values_mut() {
        service.labels.clear();
    }
    assert!(matches!(implications(&moved, &labels), Err(Unprovable::Labels(_))));
    assert!(implications(&moved, &before).is_ok(), "no condition names labels");
}
