//! The files of a private PostgreSQL: who owns them, how they come to be, and what a dead predecessor left.
//!
//! Inside the data folder: `data/` (PostgreSQL's own), `password` (the superuser's, readable by its owner only),
//! `postgresql.log`, and `lock`, held as long as a living process uses the folder.

use std::fs::{self, File, Permissions, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use secrecy::{ExposeSecret, SecretString};

use super::PostgreSqlOptions;
use crate::command::{random_hex, run};
use crate::install::{InstallPolicy, Programs, ServerKind, ensure, is_root, postgresql_installations};

pub(super) const SUPERUSER: &str = "registrar";
const SHORT: Duration = Duration::from_secs(10);
const INITDB: Duration = Duration::from_secs(120);
const STOP_SECONDS: u64 = 60;

/// The user PostgreSQL runs as when we are root, which it refuses to be.
#[derive(Debug, Clone, Copy)]
struct Owner {
    user: u32,
    group: u32,
}

/// A folder with an initialised cluster that only this process uses, and that no server runs on.
#[derive(Debug)]
pub(super) struct Cluster {
    folder: PathBuf,
    programs: Programs,
    major: u32,
    owner: Option<Owner>,
    password: SecretString,
    /// Keeps others out while it lives; the system lets go of it however this process ends.
    _lock: File,
}

impl Cluster {
    pub(super) async fn open(options: &PostgreSqlOptions) -> Result<Self> {
        ensure(ServerKind::PostgreSql, InstallPolicy::Refuse).await?;
        let folder = make_folder(&options.data_folder)?;
        let lock = lock(&folder)?;
        let (major, programs) = installation_for(&folder.join("data"))?;
        let owner = if is_root().await? { Some(owner_for(&folder).await?) } else { None };
        let mut cluster = Self { folder, programs, major, owner, password: SecretString::default(), _lock: lock };
        cluster.let_owner_in().await?;
        if cluster.data().exists() {
            cluster.stop_predecessor().await?;
            let file = cluster.password_file();
            let password = fs::read_to_string(&file).with_context(|| format!("cannot read the superuser's password, {}", file.display()))?;
            cluster.password = password.into();
        } else {
            cluster.initialise(options.durable).await?;
        }
        cluster.write_access_rules(options.durable)?;
        Ok(cluster)
    }

    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("postgresql.log")
    }

    pub(super) fn password(&self) -> &str {
        self.password.expose_secret()
    }

    pub(super) fn major_version(&self) -> u32 {
        self.major
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.programs.path(name)
    }

    /// A command that runs as the cluster's owner, inside its folder.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.program(program));
        command.current_dir(&self.folder).env("LC_ALL", "C");
        for name in ["PGDATA", "PGPORT", "PGHOST", "PGOPTIONS", "PGUSER", "PGDATABASE"] {
            command.env_remove(name);
        }
        self.as_owner(command)
    }

    /// Whether the server with this process id accepts connections: it notes so in the last line of its pid file.
    pub(super) fn is_ready(&self, id: u32) -> bool {
        let Ok(text) = fs::read_to_string(self.pid_file()) else {
            return false;
        };
        let mut lines = text.lines();
        lines.next().is_some_and(|line| line.trim() == id.to_string()) && lines.nth(6).is_some_and(|line| line.trim() == "ready")
    }

    fn password_file(&self) -> PathBuf {
        self.folder.join("password")
    }

    fn pid_file(&self) -> PathBuf {
        self.data().join("postmaster.pid")
    }

    fn as_owner(&self, mut command: Command) -> Command {
        if let Some(owner) = self.owner {
            command.uid(owner.user).gid(owner.group);
        }
        command
    }

    /// Makes the cluster under another name first, so that an interrupted attempt is never taken for a cluster.
    async fn initialise(&mut self, durable: bool) -> Result<()> {
        let unfinished = self.folder.join("data.unfinished");
        for leftover in [&unfinished, &self.password_file()] {
            remove(leftover)?;
        }
        fs::DirBuilder::new().mode(0o700).create(&unfinished)?;
        self.password = random_hex(24)?.into();
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(self.password_file())?;
        file.write_all(self.password().as_bytes())?;
        if let Some(owner) = self.owner {
            for path in [&unfinished, &self.password_file()] {
                chown(path, Some(owner.user), Some(owner.group))?;
            }
        }
        let mut initdb = self.command("initdb");
        initdb.arg("-D").arg(&unfinished).arg("--pwfile").arg(self.password_file());
        initdb.args(["--username", SUPERUSER, "--encoding=UTF8", "--locale=C"]);
        initdb.args(["--auth-host=scram-sha-256", "--auth-local=scram-sha-256"]);
        if durable {
            file.sync_all()?;
        } else {
            initdb.arg("--no-sync");
        }
        run(initdb, INITDB).await.context("cannot make the database cluster")?;
        fs::rename(&unfinished, self.data())?;
        File::open(&self.folder)?.sync_all()?;
        Ok(())
    }

    /// Who may connect, written at each start: only over loopback, and to durable data only with the password.
    fn write_access_rules(&self, durable: bool) -> Result<()> {
        let method = if durable { "scram-sha-256" } else { "trust" };
        fs::write(self.data().join("pg_hba.conf"), format!("host all all 127.0.0.1/32 {method}\n"))?;
        Ok(())
    }

    /// Stops the server that a process killed without mercy may have left running here: holding the lock, we know
    /// that nobody alive wants it.
    async fn stop_predecessor(&self) -> Result<()> {
        let file = self.pid_file();
        let Ok(text) = fs::read_to_string(&file) else {
            return Ok(());
        };
        let id = text.lines().next().unwrap_or_default().trim();
        if !self.is_server_here(id).await {
            // The number may belong to another program by now, which PostgreSQL would take for a running server.
            return remove(&file);
        }
        tracing::warn!(folder = %self.folder.display(), pid = id, "stopping a PostgreSQL left by a dead process");
        let seconds = STOP_SECONDS.to_string();
        let mut error = None;
        for mode in ["fast", "immediate"] {
            let mut stop = self.command("pg_ctl");
            stop.arg("-D").arg(self.data()).args(["stop", "--wait", "-m", mode, "-t", &seconds]);
            match run(stop, Duration::from_secs(STOP_SECONDS + 5)).await {
                Ok(_) => return Ok(()),
                // It ended by itself between the look and the call.
                Err(_) if !file.exists() => return Ok(()),
                Err(failed) => error = Some(failed),
            }
        }
        let context = format!("process {id}, a PostgreSQL left running in {}, does not stop", self.folder.display());
        Err(error.unwrap_or_else(|| anyhow::anyhow!("pg_ctl failed")).context(context))
    }

    /// Whether the process is a PostgreSQL server of this cluster: its working directory is the cluster's.
    async fn is_server_here(&self, id: &str) -> bool {
        if Path::new("/proc/self/cwd").exists() {
            let here = fs::canonicalize(self.data()).ok();
            return here.is_some() && fs::read_link(format!("/proc/{id}/cwd")).ok() == here;
        }
        let mut ps = Command::new("ps");
        ps.args(["-o", "command=", "-p", id]);
        run(ps, SHORT).await.is_ok_and(|line| line.contains("postgres"))
    }

    /// Makes sure that the owner can get into the folder: opens the folder itself, never its parents.
    async fn let_owner_in(&self) -> Result<()> {
        if self.owner.is_none() {
            return Ok(());
        }
        let mode = fs::metadata(&self.folder)?.permissions().mode();
        fs::set_permissions(&self.folder, Permissions::from_mode(mode | 0o011))?;
        let mut ancestors: Vec<_> = self.folder.ancestors().collect();
        ancestors.reverse();
        for ancestor in ancestors {
            let mut test = Command::new("test");
            test.arg("-x").arg(ancestor).current_dir("/");
            if run(self.as_owner(test), SHORT).await.is_err() {
                bail!(
                    "PostgreSQL does not run as root, and its user cannot enter {}, which leads to {}: choose another \
                     data folder, run as an ordinary user, or open the folder (chmod o+x)",
                    ancestor.display(),
                    self.folder.display(),
                );
            }
        }
        Ok(())
    }
}

