//! Clients made of the contract by other people's generators: they compile, and do five things with a running system.

use std::fs;

use anyhow::{Context, Result};

use super::toolbox::{NodeFolder, PythonFolder};
use crate::{repository::root, step::succeed};

/// Imports every module of the generated package: each is run once.
const IMPORT_ALL: &str = "import importlib, pkgutil, registrar_client as client\n\
    names = [module.name for module in pkgutil.walk_packages(client.__path__, 'registrar_client.')]\n\
    [importlib.import_module(name) for name in names]\n\
    print(len(names), 'modules')";

/// Generates types, compiles the scenario with all strict checks, and runs it.
pub async fn typescript(node: &NodeFolder, base: &str) -> Result<()> {
    for script in ["generate", "build", "scenario"] {
        node.script(script, base).await?;
    }
    Ok(())
}

/// Generates a package, imports all of it, and runs the scenario.
pub async fn python(folder: &PythonFolder, base: &str) -> Result<()> {
    let package = folder.path("registrar_client");
    let mut generate = folder.program("openapi-python-client");
    generate.args(["generate", "--meta", "none", "--overwrite", "--fail-on-warning"]);
    generate.arg("--path").arg(root().join("openapi.yaml")).arg("--config").arg(folder.source("generator.yaml")).arg("--output-path").arg(&package);
    succeed(generate).await.context("generating the client")?;
    let mut import = folder.python();
    import.args(["-c", IMPORT_ALL]).env("PYTHONPATH", folder.path(""));
    succeed(import).await.context("importing the client")?;
    // Beside the package, so that Python finds it.
    let scenario = folder.path("scenario.py");
    fs::copy(folder.source("scenario.py"), &scenario).context("cannot copy the scenario")?;
    let mut run = folder.python();
    run.arg(&scenario).env("REGISTRAR_API", base);
    succeed(run).await.context("the scenario")
}
