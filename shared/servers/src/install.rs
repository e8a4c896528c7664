//! Finding the servers' programs, and those that tests run beside them, on this machine, and installing them with its
//! package manager when that is allowed.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::sync::Mutex;

/// The oldest PostgreSQL that Registrar's statements run on.
const OLDEST_POSTGRESQL: u32 = 14;
const DEADLINE: Duration = Duration::from_secs(15 * 60);
const HOMEBREW: [&str; 3] = ["/opt/homebrew", "/usr/local", "/home/linuxbrew/.linuxbrew"];

/// Installs packages without letting their daemons start: we want the programs only, and a default instance started
/// on a standard port would be one more thing nobody asked for. A policy that is already there stays as it is.
const APT: &str = r#"
set -e
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' INT TERM HUP
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"; }
install "$@" || { apt-get update -q && install "$@"; }
"#;

/// One installation at a time: package managers lock each other out.
static INSTALLING: Mutex<()> = Mutex::const_new(());

/// A kind of server this crate can start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServerKind {
    /// PostgreSQL 14 or newer.
    PostgreSql,
    /// RabbitMQ 3.10 or newer (its version is only checked when it starts).
    RabbitMq,
    /// Redis.
    Redis,
    /// nginx.
    Nginx,
}

/// Whether missing programs may be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstallPolicy {
    /// Install them with the system's package manager.
    Allow,
    /// Touch nothing; fail and say how to install them.
    Refuse,
}

/// Where the programs of one kind of server are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// The folder that holds them.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The full path of the program `name`.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// What can be found on a machine, and installed when it is missing.
pub trait Installable: Copy {
    /// What a person calls it.
    fn label(self) -> &'static str;

    /// What a package manager calls it.
    fn packages(self, manager: PackageManager) -> &'static [&'static str];

    /// Where its programs are on this machine, the preferred ones first.
    fn candidates(self) -> Vec<Programs>;
}

impl ServerKind {
    /// The programs this crate runs; a folder counts only when it has them all. The first is the one looked up.
    fn programs(self) -> &'static [&'static str] {
        match self {
            Self::PostgreSql => &["initdb", "postgres", "pg_ctl", "psql"],
            Self::RabbitMq => &["rabbitmq-server", "rabbitmqctl"],
            Self::Redis => &["redis-server"],
            Self::Nginx => &["nginx"],
        }
    }
}

impl Installable for ServerKind {
    fn label(self) -> &'static str {
        match self {
            Self::PostgreSql => "PostgreSQL (14 or newer)",
            Self::RabbitMq => "RabbitMQ (3.10 or newer)",
            Self::Redis => "Redis",
            Self::Nginx => "nginx",
        }
    }

    fn packages(self, manager: PackageManager) -> &'static [&'static str] {
        use PackageManager::{Apt, Dnf, Homebrew};
        match (manager, self) {
            (Apt, Self::PostgreSql) => &["postgresql", "postgresql-client"],
            (Dnf, Self::PostgreSql) => &["postgresql-server", "postgresql"],
            (Homebrew, Self::PostgreSql) => &["postgresql@17"],
            (Apt | Dnf, Self::RabbitMq) => &["rabbitmq-server"],
            (Homebrew, Self::RabbitMq) => &["rabbitmq"],
            (Apt, Self::Redis) => &["redis-server"],
            (Dnf | Homebrew, Self::Redis) => &["redis"],
            (_, Self::Nginx) => &["nginx"],
        }
    }

    fn candidates(self) -> Vec<Programs> {
        if self == Self::PostgreSql {
            return postgresql_installations().into_iter().map(|(_, programs)| programs).collect();
        }
        let mut folders = Vec::new();
        if self == Self::RabbitMq {
            // Before PATH, where Debian has a wrapper that changes to another user.
            folders.push(PathBuf::from("/usr/lib/rabbitmq/bin"));
        }
        folders.extend(self.programs().first().and_then(|program| on_path(program)));
        folders.extend(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
        for prefix in HOMEBREW {
            folders.extend(["bin", "sbin", "opt/rabbitmq/sbin"].map(|inner| Path::new(prefix).join(inner)));
        }
        folders.into_iter().filter_map(|folder| complete(self.programs(), folder)).collect()
    }
}

/// A package manager this crate can drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackageManager {
    /// Debian, Ubuntu.
    Apt,
    /// Fedora, Red Hat.
    Dnf,
    /// macOS.
    Homebrew,
}

impl PackageManager {
    fn find() -> Option<Self> {
        let known = [(Self::Apt, "apt-get"), (Self::Dnf, "dnf"), (Self::Homebrew, "brew")];
        known.into_iter().find(|(_, program)| on_path(program).is_some()).map(|(manager, _)| manager)
    }

    /// The command as one would type it.
    fn advice(self, kind: impl Installable) -> String {
        let packages = kind.packages(self).join(" ");
        match self {
            Self::Apt => format!("sudo apt-get update && sudo apt-get install {packages}"),
            Self::Dnf => format!("sudo dnf install {packages}"),
            Self::Homebrew => format!("brew install {packages}"),
        }
    }

    /// The command to run; Homebrew refuses to run as root, the others need it.
    fn command(self, kind: impl Installable, sudo: bool) -> Command {
        let words: &[&str] = match self {
            Self::Apt => &["/bin/sh", "-c", APT, "install"],
            Self::Dnf => &["dnf", "install", "-y"],
            Self::Homebrew => &["brew", "install"],
        };
        let sudo: &[&str] = if sudo && self != Self::Homebrew { &["sudo", "-n"] } else { &[] };
        let mut words = sudo.iter().chain(words).chain(kind.packages(self));
        let mut command = Command::new(words.next().unwrap_or(&"/bin/sh"));
        command.args(words);
        command
    }
}

