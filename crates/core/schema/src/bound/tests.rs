//! Descriptions that are refused, each for its reason and at its place; and rules that do not fit them.

use super::Schemas;
use selvedge_config::{Diagnostic, SourceFile, check};

const MESH: &str = "apiVersion: selvedge.dev/v1
kind: Mesh
metadata: { name: acme }
spec: { trustDomain: acme.example }
---
apiVersion: selvedge.dev/v1
kind: Service
metadata: { name: shop }
spec: { ports: [{ name: http, port: 8081, protocol: HTTP }], endpoints: [127.0.0.1] }
---
apiVersion: selvedge.dev/v1
kind: Access
metadata: { name: shop }
spec: { service: shop, rules: [{ name: all, from: { service: shop }, RULE }] }
";

fn compiled(rule: &str, descriptions: &[(&str, &str)]) -> Result<Schemas, Vec<Diagnostic>> {
    let mesh = MESH.replace("RULE", rule);
    let all = [("mesh.yaml", &*mesh)].into_iter().chain(descriptions.iter().copied());
    let files: Vec<SourceFile> = all.map(|(name, text)| SourceFile { name: name.into(), text: text.into() }).collect();
    let checked = check(&files).unwrap_or_else(|found| panic!("{}", selvedge_config::render(&found, &files, false)));
    Schemas::compile(&checked)
}

/// A description with one operation, `POST /a/{id}`, whose JSON body is like `schema`.
fn of_schema(version: &str, schema: &str, parameters: &str) -> String {
    let id = r#"{"name":"id","in":"path","required":true,"schema":{"type":"integer"}}"#;
    format!(
        r##"{{"openapi":"{version}","paths":{{"/a/{{id}}":{{"post":{{"operationId":"make","parameters":[{id}{parameters}],"requestBody":{{"content":{{"application/json":{{"schema":{schema}}}}}}}}}}}}},"components":{{"schemas":{{"Loop":{{"allOf":[{{"$ref":"#/components/schemas/Loop"}}]}},"A":{{"type":"string"}}}}}}}}"##
    )
}

const RULE: &str = "schema: a.openapi.json, methods: [POST], paths: [\"/a/{x}\"]";

fn codes(rule: &str, text: &str) -> Vec<&'static str> {
    let outcome = compiled(rule, &[("a.openapi.json", text)]);
    outcome.err().unwrap_or_default().iter().map(|diagnostic| diagnostic.code).collect()
}

