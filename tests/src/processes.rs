//! Real processes: all services in one with events inside it, or one process per service with RabbitMQ, Redis and
//! nginx in front. Private servers, free ports, temporary folders; all of it ends with the test.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use anyhow::{Context, ensure};
use registrar::demo::{Loader, PASSWORD, Population, TENANT};
use registrar_servers::{Child, Ending, InstallPolicy, Nginx, PostgreSql, PostgreSqlOptions, RabbitMq, Redis, ServerKind, Signal, ensure as ensure_installed, free_port};
use tempfile::TempDir;

/// How the services run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One process, a private PostgreSQL, events inside.
    Embedded,
    /// A process per service, RabbitMQ, Redis, nginx.
    Services,
}

/// The servers of [`Mode::Services`].
pub struct Servers {
    /// PostgreSQL, with a database per service.
    pub postgresql: PostgreSql,
    /// The broker.
    pub rabbitmq: RabbitMq,
    _redis: Redis,
    _nginx: Option<Nginx>,
}

/// A running installation with demo data.
pub struct System {
    /// The base URL of the public API.
    pub base: String,
    /// The servers behind it; none in the embedded mode.
    pub servers: Option<Servers>,
    processes: BTreeMap<String, Child>,
    environment: Vec<(String, String)>,
    ports: BTreeMap<String, (u16, u16)>,
    folder: TempDir,
    program: PathBuf,
}

/// Which program runs, and whether what it acknowledges survives a crash of the machine.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The `registrar` program.
    pub program: PathBuf,
    /// Whether PostgreSQL is durable; tests need not wait for disks. Only a durable one asks for passwords.
    pub durable: bool,
    /// Whether the services connect as a role of their own, whose password is in a file: [`System::password_file`].
    pub password_file: bool,
    /// Further settings of all processes, as environment variables.
    pub environment: Vec<(String, String)>,
}

impl Default for Setup {
    /// The program beside this test's own executable, which `cargo xtask test` builds first, on a throw-away PostgreSQL.
    fn default() -> Self {
        let mut folder = std::env::current_exe().unwrap_or_default();
        folder.pop();
        if folder.ends_with("deps") {
            folder.pop();
        }
        Setup { program: folder.join("registrar"), durable: false, password_file: false, environment: Vec::new() }
    }
}

/// The role of the services in [`Setup::password_file`], and its first password.
pub const ROLE: &str = "services";
const FIRST_PASSWORD: &str = "the first password";
const PASSWORD_FILE: &str = "database-password";

/// How long a process may take to come up on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

impl System {
    /// Starts everything and loads about `students` students through the import API.
    ///
    /// # Errors
    /// When something does not come up; the processes' logs are part of the error.
    pub async fn start(mode: Mode, students: u32) -> anyhow::Result<Self> {
        let system = match mode {
            Mode::Embedded => Self::embedded().await?,
            Mode::Services => Self::services(&Setup::default()).await?,
        };
        system.load(students).await.with_context(|| system.logs())?;
        Ok(system)
    }

    async fn embedded() -> anyhow::Result<Self> {
        let folder = reachable_folder()?;
        let data = folder.path().join("data");
        let (public, internal) = (free_port()?, free_port()?);
        let environment = vec![
            ("REGISTRAR_LISTEN".to_owned(), format!("127.0.0.1:{public}")),
            ("REGISTRAR_INTERNAL_LISTEN".to_owned(), format!("127.0.0.1:{internal}")),
            ("REGISTRAR_RATE_LIMIT".to_owned(), "1000000".to_owned()),
        ];
        let mut system = System {
            base: format!("http://127.0.0.1:{public}"),
            servers: None,
            processes: BTreeMap::new(),
            environment,
            ports: BTreeMap::new(),
            folder,
            program: Setup::default().program,
        };
        ensure_installed(ServerKind::PostgreSql, InstallPolicy::Allow).await?;
        system.init(&["--embedded", "--data-folder", &data.to_string_lossy()]).await?;
        system.ports.insert("all".to_owned(), (public, internal));
        system.spawn("all", &["serve", "--embedded", "--data-folder", &data.to_string_lossy()]).await?;
        Ok(system)
    }

