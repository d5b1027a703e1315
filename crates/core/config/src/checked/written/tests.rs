//! Places of a text inside YAML, however it is quoted.

use super::Written;
use crate::lines::Lines;

fn place(source: &str, start: (u32, u32), value: &str, part: &str) -> (u32, u32) {
    Written::find("a.yaml".into(), &Lines::of(source), start, value).place(value.find(part).unwrap())
}

#[test]
fn a_plain_and_a_quoted_scalar_are_found_where_they_stand() {
    let value = r#"context.method == "GET""#;
    assert_eq!(place("a: context.method == \"GET\"", (1, 4), value, "\"GET\""), (1, 22));
    assert_eq!(place("a: 'context.method == \"GET\"'", (1, 4), value, "\"GET\""), (1, 23));
    assert_eq!(place("a: \"context.method == \\\"GET\\\"\"", (1, 4), value, "GET"), (1, 25));
}

#[test]
fn a_block_is_found_line_by_line() {
    let source = "x:\n  when: |\n    a == 1 &&\n      bé == 2\n  y: 1\n";
    let value = "a == 1 &&\n  bé == 2\n";
    assert_eq!(place(source, (2, 9), value, "a == 1"), (3, 5));
    assert_eq!(place(source, (2, 9), value, "bé"), (4, 7));
    assert_eq!(place(source, (2, 9), value, "== 2"), (4, 10));
    let folded = "x:\n  when: >-\n    a &&\n    b\n";
    assert_eq!(place(folded, (2, 9), "a && b", "b"), (4, 5));
}

#[test]
fn an_error_marks_its_part_within_one_line() {
    let written = Written::of_file("g.cedar", "forbid(\n  principal,\n x);");
    let at = written.as_str().find("principal").unwrap();
    let error = written.error("code", at..at + 14, "wrong".to_owned(), "");
    assert_eq!((error.line, error.column, error.width), (2, 3, 10));
}
