//! No text makes the compiler panic, hang or overflow its stack.

use super::{errors, repository, serde_quoted};
use proptest::prelude::*;

#[test]
fn deep_and_long_texts_are_refused_or_read_in_time() {
    let wide = |piece: &str, times: usize| piece.repeat(times);
    for condition in [
        wide("(", 2_000),
        wide("!", 2_000) + "true",
        wide("-", 2_000) + "1 == 1",
        format!("{}true", wide("true && ", 63)),
        format!("{}true", wide("true && ", 400)),
        format!("{}true", wide("false || ", 400)),
        format!("context{}", wide(".a", 990)),
        format!("{}1 == 1", wide("1 + ", 900)),
        format!("{}true{}", wide("if true then ", 120), wide(" else false", 120)),
        format!("[{}1].contains(1)", wide("1,", 900)),
        format!("context.path like \"{}\"", wide("*a", 1_900)),
        wide("\u{202e}", 1_000),
        "\"".to_owned(),
        "context.captures[\"id\"] == \"\\u{110000}\"".to_owned(),
    ] {
        let _ = errors(&repository(&format!("when: {}", serde_quoted(&condition)), "", ""));
    }
}

#[test]
fn a_large_file_of_guardrails_is_refused_or_read_in_time() {
    let many: String = (0..1_000)
        .map(|n| format!("@id(\"g{n}\") forbid(principal, action, resource) when {{ context.path == \"/{n}\" }};\n"))
        .collect();
    assert!(errors(&repository("", "", &many)).is_empty());
    assert!(!errors(&repository("", "", &"(".repeat(100_000))).is_empty());
    assert!(!errors(&repository("", "", &"a".repeat(300_000))).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn no_condition_makes_the_compiler_panic(pieces in prop::collection::vec(
        prop::sample::select(vec![
            "context", ".user", ".subject", ".headers", ".x_a", " has ", "[", "]", "(", ")", "\"", "a", "*", " like ", " == ", " && ",
            " || ", "!", "-", "1", "true", "if ", " then ", " else ", "ip(", ".isInRange(", "principal", "resource", " in ",
            "Caller::\"checkout\"", ".contains(", ",", "{", "}", ";", "?principal", "é", "\\u{0}", " is Caller", "//", ".captures.id",
        ]), 1..14))
    {
        let condition = pieces.concat();
        let _ = errors(&repository(&format!("when: {}", serde_quoted(&condition)), "", &condition));
    }
}
