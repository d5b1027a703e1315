//! `bench-origin ADDRESS [BODY_BYTES]`: the service behind the measured proxies.

use anyhow::Context;
use clap::Parser;
use selvedge_bench::origin::Origin;
use std::net::SocketAddr;

/// Answers every GET with the same body.
#[derive(Parser)]
struct Arguments {
    /// Where to listen.
    address: SocketAddr,
    /// The size of the body.
    #[arg(default_value_t = 1024)]
    body_bytes: usize,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let origin = Origin::bind(arguments.address, arguments.body_bytes)
        .with_context(|| format!("cannot listen on `{}`: choose a free address", arguments.address))?;
    origin.serve().context("polling failed")
}
