//! `registrar`: the services, and what their operators do with them.

use clap::Parser;
use registrar::{arguments::Arguments, commands};

/// Requests are many small texts, for which it is quicker than the system's allocator, and it gives memory back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let arguments = Arguments::parse();
    match commands::run(arguments).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("registrar: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
