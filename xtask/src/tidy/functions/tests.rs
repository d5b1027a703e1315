use crate::tidy::tests::{assert_found, assert_tidy};

fn function(lines: usize) -> String {
    format!("//! A.\n\npub fn long(x: [u8; 3]) -> bool {{\n{}}}\nfn short() {{}}\n", "    work();\n".repeat(lines - 2))
}

#[test]
fn a_function_over_a_screen_is_found_where_it_begins() {
    assert_found(&[("crates/core/http/src/a.rs", &function(71))], "a.rs:3: `long` has 71 lines");
    let method = format!("//! A.\nimpl A {{\n{}}}\n", function(80).replace("//! A.\n", ""));
    assert_found(&[("xtask/src/a.rs", &method)], "`long` has 80 lines");
}

#[test]
fn a_function_of_a_screen_and_long_tests_are_left_alone() {
    assert_tidy(&[("crates/core/http/src/a.rs", &function(70))]);
    assert_tidy(&[("crates/core/http/src/a/tests.rs", &function(90))]);
    let inside = format!("//! A.\n#[cfg(test)]\nmod t {{\n{}}}\n", function(90).replace("//! A.\n", ""));
    assert_tidy(&[("crates/core/http/src/a.rs", &inside)]);
    let declared = format!("//! A.\ntrait T {{\n    fn f(x: [u8; 3]);\n}}\n{}", "const A: fn (u8) = g;\n".repeat(80));
    assert_tidy(&[("crates/core/http/src/a.rs", &declared)]);
}
