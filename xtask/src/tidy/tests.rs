//! What the tests of the rules share, and this repository itself.

use super::*;

/// What is found in a tree of these files.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let root = tempfile::tempdir().unwrap();
    for (file, text) in files {
        let path = root.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    check(root.path()).iter().map(ToString::to_string).collect()
}

/// A finding with these words is made, and no other.
pub(super) fn assert_found(files: &[(&str, &str)], words: &str) {
    let found = found(files);
    assert!(found.len() == 1 && found[0].contains(words), "{files:?}: {found:?} is not `{words}`");
}

/// Nothing is found.
pub(super) fn assert_tidy(files: &[(&str, &str)]) {
    assert_eq!(found(files), Vec::<String>::new(), "{files:?}");
}

#[test]
fn a_file_that_is_no_text_is_found() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("a.rs"), [0xff, 0xfe]).unwrap();
    assert_eq!(check(root.path()).len(), 1);
}

#[test]
fn findings_are_sorted_by_place() {
    let files = [("crates/core/x/src/b.rs", ""), ("crates/core/x/src/a.rs", "")];
    assert!(found(&files)[0].starts_with("crates/core/x/src/a.rs:1"));
}
