use super::*;
use proptest::prelude::*;

#[test]
fn every_spelling_of_a_path_has_one_form() {
    for (raw, canonical) in [
        ("/", "/"),
        ("/orders/1", "/orders/1"),
        ("/orders/", "/orders/"),
        ("//orders///1", "/orders/1"),
        ("/a/./b", "/a/b"),
        ("/a/../b", "/b"),
        ("/a/..", "/"),
        ("/a/b/..", "/a/"),
        ("/a/%2e%2E/b", "/b"),
        ("/%6frders", "/orders"),
        ("/a%21", "/a!"),
        ("/%c3%a9", "/%C3%A9"),
        ("/a%20b", "/a%20b"),
        ("/100%25", "/100%25"),
    ] {
        assert_eq!(CanonicalPath::parse(raw).map(|p| p.to_string()).as_deref(), Ok(canonical), "{raw}");
    }
}

#[test]
fn a_path_with_two_readings_is_refused() {
    use PathError as E;
    for (raw, error) in [
        ("", E::NoSlash),
        ("orders", E::NoSlash),
        ("/..", E::AboveRoot),
        ("/a/../../b", E::AboveRoot),
        ("/%2e%2e/b", E::AboveRoot),
        ("/a%2fb", E::Escaped(b'/')),
        ("/a%5cb", E::Escaped(b'\\')),
        ("/a%00", E::Escaped(0)),
        ("/a%0d%0a", E::Escaped(13)),
        ("/a%3bx=1", E::Escaped(b';')),
        ("/a;x=1", E::Character(b';')),
        ("/a\\b", E::Character(b'\\')),
        ("/a b", E::Character(b' ')),
        ("/a?b", E::Character(b'?')),
        ("/a#b", E::Character(b'#')),
        ("/é", E::Character(0xc3)),
        ("/%", E::Escape),
        ("/%4", E::Escape),
        ("/%zz", E::Escape),
        ("/%252e", E::EscapedTwice),
        ("/%25%32%65", E::EscapedTwice),
        ("/%c0%af", E::NotUtf8),
        ("/%ff", E::NotUtf8),
    ] {
        assert_eq!(CanonicalPath::parse(raw), Err(error), "{raw}");
    }
}

proptest! {
    #[test]
    fn the_canonical_form_is_its_own_canonical_form(raw in "/[a-b./%2eE5cf;!é]{0,24}") {
        if let Ok(path) = CanonicalPath::parse(&raw) {
            prop_assert_eq!(CanonicalPath::parse(path.as_str()), Ok(path.clone()));
            prop_assert!(path.as_str().starts_with('/') && !path.as_str().contains("//"));
            prop_assert!(!path.as_str().split('/').any(|segment| segment == "." || segment == ".."));
        }
    }
}

/// The quick answer for paths that are canonical already must be the slow one's.
#[test]
fn a_path_that_is_canonical_stays_as_it_is() {
    for path in ["/", "/a", "/a/", "/a/b.c/d..e/...", "/~a:b@c", "/a,b=c"] {
        assert_eq!(CanonicalPath::parse(path).map(|p| p.as_str().to_owned()), Ok(path.to_owned()));
    }
    for (path, canonical) in
        [("//", "/"), ("/a//", "/a/"), ("/./", "/"), ("/a/.", "/a/"), ("/a/..", "/"), ("/%41", "/A")]
    {
        assert_eq!(CanonicalPath::parse(path).map(|p| p.as_str().to_owned()), Ok(canonical.to_owned()), "{path}");
    }
}
