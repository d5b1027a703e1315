//! `selvedge run --as SERVICE -- COMMAND`: a process as a workload of the mesh, on a laptop or a machine of its own.
//!
//! The node beside it vouches for this process and for all that it starts, for as long as their connection stands: a
//! process that is left over is nobody. The command keeps its terminal, gets every signal, and its exit code is ours.

use crate::node::{RUN_SOCKET, RunAsk, RunReply};
use crate::say::say;
use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use selvedge_model::Name;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, IsTerminal, Read, Write, stderr};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

/// Where the one node of `selvedge up` keeps its state, below that of `up`.
const UP_NODE: &str = "node-local";
/// Bytes of an answer.
const REPLY_BYTES_MAX: u64 = 1024 * 1024;
/// For an answer; the node may just be starting.
const REPLY_TIMEOUT: Duration = Duration::from_secs(20);
/// Between two tries to reach a node that has gone.
const AGAIN: Duration = Duration::from_millis(500);
/// What is passed on to the command.
const SIGNALS: &[Signal] = &[
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGWINCH,
];
/// What a terminal sends to every process in front of it: the command has it already.
const FROM_TERMINAL: &[Signal] = &[Signal::SIGINT, Signal::SIGQUIT, Signal::SIGWINCH];

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The service that the command is.
    #[arg(long = "as", value_name = "SERVICE")]
    service: Name,
    /// The state directory of `selvedge up` or of the node.
    #[arg(long, default_value = ".selvedge")]
    state: PathBuf,
    /// Say nothing of the ways into the mesh.
    #[arg(long)]
    quiet: bool,
    /// The command and its arguments, after `--`.
    #[arg(required = true, last = true)]
    command: Vec<OsString>,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let socket = socket(&arguments.state)?;
    let (link, reply) = ask(&socket, &arguments.service)?;
    let variables = match reply {
        RunReply::Ways { .. } => variables(&arguments.service, &reply),
        RunReply::Refused(reason) => bail!("the node refuses: {reason}"),
    };
    if !arguments.quiet {
        let lines = variables.iter().map(|(name, value)| format!("  {name}={value}"));
        let lines: Vec<String> = [format!("running as `{}`", arguments.service)].into_iter().chain(lines).collect();
        say(stderr(), &lines.join("\n"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Before the command is there: none of them may end us without it.
    let signals = runtime.block_on(async { signals() })?;
    // What the command leaves behind stays below us, so that it is known for what it is until we end.
    prctl::set_child_subreaper(true).context("cannot adopt what the command leaves behind")?;
    let (program, rest) = arguments.command.split_first().context("name a command after `--`")?;
    let spawned = Command::new(program).args(rest).envs(variables).spawn();
    let child = spawned.with_context(|| format!("cannot run {program:?}"))?;
    let child = Pid::from_raw(i32::try_from(child.id()).context("the process has no number")?);
    keep_vouched(link, socket, arguments.service.clone());
    Ok(runtime.block_on(attend(child, signals)))
}

/// The socket of the node that is meant.
fn socket(state: &Path) -> Result<PathBuf> {
    let places = [state.join(RUN_SOCKET), state.join(UP_NODE).join(RUN_SOCKET)];
    let found = places.into_iter().find(|place| place.exists());
    found.with_context(|| {
        format!(
            "no node runs with its state in `{}`: start `selvedge up`, or name another with --state",
            state.display()
        )
    })
}

/// Asks the node; the connection is to be kept.
fn ask(socket: &Path, service: &Name) -> Result<(UnixStream, RunReply)> {
    let unreachable = || format!("cannot reach the node at `{}`", socket.display());
    let mut stream = UnixStream::connect(socket).with_context(unreachable)?;
    stream.set_read_timeout(Some(REPLY_TIMEOUT))?;
    let mut line = serde_json::to_string(&RunAsk { service: service.clone() })?;
    line.push('\n');
    stream.write_all(line.as_bytes()).with_context(unreachable)?;
    let mut reply = String::new();
    let mut reader = BufReader::new((&stream).take(REPLY_BYTES_MAX));
    reader.read_line(&mut reply).with_context(|| format!("the node at `{}` does not answer", socket.display()))?;
    drop(reader);
    let reply = serde_json::from_str(&reply).context("the node answers something else: is it of another version?")?;
    stream.set_read_timeout(None)?;
    Ok((stream, reply))
}

/// Keeps the node's word: it is asked again when it was restarted.
fn keep_vouched(link: UnixStream, socket: PathBuf, service: Name) {
    let keep = move || {
        let mut link = Some(link);
        loop {
            if let Some(mut open) = link.take() {
                // Nothing comes; its end is the node's.
                let _ = std::io::copy(&mut open, &mut std::io::sink());
            }
            std::thread::sleep(AGAIN);
            link = ask(&socket, &service).ok().and_then(|(open, reply)| match reply {
                RunReply::Ways { .. } => Some(open),
                RunReply::Refused(_) => None,
            });
        }
    };
    // It ends with the process.
    drop(std::thread::spawn(keep));
}

/// What the command finds in its environment.
fn variables(service: &Name, reply: &RunReply) -> Vec<(String, String)> {
    let RunReply::Ways { workload_api, http, tcp, ports } = reply else { return Vec::new() };
    let upper = |name: &Name| name.as_str().to_uppercase().replace('-', "_");
    let mut found = vec![
        ("SELVEDGE_SERVICE".to_owned(), service.to_string()),
        ("SPIFFE_ENDPOINT_SOCKET".to_owned(), format!("unix://{}", workload_api.display())),
    ];
    if let Some(http) = http {
        let own = "localhost,127.0.0.1,::1";
        found.extend(["HTTP_PROXY", "http_proxy"].map(|name| (name.to_owned(), format!("http://{http}"))));
        found.extend(["NO_PROXY", "no_proxy"].map(|name| (name.to_owned(), own.to_owned())));
    }
    let way = |(listen, to, port): &(std::net::SocketAddr, Name, Name)| {
        (format!("SELVEDGE_TCP_{}_{}", upper(to), upper(port)), listen.to_string())
    };
    found.extend(tcp.iter().map(way));
    found.extend(ports.iter().map(|(name, target)| (format!("SELVEDGE_LISTEN_{}", upper(name)), target.to_string())));
    found.extend(ports.first().map(|(_, target)| ("PORT".to_owned(), target.port().to_string())));
    found
}

/// Signals that come to us, from the moment of this call.
fn signals() -> Result<mpsc::Receiver<Signal>> {
    let (heard, signals) = mpsc::channel(16);
    for name in SIGNALS {
        let mut coming = signal(SignalKind::from_raw(*name as i32))?;
        let heard = heard.clone();
        drop(tokio::spawn(async move { while coming.recv().await.is_some() && heard.send(*name).await.is_ok() {} }));
    }
    Ok(signals)
}

/// Passes signals on until the command ends; its exit code, or 128 and the number of the signal that ended it.
async fn attend(child: Pid, mut signals: mpsc::Receiver<Signal>) -> ExitCode {
    let mut ended = collect(child);
    let terminal = std::io::stdin().is_terminal();
    loop {
        tokio::select! {
            code = &mut ended => return ExitCode::from(code.unwrap_or(1)),
            Some(signal) = signals.recv() => if !(terminal && FROM_TERMINAL.contains(&signal)) {
                // It may have ended this moment.
                let _ = kill(child, signal);
            },
        }
    }
}

/// Collects every process that ends below us, and tells of the one that is meant.
fn collect(child: Pid) -> oneshot::Receiver<u8> {
    let (tell, ended) = oneshot::channel();
    let wait = move || {
        let byte = |number: i32| u8::try_from(number).unwrap_or(1);
        let code = loop {
            match waitpid(None, None) {
                Ok(WaitStatus::Exited(pid, code)) if pid == child => break byte(code),
                Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => break 128 + byte(signal as i32),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(_) => break 1,
            }
        };
        let _ = tell.send(code);
    };
    drop(std::thread::spawn(wait));
    ended
}
