//! `cargo xtask bench`: how fast Registrar is, as shares of what the machine itself can do in the same run.
//!
//! The build that images have, one process per service, durable servers, every request authenticated. [`installation`]
//! starts and fills it through the API, [`baseline`] asks the machine, [`work`] the services over [`load`], [`report`] writes
//! it down.

mod baseline;
mod installation;
mod load;
mod report;
mod soak;
mod work;

use std::{path::PathBuf, process::Command, time::Duration};

use anyhow::{Result, ensure};
use clap::Args;
use installation::{Installation, Size};
use report::Figure;
use work::Work;

use crate::repository;

/// What to measure.
#[derive(Args)]
pub struct Options {
    /// Members of staff.
    #[arg(long, default_value_t = 200_000)]
    staff: usize,
    /// Seconds for each measurement.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Only work whose name has this in it: import, reads, pages, edits, fan-out, sign-ins.
    #[arg(long)]
    only: Option<String>,
    /// Writes docs/performance.md and docs/performance.json.
    #[arg(long)]
    write: bool,
    /// Does a day's work for so many minutes instead, and tells what has grown.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=45))]
    soak: Option<u64>,
}

/// As programs are built that are deployed (`deploy/Dockerfile`).
const PROFILE: &str = "image";
/// MB that a process may hold when nothing is asked of it, and under load.
const MEMORY: (f64, f64) = (60.0, 150.0);

/// For so long nothing has been asked of a process that is idle.
const IDLE: Duration = Duration::from_secs(3);

/// Measures, prints the table, fails when a limit is not kept.
pub async fn run(options: Options) -> Result<()> {
    build("registrar")?;
    if cfg!(debug_assertions) {
        return again_optimised();
    }
    let size = Size { staff: options.staff, schools: 400.min(options.staff / 10).max(2), grants: 5000 };
    eprintln!("starting and filling");
    let installation = Installation::start(size).await?;
    tokio::time::sleep(IDLE).await;
    let mut figures = renamed(Work::memory(&installation, MEMORY.0)?, "idle");
    let imported = installation.staff().await?;
    let work = Work::new(&installation, Duration::from_secs(options.seconds)).await?;
    if let Some(minutes) = options.soak {
        return judged(&work.soak(Duration::from_secs(minutes * 60)).await?);
    }
    let wanted = |name: &str| options.only.as_ref().is_none_or(|only| name.contains(only.as_str()));
    for name in ["import", "reads", "pages", "edits", "fan-out", "sign-ins"].into_iter().filter(|name| wanted(name)) {
        eprintln!("measuring {name}");
        let mut measured = match name {
            "import" => work.import(imported.rate).await?,
            "reads" => work.reads().await?,
            "pages" => work.pages().await?,
            "edits" => work.edits().await?,
            "fan-out" => work.fan_out().await?,
            _ => work.sign_ins().await?,
        };
        measured.extend(measured.iter().filter_map(Figure::slowest).collect::<Vec<_>>());
        eprint!("{}", report::table(&measured)?);
        figures.extend(measured);
    }
    figures.extend(renamed(Work::memory(&installation, MEMORY.1)?, "under load"));
    if options.write {
        write(&figures, &options)?;
    }
    judged(&figures)
}

/// Prints the table, fails when a limit is not kept.
fn judged(figures: &[Figure]) -> Result<()> {
    println!("{}", report::table(figures)?);
    let missed = figures.iter().filter(|figure| !figure.is_kept()).count();
    ensure!(missed == 0, "{missed} of {} limits are not kept", figures.len());
    Ok(())
}

fn renamed(figures: Vec<Figure>, when: &str) -> Vec<Figure> {
    figures.into_iter().map(|figure| Figure { work: format!("{}, {when}", figure.work), ..figure }).collect()
}

/// A program as it is deployed.
fn built(program: &str) -> PathBuf {
    repository::root().join("target").join(PROFILE).join(program)
}

fn build(package: &str) -> Result<()> {
    let status = Command::new(env!("CARGO")).current_dir(repository::root()).args(["build", "--profile", PROFILE, "-p", package]).status()?;
    ensure!(status.success(), "the build failed");
    Ok(())
}

/// The load comes from this program, on the same cores: it must not cost more than it needs.
fn again_optimised() -> Result<()> {
    build("xtask")?;
    let status = Command::new(built("xtask")).args(std::env::args().skip(1)).status()?;
    ensure!(status.success(), "see above");
    Ok(())
}

/// Above the table in docs/performance.md.
const PREFACE: &str = "# How fast Registrar is

Written by `cargo xtask bench --write`: everything on one machine, load included; the build that images have, one
process per service, PostgreSQL with durability on, every request authenticated. A ratio is to what the machine itself did
in the same run, before and after each reading and editing: pgbench with prepared statements on the same database (the same
rows; for edits a transaction that locks, updates and writes history and outbox), bare publishing with confirms to consuming
on the same kind of queue, argon2id alone on all cores, `COPY` of the same rows. Files to import name one school after
another, as registers do. Beside sign-ins, each from an address of its own, somebody else reads a hundred records a second.
What grows in half an hour of work tells `cargo xtask bench --soak 30`.

";

fn write(figures: &[Figure], options: &Options) -> Result<()> {
    let docs = repository::root().join("docs");
    let cores = std::thread::available_parallelism()?;
    let circumstances = format!("{} members of staff, 32 connections, {cores} cores, {} s for each measurement.\n\n", options.staff, options.seconds);
    std::fs::write(docs.join("performance.md"), format!("{PREFACE}{circumstances}{}", report::table(figures)?))?;
    std::fs::write(docs.join("performance.json"), serde_json::to_string_pretty(figures)? + "\n")?;
    Ok(())
}
