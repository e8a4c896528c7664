//! What is generated from the code and committed: the HTTP contract, and the released event contracts.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};
use registrar_events::contracts::{breaking_changes, descriptor_set};

use crate::repository::root;

const OPENAPI: &str = "openapi.yaml";
const RELEASED: &str = "proto/released/descriptor_set.bin";

/// Writes the HTTP contract.
pub fn write_openapi() -> Result<()> {
    write(OPENAPI, openapi()?.as_bytes())
}

/// Fails when the committed HTTP contract is not that of the code.
pub fn check_openapi() -> Result<()> {
    let committed = fs::read_to_string(root().join(OPENAPI)).with_context(|| format!("{OPENAPI} is missing: run cargo xtask openapi"))?;
    let current = openapi()?;
    if committed == current {
        return Ok(());
    }
    let line = committed.lines().zip(current.lines()).take_while(|(old, new)| old == new).count();
    let shown = |text: &str| text.lines().nth(line).unwrap_or("(the end)").trim().to_owned();
    bail!(
        "{OPENAPI} is not what the code says, first in line {}:\n  committed: {}\n  code:      {}\nrun cargo xtask openapi and commit it",
        line + 1,
        shown(&committed),
        shown(&current)
    );
}

fn openapi() -> Result<String> {
    let document = registrar_runtime::contract(registrar::services())?;
    document.to_yaml().context("the contract cannot be written as YAML")
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
