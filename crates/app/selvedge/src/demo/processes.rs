//! The processes of the demo: each is this same program under a hidden command, speaks to us by its standard streams,
//! and ends when we do.
//!
//! **Why each service is a program of its own.** The kernel must be able to tell the services apart, or any of them could
//! call as any other. Separate users would need root; a separate program does not: each service runs a hard link (or a
//! copy, on another file system) of this binary under its own name, and the documents select by `path`. Whether root runs
//! the demo or a user, the same selectors are tested.

use super::shop::{Errand, Report, Service};
use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot};

/// How long a process may take to say where it listens.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an errand may take: longer than the call that it makes.
const ERRAND_TIMEOUT: Duration = Duration::from_secs(8);
/// How long a process may take to end by itself.
const END_TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes of one line from a process.
const LINE_BYTES_MAX: u64 = 64 * 1024;
/// Errands that wait for their turn.
const ERRANDS_MAX: usize = 16;
/// Bytes of a log that are shown when a process fails.
const LOG_BYTES_SHOWN: usize = 4 * 1024;

/// The programs of the services, by hard link or copy.
#[derive(Debug)]
pub(crate) struct Programs {
    directory: PathBuf,
}

/// A process of the demo.
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    log: PathBuf,
    /// What it said first.
    announced: Value,
}

/// A process that runs errands.
#[derive(Clone)]
pub(crate) struct Runner {
    errands: mpsc::Sender<(Errand, oneshot::Sender<Report>)>,
}

impl Programs {
    /// Puts one program for each service into a directory.
    ///
    /// # Errors
    /// When neither a link nor a copy can be made.
    pub(crate) fn make(directory: &Path) -> Result<Programs> {
        std::fs::create_dir_all(directory).with_context(|| format!("cannot make `{}`", directory.display()))?;
        let mut original = program()?;
        for service in Service::ALL {
            let path = directory.join(service.as_str());
            if std::fs::hard_link(&original, &path).is_err() {
                // Another file system, or a program that is not ours to link: one copy, which the next ones link to.
                let copied = std::fs::copy(&original, &path);
                copied.with_context(|| format!("cannot copy this program to `{}`", path.display()))?;
                original = path;
            }
        }
        Ok(Programs { directory: directory.to_path_buf() })
    }

    /// The program of a service.
    pub(crate) fn of(&self, service: Service) -> PathBuf {
        self.directory.join(service.as_str())
    }
}

/// This program.
///
/// # Errors
/// When the system does not say where it is.
pub(crate) fn program() -> Result<PathBuf> {
    std::env::current_exe().context("cannot find this program: was it replaced while it ran?")
}

impl Process {
    /// Starts a process and waits for the line in which it says where it listens.
    ///
    /// # Errors
    /// When it does not start, or ends, or says nothing in time; with what it wrote to its log.
    pub(crate) async fn start(
        name: &'static str,
        program: &Path,
        arguments: &[String],
        logs: &Path,
    ) -> Result<Process> {
        let (log, file) = log(name, logs)?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(file).kill_on_drop(true);
        let cannot = || format!("cannot start `{}`: set TMPDIR to where programs may run", program.display());
        let mut child = command.spawn().with_context(cannot)?;
        let input = child.stdin.take().context("a process has no standard input")?;
        let output = BufReader::new(child.stdout.take().context("a process has no standard output")?);
        let mut process = Process { name, child, input, output, log, announced: Value::Null };
        let line = tokio::time::timeout(START_TIMEOUT, line(&mut process.output)).await;
        let line = line.map_err(|_| anyhow!("`{name}` does not say where it listens"))?;
        let announced = line.and_then(|line| Ok(serde_json::from_str(&line)?));
        process.announced = announced.with_context(|| format!("`{name}` did not start{}", tail(&process.log)))?;
        Ok(process)
    }

    /// An address that it said.
    ///
    /// # Errors
    /// When it did not say it.
    pub(crate) fn address(&self, key: &str) -> Result<SocketAddr> {
        let said = self.announced.get(key).and_then(Value::as_str).and_then(|text| text.parse().ok());
        said.with_context(|| format!("`{}` does not say `{key}`", self.name))
    }

