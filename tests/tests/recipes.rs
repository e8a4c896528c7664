//! The recipes of docs/api.md, run as they stand there by bash against a running system.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "clippy does not see that functions beside tests are of tests")]

use std::{collections::BTreeSet, process::Stdio, time::Duration};

use registrar_servers::{InstallPolicy, Tool, ensure};
use registrar_tests::{Client, Mode, System};
use serde_json::Value;

const DOCUMENT: &str = include_str!("../../docs/api.md");
/// All of them together take seconds.
const DEADLINE: Duration = Duration::from_secs(120);
/// Between the output of one recipe and that of the next.
const MARK: &str = "--- the end of a recipe";

/// Each recipe's title and its shell snippets.
fn recipes() -> Vec<(&'static str, String)> {
    let (_, part) = DOCUMENT.split_once("\n## Recipes\n").unwrap();
    let part = part.split("\n## ").next().unwrap();
    let titled = part.split("\n### ").skip(1).map(|recipe| recipe.split_once('\n').unwrap());
    titled.map(|(title, text)| (title, text.split("```sh\n").skip(1).map(|snippet| snippet.split_once("```").unwrap().0).collect())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recipes_do_what_they_say() {
    for tool in [Tool::Curl, Tool::Jq] {
        ensure(tool, InstallPolicy::Allow).await.unwrap();
    }
    let system = System::start(Mode::Embedded, 1200).await.unwrap();
    let recipes = recipes();
    let titles: Vec<&str> = recipes.iter().map(|(title, _)| *title).collect();
    assert_eq!(titles, ["1. First call", "2. Mirror a school's roster", "3. Edit safely", "4. Bulk load", "5. Be told what changed"]);
    let script: String = recipes.iter().map(|(_, snippets)| format!("{snippets}\necho '{MARK}'\n")).collect();
    let folder = tempfile::tempdir().unwrap();
    let output = run(&script, &system.base, folder.path()).await;
    let parts: Vec<&str> = output.split(MARK).collect();
    assert_eq!(parts.len(), 6, "{output}");
    let file = |name: &str| -> Value { serde_json::from_slice(&std::fs::read(folder.path().join(name)).unwrap()).unwrap() };
    let head = Client::sign_in(&system.base, "head").await.unwrap();
    first_call(parts[0]);
    mirror(parts[1], &file("students.json"), &head).await;
    edit(parts[2], &head).await;
    bulk_load(parts[3], &std::fs::read_to_string(folder.path().join("staff-with-errors.csv")).unwrap(), &head).await;
    told(parts[4], &file("classes.json"), &head).await;
}

/// What the script prints; it stops at the first command that fails, as a reader would.
async fn run(script: &str, api: &str, folder: &std::path::Path) -> String {
    let mut command = tokio::process::Command::new("bash");
    command.args(["-euo", "pipefail", "-c", script]).env("API", api).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(DEADLINE, command.output()).await.unwrap().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{out}\n{err}", output.status);
    out
}

/// The JSON documents among the lines.
fn documents(lines: &str) -> Vec<Value> {
    lines.lines().filter(|line| line.starts_with('{')).map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn first_call(output: &str) {
    let said = documents(output);
    assert_eq!((said[0]["username"].as_str(), said[0]["roles"][0].as_str()), (Some("head"), Some("head_teacher")), "{output}");
    assert!((3..=4).contains(&said.len()), "oneself and up to three teachers: {output}");
    assert!(said[1..].iter().all(|teacher| teacher["full_name"].is_string() && teacher.as_object().unwrap().len() == 2), "{output}");
}

async fn mirror(output: &str, mirrored: &Value, head: &Client) {
    let page = head.get("/v1/students?limit=200&status=active&fields=id,version").await.unwrap().success().unwrap();
    assert_eq!(page.text("/next_cursor"), "", "the school has become too large for this test");
    let wanted: BTreeSet<(String, i64)> =
        page.at("/items").as_array().unwrap().iter().map(|item| (item["id"].as_str().unwrap().to_owned(), item["version"].as_i64().unwrap())).collect();
    let held = mirrored.as_object().unwrap().iter().map(|(id, item)| (id.clone(), item["version"].as_i64().unwrap())).collect();
    assert_eq!(wanted, held);
    assert!(wanted.len() > 5, "{wanted:?}");
    let numbers: Vec<usize> = output.lines().filter_map(|line| line.trim().parse().ok()).collect();
    assert_eq!(numbers, [wanted.len(), 0], "{output}");
}

async fn edit(output: &str, head: &Client) {
    let statuses: Vec<&str> = output.lines().filter(|line| line.len() == 3).collect();
    assert_eq!(statuses, ["200", "412"], "{output}");
    let refusal = &documents(output)[0];
    assert_eq!(refusal["changed"], serde_json::json!(["/email"]), "{output}");
    let staff = head.only("/v1/staff?code=HA-17-001").await.unwrap();
    let full = head.get(&format!("/v1/staff/{}?sensitive=true", staff["id"].as_str().unwrap())).await.unwrap().success().unwrap();
    assert_eq!((full.text("/email").as_str(), full.text("/phone").as_str()), ("thu.ha@example.edu.vn", "0905123456"), "no edit was lost");
}

async fn bulk_load(output: &str, with_errors: &str, head: &Client) {
    let said = documents(output);
    let ends: Vec<&Value> = said.iter().filter(|line| line["state"] == "done").collect();
    let counts = |import: &Value| ["total", "created", "unchanged", "failed"].map(|name| import[name].as_i64().unwrap());
    assert_eq!(ends.iter().map(|end| counts(end)).collect::<Vec<_>>(), [[3, 2, 0, 1], [3, 3, 0, 0], [3, 0, 3, 0]], "{output}");
    let error = said.iter().find(|line| line["code"].is_string()).unwrap();
    assert_eq!((error["row"].as_i64(), error["column"].as_str(), error["value"].as_str()), (Some(4), Some("C"), Some("31/02/1992")), "{output}");
    assert!(with_errors.contains("NEW-003"), "{with_errors}");
    for code in ["NEW-001", "NEW-002", "NEW-003"] {
        head.only(&format!("/v1/staff?code={code}")).await.unwrap();
    }
}

async fn told(output: &str, mirrored: &Value, head: &Client) {
    let said = documents(output);
    let teacher = |value: &Value| value["homeroom_teacher"]["full_name"] == "Trần Thị Thu Hà";
    assert_eq!(said.iter().filter(|line| teacher(line)).count(), 2, "in the mirror, and in the list that waited: {output}");
    assert!(mirrored.as_object().unwrap().values().any(teacher), "{mirrored}");
    let entry = said.last().unwrap();
    let change = entry["changes"].as_array().unwrap().iter().find(|change| change["field"] == "full_name").unwrap();
    assert_eq!((change["new"].as_str(), entry["changed_via"].as_str()), (Some("Trần Thị Thu Hà"), Some("first-party")), "{output}");
    let me = head.get("/v1/me").await.unwrap().success().unwrap();
    assert_eq!(&entry["changed_by"], me.at("/account_id"));
}