#[test]
fn a_description_that_can_be_enforced_is_taken() {
    assert!(codes(RULE, &of_schema("3.0.3", r##"{"$ref":"#/components/schemas/A"}"##, "")).is_empty());
    assert!(codes(RULE, &of_schema("3.1.0", r#"{"type":["string","null"],"x-ours":1,"title":"t"}"#, "")).is_empty());
}

#[test]
fn what_cannot_be_enforced_is_an_error() {
    for (version, schema, code) in [
        ("2.0", "{}", "bad-schema"),
        ("3.2.0", "{}", "bad-schema"),
        ("3.1.0", r#"{"unevaluatedProperties":false}"#, "not-enforceable"),
        ("3.1.0", r#"{"maxLenght":3}"#, "not-enforceable"),
        ("3.1.0", r#"{"nullable":true}"#, "not-enforceable"),
        ("3.0.3", r#"{"const":1}"#, "not-enforceable"),
        ("3.0.3", r#"{"type":["string"]}"#, "bad-schema"),
        ("3.1.0", r#"{"type":"text"}"#, "bad-schema"),
        ("3.1.0", r#"{"pattern":"(?=a)"}"#, "bad-pattern"),
        ("3.1.0", r#"{"pattern":"(a)\\1"}"#, "bad-pattern"),
        ("3.1.0", r#"{"minLength":-1}"#, "bad-schema"),
        ("3.1.0", r#"{"multipleOf":0}"#, "bad-schema"),
        ("3.1.0", r#"{"required":"a"}"#, "bad-schema"),
        ("3.1.0", r##"{"$ref":"#/components/schemas/B"}"##, "unknown-name"),
        ("3.1.0", r##"{"$ref":"#A"}"##, "not-enforceable"),
        ("3.1.0", r#"{"$ref":"https://evil.example/a.openapi.json"}"#, "bad-value"),
        ("3.1.0", r#"{"$ref":"../../etc/passwd"}"#, "bad-value"),
        ("3.1.0", r#"{"$ref":"b.openapi.json"}"#, "unknown-name"),
        ("3.1.0", r##"{"$ref":"#/components/schemas/Loop"}"##, "bad-schema"),
        ("3.0.3", r##"{"$ref":"#/components/schemas/A","maxLength":1}"##, "not-enforceable"),
        ("3.1.0", r#"{"discriminator":{"propertyName":"kind"}}"#, "not-enforceable"),
    ] {
        assert_eq!(codes(RULE, &of_schema(version, schema, "")).first(), Some(&code), "{version} {schema}");
    }
}

#[test]
fn a_parameter_is_read_by_a_style_that_it_can_have() {
    let with = |parameter: &str| codes(RULE, &of_schema("3.1.0", "{}", &format!(",{parameter}")));
    for (parameter, code) in [
        (r#"{"name":"a","in":"body","schema":{}}"#, "bad-schema"),
        (r#"{"name":"a","in":"query"}"#, "bad-schema"),
        (r#"{"name":"b","in":"path","required":true,"schema":{}}"#, "bad-schema"),
        (r#"{"name":"a","in":"query","style":"deepObject","schema":{"type":"string"}}"#, "not-enforceable"),
        (r#"{"name":"a","in":"query","style":"simple","schema":{}}"#, "not-enforceable"),
        (r#"{"name":"a","in":"cookie","schema":{"type":"array","items":{}}}"#, "not-enforceable"),
        (r#"{"name":"a","in":"query","content":{"text/plain":{}}}"#, "not-enforceable"),
        (r#"{"name":"a","in":"query","schema":{},"requird":true}"#, "unknown-key"),
    ] {
        assert_eq!(with(parameter).first(), Some(&code), "{parameter}");
    }
    assert!(with(r#"{"name":"a","in":"cookie","explode":false,"schema":{"type":"array","items":{}}}"#).is_empty());
    assert!(with(r#"{"name":"a","in":"query","content":{"application/json":{"schema":{}}}}"#).is_empty());
}

#[test]
fn a_rule_opens_what_is_described() {
    let text = of_schema("3.1.0", "{}", "");
    for (rule, fits) in [
        ("schema: a.openapi.json", true),
        ("schema: a.openapi.json, paths: [\"/a/7\"]", true),
        ("schema: a.openapi.json, paths: [/a/**], methods: [POST]", true),
        ("schema: a.openapi.json, paths: [/b/**]", false),
        ("schema: a.openapi.json, paths: [\"/a/{x}\"], methods: [POST, DELETE]", false),
        ("schema: { file: a.openapi.json, operation: make }", true),
    ] {
        assert_eq!(codes(rule, &text), if fits { vec![] } else { vec!["not-described"] }, "{rule}");
    }
    assert_eq!(codes("schema: { file: a.openapi.json, operation: mke }", &text), ["unknown-name"]);
}

#[test]
fn an_error_is_told_at_its_place() {
    let text = "openapi: 3.1.0\npaths:\n  /a:\n    post:\n      requestBody:\n        content:\n          application/json:\n            schema: { maxLenght: 3 }\n";
    let found = compiled("schema: a.openapi.yaml", &[("a.openapi.yaml", text)]).err().unwrap();
    assert_eq!((&*found[0].file, found[0].line), ("a.openapi.yaml", 8));
}

#[test]
fn a_reference_may_lead_to_another_file_of_the_repository() {
    let other = r#"{"components":{"schemas":{"X":{"type":"string","maxLenght":1}}}}"#;
    let text = of_schema("3.1.0", r#"{"$ref":"b.openapi.json#/components/schemas/X"}"#, "");
    let found = compiled(RULE, &[("a.openapi.json", &text), ("b.openapi.json", other)]).err().unwrap();
    assert_eq!((&*found[0].file, found[0].code), ("b.openapi.json", "not-enforceable"));
}
