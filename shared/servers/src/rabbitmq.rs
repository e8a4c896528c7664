//! A private RabbitMQ node: its own name, ports, folder, cookie and port mapper.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::child::{Child, Ending, Signal};
use crate::command::{random_hex, run};
use crate::install::{InstallPolicy, Programs, ServerKind, ensure};
use crate::port::free_port;

/// It takes 4 s on an idle machine but has been seen to take 27 s on two cores busy compiling.
const START: Duration = Duration::from_secs(120);
const STOP: Duration = Duration::from_secs(30);
const CONTROL: Duration = Duration::from_secs(30);
/// At-least-once dead-lettering of quorum queues came with this version.
const OLDEST: (u32, u32) = (3, 10);

/// A private RabbitMQ node on 127.0.0.1 without plugins, user `guest` with password `guest`.
///
/// Queues and messages outlive [`stop`](Self::stop), [`kill`](Self::kill) and
/// [`start_again`](Self::start_again); dropping the value kills the node and removes its folder.
#[derive(Debug)]
pub struct RabbitMq {
    child: Option<Child>,
    /// Erlang's port mapper, ours alone: the system's must neither be needed nor changed. Dropped after the node.
    _port_mapper: Child,
    programs: Programs,
    node: String,
    port: u16,
    distribution_port: u16,
    port_mapper_port: u16,
    folder: TempDir,
}

impl RabbitMq {
    /// Starts a node on free ports in a temporary folder and waits until it speaks AMQP.
    ///
    /// # Errors
    /// When RabbitMQ is not installed or older than 3.10, or does not come up within 120 s.
    pub async fn start() -> Result<Self> {
        let programs = ensure(ServerKind::RabbitMq, InstallPolicy::Refuse).await?;
        let folder = TempDir::with_prefix("registrar-rabbitmq-")?;
        let (port, distribution_port, port_mapper_port) = (free_port()?, free_port()?, free_port()?);
        configure(folder.path(), port)?;
        let mut rabbitmq = Self {
            child: None,
            _port_mapper: port_mapper(folder.path(), port_mapper_port).await?,
            programs,
            node: format!("registrar-{}@localhost", random_hex(4)?),
            port,
            distribution_port,
            port_mapper_port,
            folder,
        };
        rabbitmq.start_again().await?;
        Ok(rabbitmq)
    }

    /// `amqp://guest:guest@127.0.0.1:<port>/%2f`
    #[must_use]
    pub fn url(&self) -> String {
        self.url_for("guest", "guest")
    }

    /// The address for a user made by [`add_user`](Self::add_user); neither part may need escaping in a URL.
    #[must_use]
    pub fn url_for(&self, user: &str, password: &str) -> String {
        format!("amqp://{user}:{password}@{}:{}/%2f", Ipv4Addr::LOCALHOST, self.port)
    }

    /// The TCP port on which it speaks AMQP.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Starts the stopped or killed node on its folder and port again; does nothing while it runs.
    ///
    /// # Errors
    /// When it does not come up within 120 s.
    pub async fn start_again(&mut self) -> Result<()> {
        if let Some(child) = &mut self.child
            && child.exited()?.is_none()
        {
            return Ok(());
        }
        let log = self.folder.path().join("node.log");
        let mut child = Child::spawn("RabbitMQ", self.command("rabbitmq-server"), &log, Ending::KILL)?;
        let port = self.port;
        child.ready(START, || async move { speaks_amqp(port).await.unwrap_or(false) }).await?;
        if let Some((major, minor)) = version(&child.log())
            && (major, minor) < OLDEST
        {
            bail!("RabbitMQ {major}.{minor} is too old, 3.10 or newer is needed: see https://www.rabbitmq.com/docs/download");
        }
        self.child = Some(child);
        Ok(())
    }

    /// Stops the node in an orderly way; does nothing when it does not run.
    ///
    /// # Errors
    /// When it did not end within 30 s and had to be killed.
    pub async fn stop(&mut self) -> Result<()> {
        match self.child.take() {
            Some(mut child) => child.stop(Signal::Terminate, STOP).await,
            None => Ok(()),
        }
    }

    /// Kills the node with SIGKILL, for fault tests.
    ///
    /// # Errors
    /// When it does not die.
    pub async fn kill(&mut self) -> Result<()> {
        match self.child.take() {
            Some(mut child) => child.kill().await,
            None => Ok(()),
        }
    }

