//! `registrar init`.

use std::process::ExitCode;

use anyhow::Context;
use registrar_identity::NewTenant;
use secrecy::SecretString;

use super::Databases;
use crate::{arguments::Init, config::Configuration, embedded::random_text};

/// Makes the first tenant and its administrator.
///
/// # Errors
/// When the tenant exists, or the database cannot be reached.
pub async fn run(configuration: &Configuration, init: Init) -> anyhow::Result<ExitCode> {
    let databases = Databases::open(configuration, &["identity".to_owned()], init.place).await?;
    let (password, made_up) = match &init.password_file {
        Some(path) => (std::fs::read_to_string(path).with_context(|| format!("the password file {}", path.display()))?.trim().to_owned(), false),
        None => (format!("{}-7", random_text(20)?), true),
    };
    let secret = match &databases.embedded {
        Some(embedded) => embedded.secret.clone(),
        None => configuration.secret()?,
    };
    let tenant = NewTenant {
        code: init.tenant.clone(),
        name: init.name,
        kind: init.kind.parse().with_context(|| format!("{} is not a kind of unit", init.kind))?,
        administrator_username: init.username.clone(),
        password: SecretString::from(password.clone()),
    };
    let clock = registrar_store::Clock::system();
    let (tenant_id, account_id) = registrar_identity::init(&databases.db("identity")?, &secret, clock.now(), tenant).await?;
    println!("Tenant {} ({tenant_id}) with administrator {} ({account_id}).", init.tenant, init.username);
    if made_up {
        println!("The administrator's first password, shown only now: {password}");
    }
    databases.close().await?;
    Ok(ExitCode::SUCCESS)
}
