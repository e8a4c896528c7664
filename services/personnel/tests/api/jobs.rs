//! Imports as jobs: whose turn it is, how many there may be, and what happens to one that is disturbed.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use diesel::sql_query;
use diesel_async::{AsyncConnection, RunQueryDsl};
use registrar_access::Role;
use registrar_domain::UnitKind;
use registrar_store::{Connection, StoreError};
use registrar_testkit::{NewUnit, TestAccount, TestSystem, eventually};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};

use crate::{
    imports::{HEADER, counts, file, import},
    world::World,
};

const SOON: Duration = Duration::from_secs(20);

fn row(code: &str, name: &str) -> String {
    format!("{code},{name},1990-05-20,female,,teacher,TH,KD,2015-08-15,,")
}

/// A queued job as a row to be inserted.
fn queued(world: &World, account: &TestAccount, resource: &str, code: &str) -> String {
    let (tenant, id, file) = (world.system.tenant(), account.id, file(&[&row(code, "Trần Văn An")]));
    let at = world.system.clock().now().to_rfc3339();
    format!("(gen_random_uuid(), '{tenant}', '{resource}', '{id}', 'test', gen_random_uuid(), false, convert_to('{file}', 'UTF8'), 'queued', 1, timestamptz '{at}')")
}

/// Puts jobs into the queue, as rows of values.
fn enqueued(jobs: &str) -> String {
    format!(
        "with sent as (
             insert into imports (id, tenant_id, resource, account_id, client, request_id, dry_run, file, state, total, created_at) values {jobs} returning id, file
         )
         insert into import_parts (import_id, part, content) select id, 0, file from sent"
    )
}

/// Whether a connection of the test's database waits for a lock.
async fn is_waiting(world: &World) -> bool {
    world.count("select count(*) as count from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'").await == 1
}

fn importing(world: &World, rows: &[&str]) -> JoinHandle<registrar_testkit::Answer> {
    let (head, file) = (world.head.clone(), file(rows));
    tokio::spawn(async move { import(&head, "", &file).await })
}

