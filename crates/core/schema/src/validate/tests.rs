//! Values against schemas: each keyword takes what is right and refuses what is near.

use super::{Direction, Validator};
use crate::compile::compile;
use crate::json::{JsonLimits, parse};
use selvedge_config::data::SchemaFile;
use std::fmt::Write;

/// The first violation of a JSON body by a schema, in a description of that version.
fn violation(version: &str, schema: &str, components: &str, value: &str, direction: Direction) -> Option<String> {
    let mut text = String::new();
    write!(
        text,
        r#"{{"openapi":"{version}","paths":{{"/a":{{"post":{{"requestBody":{{"content":{{"application/json":{{"schema":{schema}}}}}}}}}}}}},"components":{{"schemas":{{{components}}}}}}}"#
    )
    .unwrap();
    let files = [SchemaFile::read("a.openapi.json", &text).unwrap_or_else(|error| panic!("{error}\n{text}"))];
    let api = compile(&files[0], &files).unwrap_or_else(|found| panic!("{found:?}\n{text}"));
    let json = parse(value.as_bytes(), &JsonLimits::default()).unwrap_or_else(|error| panic!("{error:?} {value}"));
    let body = api.operations[0].body.as_ref().unwrap();
    let crate::api::Content::Json(Some(schema)) = body.contents[0].1 else { panic!() };
    let validator = Validator::new(&api.store, direction);
    let outcome = validator.check(schema, &json.root().unwrap());
    outcome.err().map(|violation| format!("{} {}", violation.pointer(), violation.sentence()))
}

fn of(schema: &str, value: &str) -> Option<String> {
    violation("3.1.0", schema, "", value, Direction::Request)
}

/// Right values and wrong ones.
fn try_all(schema: &str, right: &[&str], wrong: &[&str]) {
    right.iter().for_each(|value| assert_eq!(of(schema, value), None, "{schema} {value}"));
    wrong.iter().for_each(|value| assert!(of(schema, value).is_some(), "{schema} {value}"));
}

