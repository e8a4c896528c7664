//! The private PostgreSQL that the databases of the tests are made in.

use std::{
    env,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use anyhow::{Context, Result};
use registrar_servers::{InstallPolicy, PostgreSql, PostgreSqlOptions, ServerKind, ensure};
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// Names the environment variable with the address of a PostgreSQL for the whole run: a URL of one of its databases,
/// with a user who may create others.
pub const POSTGRES: &str = "REGISTRAR_TEST_POSTGRES";

/// Waits for the end of its standard input, which comes with the end of the owner, then for that of the server, and
/// removes the folder: nobody drops the value of a static.
const SWEEP: &str = r#"
read -r _
left=100
read -r pid < "$1/data/postmaster.pid"
while [ -n "$pid" ] && [ "$left" -gt 0 ] && kill -s 0 "$pid"; do sleep 0.1; left=$((left - 1)); done
rm -rf -- "$1"
"#;

static SHARED: OnceCell<Arc<Cluster>> = OnceCell::const_new();

/// A PostgreSQL that is thrown away after the tests, or the one that the environment names.
pub struct Cluster {
    /// `postgres://user:password@host:port`
    server: String,
    /// Dropped in this order: first the server ends, then its folder goes.
    _server: Option<PostgreSql>,
    _folder: Option<TempDir>,
    _sweeper: Option<Child>,
}

impl Cluster {
    /// The one for this run: named by [`POSTGRES`], or started by the first who asks and ended with the process.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn shared() -> Result<Arc<Self>> {
        let made = SHARED.get_or_try_init(|| async {
            match env::var(POSTGRES) {
                Ok(url) => Self::at(&url).map(Arc::new),
                Err(_) => Self::start().await.map(Arc::new),
            }
        });
        made.await.cloned()
    }

    /// Starts one of the caller's own. Change feeds need it: a long write anywhere on a cluster holds all of them up.
    ///
    /// # Errors
    /// When PostgreSQL is neither there nor to be installed, or does not start.
    pub async fn start() -> Result<Self> {
        ensure(ServerKind::PostgreSql, InstallPolicy::Allow).await?;
        let folder = TempDir::with_prefix("registrar-test-")?;
        let sweeper = sweeper(folder.path())?;
        let server = PostgreSql::start(PostgreSqlOptions::throw_away(folder.path())).await?;
        let address = without_database(&server.url("postgres"))?;
        Ok(Cluster { server: address, _server: Some(server), _folder: Some(folder), _sweeper: Some(sweeper) })
    }

    /// One that runs already.
    fn at(url: &str) -> Result<Self> {
        Ok(Cluster { server: without_database(url)?, _server: None, _folder: None, _sweeper: None })
    }

    /// The address of a database. It holds a password where the server wants one.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("{}/{database}", self.server)
    }
}

fn without_database(url: &str) -> Result<String> {
    let (server, _) = url.rsplit_once('/').with_context(|| format!("{POSTGRES} is no URL of a database"))?;
    Ok(server.to_owned())
}

fn sweeper(folder: &Path) -> Result<Child> {
    Command::new("/bin/sh")
        .args(["-c", SWEEP, "sweeper"])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .current_dir("/")
        .process_group(0)
        .spawn()
        .context("cannot start /bin/sh")
}
