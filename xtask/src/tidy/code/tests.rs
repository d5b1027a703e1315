use super::*;

#[test]
fn comments_and_literals_are_blanked_and_lines_stay() {
    for (text, kept) in [
        ("a // b\nc", "a\nc"),
        ("a /* b /* c */ d */ e", "a e"),
        ("a \"b \\\" {\" c", "a c"),
        ("a r#\"b \" {\"# c", "a c"),
        ("a b\"{\" br\"\\\" c", "a c"),
        ("fn f<'a>(x: &'a str) { '{' '\\'' '\\u{7b}' }", "fn f<'a>(x: &'a str) { }"),
        ("bar(\"x\")", "bar( )"),
        ("a \"b\nc\" d", "a\nd"),
    ] {
        let product = product(text);
        assert_eq!(
            product.split_whitespace().collect::<Vec<_>>(),
            kept.split_whitespace().collect::<Vec<_>>(),
            "{text}"
        );
        assert_eq!(product.lines().count(), text.lines().count());
    }
}

#[test]
fn what_is_compiled_for_tests_alone_is_blanked() {
    for (text, kept) in [
        ("#[cfg(test)]\nmod tests;\nfn a() {}", "fn a() {}"),
        ("#[cfg(test)]\nmod t { fn b() { [1; 2]; } }\nfn a() {}", "fn a() {}"),
        ("#[cfg(test)]\nfn t(x: [u8; 3]) { f(); }\nfn a() {}", "fn a() {}"),
    ] {
        assert_eq!(product(text).trim(), kept);
    }
}
