//! A server as a child process: its log, its orderly end, and the certainty that it does end.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

use crate::wait::{POLL, until};

/// How many bytes of a log an error shows.
const TAIL: u64 = 4096;
/// How long a process may take to disappear after SIGKILL.
const AFTER_KILL: Duration = Duration::from_secs(10);
/// Waits until its standard input ends, which happens when the owner of the other end is gone, then ends group $2.
const WATCHDOG: &str = r#"
read -r _
kill -s "$1" -- "-$2"
left=$3
while [ "$left" -gt 0 ] && kill -s 0 -- "-$2"; do sleep 1; left=$((left - 1)); done
kill -s KILL -- "-$2"
"#;

/// The signals servers understand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGHUP: read the configuration again.
    Hangup,
    /// SIGINT: for PostgreSQL, end now but in order.
    Interrupt,
    /// SIGKILL: end at once; cannot be refused.
    Kill,
    /// SIGQUIT: for PostgreSQL, end without writing anything more.
    Quit,
    /// SIGTERM: the usual request to end.
    Terminate,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Self::Hangup => "HUP",
            Self::Interrupt => "INT",
            Self::Kill => "KILL",
            Self::Quit => "QUIT",
            Self::Terminate => "TERM",
        }
    }
}

/// How a process is asked to end when nobody is left to do it explicitly.
#[derive(Debug, Clone, Copy)]
pub struct Ending {
    /// What it is sent first.
    pub signal: Signal,
    /// How long it may take over it, in whole seconds, before SIGKILL.
    pub grace: Duration,
}

impl Ending {
    /// At once: right for whatever keeps nothing worth an orderly end.
    pub const KILL: Self = Self { signal: Signal::Kill, grace: Duration::ZERO };
}

/// A running server process, in a process group of its own (a Ctrl-C at the terminal does not reach it).
///
/// Dropping it ends the whole group as its [`Ending`] says, blocking for at most the grace. When this process dies
/// without dropping it (SIGKILL, abort, `exit`), a watchdog, a shell waiting on a pipe from this process, does the
/// same.
#[derive(Debug)]
pub struct Child {
    name: String,
    process: process::Child,
    watchdog: Option<process::Child>,
    log: PathBuf,
    log_start: u64,
    ending: Ending,
    ended: bool,
}

