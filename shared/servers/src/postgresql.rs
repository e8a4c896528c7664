//! A private PostgreSQL: durable in a data folder for the embedded mode, or throw-away for tests.

mod cluster;

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tempfile::TempDir;

use self::cluster::{Cluster, SUPERUSER};
use crate::child::{Child, Ending, Signal};
use crate::command::run;
use crate::port::free_port;
use crate::wait::POLL;

/// A durable instance may have to recover from a crash first.
const START_DURABLE: Duration = Duration::from_secs(300);
const START_THROW_AWAY: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(60);
const STATEMENT: Duration = Duration::from_secs(60);
/// What PostgreSQL says while processes of a killed predecessor have not noticed its end yet.
const PREDECESSOR_LINGERS: &str = "pre-existing shared memory block";

/// What instance to start; see [`durable`](Self::durable) and [`throw_away`](Self::throw_away).
#[derive(Debug, Clone)]
pub struct PostgreSqlOptions {
    /// The instance's own folder, made when missing: cluster, password, log. When this process is root, its
    /// parents must be open to the user PostgreSQL then runs as.
    pub data_folder: PathBuf,
    /// Whether acknowledged writes survive a crash of the machine. An instance that is not durable runs without
    /// fsync and lets every local connection in without a password.
    pub durable: bool,
    /// The TCP port on 127.0.0.1; a free one when `None`, chosen anew by each [`PostgreSql::start`].
    pub port: Option<u16>,
    /// How many connections it accepts.
    pub max_connections: u32,
    /// Further settings (`name`, `value`), which win over those chosen here.
    pub settings: Vec<(String, String)>,
}

impl PostgreSqlOptions {
    /// An instance that keeps what it acknowledges: 100 connections, fsync on.
    #[must_use]
    pub fn durable(data_folder: impl Into<PathBuf>) -> Self {
        Self { data_folder: data_folder.into(), durable: true, port: None, max_connections: 100, settings: Vec::new() }
    }

    /// A fast instance for tests: 400 connections, durability off.
    #[must_use]
    pub fn throw_away(data_folder: impl Into<PathBuf>) -> Self {
        Self { durable: false, max_connections: 400, ..Self::durable(data_folder) }
    }

    fn settings(&self, port: u16) -> Vec<(String, String)> {
        let mut settings = vec![
            ("port", port.to_string()),
            ("listen_addresses", Ipv4Addr::LOCALHOST.to_string()),
            ("unix_socket_directories", String::new()),
            ("max_connections", self.max_connections.to_string()),
            ("shared_buffers", "256MB".to_owned()),
            ("max_wal_size", "2GB".to_owned()),
            ("lc_messages", "C".to_owned()),
            ("logging_collector", "off".to_owned()),
        ];
        if !self.durable {
            let off = ["fsync", "synchronous_commit", "full_page_writes"];
            settings.extend(off.map(|name| (name, "off".to_owned())));
            settings.extend([("wal_level", "minimal".to_owned()), ("max_wal_senders", "0".to_owned())]);
        }
        let chosen = settings.into_iter().map(|(name, value)| (name.to_owned(), value));
        chosen.chain(self.settings.iter().cloned()).collect()
    }
}

/// A running PostgreSQL of our own, listening on 127.0.0.1 only.
///
/// Dropping it stops it: a durable one in order (blocking up to 30 s), a throw-away one at once.
#[derive(Debug)]
pub struct PostgreSql {
    child: Option<Child>,
    cluster: Cluster,
    options: PostgreSqlOptions,
    port: u16,
    /// Removed after the server has ended: fields are dropped in this order.
    _temporary: Option<TempDir>,
}

impl PostgreSql {
    /// Makes the cluster when the folder has none yet, starts it, and waits until it accepts connections.
    ///
    /// An instance that a dead predecessor of this process left running in the folder is stopped first.
    ///
    /// # Errors
    /// When PostgreSQL is not installed, the cluster was made by a version that is not installed, another living
    /// process uses the folder, the folder is out of reach for the user PostgreSQL must run as, or the server does
    /// not come up within 60 s (durable: 300 s).
    pub async fn start(options: PostgreSqlOptions) -> Result<Self> {
        let cluster = Cluster::open(&options).await?;
        let port = options.port.map_or_else(free_port, Ok)?;
        let mut postgresql = Self { child: None, cluster, options, port, _temporary: None };
        postgresql.start_again().await?;
        Ok(postgresql)
    }

