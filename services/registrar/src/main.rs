//! `registrar`: the services, and what their operators do with them.

use clap::Parser;
use registrar::{arguments::Arguments, commands};

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
