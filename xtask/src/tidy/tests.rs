use super::*;

/// Whether a tree with this one file is refused, and with which words.
fn refused(file: &str, text: &str, words: &str) -> bool {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    check(root.path()).iter().any(|finding| finding.message.contains(words))
}

#[test]
fn each_broken_rule_is_found() {
    for (file, text, words) in [
        ("crates/core/http/Cargo.toml", "selvedge-net.workspace = true\n", "arrows go down"),
        ("crates/core/model/Cargo.toml", "selvedge-config.workspace = true\n", "arrows go down"),
        ("crates/app/proxy/Cargo.toml", "selvedge-control.workspace = true\n", "arrows go down"),
        ("crates/app/proxy/Cargo.toml", "rustls.workspace = true\n", "belongs to crates/io/net"),
        ("crates/app/proxy/Cargo.toml", "serde = { version = \"1\" }\n", "once, in the workspace"),
        ("crates/core/http/src/lib.rs", "pub fn f() {}\n", "begin the file"),
        ("crates/core/http/src/a/mod.rs", "//! A.\n", "no `mod.rs`"),
        ("crates/core/http/src/a.rs", concat!("//! A.\n#[", "allow(dead_code)]\n"), "may not stand here"),
        ("crates/core/http/src/a.rs", concat!("//! A.\nfn f() { todo", "!() }\n"), "may not stand here"),
        ("crates/core/http/src/a.rs", &format!("//! A.\n{}", "\n".repeat(600)), "over 500 lines"),
    ] {
        assert!(refused(file, text, words), "{file}: {text}");
    }
}

#[test]
fn a_tidy_tree_is_left_alone() {
    assert!(!refused("crates/app/proxy/Cargo.toml", "selvedge-net.workspace = true\nserde.workspace = true\n", ""));
    assert!(!refused("crates/core/http/src/lib.rs", "//! What and why.\n", ""));
    assert!(!refused("crates/core/http/src/a/tests.rs", "use super::*;\n", ""));
}
