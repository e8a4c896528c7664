//! What breaks in real life, while edits go on: afterwards nothing acknowledged is missing and every copy equals its
//! owner. One process per service over real RabbitMQ.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "clippy does not see that functions beside tests are of tests")]

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use registrar_tests::{Client, Mode, System};
use reqwest::StatusCode;
use serde_json::{Value, json};

/// Edits of the long test.
const EDITS: usize = 1000;
/// How long the broker is away.
const BROKER_AWAY: Duration = Duration::from_secs(20);
/// The longest anything may take to come right again.
const PATIENCE: Duration = Duration::from_secs(120);

async fn until<F: Future<Output = bool>>(what: &str, check: impl FnMut() -> F) {
    registrar_tests::until(PATIENCE, what, check).await;
}

/// Waits until every copy equals its owner; else tells what differs, and what the processes logged.
async fn equal(system: &System) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while let Err(difference) = system.verify().await {
        assert!(tokio::time::Instant::now() < deadline, "{difference:#}\n{}", system.logs());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Edits until acknowledged; an answer that is lost or a service that is away is tried again.
async fn edit(admin: &Client, id: &str, name: &str) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        match admin.patch(&format!("/v1/staff/{id}"), &json!({ "full_name": name })).await {
            Ok(answer) if answer.status == StatusCode::OK => return,
            Ok(answer) if answer.status.is_client_error() && answer.status != StatusCode::PRECONDITION_FAILED => panic!("{answer:?}"),
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
        assert!(tokio::time::Instant::now() < deadline, "an edit was never acknowledged");
    }
}

async fn staff(admin: &Client) -> Vec<String> {
    let page = admin.get("/v1/staff?limit=100&fields=id").await.unwrap().success().unwrap();
    page.at("/items").as_array().unwrap().iter().map(|staff| staff["id"].as_str().unwrap().to_owned()).collect()
}

