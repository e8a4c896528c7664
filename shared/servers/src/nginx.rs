//! A private nginx, to test the gateway's routing as it is deployed.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::child::{Child, Ending, Signal};
use crate::command::run;
use crate::install::{InstallPolicy, Programs, ServerKind, ensure};
use crate::port::free_port;
use crate::wait::until;

const START: Duration = Duration::from_secs(20);
const STOP: Duration = Duration::from_secs(10);

/// A private nginx on 127.0.0.1; dropping it kills it with its workers and removes its folder.
#[derive(Debug)]
pub struct Nginx {
    child: Option<Child>,
    programs: Programs,
    port: u16,
    template: String,
    folder: TempDir,
}

impl Nginx {
    /// Starts nginx with a complete configuration, written from `template`, and waits until it accepts connections.
    ///
    /// In the template `{port}` stands for the port to listen on (`listen 127.0.0.1:{port};`), `{folder}` for the
    /// server's own folder (temporary paths, logs), and `{name}` for each entry of `values`, such as the address of
    /// an upstream. The process id file and the error log are set here unless the template says `pid`.
    ///
    /// # Errors
    /// When nginx is not installed, the template names a value that was not given, the configuration is wrong, or
    /// nginx does not come up within 20 s.
    pub async fn start(template: &str, values: &BTreeMap<String, String>) -> Result<Self> {
        let programs = ensure(ServerKind::Nginx, InstallPolicy::Refuse).await?;
        let folder = TempDir::with_prefix("registrar-nginx-")?;
        // Started by root, nginx lets its workers run as another user, who must get at the temporary files inside.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o711))?;
        let mut nginx = Self { child: None, programs, port: free_port()?, template: template.to_owned(), folder };
        nginx.write(values)?;
        nginx.start_again().await?;
        Ok(nginx)
    }

    /// `http://127.0.0.1:<port>`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}:{}", Ipv4Addr::LOCALHOST, self.port)
    }

    /// The TCP port that `{port}` stands for.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Fills the template with other `values` and makes the running nginx take them over without a break.
    ///
    /// # Errors
    /// When nginx does not run, finds the new configuration wrong (it goes on with the old one then), or has not
    /// replaced its workers within 20 s.
    pub async fn reload(&mut self, values: &BTreeMap<String, String>) -> Result<()> {
        self.write(values)?;
        let mut check = self.command();
        check.arg("-t");
        run(check, START).await.context("nginx refuses the configuration")?;
        let child = self.child.as_ref().context("nginx does not run")?;
        let before = child.log().len();
        child.signal(Signal::Hangup);
        let replaced = until(START, || {
            let log = child.log();
            let since = log.get(before..).unwrap_or_default();
            let done = since.contains("start worker process") && since.contains("gracefully shutting down");
            std::future::ready(done)
        });
        if !replaced.await {
            bail!("nginx did not reload within {START:?}; its log:\n{}", child.log());
        }
        Ok(())
    }

    /// Starts the stopped nginx on its port again; does nothing while it runs.
    ///
    /// # Errors
    /// When it does not come up within 20 s.
    pub async fn start_again(&mut self) -> Result<()> {
        if let Some(child) = &mut self.child
            && child.exited()?.is_none()
        {
            return Ok(());
        }
        let log = self.folder.path().join("nginx.log");
        let mut child = Child::spawn("nginx", self.command(), &log, Ending::KILL)?;
        let port = self.port;
        let accepts = || async move { TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok() };
        child.ready(START, accepts).await?;
        self.child = Some(child);
        Ok(())
    }

    /// Stops nginx and its workers; does nothing when it does not run.
    ///
    /// # Errors
    /// When it had to be killed.
    pub async fn stop(&mut self) -> Result<()> {
        match self.child.take() {
            Some(mut child) => child.stop(Signal::Terminate, STOP).await,
            None => Ok(()),
        }
    }

    fn configuration(&self) -> PathBuf {
        self.folder.path().join("nginx.conf")
    }

    fn write(&self, values: &BTreeMap<String, String>) -> Result<()> {
        let mut values = values.clone();
        values.insert("port".to_owned(), self.port.to_string());
        values.insert("folder".to_owned(), self.folder.path().display().to_string());
        fs::write(self.configuration(), fill(&self.template, &values)?)?;
        Ok(())
    }

    fn command(&self) -> Command {
        let mut globals = "daemon off; error_log stderr notice;".to_owned();
        if !self.template.lines().any(|line| line.trim_start().starts_with("pid ")) {
            globals += &format!(" pid {};", self.folder.path().join("nginx.pid").display());
        }
        let mut command = Command::new(self.programs.path("nginx"));
        command.arg("-p").arg(self.folder.path()).arg("-c").arg(self.configuration()).arg("-g").arg(globals);
        command
    }
}

/// Replaces each `{name}` by its value. Braces around anything else (nginx's blocks, `{2}` in patterns) stay.
fn fill(template: &str, values: &BTreeMap<String, String>) -> Result<String> {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text += before;
        match after.split_once('}') {
            Some((name, tail)) if is_name(name) => {
                text += values.get(name).with_context(|| format!("the template's {{{name}}} has no value"))?;
                rest = tail;
            }
            _ => {
                text.push('{');
                rest = after;
            }
        }
    }
    Ok(text + rest)
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase()) && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_names_and_leaves_other_braces() {
        let values = BTreeMap::from([("port".to_owned(), "81".to_owned())]);
        let filled = fill("http { listen {port}; location ~ ^/[a-z]{2}$ {} }", &values).unwrap();
        assert_eq!(filled, "http { listen 81; location ~ ^/[a-z]{2}$ {} }");
        assert!(fill("server {students};", &values).unwrap_err().to_string().contains("{students}"));
    }
}
