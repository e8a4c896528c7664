//! What people outside do with the contract, done here first: a linter reads it, generators make clients of it, a fuzzer
//! tries every operation. What each needs is installed in a folder of its own under `target/`.

mod clients;
mod fuzz;
mod toolbox;

use anyhow::{Context, Result};
use clap::Args;
use registrar_servers::InstallPolicy;
use registrar_tests::{Mode, System};

use crate::step::{Steps, succeed};
pub use fuzz::Fuzz;
use toolbox::{NodeFolder, PythonFolder};

/// Demo students of the system that clients talk to.
const STUDENTS: u32 = 1200;

/// How to try the contract as a vendor.
#[derive(Args)]
pub struct Options {
    /// Installs no program (Node.js, Python) that is missing; says how to install it instead.
    #[arg(long)]
    no_install: bool,
}

/// Runs the linter and the clients, each a step. The fuzzer takes minutes and is a chore of its own.
pub async fn steps(steps: &mut Steps, policy: InstallPolicy) {
    let mut node = None;
    steps.check("HTTP contract passes the linter", async { node.insert(NodeFolder::prepare(policy).await?).lint().await }).await;
    if !steps.go_on() {
        return;
    }
    let mut system = None;
    let start = async {
        system = Some(System::start(Mode::Embedded, STUDENTS).await?);
        Ok(())
    };
    steps.prepare("a system for the clients", start).await;
    let Some(system) = system else { return };
    if let Some(node) = &node {
        steps.check("TypeScript client", clients::typescript(node, &system.base)).await;
    }
    steps.check("Python client", async { clients::python(&PythonFolder::prepare("python", policy).await?, &system.base).await }).await;
}

/// `cargo xtask clients`.
pub async fn run_clients(options: Options) -> Result<()> {
    let policy = policy(options.no_install);
    build().await?;
    let node = NodeFolder::prepare(policy).await?;
    node.lint().await?;
    let system = System::start(Mode::Embedded, STUDENTS).await?;
    clients::typescript(&node, &system.base).await?;
    clients::python(&PythonFolder::prepare("python", policy).await?, &system.base).await
}

/// `cargo xtask schemathesis`.
pub async fn run_fuzz(options: Fuzz) -> Result<()> {
    build().await?;
    let system = System::start(Mode::Embedded, STUDENTS).await?;
    fuzz::run(&options, policy(options.no_install()), &system).await
}

/// The program that is tried, which `cargo xtask` does not build by itself.
async fn build() -> Result<()> {
    succeed(crate::step::cargo(&crate::repository::root(), ["build", "--package", "registrar"])).await.context("building registrar")
}

fn policy(no_install: bool) -> InstallPolicy {
    if no_install { InstallPolicy::Refuse } else { InstallPolicy::Allow }
}
