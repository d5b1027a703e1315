use crate::tidy::tests::{assert_found, assert_tidy};

#[test]
fn a_file_without_its_doc_too_long_misplaced_or_unfinished_is_found() {
    for (file, text, words) in [
        ("crates/core/http/src/lib.rs", "pub fn f() {}\n", "begin the file"),
        ("crates/core/http/src/a/mod.rs", "//! A.\n", "no `mod.rs`"),
        ("crates/core/http/src/a.rs", concat!("//! A.\n#[", "allow(dead_code)]\n"), "may not stand here"),
        ("crates/core/http/src/a/tests.rs", concat!("#![", "allow(dead_code)]\n"), "may not stand here"),
        ("crates/core/http/src/a.rs", concat!("//! A.\nfn f() { todo", "!() }\n"), "may not stand here"),
        ("crates/core/http/src/a.rs", concat!("//! A.\nfn f() { unimplemented", "!() }\n"), "may not stand here"),
        ("crates/core/http/src/a.rs", &format!("//! A.\n{}", "\n".repeat(500)), "over 500 lines"),
    ] {
        assert_found(&[(file, text)], words);
    }
}

#[test]
fn a_good_file_and_long_tests_are_left_alone() {
    assert_tidy(&[("crates/core/http/src/lib.rs", "//! What and why.\n")]);
    assert_tidy(&[("crates/core/http/src/a/tests.rs", &"\n".repeat(600))]);
    assert_tidy(&[("crates/core/http/tests/a.rs", "fn f() {}\n")]);
}
