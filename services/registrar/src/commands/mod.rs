//! What each command does.

mod demo;
mod init;
mod repair;
mod serve;

use std::{io::IsTerminal, path::PathBuf, process::ExitCode};

use anyhow::{Context, bail};
use registrar_http::Service;
use registrar_identity::accounts::hashing;
use registrar_runtime::ops::errors::KeepErrors;
use registrar_servers::InstallPolicy;
use registrar_store::{Db, DbOptions};
use secrecy::ExposeSecret;

use crate::{
    arguments::{Arguments, Command, Config, Place, Scope},
    config::{self, Configuration, LogFormat},
    embedded::{Embedded, default_folder},
    services,
};

/// Runs a command.
///
/// # Errors
/// With what went wrong, for a person.
pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let configuration = config::read(arguments.config.as_deref())?;
    log(&configuration, &arguments.command)?;
    let ended = command(&configuration, arguments.command).await;
    // What has been traced is sent; that blocks.
    tokio::task::spawn_blocking(registrar_traces::end).await?;
    ended
}

async fn command(configuration: &Configuration, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo(demo) => demo::run(configuration, demo).await,
        Command::Serve(serve) => serve::run(configuration, serve).await,
        Command::Init(init) => init::run(configuration, init).await,
        Command::Migrate(scope) => migrate(configuration, scope).await,
        Command::Verify(scope) => repair::verify(configuration, scope).await,
        Command::Resync(resync) => repair::resync(configuration, resync).await,
        Command::Restored(restored) => repair::restored(configuration, restored).await,
        Command::Parked(parked) => repair::parked(configuration, parked).await,
        Command::Config(Config::Check) => {
            configuration.secret()?;
            println!("The configuration can be used.");
            Ok(ExitCode::SUCCESS)
        }
        Command::Config(Config::Show) => {
            print!("{}", toml::to_string(configuration)?);
            Ok(ExitCode::SUCCESS)
        }
        Command::HashPasswords => hash_passwords(),
    }
}

/// Hashes passwords until standard input ends.
///
/// # Errors
/// When what is asked cannot be read, or not be answered.
pub fn hash_passwords() -> anyhow::Result<ExitCode> {
    hashing::answer(std::io::stdin().lock(), std::io::stdout().lock())?;
    Ok(ExitCode::SUCCESS)
}

/// Has passwords hashed by processes of their own, which run [`hash_passwords`].
fn hash_elsewhere() -> std::io::Result<()> {
    // On Linux the very program that runs, though an upgrade may have put another in its place.
    let program = if cfg!(target_os = "linux") { PathBuf::from("/proc/self/exe") } else { std::env::current_exe()? };
    hashing::by(program, "hash-passwords");
    Ok(())
}

fn log(configuration: &Configuration, command: &Command) -> anyhow::Result<()> {
    use tracing_subscriber::{
        EnvFilter, Layer, Registry,
        filter::{LevelFilter, Targets},
        fmt,
        layer::SubscriberExt,
        util::SubscriberInitExt,
    };
    let quiet = matches!(command, Command::Demo(_));
    let said = if quiet && configuration.log == "info" { "warn".to_owned() } else { configuration.log.clone() };
    // lapin warns of a message nobody took by printing its body, which is somebody's record.
    let filter = EnvFilter::try_new(format!("lapin=error,{said}")).unwrap_or_else(|_| EnvFilter::new("lapin=error,info"));
    let coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|unwanted| unwanted.is_empty());
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(coloured);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match configuration.log_format {
        LogFormat::Text => lines.with_filter(filter).boxed(),
        LogFormat::Json => lines.json().with_filter(filter).boxed(),
    };
    // Errors, and the spans that tell to which request they belong.
    let errors = Targets::new().with_default(LevelFilter::ERROR).with_target("registrar", LevelFilter::INFO);
    let mut layers = vec![lines];
    if let Some(endpoint) = configuration.otlp_endpoint.as_deref().filter(|endpoint| !endpoint.is_empty() && matches!(command, Command::Serve(_) | Command::Demo(_))) {
        layers.push(registrar_traces::start::<Registry>(endpoint, &traced_as(command))?.boxed());
    }
    tracing_subscriber::registry().with(layers).with(KeepErrors.with_filter(errors)).init();
    Ok(())
}

/// The name of this process among those that send traces.
fn traced_as(command: &Command) -> String {
    match command {
        Command::Serve(serve) if !serve.services.is_empty() => format!("registrar-{}", serve.services.join("-")),
        _ => "registrar".to_owned(),
    }
}

/// The services named, all when none is.
fn chosen(names: &[String]) -> anyhow::Result<Vec<Service>> {
    let known: Vec<&str> = services().iter().map(|service| service.name).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        bail!("there is no service {unknown}; there are {}", known.join(", "));
    }
    Ok(services().into_iter().filter(|service| names.is_empty() || names.iter().any(|name| name == service.name)).collect())
}

fn one(name: &str) -> anyhow::Result<Service> {
    chosen(&[name.to_owned()])?.into_iter().next().context("no service")
}

/// The databases a command works on: the configured ones, or those of the embedded mode, started for it.
struct Databases {
    configured: std::collections::BTreeMap<String, secrecy::SecretString>,
    embedded: Option<Embedded>,
}

impl Databases {
    async fn open(configuration: &Configuration, names: &[String], place: Place) -> anyhow::Result<Self> {
        if !place.embedded {
            return Ok(Databases { configured: configuration.databases_for(names), embedded: None });
        }
        let folder = place.data_folder.map_or_else(|| default_folder("data"), Ok)?;
        let embedded = Embedded::start(&folder, InstallPolicy::Refuse).await?;
        Ok(Databases { configured: embedded.databases.clone(), embedded: Some(embedded) })
    }

    fn db(&self, service: &str) -> anyhow::Result<Db> {
        let url = self.configured.get(service).with_context(|| format!("no database for {service}: set databases.{service}"))?;
        Ok(Db::open(url.expose_secret(), &DbOptions { max_connections: 4, ..DbOptions::default() })?)
    }

    async fn close(self) -> anyhow::Result<()> {
        match self.embedded {
            Some(embedded) => embedded.stop().await,
            None => Ok(()),
        }
    }
}

async fn migrate(configuration: &Configuration, scope: Scope) -> anyhow::Result<ExitCode> {
    let databases = Databases::open(configuration, &scope.services, scope.place).await?;
    for (service, applied) in registrar_runtime::migrate(&chosen(&scope.services)?, &databases.configured).await? {
        println!("{service}: {}", if applied.is_empty() { "up to date".to_owned() } else { format!("applied {}", applied.join(", ")) });
    }
    databases.close().await?;
    Ok(ExitCode::SUCCESS)
}

/// Resolves when the process is asked to end.
async fn asked_to_end() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    Ok(())
}
