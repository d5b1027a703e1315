//! What is read, and what is refused since two parsers could differ about it.

use super::{Json, JsonError, JsonLimits, Kind, parse};
use crate::json::number::is_multiple;
use proptest::prelude::*;

fn read(text: &[u8]) -> Result<Json<'_>, JsonError> {
    parse(text, &JsonLimits::default())
}

fn refused(text: impl AsRef<[u8]>) -> Option<JsonError> {
    read(text.as_ref()).err()
}

#[test]
fn a_text_is_read_in_order() {
    let json = read(br#" {"a":[1,{"b":"x\u0041\ud83d\ude00\n"}],"c":null, "d" : -0.5e1 } "#).unwrap();
    let root = json.root().unwrap();
    assert_eq!(root.count(), 3);
    let a = root.member("a").unwrap();
    let items: Vec<_> = a.items().collect();
    assert_eq!(items.len(), 2);
    assert_eq!(items[1].member("b").unwrap().text(), "xA\u{1f600}\n");
    assert_eq!(root.member("c").unwrap().node.kind, Kind::Null);
    assert_eq!(root.member("d").unwrap().raw(), "-0.5e1");
    assert!(root.member("e").is_none());
}

#[test]
fn a_name_twice_is_refused_however_it_is_written() {
    assert_eq!(refused(r#"{"a":1,"a":2}"#), Some(JsonError::Repeated));
    assert_eq!(refused(r#"{"a":1,"\u0061":2}"#), Some(JsonError::Repeated));
    assert_eq!(refused(r#"[{"x":{"a":1,"b":0,"a":2}}]"#), Some(JsonError::Repeated));
    let many: Vec<String> = (0..40).map(|i| format!(r#""k{}":0"#, i % 39)).collect();
    assert_eq!(refused(format!("{{{}}}", many.join(","))), Some(JsonError::Repeated));
    assert_eq!(refused(r#"{"a":{"a":1}}"#), None);
}

#[test]
fn what_is_no_json_is_refused() {
    for text in [
        "",
        " ",
        "{",
        "[",
        "[1,]",
        "[,1]",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{'a':1}",
        "[1 2]",
        "01",
        "1.",
        ".5",
        "+1",
        "1e",
        "-",
        "tru",
        "nul",
        "NaN",
        "Infinity",
        "\"a",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\t\"",
        "1 1",
        "{}}",
        "[]]",
        "[}",
        "{]",
        "/**/1",
        "[1]//",
        "\u{a0}1",
        "{\"a\":1,}",
        "\0",
    ] {
        assert_eq!(refused(text), Some(JsonError::Grammar), "{text:?}");
    }
    assert_eq!(refused(b"\xef\xbb\xbf{}"), Some(JsonError::ByteOrderMark));
    assert_eq!(refused(b"\"\xff\""), Some(JsonError::NotUtf8));
    assert_eq!(refused(b"\xff\xfe{\0}\0"), Some(JsonError::NotUtf8));
    assert_eq!(refused(r#""\ud800""#), Some(JsonError::Surrogate));
    assert_eq!(refused(r#""\udc00\ud800""#), Some(JsonError::Surrogate));
    assert_eq!(refused(r#""\ud800\u0041""#), Some(JsonError::Surrogate));
}

#[test]
fn every_limit_holds() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(refused(nested(64)), None);
    assert_eq!(refused(nested(65)), Some(JsonError::Depth));
    assert_eq!(refused("[".repeat(1_000_000)), Some(JsonError::Depth));
    let members =
        |count: usize| format!("{{{}}}", (0..count).map(|i| format!("\"{i}\":0")).collect::<Vec<_>>().join(","));
    assert_eq!(refused(members(1024)), None);
    assert_eq!(refused(members(1025)), Some(JsonError::Members));
    assert_eq!(refused(format!("[{}0]", "0,".repeat(100_000))), Some(JsonError::Values));
    let limits = JsonLimits { string_bytes_max: 3, ..JsonLimits::default() };
    assert_eq!(parse(b"\"abcd\"", &limits).err(), Some(JsonError::StringLength));
    assert_eq!(refused("1e400"), Some(JsonError::Number));
    assert_eq!(refused("1".repeat(65)), Some(JsonError::Number));
    assert_eq!(refused("1".repeat(64)), None);
}

#[test]
fn multiples_are_exact() {
    assert!(is_multiple("0.3", "0.1"));
    assert!(is_multiple("19.99", "0.01"));
    assert!(is_multiple("1e3", "50"));
    assert!(!is_multiple("0.35", "0.1"));
    assert!(!is_multiple("9007199254740993", "2"));
    assert!(!is_multiple("1e300", "7"));
}

proptest! {
    /// What is taken is JSON to another reader too, and with the same number of members.
    #[test]
    fn what_is_taken_is_json_to_another_reader(text in r#"[\[\]{}:,"a\\u01e+. -]{0,24}"#) {
        if read(text.as_bytes()).is_ok() {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
        }
    }

    /// What another reader writes is taken.
    #[test]
    fn what_another_reader_writes_is_taken(names in prop::collection::btree_set(".{0,8}", 0..20), text in ".{0,40}", number in any::<f64>()) {
        let object: serde_json::Map<_, _> = names.into_iter().map(|name| (name, serde_json::json!([text, number]))).collect();
        let written = serde_json::to_string(&object).unwrap();
        let json = read(written.as_bytes()).unwrap();
        prop_assert_eq!(json.root().unwrap().count() as usize, object.len());
    }
}
