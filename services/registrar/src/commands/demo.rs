//! `registrar demo`.

use std::{net::SocketAddr, path::Path, process::ExitCode};

use anyhow::Context;
use registrar_identity::NewTenant;
use registrar_runtime::{Running, start, topology};
use registrar_servers::InstallPolicy;
use registrar_store::{Clock, StoreError};
use secrecy::SecretString;

use super::{asked_to_end, hash_elsewhere};
use crate::{
    arguments::Demo,
    config::Configuration,
    demo::{LOGINS, Loaded, Loader, PASSWORD, Population, TENANT, today},
    embedded::{Embedded, default_folder},
    services,
};

/// Marks a folder whose demo data are complete.
const COMPLETE: &str = "demo-data-complete";

/// Starts everything with demo data and serves until asked to end.
///
/// # Errors
/// When PostgreSQL is missing and may not be installed, or a port is taken.
pub async fn run(configuration: &Configuration, demo: Demo) -> anyhow::Result<ExitCode> {
    let folder = demo.data_folder.clone().map_or_else(|| default_folder("demo"), Ok)?;
    if demo.fresh && folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("emptying {}", folder.display()))?;
    }
    println!("Starting a private PostgreSQL in {} ...", folder.display());
    let install = if demo.no_install { InstallPolicy::Refuse } else { InstallPolicy::Allow };
    let embedded = Embedded::start(&folder, install).await?;
    let mut options = configuration.common(embedded.databases.clone(), embedded.secret.clone());
    options.listen.public = SocketAddr::from(([127, 0, 0, 1], demo.port));
    options.listen.internal = SocketAddr::from(([127, 0, 0, 1], 0));
    hash_elsewhere()?;
    let running = start(services(), topology(&services()), options).await.with_context(|| format!("port {}; another can be given with --port", demo.port))?;
    let served = serve(&running, &embedded, &folder, &demo).await;
    println!("\nStopping ...");
    running.stop().await;
    embedded.stop().await?;
    served.map(|()| ExitCode::SUCCESS)
}

/// Loads what is missing, says how to use it, and waits to be asked to end.
async fn serve(running: &Running, embedded: &Embedded, folder: &Path, demo: &Demo) -> anyhow::Result<()> {
    let loaded = tokio::select! {
        prepared = prepare(running, embedded, folder, demo) => prepared?,
        ended = asked_to_end() => return ended,
    };
    welcome(&running.base_url(), &loaded);
    asked_to_end().await
}

async fn prepare(running: &Running, embedded: &Embedded, folder: &Path, demo: &Demo) -> anyhow::Result<Loaded> {
    let complete = folder.join(COMPLETE);
    let base = running.base_url();
    if complete.exists() {
        return Loader::sign_in(&base, "admin", PASSWORD).await?.shown().await;
    }
    let clock = Clock::system();
    let identity = running.context("identity").context("identity is not running")?;
    let tenant = NewTenant {
        code: TENANT.to_owned(),
        name: "Bộ Giáo dục và Đào tạo".to_owned(),
        kind: registrar_domain::UnitKind::Ministry,
        administrator_username: "admin".to_owned(),
        password: SecretString::from(PASSWORD),
    };
    match registrar_identity::init(&identity.db, &embedded.secret, clock.now(), tenant).await {
        // A first start that was stopped half-way has made the tenant already.
        Ok(_) | Err(StoreError::Conflict { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let population = Population::of(demo.scale)?;
    println!("Loading {} schools, {} classes and {} students through the import API ...", population.schools.len(), population.classes(), population.students());
    let mut loader = Loader::sign_in(&base, "admin", PASSWORD).await?;
    loader.load(&population, today()).await?;
    std::fs::write(&complete, "")?;
    loader.shown().await
}

fn welcome(base: &str, loaded: &Loaded) {
    println!("\nRegistrar is running.\n  API   {base}/v1\n  Docs  {base}/docs/\n");
    println!("Logins of tenant \"{TENANT}\", all with the password {PASSWORD}:\n  admin     everything");
    for (username, _, _, _, what) in LOGINS {
        println!("  {username:<9} {what}");
    }
    println!("\nTry it, line by line: sign in, change a teacher's name in personnel, see it in the teacher's class in students.\n");
    println!(
        "TOKEN=$(curl -s {base}/v1/sessions -H 'Content-Type: application/json' -d '{{\"tenant\":\"{TENANT}\",\"username\":\"head\",\"password\":\"{PASSWORD}\"}}' | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')"
    );
    println!(
        "curl -s -X PATCH {base}/v1/staff/{} -H \"Authorization: Bearer $TOKEN\" -H 'If-Match: *' -H 'Content-Type: application/merge-patch+json' -d '{{\"full_name\":\"Nguyễn Thị Hòa Bình\"}}'",
        loaded.staff_id
    );
    println!("curl -s {base}/v1/classes/{} -H \"Authorization: Bearer $TOKEN\"", loaded.class_id);
    println!("\nCtrl-C stops everything; the next start keeps the data, --fresh starts over.");
}
