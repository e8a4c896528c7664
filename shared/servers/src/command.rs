//! Short-lived programs (`psql`, `initdb`, `rabbitmqctl`), run to their end within a deadline.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Runs `command` and returns what it wrote to its standard output, without surrounding white space.
///
/// Arguments are left out of the errors, since they may hold a password.
///
/// # Errors
/// When the program cannot be started, does not end within `deadline` (it is killed then), or ends with a failure, in
/// which case the error carries what it printed.
pub(crate) async fn run(mut command: Command, deadline: Duration) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null());
    let mut command = tokio::process::Command::from(command);
    command.kill_on_drop(true);
    let output =
        tokio::time::timeout(deadline, command.output()).await.with_context(|| format!("{name} did not end within {deadline:?}"))?.with_context(|| format!("cannot run {name}"))?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("{name} failed ({}): {} {}", output.status, stderr.trim(), stdout.trim());
    }
    Ok(stdout.trim().to_owned())
}

/// A random name or secret of `bytes` bytes, written in hexadecimal.
///
/// # Errors
/// When the system gives no random bytes.
pub(crate) fn random_hex(bytes: usize) -> Result<String> {
    let mut buffer = vec![0; bytes];
    getrandom::fill(&mut buffer).context("the system gives no random bytes")?;
    Ok(buffer.iter().map(|byte| format!("{byte:02x}")).collect())
}
