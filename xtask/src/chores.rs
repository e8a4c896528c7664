//! What is generated from the code and committed: the HTTP contract with its Postman collection, and the contracts of the
//! last release.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};
use registrar_events::contracts::{breaking_changes, descriptor_set};
use registrar_http::openapi::{self, Contract};

use crate::{growth, postman, repository::root};

const OPENAPI: &str = "openapi.yaml";
const COLLECTION: &str = "docs/registrar.postman_collection.json";
const RELEASED_HTTP: &str = "docs/released_contract.txt";
const RELEASED: &str = "proto/released/descriptor_set.bin";

/// Writes the HTTP contract, and the Postman collection made of it.
pub fn write_openapi() -> Result<()> {
    let contract = contract()?;
    write(OPENAPI, yaml(&contract)?.as_bytes())?;
    write(COLLECTION, collection(&contract)?.as_bytes())
}

/// Fails when the committed HTTP contract, or the collection, is not that of the code.
pub fn check_openapi() -> Result<()> {
    let contract = contract()?;
    check(OPENAPI, &yaml(&contract)?)?;
    check(COLLECTION, &collection(&contract)?)
}

fn check(file: &str, current: &str) -> Result<()> {
    let committed = fs::read_to_string(root().join(file)).with_context(|| format!("{file} is missing: run cargo xtask openapi"))?;
    if committed == current {
        return Ok(());
    }
    let line = committed.lines().zip(current.lines()).take_while(|(old, new)| old == new).count();
    let shown = |text: &str| text.lines().nth(line).unwrap_or("(the end)").trim().to_owned();
    bail!(
        "{file} is not what the code says, first in line {}:\n  committed: {}\n  code:      {}\nrun cargo xtask openapi and commit it",
        line + 1,
        shown(&committed),
        shown(current)
    );
}

fn contract() -> Result<Contract> {
    Ok(registrar_runtime::contract(registrar::services())?)
}

fn yaml(contract: &Contract) -> Result<String> {
    openapi::yaml(contract).context("the contract cannot be written as YAML")
}

fn collection(contract: &Contract) -> Result<String> {
    Ok(serde_json::to_string_pretty(&postman::collection(contract))? + "\n")
}

/// Fails when the HTTP contract lacks what the last release has published.
pub fn check_http_growth() -> Result<()> {
    let released = fs::read_to_string(root().join(RELEASED_HTTP)).with_context(|| format!("{RELEASED_HTTP} is missing: run cargo xtask openapi --release and commit it"))?;
    let released: Vec<String> = released.lines().map(str::to_owned).collect();
    let breaks = growth::breaks(&released, &growth::published(&contract()?), &registrar::demo::today().to_string());
    if breaks.is_empty() {
        return Ok(());
    }
    bail!("the HTTP contract breaks with the last release:\n  {}", breaks.join("\n  "));
}

/// Keeps the HTTP contract as that of a release, unless it breaks with the last one.
pub fn release_http() -> Result<()> {
    if root().join(RELEASED_HTTP).exists() {
        check_http_growth()?;
    }
    let lines = growth::published(&contract()?);
    write(RELEASED_HTTP, format!("{}\n", lines.join("\n")).as_bytes())
}

/// Fails when a consumer of the last release could not read what is published now.
pub fn check_contracts() -> Result<()> {
    let file = root().join(RELEASED);
    if !file.exists() {
        bail!("{RELEASED} is missing: run cargo xtask contracts --release and commit it");
    }
    let breaks = breaking_changes(&fs::read(&file)?, &descriptor_set());
    if breaks.is_empty() {
        return Ok(());
    }
    bail!("the event contracts break with the last release:\n  {}", breaks.join("\n  "));
}

/// Keeps the event contracts as those of a release, unless they break with the last one.
pub fn release_contracts() -> Result<()> {
    if root().join(RELEASED).exists() {
        check_contracts()?;
    }
    write(RELEASED, &descriptor_set())
}

fn write(path: &str, content: &[u8]) -> Result<()> {
    let file = root().join(path);
    fs::create_dir_all(file.parent().unwrap_or(Path::new(".")))?;
    fs::write(&file, content).with_context(|| format!("cannot write {path}"))?;
    println!("wrote {path}");
    Ok(())
}