impl Child {
    /// Starts `command`, appending what it prints to the file `log`; `name` is what errors call it.
    ///
    /// # Errors
    /// When the log cannot be opened or the program cannot be started.
    pub fn spawn(name: &str, mut command: Command, log: &Path, ending: Ending) -> Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(log).with_context(|| format!("cannot open {}", log.display()))?;
        let log_start = file.metadata()?.len();
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).process_group(0);
        let process = command.spawn().with_context(|| format!("cannot start {name} ({})", command.get_program().to_string_lossy()))?;
        let mut child = Self { name: name.to_owned(), process, watchdog: None, log: log.to_owned(), log_start, ending, ended: false };
        child.watchdog = Some(watchdog(child.id(), ending)?);
        tracing::debug!(server = name, pid = child.id(), "started");
        Ok(child)
    }

    /// The process id, which is also the id of its group.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The exit status when the process has ended, `None` while it runs.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn exited(&mut self) -> Result<Option<ExitStatus>> {
        let status = self.process.try_wait().with_context(|| format!("cannot ask about {}", self.name))?;
        if status.is_some() && !self.ended {
            self.ended = true;
            // What the leader left behind in its group has no reason to live on.
            send(Signal::Kill, &format!("-{}", self.id()));
            self.dismiss_watchdog();
        }
        Ok(status)
    }

    /// Polls `probe` until it answers `true`.
    ///
    /// # Errors
    /// When the process ends meanwhile or `deadline` passes; the error shows the end of its log.
    pub async fn ready<P, F>(&mut self, deadline: Duration, mut probe: P) -> Result<()>
    where
        P: FnMut() -> F,
        F: Future<Output = bool>,
    {
        let end = Instant::now() + deadline;
        loop {
            if let Some(status) = self.exited()? {
                return Err(self.failure(&format!("ended instead of starting ({status})")));
            }
            if probe().await {
                return Ok(());
            }
            if Instant::now() >= end {
                return Err(self.failure(&format!("was not ready within {deadline:?}")));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Sends `signal` to the process itself (not to its group); nothing happens when it has ended.
    pub fn signal(&self, signal: Signal) {
        if !self.ended {
            send(signal, &self.id().to_string());
        }
    }

    /// Asks the process to end with `signal`, and kills its group when it has not after `grace`.
    ///
    /// # Errors
    /// When it had to be killed or could not be: whoever asked for an orderly end did not get one.
    pub async fn stop(&mut self, signal: Signal, grace: Duration) -> Result<()> {
        self.signal(signal);
        if self.gone_within(grace).await {
            return Ok(());
        }
        let failure = self.failure(&format!("did not end within {grace:?} and was killed"));
        self.kill().await?;
        Err(failure)
    }

    /// Kills the whole group with SIGKILL and waits until the process is gone.
    ///
    /// # Errors
    /// When it is still there 10 s later.
    pub async fn kill(&mut self) -> Result<()> {
        if !self.ended {
            send(Signal::Kill, &format!("-{}", self.id()));
        }
        if !self.gone_within(AFTER_KILL).await {
            return Err(self.failure("does not die"));
        }
        Ok(())
    }

    /// What the process wrote to its log since it was started; empty when that cannot be read.
    #[must_use]
    pub fn log(&self) -> String {
        read_from(&self.log, self.log_start).unwrap_or_default()
    }

    async fn gone_within(&mut self, deadline: Duration) -> bool {
        let this = &mut *self;
        until(deadline, move || std::future::ready(matches!(this.exited(), Ok(Some(_))))).await
    }

    /// An error about this server: what happened to it and the end of its log.
    fn failure(&self, what: &str) -> anyhow::Error {
        let length = self.log.metadata().map_or(0, |metadata| metadata.len());
        let tail = read_from(&self.log, self.log_start.max(length.saturating_sub(TAIL)));
        let tail = tail.unwrap_or_else(|error| error.to_string());
        anyhow!("{} {what}; the end of its log ({}):\n{}", self.name, self.log.display(), tail.trim_end())
    }

    fn dismiss_watchdog(&mut self) {
        if let Some(mut watchdog) = self.watchdog.take() {
            // Both fail only when it is gone already.
            let _ = watchdog.kill();
            let _ = watchdog.wait();
        }
    }

    fn wait_blocking(&mut self, deadline: Duration) -> bool {
        let end = Instant::now() + deadline;
        loop {
            if matches!(self.exited(), Ok(Some(_))) {
                return true;
            }
            if Instant::now() >= end {
                return false;
            }
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if matches!(self.exited(), Ok(Some(_))) {
            return;
        }
        send(self.ending.signal, &format!("-{}", self.id()));
        if !self.wait_blocking(self.ending.grace) {
            send(Signal::Kill, &format!("-{}", self.id()));
            if !self.wait_blocking(AFTER_KILL) {
                tracing::error!(server = self.name, pid = self.id(), "does not die");
            }
        }
        self.dismiss_watchdog();
    }
}

fn watchdog(group: u32, ending: Ending) -> Result<process::Child> {
    Command::new("/bin/sh")
        .args(["-c", WATCHDOG, "watchdog", ending.signal.name()])
        .arg(group.to_string())
        .arg(ending.grace.as_secs().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .current_dir("/")
        .process_group(0)
        .spawn()
        .context("cannot start the watchdog, /bin/sh")
}

/// Sends a signal through the shell's own `kill`: the standard library has no such call and `unsafe` is forbidden.
/// `target` is a process id, or a group id with a minus sign. A target that is gone is no error.
fn send(signal: Signal, target: &str) {
    let sent =
        Command::new("/bin/sh").args(["-c", r#"kill -s "$1" -- "$2""#, "signal", signal.name(), target]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if let Err(error) = sent {
        tracing::error!(%error, target, "cannot run /bin/sh to send a signal");
    }
}

fn read_from(path: &Path, offset: u64) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
