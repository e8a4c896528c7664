//! The test kit with two small services.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a test")]

mod platform;
mod services;
mod shared_connections;

use std::time::Duration;

use chrono::TimeDelta;
use diesel::{QueryableByName, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_access::Role;
use registrar_store::{Db, DbOptions};
use registrar_testkit::{NewAccount, NewUnit, TestSystem, database, eventually};
use serde_json::json;
use services::{board, event, notes};

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = sql_types::BigInt)]
    count: i64,
}

async fn count(db: &Db, query: &str) -> i64 {
    let row: Count = sql_query(query).get_result(&mut db.get().await.unwrap()).await.unwrap();
    row.count
}

#[tokio::test]
async fn requests_are_answered_by_grants_and_the_clock_of_the_test() {
    let system = TestSystem::start(vec![notes()]).await.unwrap();
    let (school, other) = (system.school("Trường Tiểu học Kim Đồng").await.unwrap(), system.school("Trường Tiểu học Lê Văn Tám").await.unwrap());
    let head = system.account(Role::HeadTeacher, school).await.unwrap();
    let viewer = system.account(Role::Viewer, school).await.unwrap();
    let api = system.client_of(&head);

    let made = api.post("/v1/notes").json(&json!({"text": "chào", "unit_id": school})).await.status(201);
    assert_eq!((made.at("/text"), made.id().get_version_num(), made.etag().as_str()), (&json!("chào"), 7, "\"1.x\""));
    assert_eq!(api.get("/v1/notes").await.ok().json["count"], 1);
    api.post("/v1/notes").json(&json!({"text": "x", "unit_id": other})).await.problem(409, "not_yet_known");
    let bad = api.post("/v1/notes").json(&json!({"text": 7, "colour": "red"})).await.problem(422, "invalid");
    let found = bad.field_errors();
    let found: Vec<_> = found.iter().map(|(pointer, code)| (pointer.as_str(), code.as_str())).collect();
    assert_eq!(found, [("/colour", "unknown_field"), ("/text", "wrong_type"), ("/unit_id", "required")]);
    system.client().get("/v1/notes").await.problem(401, "unauthenticated");
    system.client_of(&viewer).get("/v1/notes").await.problem(403, "forbidden");

    system.clock().advance(TimeDelta::minutes(16));
    api.get("/v1/notes").await.problem(401, "unauthenticated");
    system.client_of(&head).get("/v1/notes").await.ok();
    system.authority_as_of(system.clock().now() - TimeDelta::minutes(2)).await.unwrap();
    system.client_of(&head).post("/v1/notes").json(&json!({"text": "late", "unit_id": school})).await.problem(503, "authority_stale");
    system.disable(&head).await.unwrap();
    system.client_of(&head).get("/v1/notes").await.problem(401, "unauthenticated");
    system.stop().await.unwrap();
}

#[tokio::test]
async fn hierarchies_levels_and_tenants_are_what_they_are_elsewhere() {
    let system = TestSystem::start(vec![notes()]).await.unwrap();
    let department = system.department("Sở Giáo dục và Đào tạo Lào Cai").await.unwrap();
    let school = system.school_below(department, "Trường Tiểu học Bát Xát").await.unwrap();
    let clerk = system.account(Role::Clerk, department).await.unwrap();
    system.client_of(&clerk).post("/v1/notes").json(&json!({"text": "from above", "unit_id": school})).await.status(201);

    let tenant = system.new_tenant("Another ministry").await.unwrap();
    let elsewhere = system.unit(NewUnit::new(tenant, registrar_domain::unit::UnitKind::Primary, "Elsewhere")).await.unwrap();
    let stranger = system.account(Role::Administrator, elsewhere).await.unwrap();
    system.client_of(&stranger).post("/v1/notes").json(&json!({"text": "x", "unit_id": school})).await.problem(409, "not_yet_known");

    let past = NewAccount { valid_until: Some((system.clock().now() - TimeDelta::days(1)).date_naive()), ..NewAccount::new(Role::Clerk, school) };
    let former = system.account_with(past).await.unwrap();
    system.client_of(&former).get("/v1/notes").await.problem(403, "forbidden");
}

