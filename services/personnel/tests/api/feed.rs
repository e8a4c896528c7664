//! The change feed: nothing is missed, whoever commits when.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use diesel_async::{AsyncConnection, RunQueryDsl};
use registrar_access::{Access, Role};
use registrar_personnel::staff::{model::StaffInput, store, writes};
use registrar_store::{Connection, Db, DbOptions, StoreError};
use registrar_testkit::{Api, TestSystem};
use serde_json::{Value, json};

use crate::world::{World, column};

/// Alone on its PostgreSQL: a long write of another test would hold the feed up.
async fn alone() -> World {
    World::on(TestSystem::builder(vec![registrar_personnel::service()]).with_own_cluster().start().await.unwrap()).await
}

/// What one reader has seen: the version of each record, and how far the feed was read.
#[derive(Default)]
struct Seen {
    versions: BTreeMap<String, i64>,
    cursor: Option<String>,
}

impl Seen {
    async fn read(&mut self, api: &Api, limit: usize) {
        loop {
            let cursor = self.cursor.as_ref().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let page = api.get(format!("/v1/staff/changes?limit={limit}{cursor}")).await.ok();
            for item in page.at("/items").as_array().unwrap() {
                self.versions.insert(item["code"].as_str().unwrap().to_owned(), item["version"].as_i64().unwrap());
            }
            self.cursor = Some(page.at("/next_cursor").as_str().unwrap().to_owned());
            if page.at("/more") == false {
                return;
            }
        }
    }
}

#[tokio::test]
async fn a_mirror_follows_changes_and_ends() {
    let world = alone().await;
    for number in 0..5 {
        world.enter(&format!("GV{number}"), "Trần Văn An").await;
    }
    let mut seen = Seen::default();
    seen.read(&world.head, 2).await;
    assert_eq!(seen.versions.len(), 5);
    let page = world.head.get(format!("/v1/staff/changes?cursor={}", seen.cursor.clone().unwrap())).await.ok();
    assert_eq!((page.at("/items"), page.at("/next_cursor")), (&json!([]), &json!(seen.cursor.clone().unwrap())));

    let found = world.head.get("/v1/staff?code=GV1").await.ok();
    let path = format!("/v1/staff/{}", found.at("/items/0/id").as_str().unwrap());
    let ended = json!({"status": "ended", "ended_on": "2025-08-31", "end_reason": "chuyển công tác"});
    world.head.patch(&path).header("If-Match", "*").merge(&json!({"code": "GV9"})).await.ok();
    world.head.patch(&path).header("If-Match", "*").merge(&ended).await.ok();
    let page = world.head.get(format!("/v1/staff/changes?cursor={}", seen.cursor.clone().unwrap())).await.ok();
    assert_eq!(column(&page, "code"), ["GV9"], "the latest state once, with its natural key");
    assert_eq!((page.at("/items/0/status"), page.at("/items/0/version")), (&json!("ended"), &json!(3)));

    let other = world.client(Role::HeadTeacher, world.other).await;
    assert_eq!(other.get("/v1/staff/changes").await.ok().at("/items"), &json!([]), "a school follows its own records");
    let parameters = [("limit=0", "limit"), ("sort=name", "sort"), ("cursor=abc", "cursor")];
    for (query, name) in parameters {
        assert_eq!(world.head.get(format!("/v1/staff/changes?{query}")).await.problem(400, "bad_parameter").field_errors()[0].0, name);
    }
}

#[tokio::test]
async fn a_cursor_of_a_former_generation_is_gone() {
    let world = alone().await;
    world.enter("GV1", "Trần Văn An").await;
    let page = world.head.get("/v1/staff/changes").await.ok();
    let cursor = page.at("/next_cursor").as_str().unwrap().to_owned();
    diesel::sql_query("update epoch set value = value + 1").execute(&mut world.system.db("personnel").get().await.unwrap()).await.unwrap();
    let gone = world.head.get(format!("/v1/staff/changes?cursor={cursor}")).await.problem(410, "gone");
    assert_eq!(gone.at("/title"), "The cursor has ended; start over without one");
    assert_eq!(column(&world.head.get("/v1/staff/changes").await.ok(), "code"), ["GV1"]);
}

/// Enters a record or, every third time, changes one of the writer's own, and takes its time to commit; every seventh
/// transaction is rolled back.
async fn write(db: &Db, access: &Access, body: &Value, writer: usize, turn: usize) -> Result<Option<(String, i64)>, StoreError> {
    let mut pooled = db.get().await?;
    let conn: &mut Connection = &mut pooled;
    let code = format!("W{writer}-{}", turn - turn % 3);
    let done = conn
        .transaction::<_, StoreError, _>(async |conn: &mut Connection| {
            let mut input: StaffInput = serde_json::from_value(body.clone()).unwrap();
            input.code = registrar_domain::Code::parse(&code).unwrap();
            let known = store::by_codes(conn, access, std::slice::from_ref(&code)).await?;
            let version = match known.into_iter().next() {
                None => writes::create(conn, access, &input).await?.version,
                Some((record, _)) => {
                    input.email = Some(registrar_domain::EmailAddress::parse(&format!("v{turn}@example.vn")).unwrap());
                    let columns = writes::changed(conn, access, &record.columns, &input).await?.unwrap();
                    let version = record.version + 1;
                    writes::update_many(conn, access, &[(record, columns)]).await?;
                    version
                }
            };
            // Whoever began first is not the first to end.
            tokio::time::sleep(Duration::from_millis(u64::try_from((writer * 37 + turn * 53) % 60).unwrap())).await;
            if (writer + turn).is_multiple_of(7) { Err(StoreError::State("changed my mind")) } else { Ok((code.clone(), version)) }
        })
        .await;
    match done {
        Ok(written) => Ok(Some(written)),
        Err(StoreError::State(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

#[tokio::test]
async fn nothing_is_missed_under_eight_writers_that_commit_out_of_order() {
    let world = alone().await;
    let url = world.system.database_url("personnel").unwrap();
    let db = Db::open(&url, &DbOptions { max_connections: 8, ..DbOptions::default() }).unwrap();
    let access = Access::administrator(world.system.tenant(), world.head_account.id, world.system.clock().now(), "test");
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let (db, access, body) = (db.clone(), access.clone(), world.teacher("W", "Trần Văn An"));
            tokio::spawn(async move {
                let mut written = BTreeMap::new();
                for turn in 0..40 {
                    written.extend(write(&db, &access, &body, writer, turn).await.unwrap());
                }
                written
            })
        })
        .collect();
    // Two readers go on all the time; a cursor once handed out never has anything new behind it.
    let (mut slow, mut fast) = (Seen::default(), Seen::default());
    while !writers.iter().all(tokio::task::JoinHandle::is_finished) {
        fast.read(&world.head, 3).await;
        if fast.versions.len() % 5 == 0 {
            slow.read(&world.head, 200).await;
        }
    }
    let mut expected = BTreeMap::new();
    for writer in writers {
        expected.extend(writer.await.unwrap());
    }
    assert!(expected.len() > 90, "{}", expected.len());
    for mut seen in [fast, slow] {
        let deadline = Instant::now() + Duration::from_secs(5);
        while seen.versions != expected && Instant::now() < deadline {
            seen.read(&world.head, 10).await;
        }
        assert_eq!(seen.versions, expected, "every record that was committed, in its last version, and no other");
    }
}
