//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Registrar keeps a school system's records: entered once, owned by one service, shown everywhere.
#[derive(Parser, Debug)]
#[command(
    name = "registrar",
    version,
    after_help = "Try it:\n  registrar demo\n\nRun it for real, one process per service, behind a gateway (docs/operating.md):\n  registrar migrate && registrar init --tenant hoi-an --name 'Hội An' --username admin\n  registrar serve identity\n  registrar serve personnel\n\nSettings come from a TOML file (--config) and from the environment (REGISTRAR_*); `registrar config show` prints them with their defaults."
)]
pub struct Arguments {
    /// The configuration file; every setting can also come from the environment.
    #[arg(long, global = true, env = "REGISTRAR_CONFIG")]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Start everything in one process with demo data: a private PostgreSQL, all services, no broker needed.
    Demo(Demo),
    /// Serve some services, or all of them when none is named.
    Serve(Serve),
    /// Make the first tenant and its administrator; prints the administrator's first password once.
    Init(Init),
    /// Bring the databases' schemas up to date.
    Migrate(Scope),
    /// Compare every owner with every copy of it; names each row that differs. Exit code 1 when any does.
    Verify(Scope),
    /// Send the current state of what OWNER owns to one consumer, as after adding a copied field or losing a copy.
    Resync(Resync),
    /// Say that a service's database was restored from a backup, before it is started again: what it says now wins
    /// over newer-looking copies, and readers of its change feeds start over. A resync to each consumer follows.
    Restored(Restored),
    /// List the events that a service could not apply, or try them again.
    Parked(Parked),
    /// Look at the configuration.
    #[command(subcommand)]
    Config(Config),
    /// Hash the passwords that standard input names: what a process that serves identity starts by itself.
    #[command(hide = true)]
    HashPasswords,
}

/// The demo.
#[derive(Args, Debug)]
pub struct Demo {
    /// Start over with new data.
    #[arg(long)]
    pub fresh: bool,
    /// About how many students (to 1,000,000); the 34 schools of Hội An have about 10,000, more come from generated schools.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    pub scale: u32,
    /// The port to listen on.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Do not install PostgreSQL when it is missing; say what to install instead.
    #[arg(long)]
    pub no_install: bool,
    /// Where the data live; a folder of your user when left out.
    #[arg(long)]
    pub data_folder: Option<PathBuf>,
}

/// Services to serve.
#[derive(Args, Debug)]
pub struct Serve {
    /// identity, personnel, students, reporting; all when none is named.
    pub services: Vec<String>,
    /// Run on a private PostgreSQL in the data folder, with events inside the process.
    #[arg(long)]
    pub embedded: bool,
    /// Do not install PostgreSQL when it is missing.
    #[arg(long)]
    pub no_install: bool,
    /// Where embedded data live.
    #[arg(long)]
    pub data_folder: Option<PathBuf>,
}

/// The installation a command is for: the configured one, or one of the embedded mode.
#[derive(Args, Debug)]
pub struct Place {
    /// The databases of the embedded mode, which must not be running.
    #[arg(long)]
    pub embedded: bool,
    /// Where embedded data live.
    #[arg(long)]
    pub data_folder: Option<PathBuf>,
}

/// Which databases a command is for.
#[derive(Args, Debug)]
pub struct Scope {
    /// Only these services; all when none is named.
    pub services: Vec<String>,
    /// Of which installation.
    #[command(flatten)]
    pub place: Place,
}

/// The first tenant.
#[derive(Args, Debug)]
pub struct Init {
    /// The tenant's code, typed at sign-in.
    #[arg(long)]
    pub tenant: String,
    /// The name of its root unit, such as the ministry's.
    #[arg(long)]
    pub name: String,
    /// The kind of its root unit.
    #[arg(long, default_value = "ministry")]
    pub kind: String,
    /// The administrator's user name.
    #[arg(long, default_value = "admin")]
    pub username: String,
    /// A file with the administrator's password; one is made up and printed once when left out.
    #[arg(long)]
    pub password_file: Option<PathBuf>,
    /// Of which installation.
    #[command(flatten)]
    pub place: Place,
}

/// A resync.
#[derive(Args, Debug)]
pub struct Resync {
    /// The owning service.
    pub owner: String,
    /// The consuming service.
    #[arg(long)]
    pub to: String,
    /// Only this aggregate, such as personnel.staff.
    #[arg(long)]
    pub aggregate: Option<String>,
    /// Of which installation.
    #[command(flatten)]
    pub place: Place,
}

/// A restored service.
#[derive(Args, Debug)]
pub struct Restored {
    /// The service whose database was restored.
    pub service: String,
    /// Of which installation.
    #[command(flatten)]
    pub place: Place,
}

/// Parked events.
#[derive(Args, Debug)]
pub struct Parked {
    /// The consuming service.
    pub service: String,
    /// Try this event again.
    #[arg(long, conflicts_with = "retry_all")]
    pub retry: Option<String>,
    /// Try all of them again.
    #[arg(long)]
    pub retry_all: bool,
    /// Of which installation.
    #[command(flatten)]
    pub place: Place,
}

/// The configuration.
#[derive(Subcommand, Debug)]
pub enum Config {
    /// Say whether it can be used; unknown settings are errors.
    Check,
    /// Print it with its defaults; secrets are left out.
    Show,
}