/// A name that is a name: letters only.
fn name(number: usize) -> String {
    let letters: String = number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect();
    format!("Nguyễn Văn A{letters}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_edits_survive_a_stopped_broker_killed_consumers_and_cut_connections() {
    let mut system = System::start(Mode::Services, 400).await.unwrap();
    let admin = Client::sign_in(&system.base, "admin").await.unwrap();
    let ids = Arc::new(staff(&admin).await);
    let acknowledged: Arc<Mutex<BTreeMap<String, String>>> = Arc::default();
    let done = Arc::new(AtomicUsize::new(0));
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (admin, ids, acknowledged, done) = (admin.clone(), ids.clone(), acknowledged.clone(), done.clone());
            tokio::spawn(async move {
                for number in (writer..EDITS).step_by(4) {
                    // Each record has one writer, so that its last acknowledged edit is the one that counts.
                    let id = &ids[(number % 4) + 4 * ((number / 4) % (ids.len() / 4))];
                    edit(&admin, id, &name(number)).await;
                    acknowledged.lock().unwrap().insert(id.clone(), name(number));
                    done.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(60)).await;
                }
            })
        })
        .collect();
    let reached = |edits: usize| {
        let done = done.clone();
        async move { until("the edits go on", || async { done.load(Ordering::SeqCst) >= edits }).await }
    };
    reached(100).await;
    system.servers.as_mut().unwrap().rabbitmq.stop().await.unwrap();
    let stopped = tokio::time::Instant::now();
    system.kill("students").await.unwrap();
    system.begin("students").await.unwrap();
    let edits_before = done.load(Ordering::SeqCst);
    tokio::time::sleep_until(stopped + BROKER_AWAY).await;
    assert!(done.load(Ordering::SeqCst) > edits_before, "writes go on without the broker");
    system.servers.as_mut().unwrap().rabbitmq.start_again().await.unwrap();
    system.kill("students").await.unwrap();
    system.begin("students").await.unwrap();
    let cut = "select count(pg_terminate_backend(pid)) from pg_stat_activity where pid <> pg_backend_pid() and datname is not null";
    system.servers.as_ref().unwrap().postgresql.execute("postgres", cut).await.unwrap();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(done.load(Ordering::SeqCst), EDITS);
    let acknowledged = acknowledged.lock().unwrap().clone();
    let admin = Client::sign_in(&system.base, "admin").await.unwrap();
    for (id, name) in &acknowledged {
        let record = admin.get(&format!("/v1/staff/{id}")).await.unwrap().success().unwrap();
        assert_eq!(record.at("/full_name"), name.as_str(), "an acknowledged edit is missing");
    }
    equal(&system).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_are_compared_filled_and_mended() {
    let system = System::start(Mode::Services, 400).await.unwrap();
    let admin = Client::sign_in(&system.base, "admin").await.unwrap();
    let postgresql = &system.servers.as_ref().unwrap().postgresql;
    let ids = staff(&admin).await;
    equal(&system).await;

    // A copy edited by hand is found, named with its field, and mended.
    postgresql.execute("students", &format!("update staff_copies set full_name = 'Somebody Else' where id = '{}'", ids[0])).await.unwrap();
    let found = system.verify().await.unwrap_err().to_string();
    assert!(found.contains(&format!("{}: full_name", ids[0])), "{found}");
    resync(&system, "personnel", "students").await;
    until("the copy is mended", || async { system.verify().await.is_ok() }).await;

    // An empty consumer is filled while edits go on.
    postgresql.execute("students", "truncate staff_copies").await.unwrap();
    let editing = tokio::spawn({
        let (admin, ids) = (admin.clone(), ids.clone());
        async move {
            for number in 0..50 {
                edit(&admin, &ids[number % ids.len()], &name(number)).await;
            }
        }
    });
    resync(&system, "personnel", "students").await;
    editing.await.unwrap();
    until("the empty copy is full", || async { system.verify().await.is_ok() }).await;

    // A restored owner wins over the newer-looking copy, and readers of its feed start over.
    let feed = admin.get("/v1/staff/changes?limit=1").await.unwrap().text("/next_cursor");
    let restore = format!(
        "set session_replication_role = replica; update staff set full_name = 'Nguyễn Thị Khôi Phục', name_search = 'nguyen thi khoi phuc', version = 1 where id = '{}'",
        ids[1]
    );
    edit(&admin, &ids[1], "Trần Văn Mất").await;
    until("the copy has the edit", || async { system.verify().await.is_ok() }).await;
    postgresql.execute("personnel", &restore).await.unwrap();
    let restored = system.registrar(&["restored", "personnel"]).await.unwrap();
    assert!(restored.status.success());
    for consumer in ["identity", "students", "reporting"] {
        resync(&system, "personnel", consumer).await;
    }
    until("the restored state is everywhere", || async { system.verify().await.is_ok() }).await;
    let gone = admin.get(&format!("/v1/staff/changes?cursor={feed}")).await.unwrap();
    assert_eq!((gone.status, gone.text("/type")), (StatusCode::GONE, "urn:registrar:problem:gone".to_owned()));
    let held: String = postgresql.execute("students", &format!("select full_name from staff_copies where id = '{}'", ids[1])).await.unwrap();
    assert_eq!(held.trim(), "Nguyễn Thị Khôi Phục");
}

async fn resync(system: &System, owner: &str, consumer: &str) {
    let sent = system.registrar(&["resync", owner, "--to", consumer]).await.unwrap();
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_broker_reads_writes_and_authority_go_on() {
    let mut system = System::start(Mode::Services, 400).await.unwrap();
    let admin = Client::sign_in(&system.base, "admin").await.unwrap();
    let ids = staff(&admin).await;
    system.servers.as_mut().unwrap().rabbitmq.stop().await.unwrap();
    for (number, id) in ids.iter().take(50).enumerate() {
        let answer = admin.patch(&format!("/v1/staff/{id}"), &json!({"full_name": name(number)})).await.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }
    for path in ["/v1/classes?limit=1", "/v1/units?limit=1", "/v1/students?limit=1", "/v1/reports/headcounts?subject=staff"] {
        assert_eq!(admin.get(path).await.unwrap().status, StatusCode::OK, "{path}");
    }
    // Authority is pulled over HTTP: an account disabled now is out in every service a few seconds later.
    let viewer = Client::sign_in(&system.base, "viewer").await.unwrap();
    let account: Value = admin.only("/v1/accounts?username=viewer").await.unwrap();
    admin.patch(&format!("/v1/accounts/{}", account["id"].as_str().unwrap()), &json!({"status": "disabled"})).await.unwrap().success().unwrap();
    for path in ["/v1/school-years", "/v1/reports/headcounts?subject=staff"] {
        until("the disabled account is out without a broker", || async { viewer.get(path).await.unwrap().status == StatusCode::UNAUTHORIZED }).await;
    }
    system.servers.as_mut().unwrap().rabbitmq.start_again().await.unwrap();
    until("the backlog has drained by itself", || async { system.verify().await.is_ok() }).await;
}
