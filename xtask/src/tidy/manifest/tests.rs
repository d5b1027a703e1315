use crate::tidy::tests::{assert_found, assert_tidy};

#[test]
fn an_arrow_that_goes_up_and_a_dependency_outside_its_owner_are_found() {
    for (file, text, words) in [
        ("crates/core/http/Cargo.toml", "selvedge-net.workspace = true\n", "arrows go down"),
        ("crates/core/model/Cargo.toml", "selvedge-config.workspace = true\n", "arrows go down"),
        ("crates/io/net/Cargo.toml", "selvedge-proxy = { workspace = true }\n", "arrows go down"),
        ("crates/app/proxy/Cargo.toml", "selvedge-control.workspace = true\n", "arrows go down"),
        ("crates/app/control/Cargo.toml", "selvedge-proxy.workspace = true\n", "arrows go down"),
        ("crates/app/proxy/Cargo.toml", "[dependencies]\nselvedge-testkit.workspace = true\n", "arrows go down"),
        ("crates/core/http/Cargo.toml", "[dev-dependencies]\nselvedge-testkit.workspace = true\n", "arrows go down"),
        ("crates/app/proxy/Cargo.toml", "rustls.workspace = true\n", "belongs to crates/io/net"),
        ("crates/app/proxy/Cargo.toml", "[dependencies]\nserde = { version = \"1\" }\n", "once, in the workspace"),
    ] {
        assert_found(&[(file, text)], words);
    }
}

#[test]
fn arrows_that_go_down_are_left_alone() {
    for (file, text) in [
        ("crates/app/proxy/Cargo.toml", "[dependencies]\nselvedge-net.workspace = true\nserde.workspace = true\n"),
        ("crates/app/proxy/Cargo.toml", "[dev-dependencies]\nselvedge-testkit.workspace = true\n"),
        ("crates/dev/testkit/Cargo.toml", "[package]\nversion.workspace = true\nrust-version = \"1.95\"\n"),
        ("crates/io/net/Cargo.toml", "[dependencies]\nrustls.workspace = true\nselvedge-identity.workspace = true\n"),
    ] {
        assert_tidy(&[(file, text)]);
    }
}
