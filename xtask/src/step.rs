//! The steps of a run: each prints its name and how long it took, its output passes through, its counts are added.

use std::{
    ffi::OsStr,
    io::Write,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::counts::Counts;

/// The steps so far.
pub struct Steps {
    counts: Counts,
    keep_going: bool,
}

impl Steps {
    /// None yet. With `keep_going` a failed step does not keep the next from being run.
    pub fn new(keep_going: bool) -> Self {
        Steps { counts: Counts::default(), keep_going }
    }

    /// What passed and failed.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether the next step is to be run.
    pub fn go_on(&self) -> bool {
        self.keep_going || self.counts.failed == 0
    }

    /// Runs a check that counts as one test; does nothing when an earlier failure ended the run.
    pub async fn check(&mut self, name: &str, check: impl Future<Output = Result<()>>) {
        if !self.go_on() {
            return;
        }
        let started = begin(name);
        let result = check.await;
        if let Err(error) = &result {
            eprintln!("{error:#}");
        }
        self.add(name, started, Counts::of(result.is_ok()));
    }

    /// Does what later steps need: counts only when it fails.
    pub async fn prepare(&mut self, name: &str, preparation: impl Future<Output = Result<()>>) {
        let before = self.counts.passed;
        self.check(name, preparation).await;
        self.counts.passed = before;
    }

    /// Runs a test runner and adds what its summaries say; a runner that fails without a failed test counts as one.
    pub async fn tests(&mut self, name: &str, command: Command) {
        if !self.go_on() {
            return;
        }
        let started = begin(name);
        let counts = match run_and_count(command).await {
            Ok((true, counts)) => counts,
            Ok((false, counts)) => Counts { failed: counts.failed.max(1), ..counts },
            Err(error) => {
                eprintln!("{error:#}");
                Counts::of(false)
            }
        };
        self.add(name, started, counts);
    }

    fn add(&mut self, name: &str, started: Instant, counts: Counts) {
        let result = if counts.failed == 0 { "passed" } else { "FAILED" };
        println!("--- {name}: {result} in {:.1} s", started.elapsed().as_secs_f64());
        self.counts += counts;
    }
}

/// Announces a step.
pub fn begin(name: &str) -> Instant {
    println!("=== {name}");
    // What the step itself prints follows.
    let _ = std::io::stdout().flush();
    Instant::now()
}

/// A cargo command in the repository's root.
pub fn cargo<I: AsRef<OsStr>>(root: &Path, arguments: impl IntoIterator<Item = I>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root);
    command
}

/// Runs a command whose output passes through.
///
/// # Errors
/// When it cannot be started or fails.
pub async fn succeed(command: Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = tokio::process::Command::from(command).status().await.with_context(|| format!("cannot run {name}"))?;
    if !status.success() {
        bail!("{name} ended with {status}");
    }
    Ok(())
}

async fn run_and_count(mut command: Command) -> Result<(bool, Counts)> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = tokio::process::Command::from(command).spawn().context("cannot start the test runner")?;
    let (stdout, stderr) = (child.stdout.take().context("no output")?, child.stderr.take().context("no output")?);
    // cargo test prints its summaries to the one, nextest to the other.
    let (out, err) = tokio::try_join!(pass_through(stdout, std::io::stdout()), pass_through(stderr, std::io::stderr()))?;
    let mut counts = out;
    counts += err;
    Ok((child.wait().await?.success(), counts))
}

/// Copies what comes as it comes, and adds up the summaries in its lines.
async fn pass_through(mut from: impl AsyncRead + Unpin, mut to: impl Write) -> Result<Counts> {
    let mut counts = Counts::default();
    let (mut buffer, mut line) = (vec![0; 8192], Vec::new());
    loop {
        let length = from.read(&mut buffer).await?;
        let bytes = buffer.get(..length).unwrap_or_default();
        to.write_all(bytes)?;
        to.flush()?;
        for byte in bytes {
            line.push(*byte);
            if *byte == b'\n' {
                counts += Counts::in_line(&String::from_utf8_lossy(&line)).unwrap_or_default();
                line.clear();
            }
        }
        if length == 0 {
            counts += Counts::in_line(&String::from_utf8_lossy(&line)).unwrap_or_default();
            return Ok(counts);
        }
    }
}
