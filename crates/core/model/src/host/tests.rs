use super::*;

#[test]
fn one_host_has_one_spelling() {
    assert_eq!(Host::parse("API.Acme.example").unwrap().as_str(), "api.acme.example");
    assert_eq!(Host::parse("[0:0::1]").unwrap().as_str(), "[::1]");
}

#[test]
fn other_spellings_are_refused() {
    for text in
        ["", "a..b", "a.", ".a", "a_b", "a b", "a/b", "a@b", "[::1", "127.1", "0x7f.1", "1.2.3.4.5", "[1.2.3.4]", "a\0"]
    {
        assert!(Host::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_wildcard_is_one_label() {
    let any = HostPattern::parse("*.acme.example").unwrap();
    assert!(any.matches("a.acme.example"));
    assert!(!any.matches("acme.example") && !any.matches("a.b.acme.example") && !any.matches(".acme.example"));
}
