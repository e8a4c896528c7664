//! Four databases restored from backups that were taken at different moments: what was lost is lost, and everything else
//! comes together again (docs/operating.md, "Backup and restore").

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "clippy does not see that functions beside tests are of tests")]

use std::time::Duration;

use registrar::demo::PASSWORD;
use registrar_tests::{Client, Mode, System, until};
use reqwest::StatusCode;
use serde_json::{Value, json};

/// The longest anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
const SERVICES: [&str; 4] = ["identity", "personnel", "students", "reporting"];

fn id(record: &Value) -> String {
    record["id"].as_str().unwrap().to_owned()
}

async fn rename(admin: &Client, staff: &str, name: &str) {
    admin.patch(&format!("/v1/staff/{staff}"), &json!({ "full_name": name })).await.unwrap().success().unwrap();
}

async fn settled(system: &System) {
    until(PATIENCE, "every copy equals its owner", || async { system.verify().await.is_ok() }).await;
}

async fn dump(system: &System, service: &str) {
    let file = system.folder().join(format!("{service}.dump"));
    system.servers.as_ref().unwrap().postgresql.dump(service, &file).await.unwrap();
}

async fn registrar(system: &System, arguments: &[&str]) {
    let output = system.registrar(arguments).await.unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

async fn sql(system: &System, service: &str, statement: &str) -> String {
    system.servers.as_ref().unwrap().postgresql.execute(service, statement).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_restored_to_different_moments_come_together() {
    let mut system = System::start(Mode::Services, 400).await.unwrap();
    let admin = Client::sign_in(&system.base, "admin").await.unwrap();
    let school = admin.only("/v1/units?code=HA-20").await.unwrap();
    let (early, late) = (id(&admin.only("/v1/staff?code=HA-20-001").await.unwrap()), id(&admin.only("/v1/staff?code=HA-20-002").await.unwrap()));
    let student = id(&admin.only("/v1/students").await.unwrap());
    let clerk = json!({"username": "newcomer", "display_name": "Newcomer", "password": PASSWORD, "unit_id": school["id"]});
    let clerk = id(&admin.post("/v1/accounts", &clerk).await.unwrap().success().unwrap().body);
    rename(&admin, &early, "Nguyễn Văn Trước").await;
    settled(&system).await;

    // First moment: identity. What it does afterwards will be lost: a grant that its copies already know.
    dump(&system, "identity").await;
    let grant = json!({"account_id": clerk, "role": "clerk", "unit_id": school["id"]});
    let grant = id(&admin.post("/v1/grants", &grant).await.unwrap().success().unwrap().body);
    let newcomer = Client::sign_in(&system.base, "newcomer").await.unwrap();
    until(PATIENCE, "the grant works", || async { newcomer.get("/v1/staff?limit=1").await.unwrap().status == StatusCode::OK }).await;
    // Second moment: personnel. Its later edit and its later record will be lost.
    dump(&system, "personnel").await;
    rename(&admin, &late, "Trần Thị Mất").await;
    let hired = json!({"code": "HA-20-777", "full_name": "Lê Văn Mới", "birth_date": "1990-01-01", "gender": "male", "position": "teacher", "unit_id": school["id"], "started_on": "2015-08-15", "status": "active"});
    let hired = admin.post("/v1/staff", &hired).await.unwrap().success().unwrap();
    let hired = id(&hired.body);
    settled(&system).await;
    // Third moment: students, whose copies are newer than what personnel and identity will be. Fourth: reporting.
    admin.patch(&format!("/v1/students/{student}"), &json!({"full_name": "Phạm Thị Còn"})).await.unwrap().success().unwrap();
    settled(&system).await;
    dump(&system, "students").await;
    dump(&system, "reporting").await;
    let feed = admin.get("/v1/staff/changes?limit=1").await.unwrap().text("/next_cursor");

    for service in SERVICES {
        system.stop(service).await.unwrap();
    }
    for service in SERVICES {
        let file = system.folder().join(format!("{service}.dump"));
        system.servers.as_ref().unwrap().postgresql.restore(service, &file).await.unwrap();
        registrar(&system, &["restored", service]).await;
    }
    for service in SERVICES {
        system.begin(service).await.unwrap();
    }
    assert!(system.verify().await.is_err(), "copies and owners are of different moments");
    for owner in SERVICES {
        for consumer in SERVICES.into_iter().filter(|consumer| copies(owner, consumer)) {
            registrar(&system, &["resync", owner, "--to", consumer]).await;
        }
    }

    // Only what was made after its owner's backup still stands in copies, and verify names it.
    let named = |found: &str| [&hired, &grant].into_iter().all(|id| found.contains(id.as_str()));
    until(PATIENCE, "verify finds nothing but what its owner does not know", || async {
        let found = system.verify().await.unwrap_err().to_string();
        named(&found) && !["missing:", "older:", "newer than the owner:", " differ:"].iter().any(|kind| found.contains(kind))
    })
    .await;
    // A resync has brought everything that the owner knows to its new generation.
    for (service, table) in [("identity", "staff_names"), ("students", "staff_copies"), ("reporting", "staff_statistics")] {
        sql(&system, service, &format!("delete from {table} where epoch < 2")).await;
    }
    for service in ["personnel", "students", "reporting"] {
        sql(&system, service, "delete from grants where epoch < 2").await;
    }
    settled(&system).await;

    // Everybody signs in again. What was done before the owner's backup is there, in every service.
    let admin = Client::sign_in(&system.base, "admin").await.unwrap();
    let name = async |path: String| admin.get(&path).await.unwrap().success().unwrap().text("/full_name");
    assert_eq!(name(format!("/v1/staff/{early}")).await, "Nguyễn Văn Trước");
    assert_eq!(name(format!("/v1/students/{student}")).await, "Phạm Thị Còn");
    // What was done after it is lost, in every service.
    assert_ne!(name(format!("/v1/staff/{late}")).await, "Trần Thị Mất");
    assert_eq!(admin.get(&format!("/v1/staff/{hired}")).await.unwrap().status, StatusCode::NOT_FOUND);
    assert_eq!(sql(&system, "students", &format!("select count(*) from staff_copies where id = '{hired}' or full_name = 'Trần Thị Mất'")).await, "0");
    let newcomer = Client::sign_in(&system.base, "newcomer").await.unwrap();
    assert_eq!(newcomer.get("/v1/staff?limit=1").await.unwrap().status, StatusCode::FORBIDDEN, "the grant is gone");
    // Readers of change feeds are told to start over.
    assert_eq!(admin.get(&format!("/v1/staff/changes?cursor={feed}")).await.unwrap().status, StatusCode::GONE);
    // And work goes on.
    rename(&admin, &late, "Trần Thị Tiếp").await;
    settled(&system).await;
}

/// Whether a service copies anything of another.
fn copies(owner: &str, consumer: &str) -> bool {
    let services = registrar::services();
    let owner = services.iter().find(|service| service.name == owner).unwrap();
    let consumer = services.iter().find(|service| service.name == consumer).unwrap();
    (owner.sources)().iter().any(|source| (consumer.replicas)().iter().any(|replica| replica.aggregate() == source.aggregate()))
}
