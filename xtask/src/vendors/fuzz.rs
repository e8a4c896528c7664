//! `cargo xtask schemathesis`: requests of every kind that the contract allows and forbids, to every operation, signed in.

use anyhow::{Context, Result};
use clap::Args;
use registrar::demo::{PASSWORD, TENANT};
use registrar_servers::InstallPolicy;
use registrar_tests::System;

use super::toolbox::PythonFolder;
use crate::{repository::root, step::succeed};

/// How to fuzz.
#[derive(Args)]
pub struct Fuzz {
    /// Draws requests for so many seconds; those that the contract itself suggests (limits, examples) are all made besides.
    #[arg(long, default_value_t = 600)]
    seconds: u32,
    /// Draws the same requests again.
    #[arg(long)]
    seed: Option<u64>,
    /// Only operations whose id matches this regular expression.
    #[arg(long)]
    operations: Option<String>,
    /// Does not install Python when it is missing; says how to install it instead.
    #[arg(long)]
    no_install: bool,
}

impl Fuzz {
    /// Whether to do without installing.
    pub fn no_install(&self) -> bool {
        self.no_install
    }
}

/// Fuzzes a running system.
///
/// # Errors
/// When an answer is not as the contract says, or the tool cannot be had.
pub async fn run(fuzz: &Fuzz, policy: InstallPolicy, system: &System) -> Result<()> {
    let folder = PythonFolder::prepare("schemathesis", policy).await?;
    let mut command = folder.program("schemathesis");
    command.arg("--config-file").arg(folder.source("schemathesis.toml")).arg("run").arg(root().join("openapi.yaml"));
    command.args(["--url", &system.base, "--max-time", &fuzz.seconds.to_string()]);
    if let Some(seed) = fuzz.seed {
        command.args(["--seed", &seed.to_string()]);
    }
    if let Some(operations) = &fuzz.operations {
        command.args(["--include-operation-id-regex", operations]);
    }
    command.env("REGISTRAR_API", &system.base).env("REGISTRAR_TENANT", TENANT).env("REGISTRAR_PASSWORD", PASSWORD);
    command.env("SCHEMATHESIS_HOOKS", folder.source("hooks.py"));
    succeed(command).await.with_context(|| format!("schemathesis found something; logs of the services:\n{}", errors(&system.logs())))
}

/// The lines of the services' logs that tell of errors.
fn errors(logs: &str) -> String {
    logs.lines().filter(|line| line.contains("ERROR")).take(50).collect::<Vec<_>>().join("\n")
}
