//! The embedded mode: a private PostgreSQL in a data folder, all services in this process.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::Context;
use registrar_servers::{InstallPolicy, PostgreSql, PostgreSqlOptions, ServerKind, ensure};
use secrecy::SecretString;

use crate::services;

/// A running private PostgreSQL with a database for each service.
pub struct Embedded {
    server: PostgreSql,
    /// The address of each service's database.
    pub databases: BTreeMap<String, SecretString>,
    /// The secret of this installation.
    pub secret: SecretString,
}

/// Where data live when no folder is named. As root a place that PostgreSQL's own user can reach.
///
/// # Errors
/// When there is no home folder.
pub fn default_folder(name: &str) -> anyhow::Result<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    if home.as_deref() == Some(Path::new("/root")) {
        return Ok(Path::new("/var/lib/registrar").join(name));
    }
    let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).or_else(|| home.map(|home| home.join(".local/share")));
    Ok(data.context("HOME is not set; name a --data-folder")?.join("registrar").join(name))
}

impl Embedded {
    /// Starts PostgreSQL in `folder` (installing it when allowed), makes what is missing and migrates.
    ///
    /// # Errors
    /// When PostgreSQL is missing and may not be installed, or does not start.
    pub async fn start(folder: &Path, install: InstallPolicy) -> anyhow::Result<Self> {
        ensure(ServerKind::PostgreSql, install).await?;
        std::fs::create_dir_all(folder).with_context(|| format!("the data folder {}", folder.display()))?;
        let server = PostgreSql::start(PostgreSqlOptions::durable(folder)).await.context("PostgreSQL did not start")?;
        let mut databases = BTreeMap::new();
        for service in services() {
            let database = format!("registrar_{}", service.name);
            let exists = server.execute("postgres", &format!("select 1 from pg_database where datname = '{database}'")).await?;
            if exists.trim().is_empty() {
                server.create_database(&database).await?;
            }
            databases.insert(service.name.to_owned(), SecretString::from(server.url(&database)));
        }
        registrar_runtime::migrate(&services(), &databases).await?;
        Ok(Embedded { server, databases, secret: secret(folder)? })
    }

    /// Stops PostgreSQL.
    ///
    /// # Errors
    /// When it does not stop in time.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.server.stop().await
    }
}

/// The installation's secret, made once and kept beside the data, readable by the owner only.
fn secret(folder: &Path) -> anyhow::Result<SecretString> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let path = folder.join("secret");
    if !path.exists() {
        let secret = random_text(48)?;
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        file.write_all(secret.as_bytes())?;
    }
    Ok(SecretString::from(std::fs::read_to_string(&path)?.trim().to_owned()))
}

/// Random letters and digits, for secrets and first passwords.
///
/// # Errors
/// When the operating system gives no randomness.
pub fn random_text(length: usize) -> anyhow::Result<String> {
    const LETTERS: &[u8] = b"abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let mut bytes = vec![0_u8; length];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    Ok(bytes.iter().filter_map(|byte| LETTERS.get(usize::from(*byte) % LETTERS.len()).map(|letter| char::from(*letter))).collect())
}