async fn an_edit_reaches_the_board(system: &TestSystem) {
    let school = system.school("Trường Tiểu học Kim Đồng").await.unwrap();
    let head = system.account(Role::HeadTeacher, school).await.unwrap();
    system.client_of(&head).post("/v1/notes").json(&json!({"text": "read me", "unit_id": school})).await.status(201);
    let pinned = || async { count(system.db("board"), "select count(*) as count from pinned where text = 'read me'").await == 1 };
    system.settled().await;
    eventually(Duration::from_secs(20), pinned).await;
    assert_eq!(system.parked("board").await.unwrap(), []);
}

#[tokio::test]
async fn events_travel_within_the_process() {
    let system = TestSystem::start(vec![notes(), board()]).await.unwrap();
    an_edit_reaches_the_board(&system).await;
    let unseen = event(system.new_id(), system.tenant().into(), 1, 1, "delivered", system.clock().now());
    system.deliver("board", &[unseen]).await.unwrap();
    assert_eq!(count(system.db("board"), "select count(*) as count from pinned where text = 'delivered'").await, 1);
}

#[tokio::test]
async fn events_travel_through_a_broker() {
    let system = TestSystem::builder(vec![notes(), board()]).with_broker().with_redis().start().await.unwrap();
    an_edit_reaches_the_board(&system).await;
}

#[tokio::test]
async fn a_database_is_of_its_test_alone_and_goes_with_it() {
    let (first, second) = tokio::try_join!(database("notes", vec![(notes().migrations)()]), database("notes", vec![(notes().migrations)()])).unwrap();
    assert_ne!(first.url(), second.url());
    let insert = "insert into accounts (id, tenant_id, display_name, status) values (gen_random_uuid(), gen_random_uuid(), 'A', 'active')";
    sql_query(insert).execute(&mut first.db().get().await.unwrap()).await.unwrap();
    let accounts = "select count(*) as count from accounts";
    assert_eq!((count(first.db(), accounts).await, count(second.db(), accounts).await), (1, 0));
    let url = first.url();
    first.remove().await.unwrap();
    assert!(Db::open(&url, &DbOptions::default()).unwrap().get().await.is_err());
}

#[tokio::test]
async fn related_units_that_arrive_at_the_same_moment_miss_nothing_of_each_other() {
    let system = TestSystem::start(vec![notes()]).await.unwrap();
    let department = system.department("Sở Giáo dục và Đào tạo Lào Cai").await.unwrap();
    let [office, school] = [system.new_id(), system.new_id()];
    let insert = |id: uuid::Uuid, superior: uuid::Uuid| {
        let superiors = json!([{"hierarchy": "professional", "unit_id": superior, "valid_from": "2000-01-01", "valid_to": null}]);
        format!(
            "insert into units (id, tenant_id, code, name, name_search, kind, opened_on, status, superiors) values ('{id}', '{}', '{id}', 'x', 'x', 'primary', '2000-01-01', 'open', '{superiors}')",
            uuid::Uuid::from(system.tenant())
        )
    };
    let (upper, lower) = (insert(office, department.into()), insert(school, office));
    let db = system.db("notes").clone();
    let (mut first, mut second) = (db.get().await.unwrap(), db.get().await.unwrap());
    // As in identity, which does not count changes: writers of units still wait for each other.
    sql_query("drop trigger count_authority_change on units").execute(&mut first).await.unwrap();
    sql_query("begin").execute(&mut first).await.unwrap();
    sql_query(upper).execute(&mut first).await.unwrap();
    let arriving = tokio::spawn(async move { sql_query(lower).execute(&mut second).await });
    let waits = "select count(*) as count from pg_stat_activity where wait_event = 'advisory' and query like 'insert into units%'";
    eventually(Duration::from_secs(10), || async { arriving.is_finished() || count(&db, waits).await > 0 }).await;
    sql_query("commit").execute(&mut first).await.unwrap();
    arriving.await.unwrap().unwrap();
    let above = format!("select count(*) as count from unit_ancestors where unit_id = '{school}' and hierarchy = 'professional'");
    assert_eq!(count(&db, &above).await, 4, "itself, the office, the department, the root");
}