    /// A process per service over private servers, with a tenant and its administrator `admin`, and nothing else in it.
    ///
    /// # Errors
    /// When something does not come up.
    pub async fn services(setup: &Setup) -> anyhow::Result<Self> {
        for kind in [ServerKind::PostgreSql, ServerKind::RabbitMq, ServerKind::Redis, ServerKind::Nginx] {
            ensure_installed(kind, InstallPolicy::Allow).await?;
        }
        let folder = reachable_folder()?;
        let data = folder.path().join("postgresql");
        let options = if setup.durable {
            PostgreSqlOptions { settings: vec![("track_commit_timestamp".to_owned(), "on".to_owned())], ..PostgreSqlOptions::durable(data) }
        } else {
            PostgreSqlOptions::throw_away(data)
        };
        let (postgresql, rabbitmq, redis) = tokio::try_join!(PostgreSql::start(options), RabbitMq::start(), Redis::start())?;
        let mut environment = vec![
            ("AMQP_URL".to_owned(), rabbitmq.url()),
            ("REDIS_URL".to_owned(), redis.url()),
            ("REGISTRAR_SECRET".to_owned(), "a secret of the end-to-end suite, long enough".to_owned()),
            ("REGISTRAR_RATE_LIMIT".to_owned(), "1000000".to_owned()),
            ("REGISTRAR_TRUSTED_PROXIES".to_owned(), "[\"127.0.0.1\"]".to_owned()),
        ];
        let mut ports = BTreeMap::new();
        environment.extend(setup.environment.iter().cloned());
        let password = folder.path().join(PASSWORD_FILE);
        if setup.password_file {
            std::fs::write(&password, FIRST_PASSWORD)?;
            postgresql.execute("postgres", &format!("create role {ROLE} superuser login password '{FIRST_PASSWORD}'")).await?;
        }
        for service in names() {
            postgresql.create_database(&service).await?;
            let url = match setup.password_file {
                true => format!("postgres://{ROLE}@127.0.0.1:{}/{service}?password_file={}", postgresql.port(), password.display()),
                false => postgresql.url(&service),
            };
            environment.push((format!("REGISTRAR_DATABASES__{}", service.to_uppercase()), url));
            ports.insert(service, (free_port()?, free_port()?));
        }
        let identity = ports.get("identity").context("no identity")?.1;
        environment.push(("REGISTRAR_IDENTITY_URL".to_owned(), format!("http://127.0.0.1:{identity}")));
        let upstreams: BTreeMap<String, String> = ports.iter().map(|(name, (public, _))| (name.clone(), format!("127.0.0.1:{public}"))).collect();
        let servers = Servers { postgresql, rabbitmq, _redis: redis, _nginx: None };
        let mut system = System { base: String::new(), servers: Some(servers), processes: BTreeMap::new(), environment, ports, folder, program: setup.program.clone() };
        let migrated = system.registrar(&["migrate"]).await?;
        ensure!(migrated.status.success(), "migrate: {}", said(&migrated));
        system.init(&[]).await?;
        for service in names() {
            system.begin(&service).await?;
        }
        let nginx = Nginx::start(include_str!("../../deploy/nginx.conf.template"), &upstreams).await?;
        system.base = nginx.url();
        if let Some(servers) = &mut system.servers {
            servers._nginx = Some(nginx);
        }
        Ok(system)
    }

    async fn init(&self, more: &[&str]) -> anyhow::Result<()> {
        let password = self.folder.path().join("password");
        std::fs::write(&password, PASSWORD)?;
        let password = password.to_string_lossy().into_owned();
        let arguments = ["init", "--tenant", TENANT, "--name", "Bộ Giáo dục và Đào tạo", "--username", "admin", "--password-file", &password];
        let made = self.registrar(&[&arguments[..], more].concat()).await?;
        ensure!(made.status.success(), "init: {}", said(&made));
        Ok(())
    }

    /// Loads about `students` students through the import API.
    ///
    /// # Errors
    /// When the services do not take them.
    pub async fn load(&self, students: u32) -> anyhow::Result<()> {
        let mut loader = Loader::sign_in(&self.base, "admin", PASSWORD).await?;
        loader.load(&Population::of(students)?, registrar::demo::today()).await
    }

    /// Starts a service's process, again after [`System::kill`].
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn begin(&mut self, service: &str) -> anyhow::Result<()> {
        self.spawn(service, &["serve", service]).await
    }

