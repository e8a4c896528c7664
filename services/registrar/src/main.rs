//! `registrar`: the services, and what their operators do with them.

use std::process::ExitCode;

use clap::Parser;
use registrar::{
    arguments::{Arguments, Command},
    commands,
};

/// Requests are many small texts, for which it is quicker than the system's allocator, and it gives memory back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // To hash takes neither settings nor threads.
    let ended = if matches!(arguments.command, Command::HashPasswords) { commands::hash_passwords() } else { run(arguments) };
    ended.unwrap_or_else(|error| {
        eprintln!("registrar: {error:#}");
        ExitCode::FAILURE
    })
}

#[tokio::main]
async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    commands::run(arguments).await
}
