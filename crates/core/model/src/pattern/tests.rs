use super::*;

fn p(text: &str) -> PathPattern {
    PathPattern::parse(text).unwrap()
}

#[test]
fn a_pattern_covers_what_it_says() {
    for (pattern, path, covered) in [
        ("/", "/", true),
        ("/", "/a", false),
        ("/orders", "/orders", true),
        ("/orders", "/orders/", false),
        ("/orders/{id}", "/orders/1", true),
        ("/orders/{id}", "/orders/", false),
        ("/orders/{id}", "/orders/1/2", false),
        ("/a/**", "/a", true),
        ("/a/**", "/a/", true),
        ("/a/**", "/a/b/c", true),
        ("/a/**", "/ab", false),
        ("/**", "/", true),
    ] {
        assert_eq!(p(pattern).matches(path), covered, "{pattern} {path}");
    }
}

#[test]
fn what_is_no_pattern_is_refused() {
    for text in [
        "", "a", "/a*", "/*", "/**/a", "/a**", "/{}", "/{a", "/x{a}", "/a/../b", "/a//b", "/%2f", "/a%41", "/a;b",
        "/{a b}",
    ] {
        assert!(PathPattern::parse(text).is_err(), "{text}");
    }
}

#[test]
fn overlap_and_containment_are_exact() {
    assert!(p("/a/{x}").overlaps(&p("/{y}/b")) && !p("/a/{x}").contains(&p("/{y}/b")));
    assert!(p("/a/**").contains(&p("/a/{x}/c")) && p("/a/**").overlaps(&p("/{x}")));
    assert!(!p("/a/{x}").overlaps(&p("/a")) && p("/{x}").contains(&p("/a")) && !p("/a").contains(&p("/{x}")));
}
