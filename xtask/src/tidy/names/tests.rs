use crate::tidy::tests::{assert_found, assert_tidy};

fn file(code: &str) -> String {
    format!("//! A.\n\n{code}\n")
}

#[test]
fn the_outside_world_in_core_is_found_however_it_is_named() {
    for (code, path) in [
        ("use tokio::sync::mpsc;", "`tokio`"),
        ("async fn f() { tokio::spawn(g()); }", "`tokio`"),
        ("use std::net::{IpAddr, TcpStream};", "`std::net::Tcp*`"),
        ("use std::net;\nfn f(x: net::TcpListener) {}", "`std::net::Tcp*`"),
        ("use aws_lc_rs::*;", "`aws_lc_rs::rand`"),
        ("fn f() { std::fs::read(p); }", "`std::fs`"),
        ("use std::{fmt, fs as files};", "`std::fs`"),
        ("use std::time::{Duration, SystemTime};", "`std::time::SystemTime`"),
        ("use std::time;\nfn f() { time::Instant::now(); }", "`std::time::Instant`"),
        ("fn f() { ::std::env::args(); }", "`std::env`"),
        ("use std::io::{Read, stdin};", "`std::io::std*`"),
        ("fn f() { getrandom::fill(b); }", "`getrandom`"),
        ("use aws_lc_rs::rand::SystemRandom;", "`aws_lc_rs::rand`"),
    ] {
        assert_found(&[("crates/core/http/src/a.rs", &file(code))], path);
    }
}

#[test]
fn a_library_outside_its_file_is_found() {
    for (place, code, path) in [
        ("crates/io/net/src/stream.rs", "use tokio_rustls::TlsStream;", "stream.rs:3: `tokio_rustls`"),
        ("crates/io/net/src/issuers.rs", "use rustls::ClientConfig;", "`rustls`"),
        ("crates/core/config/src/document.rs", "use serde_saphyr::Spanned;", "`serde_saphyr`"),
        ("crates/app/proxy/src/a.rs", "fn f() -> anyhow::Result<()> { g() }", "`anyhow`"),
        ("crates/app/proxy/src/a.rs", "use std::env;\nfn f() { env::var(X); }", "a.rs:4: `std::env::var*`"),
        ("crates/app/selvedge/src/repository.rs", "fn f() { std::env::var_os(X); }", "`std::env::var*`"),
        ("crates/app/selvedge/src/cli.rs", "fn f() { std::env::set_var(X, Y); }", "`std::env::set_var`"),
    ] {
        assert_found(&[(place, &file(code))], path);
    }
}

#[test]
fn what_belongs_where_it_stands_is_left_alone() {
    for (place, code) in [
        ("crates/core/http/src/a.rs", "use std::net::{IpAddr, SocketAddr};\nuse std::time::Duration;"),
        ("crates/core/http/src/a.rs", "// std::fs and tokio\nconst A: &str = \"use std::fs\";"),
        ("crates/core/http/src/a.rs", "#[cfg(test)]\nmod t { use std::fs; }"),
        ("crates/core/http/src/a/tests.rs", "use std::fs;"),
        ("crates/core/http/src/a.rs", "use crate::time::Instant;\nfn f(x: Instant) { x.tokio(); }"),
        ("crates/core/identity/src/key.rs", "use aws_lc_rs::rand::SystemRandom;"),
        ("crates/core/config/src/tree.rs", "use serde_saphyr::Spanned;"),
        ("crates/io/net/src/tls.rs", "use rustls::ServerConfig;"),
        ("crates/io/net/src/tls/mesh.rs", "use rustls::ServerConfig;"),
        ("crates/io/net/src/clock.rs", "use std::time::SystemTime;"),
        ("crates/app/selvedge/src/cli/up.rs", "fn f() { std::env::var(X); }"),
        ("crates/app/control/src/authority.rs", "fn f() { std::env::current_exe(); }"),
        ("xtask/src/a.rs", "use std::fs;"),
    ] {
        assert_tidy(&[(place, &file(code))]);
    }
}
