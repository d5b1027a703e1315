//! The demo: a whole mesh on this machine, to look at (`selvedge demo`) or to check (`selvedge demo --once`).
//!
//! It makes a mesh repository in a temporary directory, starts a small issuer and four services as processes of their
//! own, then `selvedge up` on the repository, and sends traffic through the gateway. Each process says where it listens
//! in one line of JSON on its standard output, and ends when its standard input does: nothing outlives the one who
//! started it.

mod calls;
mod checks;
mod client;
mod issuer;
mod mesh;
mod ports;
mod processes;
mod serve;
mod shop;
mod status;
mod table;
mod tail;
mod terminal;
mod traffic;
mod view;
mod world;

use anyhow::{Context, Result, bail};
use checks::Check;
use serve::say;
use std::net::SocketAddr;
use std::rc::Rc;
use tokio::signal::unix::{SignalKind, signal};
use world::World;

pub(crate) use serve::loopback;
pub(crate) use shop::{Addresses, Service};

/// How the demo is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// Run the checks, and end.
    pub(crate) once: bool,
    /// Print the checks as JSON.
    pub(crate) json: bool,
    /// Colors are wanted.
    pub(crate) color: bool,
}

/// Runs the demo; whether all that was checked is well.
///
/// # Errors
/// When the mesh does not start, or ends by itself.
pub(crate) fn run(options: Options) -> Result<bool> {
    serve::run(async move {
        if !options.json {
            say("starting four services, an issuer and `selvedge up`");
        }
        // Checks may run several at a time; a person wants the port that is easy to remember.
        // What was started is killed when the future that started it is dropped.
        let (world, mut owned) = tokio::select! {
            started = World::start(!options.once) => started?,
            asked = asked_to_end() => return asked.and_then(|()| bail!("asked to end before the mesh served")),
        };
        let world = Rc::new(world);
        let done = if options.once {
            tokio::select! {
                done = once(&world, options.json) => done,
                asked = asked_to_end() => asked.and_then(|()| bail!("asked to end before the checks did")),
            }
        } else {
            tokio::select! {
                done = view::run(world.clone(), &mut owned, options.color) => done.map(|()| true),
                asked = asked_to_end() => asked.map(|()| true),
            }
        };
        drop(world);
        owned.end().await;
        done
    })
}

/// Waits for Ctrl-C, or for a signal to end.
async fn asked_to_end() -> Result<()> {
    let on = |kind| signal(kind).context("cannot listen for signals");
    let (mut interrupt, mut terminate) = (on(SignalKind::interrupt())?, on(SignalKind::terminate())?);
    let mut hangup = on(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}

async fn once(world: &Rc<World>, json: bool) -> Result<bool> {
    let mut print = |check: &Check| {
        if !json {
            let word = if check.ok { "ok  " } else { "FAIL" };
            say(&format!("{word} {}: expected {}; got {}", check.name, check.expected, check.got));
        }
    };
    let checks = checks::run(world, &mut print).await;
    let well = checks.iter().filter(|check| check.ok).count();
    if json {
        say(&serde_json::to_string_pretty(&checks).context("cannot print the checks")?);
    } else {
        say(&format!("{well} of {} checks hold", checks.len()));
    }
    Ok(well == checks.len())
}

/// Runs one service of the shop.
///
/// # Errors
/// When it cannot listen.
pub(crate) fn service(service: Service, addresses: Addresses) -> Result<()> {
    serve::run(shop::run(service, addresses))
}

/// Runs the issuer.
///
/// # Errors
/// When it cannot listen.
pub(crate) fn issuer(listen: SocketAddr) -> Result<()> {
    serve::run(issuer::run(listen))
}