fn make_folder(folder: &Path) -> Result<PathBuf> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o711).create(folder);
    made.and_then(|()| fs::canonicalize(folder)).with_context(|| format!("cannot make {}", folder.display()))
}

fn lock(folder: &Path) -> Result<File> {
    let path = folder.join("lock");
    let file = File::options().write(true).create(true).truncate(false).open(&path);
    let file = file.with_context(|| format!("cannot open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!("the data folder {} is in use by another running process", folder.display())
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
    }
}

/// The installation that fits the cluster at `data`, or the preferred one when there is no cluster yet.
fn installation_for(data: &Path) -> Result<(u32, Programs)> {
    let wanted = match fs::read_to_string(data.join("PG_VERSION")) {
        Ok(text) => Some(text.trim().parse::<u32>().context("the cluster's PG_VERSION is not a number")?),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", data.display())),
    };
    let mut installations = postgresql_installations().into_iter();
    installations.find(|(major, _)| wanted.is_none_or(|wanted| wanted == *major)).with_context(|| {
        let wanted = wanted.map_or_else(String::new, |major| format!(" {major}"));
        format!("{} needs PostgreSQL{wanted}, which is not installed here", data.display())
    })
}

/// The owner of the cluster that is there, else the system's `postgres`, else `nobody`.
async fn owner_for(folder: &Path) -> Result<Owner> {
    if let Ok(metadata) = fs::metadata(folder.join("data"))
        && metadata.uid() != 0
    {
        return Ok(Owner { user: metadata.uid(), group: metadata.gid() });
    }
    for name in ["postgres", "nobody"] {
        if let (Ok(user), Ok(group)) = (id("-u", name).await, id("-g", name).await) {
            return Ok(Owner { user, group });
        }
    }
    bail!("PostgreSQL does not run as root, and neither the user postgres nor nobody exists to run it")
}

async fn id(what: &str, name: &str) -> Result<u32> {
    let mut command = Command::new("id");
    command.args([what, name]);
    Ok(run(command, SHORT).await?.parse()?)
}

fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).with_context(|| format!("cannot remove {}", path.display())),
        _ => Ok(()),
    }
}
