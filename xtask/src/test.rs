//! `cargo xtask test`: everything that must hold before a change is let in, with the servers it needs.

use std::{
    path::Path,
    process::{Command, ExitCode, Stdio},
    sync::Arc,
};

use anyhow::{Context, Result};
use clap::Args;
use registrar_servers::{InstallPolicy, ServerKind, ensure};
use registrar_testkit::{Cluster, POSTGRES, RABBITMQ, VirtualHosts};
use tokio::task::JoinHandle;

use crate::{
    chores,
    repository::root,
    step::{Steps, begin, cargo, succeed},
    vendors,
};

/// How to test.
#[derive(Args)]
pub struct Options {
    /// Installs no server (PostgreSQL, RabbitMQ, Redis, nginx) that is missing; says how to install it instead.
    #[arg(long)]
    no_install: bool,
    /// Goes on after a step that failed.
    #[arg(long)]
    keep_going: bool,
}

/// Runs all steps and prints the counts as the last line.
pub async fn run(options: Options) -> Result<ExitCode> {
    let root = root();
    let mut steps = Steps::new(options.keep_going);
    steps.check("format", succeed(cargo(&root, ["fmt", "--all", "--check"]))).await;
    steps.check("lints", succeed(cargo(&root, ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))).await;
    dependencies(&mut steps, &root).await;
    steps.prepare("build", succeed(cargo(&root, ["build", "--package", "registrar"]))).await;
    tests(&mut steps, &root, options.no_install).await;
    steps.check("HTTP contract is up to date", async { chores::check_openapi() }).await;
    steps.check("HTTP contract only grows", async { chores::check_http_growth() }).await;
    steps.check("event contracts only grow", async { chores::check_contracts() }).await;
    vendors::steps(&mut steps, policy(options.no_install)).await;
    let counts = steps.counts();
    println!("{} passed, {} failed", counts.passed, counts.failed);
    Ok(if counts.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Licences, advisories and bans, where the program for it is installed.
async fn dependencies(steps: &mut Steps, root: &Path) {
    if has_program("cargo-deny") {
        steps.check("dependencies", succeed(cargo(root, ["deny", "check"]))).await;
    } else {
        println!("=== dependencies: skipped, cargo-deny is not installed");
    }
}

async fn tests(steps: &mut Steps, root: &Path, no_install: bool) {
    if !steps.go_on() {
        return;
    }
    let mut servers = None;
    let policy = policy(no_install);
    let start = async {
        servers = Some(Servers::start(policy).await?);
        Ok(())
    };
    steps.prepare("servers", start).await;
    let Some(servers) = servers else { return };
    let mut command = if has_program("cargo-nextest") {
        cargo(root, ["nextest", "run", "--workspace", "--no-fail-fast"])
    } else {
        cargo(root, ["test", "--workspace", "--lib", "--bins", "--tests", "--no-fail-fast"])
    };
    command.env(POSTGRES, servers.cluster.url("postgres")).env(RABBITMQ, &servers.rabbitmq);
    steps.tests("tests", command).await;
    begin("stopping the servers");
    servers.stop().await;
}

/// The servers that all test processes share. The others (Redis, nginx) are installed; tests start their own.
struct Servers {
    cluster: Arc<Cluster>,
    rabbitmq: String,
    virtual_hosts: JoinHandle<Result<()>>,
}

impl Servers {
    async fn start(policy: InstallPolicy) -> Result<Self> {
        for kind in [ServerKind::PostgreSql, ServerKind::RabbitMq, ServerKind::Redis, ServerKind::Nginx] {
            ensure(kind, policy).await?;
        }
        let (cluster, virtual_hosts) = tokio::try_join!(Cluster::start(), VirtualHosts::start()).context("the servers of the tests")?;
        let rabbitmq = virtual_hosts.address()?;
        Ok(Servers { cluster: Arc::new(cluster), rabbitmq, virtual_hosts: tokio::spawn(virtual_hosts.serve()) })
    }

    /// Ends them and waits until they are gone.
    async fn stop(self) {
        self.virtual_hosts.abort();
        // An error here is the abort itself.
        let _ = self.virtual_hosts.await;
        let cluster = self.cluster;
        let _ = tokio::task::spawn_blocking(move || drop(cluster)).await;
    }
}

fn policy(no_install: bool) -> InstallPolicy {
    if no_install { InstallPolicy::Refuse } else { InstallPolicy::Allow }
}

fn has_program(name: &str) -> bool {
    Command::new(name).arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
