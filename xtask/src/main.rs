//! The repository's own chores: `cargo xtask test`, `bench`, `upgrade`, `openapi`, `contracts`.

mod bench;
mod chores;
mod counts;
mod growth;
mod postman;
mod repository;
mod step;
mod test;
mod upgrade;
mod vendors;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

/// The repository's own chores.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Checks and tests everything; the last line says how many passed and failed.
    Test(test::Options),
    /// Measures how fast it all is, against what the machine can do.
    Bench(bench::Options),
    /// Builds the former release and runs it together with this one on this one's schema.
    Upgrade(upgrade::Options),
    /// Writes openapi.yaml, the public contract, and the Postman collection from the code.
    Openapi {
        /// Keeps what it publishes now: what later ones may not lose. Part of a release.
        #[arg(long)]
        release: bool,
        #[command(flatten)]
        check: Check,
    },
    /// Lints openapi.yaml, and runs clients that are generated from it against a started system.
    Clients(vendors::Options),
    /// Sends a started system all kinds of requests that openapi.yaml allows and forbids.
    Schemathesis(vendors::Fuzz),
    /// Checks that the event contracts in proto/ only grow.
    Contracts {
        /// Keeps the contracts as they are now: what later ones are compared with. Part of a release.
        #[arg(long)]
        release: bool,
        #[command(flatten)]
        check: Check,
    },
}

#[derive(Args)]
struct Check {
    /// Writes nothing; fails when what is committed is not up to date.
    #[arg(long)]
    check: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<ExitCode> {
    match arguments.chore {
        Chore::Test(options) => return test::run(options).await,
        Chore::Bench(options) => bench::run(options).await?,
        Chore::Clients(options) => vendors::run_clients(options).await?,
        Chore::Schemathesis(options) => vendors::run_fuzz(options).await?,
        Chore::Upgrade(options) => upgrade::run(options).await?,
        Chore::Openapi { release: false, check: Check { check: true } } => {
            chores::check_openapi()?;
            chores::check_http_growth()?;
        }
        Chore::Openapi { release: false, check: Check { check: false } } => chores::write_openapi()?,
        Chore::Openapi { release: true, check: Check { check: false } } => chores::release_http()?,
        Chore::Openapi { release: true, .. } => anyhow::bail!("either --check or --release"),
        Chore::Contracts { release: true, check: Check { check: false } } => chores::release_contracts()?,
        Chore::Contracts { release: true, .. } => anyhow::bail!("either --check or --release"),
        Chore::Contracts { release: false, .. } => chores::check_contracts()?,
    }
    Ok(ExitCode::SUCCESS)
}
