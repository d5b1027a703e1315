//! The classes are a partition, and each pattern covers a class whole or not at all.

use super::*;
use proptest::prelude::*;

fn parse(texts: &[String]) -> Vec<PathPattern> {
    texts.iter().filter_map(|text| PathPattern::parse(text).ok()).collect()
}

#[test]
fn a_class_is_named_by_patterns() {
    let patterns = parse(&["/orders/{id}".into(), "/orders/new".into()]);
    let classes = partition(&patterns.iter().collect::<Vec<_>>());
    let named: Vec<_> = classes.iter().filter(|c| c.patterns.has(0)).map(|covered| covered.class.patterns()).collect();
    let new = ("/orders/new".to_owned(), Vec::new());
    assert_eq!(named, [new, ("/orders/{other}".to_owned(), vec!["/orders/new".to_owned()])]);
}

#[test]
fn a_class_says_whether_all_its_paths_begin_so() {
    let patterns = parse(&["/cart".into(), "/a/**".into(), "/b/{x}".into()]);
    let classes = partition(&patterns.iter().collect::<Vec<_>>());
    let class = |path: &str| classes.iter().find(|covered| covered.class.has(path)).map(|covered| &covered.class);
    let begins = |path, start| class(path).and_then(|class| class.begins(start));
    assert_eq!(begins("/cart", "/cart"), Some(true));
    assert_eq!(begins("/cart", "/cart/"), Some(false));
    assert_eq!(begins("/a/b", "/a"), Some(true));
    assert_eq!(begins("/a/b", "/a/b"), None);
    assert_eq!(begins("/b/1", "/b/"), Some(true));
    assert_eq!(begins("/b/1", "/b/1"), None);
    assert_eq!(begins("/b/1", "/c"), Some(false));
}

proptest! {
    #[test]
    fn every_path_is_in_one_class_that_its_patterns_cover(
        texts in prop::collection::vec("((/(a|b|\\{x\\})){1,3}(/|/\\*\\*)?)|/\\*\\*|/", 1..7),
        path in "(/(a|b|c)){1,4}/?|/",
    ) {
        let patterns = parse(&texts);
        let classes = partition(&patterns.iter().collect::<Vec<_>>());
        let of: Vec<&Covered> = classes.iter().filter(|covered| covered.class.has(&path)).collect();
        prop_assert_eq!(of.len(), 1, "{:?} {}", &classes, path);
        for covered in of {
            for (index, pattern) in patterns.iter().enumerate() {
                prop_assert_eq!(covered.patterns.has(index), pattern.matches(&path), "{} {}", pattern, path);
            }
        }
        for covered in &classes {
            let (pattern, except) = covered.class.patterns();
            let matches = |text: &String| PathPattern::parse(text).unwrap().matches(&path);
            prop_assert_eq!(matches(&pattern) && !except.iter().any(matches), covered.class.has(&path));
            let example = covered.class.example();
            prop_assert!(covered.class.has(&example), "{:?} {}", covered.class, example);
            prop_assert!(selvedge_model::CanonicalPath::parse(&example).is_ok_and(|path| path.as_str() == example));
        }
    }
}
