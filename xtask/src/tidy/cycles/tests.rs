use crate::tidy::tests::{assert_found, assert_tidy};

/// A crate of files under its `src`, each with its doc.
fn files(files: &[(&str, &str)]) -> Vec<(String, String)> {
    files.iter().map(|(file, code)| (format!("crates/core/x/src/{file}"), format!("//! A.\n{code}\n"))).collect()
}

fn found(parts: &[(&str, &str)], words: &str) {
    let files = files(parts);
    assert_found(&files.iter().map(|(file, text)| (&**file, &**text)).collect::<Vec<_>>(), words);
}

fn tidy(parts: &[(&str, &str)]) {
    let files = files(parts);
    assert_tidy(&files.iter().map(|(file, text)| (&**file, &**text)).collect::<Vec<_>>());
}

#[test]
fn two_modules_that_name_each_other_are_found() {
    found(
        &[("lib.rs", "mod a;\nmod b;"), ("a.rs", "use crate::b::B;"), ("b.rs", "fn f() { crate::a::g(); }")],
        "`a` → `b` → `a` (crates/core/x/src/a.rs:2, crates/core/x/src/b.rs:2)",
    );
}

#[test]
fn a_longer_circle_is_found() {
    let parts = [("a.rs", "use crate::b::B;"), ("b.rs", "use crate::c::C;"), ("c.rs", "use super::{a::A, d};")];
    found(&[("lib.rs", ""), ("d.rs", ""), parts[0], parts[1], parts[2]], "`a` → `b` → `c` → `a`");
}

#[test]
fn a_circle_through_names_that_the_root_passes_on_is_found() {
    let root = ("lib.rs", "mod a;\nmod b;\npub use a::{A, f as g};\npub use b::B;");
    found(&[root, ("a.rs", "use crate::B;"), ("b.rs", "use crate::g;")], "`a` → `b` → `a`");
}

#[test]
fn a_circle_of_what_is_below_two_modules_is_found() {
    let parts = [("a/x.rs", "use crate::b::y::Y;"), ("b/y.rs", "use super::super::a::A;")];
    found(&[("lib.rs", ""), ("a.rs", "mod x;"), ("b.rs", "mod y;"), parts[0], parts[1]], "`a` → `b` → `a`");
    let siblings = [("a/x.rs", "use super::y::Y;"), ("a/y.rs", "use crate::a::x::X;")];
    found(&[("lib.rs", ""), ("a.rs", "mod x;\nmod y;"), siblings[0], siblings[1]], "`x` → `y` → `x`");
}

#[test]
fn arrows_in_one_direction_and_a_parent_with_its_children_are_left_alone() {
    tidy(&[
        ("lib.rs", "mod a;\nmod b;\npub use a::A;\npub use b::B;\npub struct Root;"),
        ("a.rs", "mod x;\nuse crate::{B, Root};\nuse std::a::b::c;\nfn f() { x::g(); }"),
        ("a/x.rs", "use super::f;\nuse crate::b::B;"),
        ("b.rs", "use crate::Root;\nuse other::a::A;\n#[cfg(test)]\nuse crate::a::A;"),
        ("b/tests.rs", "use crate::a::A;"),
    ]);
}

#[test]
fn crates_are_apart() {
    let text = |code: &str| format!("//! A.\n{code}\n");
    assert_tidy(&[
        ("crates/core/x/src/a.rs", &text("use crate::b::B;")),
        ("crates/core/x/src/b.rs", &text("")),
        ("crates/core/y/src/a.rs", &text("")),
        ("crates/core/y/src/b.rs", &text("use crate::a::A;")),
    ]);
}