    /// Makes a user of the virtual host `/` with the permissions given as regular expressions over resource names.
    ///
    /// # Errors
    /// When the node does not run or the user exists.
    pub async fn add_user(&self, name: &str, password: &str, configure: &str, write: &str, read: &str) -> Result<()> {
        self.control(&["add_user", name, password]).await?;
        self.control(&["set_permissions", name, configure, write, read]).await?;
        Ok(())
    }

    /// Runs `rabbitmqctl` against this node (each run takes about a second) and returns what it prints.
    ///
    /// # Errors
    /// When it fails or does not end within 30 s.
    pub async fn control(&self, arguments: &[&str]) -> Result<String> {
        let mut command = self.command("rabbitmqctl");
        command.args(["--quiet", "--node", &self.node]).args(arguments);
        run(command, CONTROL).await
    }

    fn command(&self, program: &str) -> Command {
        let folder = self.folder.path();
        let mut command = Command::new(self.programs.path(program));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("RABBITMQ_")) {
            command.env_remove(name);
        }
        command
            .current_dir(folder)
            .env("HOME", folder)
            .env("LC_ALL", "C.UTF-8")
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("ERL_EPMD_PORT", self.port_mapper_port.to_string())
            .env("RABBITMQ_NODENAME", &self.node)
            .env("RABBITMQ_NODE_PORT", self.port.to_string())
            .env("RABBITMQ_DIST_PORT", self.distribution_port.to_string())
            .env("RABBITMQ_MNESIA_BASE", folder.join("mnesia"))
            .env("RABBITMQ_LOG_BASE", folder.join("log"))
            .env("RABBITMQ_LOGS", "-")
            .env("RABBITMQ_PID_FILE", folder.join("node.pid"))
            .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
            .env("RABBITMQ_ADVANCED_CONFIG_FILE", folder.join("advanced.config"))
            .env("RABBITMQ_CONF_ENV_FILE", folder.join("rabbitmq-env.conf"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("enabled_plugins"))
            // The node talks to its own command line tools only.
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}")
            // Makes the start script become the Erlang machine instead of waiting for it: signals and exits are then
            // those of the node itself.
            .env("RUNNING_UNDER_SYSTEMD", "true")
            .env_remove("NOTIFY_SOCKET");
        command
    }
}

fn configure(folder: &Path, port: u16) -> Result<()> {
    let configuration = format!(
        "listeners.tcp.1 = 127.0.0.1:{port}\n\
         loopback_users = none\n\
         disk_free_limit.absolute = 50MB\n\
         vm_memory_high_watermark.absolute = 512MB\n\
         raft.wal_max_size_bytes = 64000000\n\
         log.console = true\n\
         log.console.level = info\n"
    );
    fs::write(folder.join("rabbitmq.conf"), configuration)?;
    fs::write(folder.join("advanced.config"), "[].\n")?;
    fs::write(folder.join("enabled_plugins"), "[].\n")?;
    fs::write(folder.join("rabbitmq-env.conf"), "")?;
    Ok(())
}

async fn port_mapper(folder: &Path, port: u16) -> Result<Child> {
    let mut command = Command::new(port_mapper_program()?);
    command.args(["-address", "127.0.0.1", "-port", &port.to_string()]).current_dir(folder);
    let mut child = Child::spawn("epmd", command, &folder.join("epmd.log"), Ending::KILL)?;
    let accepts = || async move { TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok() };
    child.ready(START, accepts).await?;
    Ok(child)
}

fn port_mapper_program() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/bin", "/usr/local/bin", "/usr/lib/erlang/bin", "/usr/lib64/erlang/bin", "/opt/homebrew/bin"];
    std::env::split_paths(&path)
        .chain(usual.map(PathBuf::from))
        .map(|folder| folder.join("epmd"))
        .find(|file| file.is_file())
        .context("RabbitMQ is installed but Erlang's epmd is not found on PATH")
}

/// Whether the node answers the protocol header with a method frame (its `connection.start`).
async fn speaks_amqp(port: u16) -> Result<bool> {
    let ask = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.write_all(b"AMQP\x00\x00\x09\x01").await?;
        anyhow::Ok(stream.read_u8().await? == 1)
    };
    tokio::time::timeout(Duration::from_secs(1), ask).await?
}

/// The version in the node's log: `Starting RabbitMQ 3.10.8 on Erlang 25.2.3`.
fn version(log: &str) -> Option<(u32, u32)> {
    let (_, rest) = log.split_once("Starting RabbitMQ ")?;
    let mut numbers = rest.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_version_from_the_log() {
        assert_eq!(version("[info] <0.222.0>  Starting RabbitMQ 3.10.8 on Erlang 25.2.3 [jit]"), Some((3, 10)));
        assert_eq!(version("nothing"), None);
    }
}
