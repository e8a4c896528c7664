//! `registrar serve`.

use std::process::ExitCode;

use registrar_http::server::OpenApiDocument;
use registrar_runtime::{contract, start, topology};
use registrar_servers::InstallPolicy;

use super::{asked_to_end, chosen, hash_elsewhere};
use crate::{
    arguments::Serve,
    config::Configuration,
    embedded::{Embedded, default_folder},
    services,
};

/// Serves until asked to end.
///
/// # Errors
/// When something needed is missing or cannot be reached.
pub async fn run(configuration: &Configuration, serve: Serve) -> anyhow::Result<ExitCode> {
    let wanted = chosen(&serve.services)?;
    let embedded = if serve.embedded {
        let folder = serve.data_folder.map_or_else(|| default_folder("data"), Ok)?;
        let install = if serve.no_install { InstallPolicy::Refuse } else { InstallPolicy::Allow };
        Some(Embedded::start(&folder, install).await?)
    } else {
        None
    };
    let mut options = match &embedded {
        Some(embedded) => configuration.common(embedded.databases.clone(), embedded.secret.clone()),
        None => configuration.options(&serve.services)?,
    };
    // The gateway sends /docs to one of the processes: each shows the whole contract.
    options.contract = Some(|| {
        contract(services()).unwrap_or_else(|error| {
            tracing::error!(%error, "the contract cannot be shown");
            OpenApiDocument::Null
        })
    });
    hash_elsewhere()?;
    let names: Vec<&str> = wanted.iter().map(|service| service.name).collect();
    tracing::info!(services = names.join(" "), "starting");
    let running = start(wanted, topology(&services()), options).await?;
    tracing::info!(public = running.base_url(), internal = running.internal_url(), "serving");
    asked_to_end().await?;
    tracing::info!("stopping");
    running.stop().await;
    if let Some(embedded) = embedded {
        embedded.stop().await?;
    }
    Ok(ExitCode::SUCCESS)
}
