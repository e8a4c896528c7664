//! Folders under `target/` into which packages of fixed versions are installed, once for each list of them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use registrar_servers::{InstallPolicy, Programs, Tool, ensure};

use crate::{repository::root, step::succeed};

/// Where the installed list of packages is kept, beside the packages.
const INSTALLED: &str = "installed";

/// A folder with the packages of `tests/clients/typescript`, its sources and the contract.
pub struct NodeFolder {
    folder: PathBuf,
    node: Programs,
}

impl NodeFolder {
    /// Copies the sources and installs the packages.
    ///
    /// # Errors
    /// When Node.js is missing and cannot be installed, or the packages cannot be had.
    pub async fn prepare(policy: InstallPolicy) -> Result<Self> {
        let node = ensure(Tool::Node, policy).await?;
        let (source, folder) = (root().join("tests/clients/typescript"), made("typescript")?);
        for file in ["package.json", "package-lock.json", ".npmrc", "tsconfig.json", "redocly.yaml"] {
            copy(&source.join(file), &folder.join(file))?;
        }
        copy(&source.join("src/scenario.ts"), &folder.join("src/scenario.ts"))?;
        copy(&root().join("openapi.yaml"), &folder.join("openapi.yaml"))?;
        let prepared = NodeFolder { folder, node };
        once(&prepared.folder, &source.join("package-lock.json"), async || succeed(prepared.npm(&["ci", "--no-audit", "--no-fund"])).await).await?;
        Ok(prepared)
    }

    /// Checks the contract with the linter.
    ///
    /// # Errors
    /// When it finds something.
    pub async fn lint(&self) -> Result<()> {
        self.script("lint", "").await
    }

    /// Runs a script of `package.json` against the API at `base`.
    ///
    /// # Errors
    /// When it fails.
    pub async fn script(&self, name: &str, base: &str) -> Result<()> {
        let mut command = self.npm(&["run", "--silent", name]);
        command.env("REGISTRAR_API", base).env("REDOCLY_TELEMETRY", "off").env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true");
        succeed(command).await.with_context(|| format!("npm run {name}"))
    }

    fn npm(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.node.path("npm"));
        command.args(arguments).current_dir(&self.folder);
        command
    }
}

/// A folder with a virtual environment of Python.
pub struct PythonFolder {
    folder: PathBuf,
    source: PathBuf,
}

impl PythonFolder {
    /// Makes the environment and installs what `requirements.txt` in `tests/clients/<name>` or `tests/<name>` lists.
    ///
    /// # Errors
    /// When Python is missing and cannot be installed, or the packages cannot be had.
    pub async fn prepare(name: &str, policy: InstallPolicy) -> Result<Self> {
        let python = ensure(Tool::Python, policy).await?;
        let tests = root().join("tests");
        let source = [tests.join("clients").join(name), tests.join(name)].into_iter().find(|folder| folder.is_dir()).context("no such tests")?;
        let prepared = PythonFolder { folder: made(name)?, source };
        let requirements = prepared.source("requirements.txt");
        let install = async || {
            let mut environment = Command::new(python.path("python3"));
            environment.args(["-m", "venv", "--clear"]).arg(prepared.folder.join("environment"));
            succeed(environment).await?;
            let mut install = prepared.python();
            install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--requirement"]).arg(&requirements);
            succeed(install).await
        };
        once(&prepared.folder, &requirements, install).await?;
        Ok(prepared)
    }

    /// The folder.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.folder.join(inside)
    }

    /// A committed file.
    pub fn source(&self, name: &str) -> PathBuf {
        self.source.join(name)
    }

    /// The environment's Python.
    pub fn python(&self) -> Command {
        self.program("python")
    }

    /// A program of the environment, in the folder.
    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.folder.join("environment/bin").join(name));
        command.current_dir(&self.folder).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }
}

/// A folder of this name under `target/`.
fn made(name: &str) -> Result<PathBuf> {
    let folder = root().join("target/vendors").join(name);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to.parent().unwrap_or(to))?;
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}

/// Installs unless these very packages were installed before.
async fn once(folder: &Path, list: &Path, install: impl AsyncFnOnce() -> Result<()>) -> Result<()> {
    let (wanted, mark) = (fs::read(list)?, folder.join(INSTALLED));
    if fs::read(&mark).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    install().await.context("installing packages; the network or a package registry may be away")?;
    fs::write(&mark, wanted)?;
    Ok(())
}