    /// Turns it into one that runs errands. It ends when the last [`Runner`] is dropped.
    pub(crate) fn runner(self) -> Runner {
        let (errands, waiting) = mpsc::channel(ERRANDS_MAX);
        drop(tokio::task::spawn_local(run_errands(self, waiting)));
        Runner { errands }
    }

    /// Closes its standard input, and waits until it has ended.
    pub(crate) async fn end(self) {
        let Process { mut child, input, .. } = self;
        drop(input);
        if tokio::time::timeout(END_TIMEOUT, child.wait()).await.is_err() {
            // It is killed when dropped, too; a process that is gone already is what we want.
            let _ = child.kill().await;
        }
    }
}

impl Runner {
    /// Has the process run an errand, after those that wait.
    pub(crate) async fn run(&self, errand: Errand) -> Report {
        let (report, reported) = oneshot::channel();
        if self.errands.send((errand, report)).await.is_err() {
            return Report::Failed("the process has ended".to_owned());
        }
        reported.await.unwrap_or_else(|_| Report::Failed("the process has ended".to_owned()))
    }
}

async fn run_errands(mut process: Process, mut errands: mpsc::Receiver<(Errand, oneshot::Sender<Report>)>) {
    while let Some((errand, report)) = errands.recv().await {
        let done = tokio::time::timeout(ERRAND_TIMEOUT, run_errand(&mut process, &errand)).await;
        let failed = |why: String| Report::Failed(why);
        let done = done.unwrap_or_else(|_| Ok(failed("the process does not answer".to_owned())));
        // Whoever asked may have stopped waiting.
        drop(report.send(done.unwrap_or_else(|error| failed(format!("{error:#}")))));
    }
    process.end().await;
}

async fn run_errand(process: &mut Process, errand: &Errand) -> Result<Report> {
    let line_out = format!("{}\n", serde_json::to_string(errand)?);
    process.input.write_all(line_out.as_bytes()).await?;
    Ok(serde_json::from_str(&line(&mut process.output).await?)?)
}

/// The mesh itself: `selvedge up`.
pub(crate) struct Mesh {
    child: Child,
    log: PathBuf,
}

impl Mesh {
    /// Starts it on a repository.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(directory: &Path, state: &Path, admin: SocketAddr, logs: &Path) -> Result<Mesh> {
        let (log, file) = log("up", logs)?;
        let output = file.try_clone().context("cannot share a log")?;
        let mut command = Command::new(program()?);
        command.arg("up").arg(directory).arg("--state").arg(state).arg("--admin").arg(admin.to_string());
        command.arg("--until-stdin-closes");
        command.stdin(Stdio::piped()).stdout(output).stderr(file).kill_on_drop(true);
        Ok(Mesh { child: command.spawn().context("cannot start `selvedge up`")?, log })
    }

    /// Says when it has ended, which it should not.
    ///
    /// # Errors
    /// When it has; with the end of its log.
    pub(crate) fn alive(&mut self) -> Result<()> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => bail!("`selvedge up` ended with {status}{}", tail(&self.log)),
            Err(error) => bail!("cannot ask about `selvedge up`: {error}"),
        }
    }

    /// The end of its log.
    pub(crate) fn log(&self) -> String {
        tail(&self.log)
    }

    /// Ends it. Its own children end with their standard input.
    pub(crate) async fn end(mut self) {
        // A process that is gone already is what we want.
        let _ = self.child.kill().await;
    }
}

fn log(name: &str, logs: &Path) -> Result<(PathBuf, std::fs::File)> {
    let path = logs.join(format!("{name}.log"));
    let file = std::fs::File::create(&path).with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok((path, file))
}

async fn line(output: &mut BufReader<ChildStdout>) -> Result<String> {
    let mut line = String::new();
    output.take(LINE_BYTES_MAX).read_line(&mut line).await?;
    if line.ends_with('\n') { Ok(line) } else { bail!("it ended, or its line is too long") }
}

/// The end of a log, for a message: nothing when there is none.
fn tail(log: &Path) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    let end = bytes.get(bytes.len().saturating_sub(LOG_BYTES_SHOWN)..).unwrap_or_default();
    let text = String::from_utf8_lossy(end);
    if text.trim().is_empty() { String::new() } else { format!("; it wrote:\n{}", text.trim_end()) }
}