    /// SIGTERM for a service's process, and waits for its orderly end; [`System::begin`] starts it again.
    ///
    /// # Errors
    /// When it has to be killed.
    pub async fn stop(&mut self, service: &str) -> anyhow::Result<()> {
        self.processes.get_mut(service).context("not running")?.stop(Signal::Terminate, Duration::from_secs(20)).await
    }

    /// SIGTERM for a service's process, without waiting for its end.
    ///
    /// # Errors
    /// When it does not run.
    pub fn terminate(&self, service: &str) -> anyhow::Result<()> {
        self.processes.get(service).context("not running")?.signal(Signal::Terminate);
        Ok(())
    }

    /// Which program is started from now on.
    pub fn set_program(&mut self, program: PathBuf) {
        self.program = program;
    }

    /// The file with the password of the services' role.
    #[must_use]
    pub fn password_file(&self) -> PathBuf {
        self.folder.path().join(PASSWORD_FILE)
    }

    /// The installation's own folder, for files of a test.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    async fn spawn(&mut self, name: &str, arguments: &[&str]) -> anyhow::Result<()> {
        let (public, internal) = *self.ports.get(name).context("a process without ports")?;
        let mut command = self.command(arguments);
        command.env("REGISTRAR_LISTEN", format!("127.0.0.1:{public}")).env("REGISTRAR_INTERNAL_LISTEN", format!("127.0.0.1:{internal}"));
        // As deployed.
        command.env("MIMALLOC_PURGE_DELAY", "10");
        let log = self.folder.path().join(format!("{name}.log"));
        let mut child = Child::spawn(name, command, &log, Ending { signal: Signal::Terminate, grace: Duration::from_secs(20) })?;
        let ready = format!("http://127.0.0.1:{internal}/readyz");
        child.ready(PATIENCE, || async { reqwest::get(&ready).await.is_ok_and(|answer| answer.status().is_success()) }).await?;
        self.processes.insert(name.to_owned(), child);
        Ok(())
    }

    /// Where a service answers, past the gateway.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn address(&self, service: &str) -> anyhow::Result<SocketAddr> {
        let (public, _) = self.ports.get(service).context("no such service")?;
        Ok(SocketAddr::from(([127, 0, 0, 1], *public)))
    }

    /// What Prometheus would read of all processes.
    ///
    /// # Errors
    /// When one does not answer.
    pub async fn metrics(&self) -> anyhow::Result<String> {
        let mut metrics = String::new();
        for (_, internal) in self.ports.values() {
            metrics += &reqwest::get(format!("http://127.0.0.1:{internal}/metrics")).await?.text().await?;
        }
        Ok(metrics)
    }

    /// The process of a service.
    ///
    /// # Errors
    /// When it does not run.
    pub fn process(&self, service: &str) -> anyhow::Result<u32> {
        Ok(self.processes.get(service).context("not running")?.id())
    }

    /// SIGKILL for a service's process.
    ///
    /// # Errors
    /// When it was not running.
    pub async fn kill(&mut self, service: &str) -> anyhow::Result<()> {
        self.processes.get_mut(service).context("not running")?.kill().await
    }

    /// Runs the `registrar` program to its end.
    ///
    /// # Errors
    /// When it cannot be run.
    pub async fn registrar(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        let mut command = self.command(arguments);
        Ok(tokio::task::spawn_blocking(move || command.output()).await??)
    }

    /// `registrar verify`: every copy equals its owner.
    ///
    /// # Errors
    /// With what it says otherwise.
    pub async fn verify(&self) -> anyhow::Result<()> {
        let verified = self.registrar(&["verify"]).await?;
        ensure!(verified.status.success(), "{}", said(&verified));
        Ok(())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).envs(self.environment.iter().cloned()).env_remove("DATABASE_URL").env_remove("REGISTRAR_CONFIG");
        command
    }

    /// What the processes logged.
    #[must_use]
    pub fn logs(&self) -> String {
        self.processes.iter().map(|(name, child)| format!("--- {name}\n{}\n", child.log())).collect()
    }
}

fn names() -> Vec<String> {
    registrar::services().iter().map(|service| service.name.to_owned()).collect()
}

/// PostgreSQL's own user must reach the folder.
fn reachable_folder() -> anyhow::Result<TempDir> {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir()?;
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
    Ok(folder)
}

fn said(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