    /// Starts a throw-away instance in a temporary folder that goes with it.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_throw_away() -> Result<Self> {
        let folder = TempDir::with_prefix("registrar-postgresql-")?;
        let mut postgresql = Self::start(PostgreSqlOptions::throw_away(folder.path())).await?;
        postgresql._temporary = Some(folder);
        Ok(postgresql)
    }

    /// `postgres://registrar:<password>@127.0.0.1:<port>/<database>`, for the superuser. It holds the password.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let (password, port) = (self.cluster.password(), self.port);
        format!("postgres://{SUPERUSER}:{password}@{}:{port}/{}", Ipv4Addr::LOCALHOST, escaped(database))
    }

    /// The TCP port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The major version, such as 15.
    #[must_use]
    pub fn major_version(&self) -> u32 {
        self.cluster.major_version()
    }

    /// Makes an empty database.
    ///
    /// # Errors
    /// When it exists or the server does not answer.
    pub async fn create_database(&self, name: &str) -> Result<()> {
        self.execute("postgres", &format!("CREATE DATABASE {}", quoted(name))).await.map(drop)
    }

    /// Makes a database as a copy of `template`, to which nobody may be connected meanwhile. Where PostgreSQL can (15
    /// and newer) files are copied as they are, which is the fastest way without durability.
    ///
    /// # Errors
    /// When `name` exists, `template` is in use or missing, or the server does not answer.
    pub async fn create_database_from_template(&self, name: &str, template: &str) -> Result<()> {
        let strategy = if self.major_version() >= 15 { " STRATEGY file_copy" } else { "" };
        let statement = format!("CREATE DATABASE {} TEMPLATE {}{strategy}", quoted(name), quoted(template));
        self.execute("postgres", &statement).await.map(drop)
    }

    /// Drops a database if it exists, ending the connections to it.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn drop_database(&self, name: &str) -> Result<()> {
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(name));
        self.execute("postgres", &statement).await.map(drop)
    }

    /// Runs SQL through `psql` as superuser; returns its rows as unaligned text, columns parted by `|`.
    ///
    /// # Errors
    /// When a statement fails, or it all takes over 60 s.
    pub async fn execute(&self, database: &str, sql: &str) -> Result<String> {
        let mut psql = self.client("psql", database);
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql]);
        run(psql, STATEMENT).await
    }

    /// Writes a database to a file, as it is at this moment (`pg_dump`).
    ///
    /// # Errors
    /// When that fails or takes over 60 s.
    pub async fn dump(&self, database: &str, file: &Path) -> Result<()> {
        let mut dump = self.client("pg_dump", database);
        dump.args(["--format=custom", "--file"]).arg(file);
        run(dump, STATEMENT).await.map(drop)
    }

    /// Puts what was dumped in the place of a database, ending the connections to it (`pg_restore`).
    ///
    /// # Errors
    /// When that fails or takes over 60 s.
    pub async fn restore(&self, database: &str, file: &Path) -> Result<()> {
        self.drop_database(database).await?;
        self.create_database(database).await?;
        let mut restore = self.client("pg_restore", database);
        restore.arg("--exit-on-error").arg(file);
        run(restore, STATEMENT).await.map(drop)
    }

    /// A client program of PostgreSQL's for this database, as superuser.
    fn client(&self, program: &str, database: &str) -> Command {
        let mut client = Command::new(self.cluster.program(program));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG")) {
            client.env_remove(name);
        }
        client.env("PGPASSWORD", self.cluster.password()).args(["-h", "127.0.0.1", "-U", SUPERUSER, "-p", &self.port.to_string(), "-d", database]);
        client
    }

    /// Starts the stopped or killed server on its folder and port again; does nothing while it runs.
    ///
    /// # Errors
    /// When it does not come up within 60 s (durable: 300 s).
    pub async fn start_again(&mut self) -> Result<()> {
        if let Some(child) = &mut self.child
            && child.exited()?.is_none()
        {
            return Ok(());
        }
        let limit = if self.options.durable { START_DURABLE } else { START_THROW_AWAY };
        let end = Instant::now() + limit;
        loop {
            let mut child = self.spawn()?;
            let cluster = &self.cluster;
            let id = child.id();
            let left = end.saturating_duration_since(Instant::now());
            match child.ready(left, || std::future::ready(cluster.is_ready(id))).await {
                Ok(()) => {
                    self.child = Some(child);
                    return Ok(());
                }
                Err(_) if child.log().contains(PREDECESSOR_LINGERS) && Instant::now() < end => {
                    tokio::time::sleep(POLL).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Stops the server in order, ending its connections; does nothing when it does not run.
    ///
    /// # Errors
    /// When it did not end within 60 s and had to be killed.
    pub async fn stop(&mut self) -> Result<()> {
        match self.child.take() {
            Some(mut child) => child.stop(Signal::Interrupt, STOP).await,
            None => Ok(()),
        }
    }

    /// Kills the main process with SIGKILL, for fault tests; the others end when they notice, usually at once.
    ///
    /// # Errors
    /// When it does not die.
    pub async fn kill(&mut self) -> Result<()> {
        match self.child.take() {
            Some(mut child) => child.kill().await,
            None => Ok(()),
        }
    }

    /// Stops the server in order and starts it again.
    ///
    /// # Errors
    /// As [`stop`](Self::stop) and [`start_again`](Self::start_again).
    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await.context("cannot restart")?;
        self.start_again().await
    }

    fn spawn(&self) -> Result<Child> {
        let mut command = self.cluster.command("postgres");
        command.arg("-D").arg(self.cluster.data());
        for (name, value) in self.options.settings(self.port) {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        // SIGQUIT rather than SIGKILL: it reaches the processes PostgreSQL has started, which leave its group.
        let ending = if self.options.durable {
            Ending { signal: Signal::Interrupt, grace: Duration::from_secs(30) }
        } else {
            Ending { signal: Signal::Quit, grace: Duration::from_secs(6) }
        };
        Child::spawn("PostgreSQL", command, &self.cluster.log(), ending)
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `name` as part of a URL.
fn escaped(name: &str) -> String {
    name.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_out() {
        assert_eq!(quoted("a\"; DROP"), "\"a\"\"; DROP\"");
        assert_eq!(escaped("lớp a/b"), "l%E1%BB%9Bp%20a%2Fb");
    }
}