#[test]
fn types_are_kept_apart() {
    try_all(
        r#"{"type":"integer"}"#,
        &["1", "-1", "1.0", "18446744073709551615"],
        &["1.5", "\"1\"", "true", "null", "1e30", "18446744073709551616"],
    );
    try_all(r#"{"type":"number"}"#, &["1", "1.5", "1e30"], &["\"1\"", "[]", "null"]);
    try_all(r#"{"type":"string"}"#, &["\"\""], &["1", "null", "{}"]);
    try_all(r#"{"type":["string","null"]}"#, &["\"\"", "null"], &["1", "false"]);
    try_all(r#"{"type":"object"}"#, &["{}"], &["[]", "\"{}\""]);
    try_all("true", &["1", "null"], &[]);
    try_all("false", &[], &["1", "null", "{}"]);
    try_all(
        r#"{"enum":["a",1,null,{"x":[1]}]}"#,
        &["\"a\"", "1", "1.0", "null", "{\"x\":[1]}"],
        &["\"1\"", "2", "{\"x\":[2]}", "[]"],
    );
    try_all(r#"{"const":"a"}"#, &["\"a\"", "\"\\u0061\""], &["\"b\""]);
}

#[test]
fn numbers_are_compared_exactly() {
    try_all(r#"{"minimum":0,"exclusiveMaximum":10}"#, &["0", "9.99", "\"x\""], &["-0.1", "10"]);
    try_all(r#"{"maximum":9007199254740992}"#, &["9007199254740992"], &["9007199254740993"]);
    try_all(r#"{"multipleOf":0.01}"#, &["19.99", "0"], &["19.995"]);
    try_all(r#"{"type":"integer","format":"int32"}"#, &["2147483647"], &["2147483648", "1e10"]);
}

#[test]
fn texts_are_counted_in_characters() {
    try_all(
        r#"{"minLength":2,"maxLength":3}"#,
        &["\"ab\"", "\"éé\"", "\"\\ud83d\\ude00ab\""],
        &["\"a\"", "\"é\"", "\"abcd\""],
    );
    try_all(r#"{"minLength":1}"#, &["\"a\""], &["\"\""]);
    try_all(r#"{"pattern":"^[A-Z]{3}$","format":"uuid"}"#, &[], &["\"ABC\""]);
}

#[test]
fn arrays_and_objects_are_looked_into() {
    try_all(
        r#"{"items":{"type":"integer"},"minItems":1,"maxItems":2}"#,
        &["[1]", "[1,2]"],
        &["[]", "[1,2,3]", "[\"1\"]"],
    );
    try_all(r#"{"prefixItems":[{"type":"string"}],"items":false}"#, &["[]", "[\"a\"]"], &["[1]", "[\"a\",1]"]);
    try_all(
        r#"{"uniqueItems":true}"#,
        &["[1,2]", "[[1],[2]]"],
        &["[1,1.0]", "[{\"a\":1,\"b\":2},{\"b\":2,\"a\":1}]", "[\"a\",\"\\u0061\"]"],
    );
    try_all(r#"{"contains":{"const":1},"maxContains":1}"#, &["[1,2]"], &["[]", "[1,1]"]);
    let object =
        r#"{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"],"additionalProperties":false}"#;
    try_all(
        object,
        &[r#"{"a":1}"#],
        &["{}", r#"{"a":"1"}"#, r#"{"a":1,"b":2}"#, r#"{"A":1}"#, r#"{"a":1,"__proto__":{}}"#],
    );
    try_all(
        r#"{"patternProperties":{"^x-":{"type":"string"}},"additionalProperties":{"type":"integer"}}"#,
        &[r#"{"x-a":"","b":1}"#],
        &[r#"{"x-a":1}"#, r#"{"b":""}"#],
    );
    try_all(
        r#"{"propertyNames":{"maxLength":2},"maxProperties":2}"#,
        &[r#"{"ab":1}"#],
        &[r#"{"abc":1}"#, r#"{"a":1,"b":1,"c":1}"#],
    );
    try_all(r#"{"dependentRequired":{"a":["b"]}}"#, &["{}", r#"{"a":1,"b":1}"#], &[r#"{"a":1}"#]);
}

#[test]
fn alternatives_are_counted() {
    try_all(r#"{"anyOf":[{"type":"string"},{"minimum":5}]}"#, &["\"a\"", "5", "[]"], &["4"]);
    try_all(r#"{"oneOf":[{"multipleOf":2},{"multipleOf":3}]}"#, &["2", "3"], &["6", "5"]);
    try_all(r#"{"not":{"type":"string"}}"#, &["1"], &["\"a\""]);
    try_all(
        r#"{"if":{"required":["a"]},"then":{"required":["b"]},"else":{"required":["c"]}}"#,
        &[r#"{"a":1,"b":1}"#, r#"{"c":1}"#],
        &[r#"{"a":1}"#, "{}"],
    );
    try_all(r#"{"else":false}"#, &["1"], &[]);
}

#[test]
fn the_field_is_named_and_its_value_is_not() {
    let schema =
        r#"{"properties":{"items":{"items":{"properties":{"n":{"maximum":9}},"additionalProperties":false}}}}"#;
    assert_eq!(of(schema, r#"{"items":[{},{"n":10}]}"#).as_deref(), Some("/items/1/n must be at most 9"));
    let said = of(schema, r#"{"items":[{"se/cret":"value"}]}"#);
    assert_eq!(said.as_deref(), Some("/items/0/se~1cret is not a field that is accepted"));
}

#[test]
fn what_goes_one_way_may_not_go_the_other() {
    let schema =
        r#"{"properties":{"id":{"readOnly":true},"password":{"writeOnly":true}},"required":["id","password"]}"#;
    let way = |value, direction| violation("3.0.3", schema, "", value, direction);
    assert_eq!(way(r#"{"password":1}"#, Direction::Request), None);
    assert_eq!(way(r#"{"id":1}"#, Direction::Answer), None);
    assert_eq!(way(r#"{"id":1,"password":1}"#, Direction::Request).as_deref(), Some("/id is read-only"));
    assert_eq!(way(r#"{"id":1,"password":1}"#, Direction::Answer).as_deref(), Some("/password is write-only"));
}

#[test]
fn the_language_of_3_0_is_its_own() {
    let old = |schema, value| {
        violation("3.0.3", schema, r#""T":{"type":"string","nullable":true}"#, value, Direction::Request)
    };
    assert_eq!(old(r##"{"$ref":"#/components/schemas/T","description":"x"}"##, "null"), None);
    assert!(old(r#"{"type":"string"}"#, "null").is_some());
    assert!(old(r#"{"type":"integer","minimum":1,"exclusiveMinimum":true}"#, "1").is_some());
    assert_eq!(old(r#"{"type":"integer","minimum":1,"exclusiveMinimum":false}"#, "1"), None);
}

#[test]
fn a_discriminator_says_which_kind() {
    let kinds = r#""Cat":{"type":"object","required":["kind"],"properties":{"kind":{"type":"string"},"lives":{"type":"integer"}}},"Dog":{"type":"object","properties":{"kind":{"type":"string"},"lives":false}}"#;
    let schema = r##"{"oneOf":[{"$ref":"#/components/schemas/Cat"},{"$ref":"#/components/schemas/Dog"}],"discriminator":{"propertyName":"kind","mapping":{"hound":"Dog"}}}"##;
    let of = |value| violation("3.1.0", schema, kinds, value, Direction::Request);
    assert_eq!(of(r#"{"kind":"Cat","lives":9}"#), None);
    assert_eq!(of(r#"{"kind":"hound"}"#), None);
    assert_eq!(of(r#"{"kind":"hound","lives":1}"#).as_deref(), Some("/lives is not accepted"));
    assert_eq!(of(r#"{"kind":"Cow"}"#).as_deref(), Some("/kind names none of the accepted kinds"));
    assert_eq!(of("{}").as_deref(), Some("/kind is missing"));
    assert_eq!(of("[]").as_deref(), Some("/kind is missing"));
}

#[test]
fn a_schema_within_itself_ends_with_the_value() {
    let tree = r##""Tree":{"type":"object","properties":{"next":{"$ref":"#/components/schemas/Tree"}},"additionalProperties":false}"##;
    let of = |value| violation("3.1.0", r##"{"$ref":"#/components/schemas/Tree"}"##, tree, value, Direction::Request);
    assert_eq!(of(r#"{"next":{"next":{}}}"#), None);
    assert!(of(r#"{"next":{"next":{"x":1}}}"#).is_some());
}

#[test]
fn alternatives_within_alternatives_are_not_followed_without_end() {
    let branch = r##"{"properties":{"n":{"$ref":"#/components/schemas/T"}},"required":["x"]}"##;
    let tree = format!(r#""T":{{"anyOf":[{branch},{branch},{branch}]}}"#);
    let deep = format!("{}1{}", r#"{"n":"#.repeat(60), "}".repeat(60));
    let said = violation("3.1.0", r##"{"$ref":"#/components/schemas/T"}"##, &tree, &deep, Direction::Request);
    assert_eq!(said.unwrap().rsplit('/').next(), Some("n takes too many steps to check"));
}
