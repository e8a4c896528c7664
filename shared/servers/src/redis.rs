//! A private Redis that keeps nothing: what Registrar puts there may be lost.

use std::net::Ipv4Addr;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::child::{Child, Ending, Signal};
use crate::install::{InstallPolicy, Programs, ServerKind, ensure};
use crate::port::free_port;

const START: Duration = Duration::from_secs(20);
const STOP: Duration = Duration::from_secs(10);

/// A private Redis server on 127.0.0.1, without persistence; dropping it kills it and removes its folder.
#[derive(Debug)]
pub struct Redis {
    child: Option<Child>,
    programs: Programs,
    port: u16,
    folder: TempDir,
}

impl Redis {
    /// Starts a server on a free port and waits until it answers.
    ///
    /// # Errors
    /// When Redis is not installed or does not come up within 20 s.
    pub async fn start() -> Result<Self> {
        let programs = ensure(ServerKind::Redis, InstallPolicy::Refuse).await?;
        let folder = TempDir::with_prefix("registrar-redis-")?;
        let mut redis = Self { child: None, programs, port: free_port()?, folder };
        redis.start_again().await?;
        Ok(redis)
    }

    /// `redis://127.0.0.1:<port>/`
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://{}:{}/", Ipv4Addr::LOCALHOST, self.port)
    }

    /// The TCP port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Starts the stopped or killed server on its port again, empty; does nothing while it runs.
    ///
    /// # Errors
    /// When it does not come up within 20 s.
    pub async fn start_again(&mut self) -> Result<()> {
        if let Some(child) = &mut self.child
            && child.exited()?.is_none()
        {
            return Ok(());
        }
        let mut command = Command::new(self.programs.path("redis-server"));
        command.current_dir(self.folder.path()).args(["--bind", "127.0.0.1", "--port", &self.port.to_string()]).args(["--save", "", "--appendonly", "no", "--daemonize", "no"]);
        let mut child = Child::spawn("Redis", command, &self.folder.path().join("redis.log"), Ending::KILL)?;
        let port = self.port;
        child.ready(START, || async move { answers(port).await.unwrap_or(false) }).await?;
        self.child = Some(child);
        Ok(())
    }

    /// Stops the server in an orderly way; does nothing when it does not run.
    ///
    /// # Errors
    /// When it had to be killed.
    pub async fn stop(&mut self) -> Result<()> {
        match self.child.take() {
            Some(mut child) => child.stop(Signal::Terminate, STOP).await,
            None => Ok(()),
        }
    }

    /// Kills the server with SIGKILL, for fault tests.
    ///
    /// # Errors
    /// When it does not die.
    pub async fn kill(&mut self) -> Result<()> {
        match self.child.take() {
            Some(mut child) => child.kill().await,
            None => Ok(()),
        }
    }
}

async fn answers(port: u16) -> Result<bool> {
    let ask = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.write_all(b"PING\r\n").await?;
        let mut answer = [0; 7];
        stream.read_exact(&mut answer).await?;
        anyhow::Ok(&answer == b"+PONG\r\n")
    };
    tokio::time::timeout(Duration::from_secs(1), ask).await?
}
