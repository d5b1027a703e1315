//! `schema` of a rule: what it may name, and what it may not.

use crate::{SourceFile, check};

const MESH: &str = "apiVersion: selvedge.dev/v1
kind: Mesh
metadata: { name: acme }
spec: { trustDomain: acme.example }
---
apiVersion: selvedge.dev/v1
kind: Service
metadata: { name: shop }
spec: { ports: [{ name: http, port: 8081, protocol: HTTP }, { name: raw, port: 8082, protocol: TCP }], endpoints: [127.0.0.1] }
";

fn checked(rule: &str, others: &[(&str, &str)]) -> Result<crate::Checked, Vec<&'static str>> {
    let access = format!(
        "apiVersion: selvedge.dev/v1\nkind: Access\nmetadata: {{ name: shop }}\nspec:\n  service: shop\n  rules:\n    - {{ name: all, from: {{ service: shop }}, {rule} }}\n"
    );
    let own = [("mesh.yaml", MESH), ("shop/access.yaml", &*access)];
    let all = own.iter().chain(others);
    let files: Vec<SourceFile> =
        all.map(|(name, text)| SourceFile { name: (*name).into(), text: (*text).into() }).collect();
    check(&files).map_err(|found| found.iter().map(|diagnostic| diagnostic.code).collect())
}

const FILE: (&str, &str) = ("shop/a.openapi.yaml", "openapi: 3.1.0");

#[test]
fn a_file_beside_the_document_is_found() {
    let http = "ports: [http]";
    let rule = checked(&format!("{http}, schema: a.openapi.yaml"), &[FILE]).unwrap().access[0].rules[0].clone();
    let schema = rule.schema.unwrap();
    assert_eq!((&*schema.file, schema.body_bytes_max, schema.operation.is_none()), (FILE.0, 1024 * 1024, true));
    let long = format!("{http}, schema: {{ file: ../shop/./a.openapi.yaml, operation: place, bodyBytes: 2MiB }}");
    let rule = checked(&long, &[FILE]).unwrap().access[0].rules[0].clone();
    let schema = rule.schema.unwrap();
    assert_eq!(schema.operation.unwrap().as_str(), "place");
    assert_eq!(schema.body_bytes_max, 2 * 1024 * 1024);
}

#[test]
fn what_is_not_a_description_in_the_repository_is_refused() {
    for (schema, code) in [
        ("schema: b.openapi.yaml", "unknown-name"),
        ("schema: ../../a.openapi.yaml", "bad-value"),
        ("schema: /a.openapi.yaml", "bad-value"),
        ("schema: \"https://evil.example/a.openapi.yaml\"", "bad-value"),
        ("schema: access.yaml", "bad-value"),
        ("schema: {}", "missing-key"),
        ("schema: { file: a.openapi.yaml, mode: block }", "unknown-key"),
        ("schema: { file: a.openapi.yaml, bodyBytes: 1GiB }", "bad-value"),
        ("schema: [a.openapi.yaml]", "wrong-type"),
    ] {
        assert_eq!(checked(&format!("ports: [http], {schema}"), &[FILE]).err(), Some(vec![code]), "{schema}");
    }
    assert_eq!(checked("ports: [raw], schema: a.openapi.yaml", &[FILE]).err(), Some(vec!["not-enforceable"]));
}

#[test]
fn a_broken_description_is_told_with_its_place() {
    let broken = ("shop/a.openapi.yaml", "openapi: [");
    assert!(checked("ports: [http], schema: a.openapi.yaml", &[broken]).err().unwrap().contains(&"not-yaml"));
    let two = ("shop/a.openapi.yaml", "a: 1\n---\nb: 2");
    assert!(checked("ports: [http]", &[two]).err().unwrap().contains(&"bad-schema"));
    let twice = ("shop/a.openapi.json", r#"{"openapi":"3.1.0","openapi":"3.0.0"}"#);
    assert!(checked("ports: [http]", &[twice]).err().unwrap().contains(&"not-yaml"));
}