/// An import of two rows that comes upon what `lock` holds; it is let go on once `meanwhile` was done on another connection.
async fn import_held_up(world: &World, lock: &str, meanwhile: Option<&str>) -> JoinHandle<registrar_testkit::Answer> {
    let mut pooled = world.system.db("personnel").get().await.unwrap();
    let conn: &mut Connection = &mut pooled;
    conn.transaction::<_, StoreError, _>(async |conn: &mut Connection| {
        sql_query(lock).execute(conn).await?;
        let job = importing(world, &[&row("GV001", "Trần Văn Ân"), &row("GV002", "Lê Thị Bình")]);
        eventually(SOON, || is_waiting(world)).await;
        if let Some(statement) = meanwhile {
            world.alter(statement).await;
        }
        Ok(job)
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn a_file_has_at_most_two_hundred_thousand_rows() {
    let world = World::start().await;
    let file = format!("{HEADER}\n{}", "x\n".repeat(200_001));
    let started = Instant::now();
    let refused = tokio::spawn(world.head.post("/v1/staff/imports").body("text/csv", file).send());
    // The one thread that answers requests has time for others while the rows are counted.
    let mut longest = Duration::ZERO;
    while !refused.is_finished() {
        let asked = Instant::now();
        world.head.get("/v1/staff").await.ok();
        longest = longest.max(asked.elapsed());
    }
    assert!(longest < started.elapsed() / 2, "{longest:?} of {:?}", started.elapsed());
    assert_eq!(refused.await.unwrap().unwrap().problem(413, "too_large").at("/detail"), "There are more than 200000 rows; split the file.");
}

#[tokio::test]
async fn an_account_has_at_most_twenty_unfinished_files() {
    let world = World::start().await;
    // Nobody applies these.
    let values = vec![queued(&world, &world.head_account, "nothing", "GV001"); 20].join(", ");
    world.alter(&enqueued(&values)).await;
    let send = || world.head.post("/v1/staff/imports").body("text/csv", file(&[&row("GV001", "Trần Văn An")]));
    let refused = send().await.problem(429, "too_many_requests");
    assert_eq!((refused.at("/detail"), refused.header("retry-after")), (&json!("at most 20 files of an account wait or are being applied"), Some("30")));
    world.client(Role::Clerk, world.school).await.post("/v1/staff/imports").body("text/csv", file(&[&row("GV002", "Lê An")])).await.status(202);
    world.alter("update imports set state = 'done' where id = (select id from imports where resource = 'nothing' limit 1)").await;
    send().await.status(202);
}

#[tokio::test]
async fn who_sends_many_files_holds_up_nobody_else() {
    let world = World::start().await;
    let clerk = world.system.account(Role::Clerk, world.school).await.unwrap();
    let jobs = [(&world.head_account, "A1"), (&world.head_account, "A2"), (&clerk, "B1")].map(|(account, code)| {
        world.system.clock().advance(TimeDelta::seconds(1));
        queued(&world, account, "staff", code)
    });
    world.alter(&enqueued(&jobs.join(", "))).await;
    eventually(SOON, || async { world.count("select count(*) as count from imports where state = 'done'").await == 3 }).await;
    let between = "select count(*) as count from staff a, staff b, staff c where a.code = 'A1' and b.code = 'B1' and c.code = 'A2' \
                   and a.change_xid < b.change_xid and b.change_xid < c.change_xid";
    assert_eq!(world.count(between).await, 1, "in turn, not in order");
}

#[tokio::test]
async fn an_import_waits_for_an_edit_of_its_records() {
    let world = World::start().await;
    world.enter("GV001", "Trần Văn An").await;
    let job = import_held_up(&world, "update staff set email = 'an@example.vn' where code = 'GV001'", None).await;
    let done = job.await.unwrap();
    assert_eq!((done.at("/state"), counts(&done)), (&json!("done"), [2, 1, 1, 0, 0]));
}

#[tokio::test]
async fn a_row_that_a_rule_of_the_change_refuses_fails_alone() {
    let world = World::start().await;
    let closed = NewUnit { code: Some("DC".into()), closed_on: "2025-06-30".parse().ok(), ..NewUnit::new(world.system.tenant(), UnitKind::Primary, "Trường đã đóng") };
    world.system.unit(closed).await.unwrap();
    world.enter("GV001", "Trần Văn An").await;
    let administrator = world.client(Role::Administrator, world.system.root_unit()).await;
    let moved = "GV001,Trần Văn An,1990-05-20,female,,teacher,TH,DC,2016-08-15,2025-06-01,nghỉ hưu";
    let done = import(&administrator, "", &file(&[moved, &row("GV002", "Lê Thị Bình")])).await;
    assert_eq!((done.at("/state"), counts(&done)), (&json!("done"), [2, 1, 0, 0, 1]));
    let errors = administrator.get(format!("/v1/staff/imports/{}/errors", done.id())).await.ok();
    assert_eq!((errors.at("/items/0/field"), errors.at("/items/0/code")), (&json!("unit_code"), &json!("unit_closed")));
}

#[tokio::test]
async fn an_import_waits_while_authority_is_stale() {
    let world = World::start().await;
    let (clock, state) = (world.system.clock(), |state| format!("select count(*) as count from imports where state = '{state}'"));
    world.system.authority_as_of(clock.now() - TimeDelta::seconds(61)).await.unwrap();
    world.alter(&enqueued(&queued(&world, &world.head_account, "staff", "GV001"))).await;
    eventually(SOON, || async { world.count(&state("queued")).await == 0 }).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(world.count(&state("running")).await, 1, "it was not given up");
    clock.advance(TimeDelta::seconds(31));
    world.system.authority_as_of(clock.now()).await.unwrap();
    eventually(SOON, || async { world.count(&state("done")).await == 1 }).await;
    assert_eq!(world.count("select count(*) as count from staff").await, 1);
}

#[tokio::test]
async fn a_worker_whose_job_was_taken_over_gives_it_up() {
    let world = World::start().await;
    world.enter("GV001", "Trần Văn An").await;
    // The chunk has taken longer than the job is held, and another process has done the same.
    let taken_over = Some("update imports set done = 2, created = 1, changed = 1");
    let job = import_held_up(&world, "select 1 from staff where code = 'GV001' for update", taken_over).await;
    eventually(SOON, || async { !is_waiting(&world).await }).await;
    // Whoever takes it now finds nothing left to do.
    world.system.clock().advance(TimeDelta::seconds(31));
    let done = job.await.unwrap();
    assert_eq!((done.at("/state"), done.at("/done"), counts(&done)), (&json!("done"), &json!(2), [2, 1, 1, 0, 0]));
    assert_eq!(world.count("select count(*) as count from staff").await, 1, "what the slow worker wrote was rolled back");
}

#[tokio::test]
async fn the_reason_of_a_failure_says_nothing_of_the_database() {
    let world = World::start().await;
    world.alter("alter table staff add constraint inside_detail check (code <> 'GV001')").await;
    let failed = import(&world.head, "", &file(&[&row("GV001", "Trần Văn An")])).await;
    assert_eq!((failed.at("/state"), failed.at("/reason")), (&json!("failed"), &json!("something went wrong on our side; quote the import's id")));
}

#[tokio::test]
async fn a_hundred_may_follow_imports_at_once() {
    let world = World::start().await;
    // Running, and nobody's to take over.
    let job = queued(&world, &world.head_account, "staff", "GV001").replace("'queued'", "'running'");
    let id = world.system.new_id();
    world.alter(&enqueued(&job.replacen("gen_random_uuid()", &format!("'{id}'"), 1))).await;
    let follow = || world.head.get(format!("/v1/staff/imports/{id}/progress")).send();
    let followers: Vec<_> = (0..110).map(|_| tokio::spawn(follow())).collect();
    // Whoever is let in is not answered to the end.
    eventually(SOON, || async { followers.iter().filter(|follower| follower.is_finished()).count() == 10 }).await;
    world.alter("update imports set state = 'done', finished_at = now()").await;
    let mut refused = 0;
    for follower in followers {
        let answer = follower.await.unwrap().unwrap();
        if answer.status == 503 { refused += 1 } else { drop(answer.ok()) }
    }
    assert_eq!(refused, 10);
    follow().await.unwrap().ok();
}

/// Sends the second half of a body a while after the first; answers the status line.
async fn slowly(world: &World, path: &str, content_type: &str, body: &str) -> String {
    let host = world.system.base_url().replace("http://", "");
    let mut stream = TcpStream::connect(&host).await.unwrap();
    let token = world.head_account.token();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let (first, second) = body.as_bytes().split_at(body.len() / 2);
    stream.write_all(first).await.unwrap();
    tokio::time::sleep(Duration::from_millis(2500)).await;
    // It may have been answered by now.
    let _ = stream.write_all(second).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_file_may_be_sent_slowly_and_nothing_else() {
    let second = Duration::from_secs(1);
    let system = TestSystem::builder(vec![registrar_personnel::service()]).options(move |options| options.request_timeout = second).start().await.unwrap();
    let world = World::on(system).await;
    assert_eq!(slowly(&world, "/v1/staff/imports", "text/csv", &file(&[&row("GV001", "Trần Văn An")])).await, "HTTP/1.1 202 Accepted");
    assert_eq!(slowly(&world, "/v1/staff", "application/json", &world.teacher("GV002", "Lê An").to_string()).await, "HTTP/1.1 503 Service Unavailable");
}