/// The programs of `kind` on this machine: on `PATH`, else in the places where the distributions put them (for
/// PostgreSQL the newest there), else `None`.
#[must_use]
pub fn locate(kind: impl Installable) -> Option<Programs> {
    kind.candidates().into_iter().next()
}

/// Like [`locate`], installing the programs when they are missing and `policy` allows it. What is run is printed to
/// standard error, and so is its output.
///
/// # Errors
/// When they are missing and `policy` refuses, no known package manager is here, neither root nor password-less
/// `sudo` is given, the installation fails or takes over 15 minutes. Each error says what to install and how.
pub async fn ensure(kind: impl Installable, policy: InstallPolicy) -> Result<Programs> {
    if let Some(found) = locate(kind) {
        return Ok(found);
    }
    let label = kind.label();
    let Some(manager) = PackageManager::find() else {
        bail!("{label} is not installed, and none of apt-get, dnf and brew is here to install it: install it by hand");
    };
    let advice = manager.advice(kind);
    if policy == InstallPolicy::Refuse {
        bail!("{label} is not installed; install it with: {advice}");
    }
    let _turn = INSTALLING.lock().await;
    if let Some(found) = locate(kind) {
        return Ok(found);
    }
    let root = is_root().await?;
    if !root && manager != PackageManager::Homebrew && !sudo_without_password().await {
        bail!("{label} is not installed, and installing it needs root or a password; run: {advice}");
    }
    install(manager.command(kind, !root)).await.with_context(|| format!("{label} could not be installed; try it by hand: {advice}"))?;
    locate(kind).with_context(|| format!("{label} is still missing after its installation: this system may only have an older one"))
}

/// Every PostgreSQL of a supported version on this machine with its major version, the preferred one first.
pub(crate) fn postgresql_installations() -> Vec<(u32, Programs)> {
    let mut elsewhere: Vec<_> = subfolders("/usr/lib/postgresql").into_iter().map(|folder| folder.join("bin")).collect();
    elsewhere.extend(subfolders("/usr").into_iter().filter(|f| is_named(f, "pgsql-")).map(|f| f.join("bin")));
    for prefix in HOMEBREW {
        let formulas = subfolders(&format!("{prefix}/opt"));
        elsewhere.extend(formulas.into_iter().filter(|f| is_named(f, "postgresql")).map(|f| f.join("bin")));
    }
    let mut found: Vec<_> = elsewhere.into_iter().filter_map(postgresql_in).collect();
    found.sort_by_key(|(major, _)| std::cmp::Reverse(*major));
    if let Some(preferred) = on_path("initdb").and_then(postgresql_in) {
        found.retain(|other| *other != preferred);
        found.insert(0, preferred);
    }
    found
}

/// The folder, if it has all of these programs.
pub(crate) fn complete(programs: &[&str], folder: PathBuf) -> Option<Programs> {
    programs.iter().all(|program| folder.join(program).is_file()).then_some(Programs { folder })
}

fn postgresql_in(folder: PathBuf) -> Option<(u32, Programs)> {
    let programs = complete(ServerKind::PostgreSql.programs(), folder)?;
    let output = Command::new(programs.path("postgres")).arg("--version").output().ok()?;
    let major = major_version(&String::from_utf8_lossy(&output.stdout))?;
    (major >= OLDEST_POSTGRESQL).then_some((major, programs))
}

/// `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)` is 15; `18beta1` is 18.
fn major_version(text: &str) -> Option<u32> {
    let version = text.split_once("(PostgreSQL)")?.1.trim_start();
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The folder of the program that `PATH` leads to, links followed: a link may lie in a folder without its siblings.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let found = env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())?;
    Some(fs::canonicalize(found).ok()?.parent()?.to_owned())
}

fn subfolders(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn is_named(folder: &Path, prefix: &str) -> bool {
    folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix))
}

/// Whether this process runs as root.
pub(crate) async fn is_root() -> Result<bool> {
    let mut id = Command::new("id");
    id.arg("-u");
    Ok(crate::command::run(id, Duration::from_secs(10)).await? == "0")
}

async fn sudo_without_password() -> bool {
    let mut sudo = Command::new("sudo");
    sudo.args(["-n", "true"]);
    crate::command::run(sudo, Duration::from_secs(10)).await.is_ok()
}

async fn install(mut command: Command) -> Result<()> {
    let words: Vec<_> = std::iter::once(command.get_program()).chain(command.get_args()).map(|word| word.to_string_lossy().into_owned()).collect();
    eprintln!("registrar: installing, running: {}", words.join(" "));
    command.stdin(Stdio::null()).stdout(std::io::stderr());
    let mut command = tokio::process::Command::from(command);
    let mut process = command.kill_on_drop(true).spawn()?;
    let status = tokio::time::timeout(DEADLINE, process.wait()).await.with_context(|| format!("it did not end within {DEADLINE:?}"))??;
    if !status.success() {
        bail!("the package manager failed ({status}); its messages are above");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_major_version() {
        assert_eq!(major_version("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"), Some(15));
        assert_eq!(major_version("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major_version("something else"), None);
    }

    #[test]
    fn advises_what_it_would_run() {
        assert_eq!(PackageManager::Dnf.advice(ServerKind::Redis), "sudo dnf install redis");
        let command = PackageManager::Dnf.command(ServerKind::PostgreSql, true);
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
        assert_eq!(command.get_program(), "sudo");
        assert_eq!(words.join(" "), "-n dnf install -y postgresql-server postgresql");
        assert_eq!(PackageManager::Homebrew.command(ServerKind::Nginx, true).get_program(), "brew");
    }
}
