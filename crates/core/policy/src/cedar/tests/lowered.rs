//! What is lowered, and what stays Cedar.

use crate::cedar::conjunction::Test;
use crate::cedar::lowering::lower;
use crate::lower::{Atom, Field, List, Order, Part, Present};
use selvedge_config::checked::Network;

fn only(text: &str) -> Test {
    let mut condition = lower(&text.parse().unwrap());
    assert_eq!(condition.conjuncts.len(), 1, "{text}");
    condition.conjuncts.remove(0).test
}

#[test]
fn common_conditions_are_lowered() {
    let texts = |list: &[&str]| list.iter().map(|text| (*text).into()).collect::<Vec<_>>();
    let network = Network { address: [10, 0, 0, 0].into(), prefix: 8 };
    for (text, atom) in [
        (r#"context.user.scopes.contains("a")"#, Atom::Contains(List::Scopes, "a".into())),
        (r#"context.user.amr.containsAll(["a", "b"])"#, Atom::ContainsAll(List::Amr, texts(&["a", "b"]))),
        (r#"context.user.groups.containsAny(["a"])"#, Atom::ContainsAny(List::Groups, texts(&["a"]))),
        (r#"principal.labels.contains("k=v")"#, Atom::Contains(List::CallerLabels, "k=v".into())),
        (r#""GET" == context.method"#, Atom::Is(Field::Method, "GET".into())),
        (r#"["a", "b"].contains(principal.host)"#, Atom::OneOf(Field::Host, texts(&["a", "b"]))),
        (r#"context["headers"]["x_a"] == "b""#, Atom::Is(Field::Header("x-a".into()), "b".into())),
        (r#"context.path like "/a\**""#, Atom::Begins(Field::Path, "/a*".into())),
        (r#"context.path like "/a""#, Atom::Is(Field::Path, "/a".into())),
        (r#"context.user.subject == context.captures.id"#, Atom::Same(Field::Subject, Field::Capture("id".into()))),
        (r#"context.client.isInRange(ip("10.0.0.0/8"))"#, Atom::ClientIn(network)),
        ("9 <= context.time.hour", Atom::Time(Part::Hour, Order::GreaterOrEqual, 9)),
        ("context has user", Atom::Has(Present::User)),
        ("context.headers has x_a", Atom::Has(Present::Header("x-a".into()))),
        ("context has captures.id", Atom::Has(Present::Capture("id".into()))),
        (r#"principal in Caller::"checkout""#, Atom::Caller("checkout".into())),
        (r#"resource == Service::"orders""#, Atom::Is(Field::Service, "orders".into())),
    ] {
        let test = only(text);
        assert!(matches!(&test, Test::Atom(found) if *found == atom), "{text}: {test:?}");
    }
    // `>` and `!=` are negations in Cedar's own tree.
    for text in ["context.time.hour > 9", r#"context.method != "GET""#] {
        assert!(matches!(only(text), Test::Not(_)), "{text}");
    }
}

#[test]
fn the_rest_stays_cedar() {
    for text in [
        r#"context.path like "/*/a""#,
        "context.time.hour + 1 < 9",
        "context.client.isLoopback()",
        r#"context.client.isInRange(ip("::ffff:a00:0/104"))"#,
        r#"if context.method == "GET" then true else false"#,
        r#"context.user == {}"#,
        r#"context.time.hour + 1 < 9 || context.method == "GET""#,
        r#"principal in [Caller::"a", Service::"b"]"#,
    ] {
        assert!(matches!(only(text), Test::Residual(_)), "{text}");
    }
}

#[test]
fn a_part_is_named_as_it_is_written() {
    let condition = lower(&"context.method\n  == \"GET\" && (context has user || context has client)".parse().unwrap());
    let texts: Vec<&str> = condition.conjuncts.iter().map(|conjunct| &*conjunct.text).collect();
    assert_eq!(texts, ["context.method == \"GET\"", "context has user || context has client"]);
}
