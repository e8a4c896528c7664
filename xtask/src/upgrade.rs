//! `cargo xtask upgrade`: a release and the one before it at work together, as while processes are replaced one after
//! another: both on the new schema, requests to both, events from each to the other.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use registrar_tests::{Client, Setup, System, until};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    repository::root,
    step::{begin, cargo, succeed},
};

/// How long an edit may take to arrive.
const SOON: Duration = Duration::from_secs(30);
/// Students of the demo data that both work on.
const STUDENTS: u32 = 400;

/// Which release to upgrade from.
#[derive(Args)]
pub struct Options {
    /// A commit or tag; the newest before the last change of migrations/ when left out.
    #[arg(long)]
    from: Option<String>,
}

/// Builds the former release, then runs both together.
pub async fn run(options: Options) -> Result<()> {
    let commit = match options.from {
        Some(name) => git(&["rev-parse", "--verify", &format!("{name}^{{commit}}")])?,
        None => before_the_last_migration()?,
    };
    let subject = git(&["show", "--no-patch", "--format=%h %s", &commit])?;
    begin(&format!("building the former release, {subject}"));
    let former = former(&commit).await?;
    begin("building this one");
    succeed(cargo(&root(), ["build", "--package", "registrar"])).await?;
    let current = root().join("target/debug/registrar");

    begin("the former release on its own schema");
    let mut system = System::services(&Setup { program: former.clone(), ..Setup::default() }).await?;
    system.load(STUDENTS).await.with_context(|| system.logs())?;
    everywhere(&system, "Trần Thị Một").await.context("before the upgrade")?;

    begin("the new schema under the former release");
    system.set_program(current.clone());
    let migrated = system.registrar(&["migrate"]).await?;
    ensure!(migrated.status.success(), "migrate: {}", String::from_utf8_lossy(&migrated.stderr));
    print!("{}", String::from_utf8_lossy(&migrated.stdout));
    everywhere(&system, "Trần Thị Hai").await.context("the former release on the new schema")?;

    for (round, replaced) in [["students", "reporting"], ["identity", "personnel"]].into_iter().enumerate() {
        begin(&format!("{} replaced", replaced.join(" and ")));
        for service in replaced {
            system.stop(service).await?;
            system.begin(service).await?;
        }
        everywhere(&system, ["Trần Thị Ba", "Trần Thị Bốn"].get(round).copied().unwrap_or_default()).await.with_context(|| system.logs())?;
    }
    // As when the new release is taken back: the other way round, events go from new owners to former consumers.
    for service in ["students", "reporting"] {
        begin(&format!("{service} put back"));
        system.set_program(former.clone());
        system.stop(service).await?;
        system.begin(service).await?;
    }
    everywhere(&system, "Trần Thị Năm").await.context("new owners, former consumers")?;
    system.set_program(current);
    for service in ["students", "reporting"] {
        system.stop(service).await?;
        system.begin(service).await?;
    }
    system.verify().await.context("after the upgrade")?;
    println!("{subject} and this release work together");
    Ok(())
}

/// Reads and writes in every service; each edit arrives wherever it is copied.
async fn everywhere(system: &System, name: &str) -> Result<()> {
    let admin = Client::sign_in(&system.base, "admin").await?;
    for path in [
        "/v1/units?limit=5",
        "/v1/accounts?limit=5",
        "/v1/staff?limit=5&fields=*",
        "/v1/classes?limit=5&fields=*",
        "/v1/students?limit=5&fields=*",
        "/v1/reports/headcounts?subject=staff",
    ] {
        admin.get(path).await?.success().with_context(|| path.to_owned())?;
    }
    // From personnel to students: the homeroom teacher of a class.
    let class = admin.get("/v1/classes?limit=1&fields=*").await?.success()?;
    let (class, teacher) = (class.text("/items/0/id"), class.text("/items/0/homeroom_teacher/id"));
    admin.patch(&format!("/v1/staff/{teacher}"), &json!({ "full_name": name })).await?.success()?;
    let shown = async || admin.get(&format!("/v1/classes/{class}")).await.is_ok_and(|answer| answer.at("/homeroom_teacher/full_name") == name);
    until(SOON, "the class shows its teacher's new name", &shown).await;
    // From identity to everybody: a grant given, and taken.
    let school = admin.only("/v1/units?code=HA-20").await?;
    let account = admin.only("/v1/accounts?username=viewer").await?;
    let viewer = Client::sign_in(&system.base, "viewer").await?;
    let reads = async |status: StatusCode| {
        let mut same = true;
        for path in ["/v1/staff?limit=1", "/v1/students?limit=1"] {
            same &= viewer.get(path).await.is_ok_and(|answer| answer.status == status);
        }
        same
    };
    let grant = json!({"account_id": account.get("id"), "role": "clerk", "unit_id": school.get("id")});
    let grant = admin.post("/v1/grants", &grant).await?.success()?;
    until(SOON, "a grant given works everywhere", || reads(StatusCode::OK)).await;
    admin.patch(&format!("/v1/grants/{}", grant.text("/id")), &json!({"status": "ended"})).await?.success()?;
    until(SOON, "a grant taken works everywhere", || reads(StatusCode::FORBIDDEN)).await;
    // From students to reporting: a student's enrolment is counted.
    let student = admin.get("/v1/students?limit=1").await?.success()?;
    admin.patch(&format!("/v1/students/{}", student.text("/items/0/id")), &json!({ "full_name": name })).await?.success()?;
    let counted: Value = admin.get("/v1/reports/headcounts?subject=students").await?.success()?.body;
    ensure!(counted.pointer("/total").and_then(Value::as_i64).is_some_and(|total| total > 0), "nobody is counted: {counted}");
    until(SOON, "every copy equals its owner", || async { system.verify().await.is_ok() }).await;
    Ok(())
}

/// The commit before the one that last changed the schemas: what runs when these are applied.
fn before_the_last_migration() -> Result<String> {
    let last = git(&["log", "-1", "--format=%H", "--", "migrations"])?;
    ensure!(!last.is_empty(), "no commit has changed migrations/");
    git(&["rev-parse", "--verify", &format!("{last}~1^{{commit}}")]).context("there is no release before the first")
}

/// The program of a commit, built in a folder of its own, so that this one's build is not undone.
async fn former(commit: &str) -> Result<PathBuf> {
    let folder = root().join("target/upgrade");
    let (tree, target) = (folder.join("source"), folder.join("target"));
    check_out(&tree, commit)?;
    let mut build = cargo(&tree, ["build", "--locked", "--package", "registrar"]);
    build.env("CARGO_TARGET_DIR", &target);
    succeed(build).await.context("the former release does not build")?;
    Ok(target.join("debug/registrar"))
}

/// Has the work tree at `tree` show a commit; what was built of another one is built upon.
fn check_out(tree: &Path, commit: &str) -> Result<()> {
    let path = tree.to_str().context("the repository's path is not text")?;
    if tree.join(".git").exists() {
        return git(&["-C", path, "checkout", "--quiet", "--detach", commit]).map(drop);
    }
    git(&["worktree", "prune"])?;
    git(&["worktree", "add", "--quiet", "--force", "--detach", path, commit]).map(drop)
}

fn git(arguments: &[&str]) -> Result<String> {
    let output = Command::new("git").args(arguments).current_dir(root()).output().context("git cannot be run")?;
    if !output.status.success() {
        bail!("git {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
