//! Connections that many requests use at once.

use std::{collections::BTreeSet, time::Duration};

use diesel::{QueryableByName, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use futures_util::future::try_join_all;
use registrar_store::{Connection, Db, DbOptions, StoreError, StoreResult};
use registrar_testkit::{TestSystem, eventually};

use crate::services::notes;

/// On both connections together.
const PLACES: usize = 128;

#[derive(QueryableByName, Debug, PartialEq)]
struct Answer {
    #[diesel(sql_type = sql_types::BigInt)]
    asked: i64,
    #[diesel(sql_type = sql_types::Integer)]
    process: i32,
}

async fn ask(mut conn: &Connection, number: i64) -> StoreResult<Answer> {
    Ok(sql_query("select $1 as asked, pg_backend_pid() as process").bind::<sql_types::BigInt, _>(number).get_result(&mut conn).await?)
}

async fn system() -> (TestSystem, Db) {
    let system = TestSystem::start(vec![notes()]).await.unwrap();
    let options = DbOptions { wait: Duration::from_millis(500), ..DbOptions::default() };
    let db = Db::open(&system.database_url("notes").unwrap(), &options).unwrap();
    (system, db)
}

fn processes(answers: &[Answer]) -> usize {
    answers.iter().map(|answer| answer.process).collect::<BTreeSet<_>>().len()
}

#[tokio::test]
async fn everybody_gets_the_answer_to_their_own_question() {
    let (_system, db) = system().await;
    let db = &db;
    let records = try_join_all((0..100).map(async |number| ask(&*db.share().await?, number).await)).await.unwrap();
    let pages = try_join_all((0..100).map(async |number| ask(&*db.reader(true).await?, number).await)).await.unwrap();
    assert_eq!((processes(&records), processes(&pages)), (1, 2), "a hundred requests on one or two connections");
    for answers in [records, pages] {
        assert_eq!(answers.iter().map(|answer| answer.asked).collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
    }
    // A statement that fails is nobody else's failure.
    let conn = db.share().await.unwrap();
    let (wrong, right) = tokio::join!(sql_query("select 1/0").execute(&mut { &*conn }), ask(&conn, 7));
    assert!(wrong.is_err());
    assert_eq!(right.unwrap().asked, 7);
}

#[tokio::test]
async fn there_is_room_for_so_many_and_a_broken_one_is_replaced() {
    let (_system, db) = system().await;
    let mut places = Vec::new();
    for _ in 0..PLACES {
        places.push(db.share().await.unwrap());
    }
    assert!(matches!(db.share().await, Err(StoreError::Unavailable(_))), "who comes then is refused in time");
    assert_eq!(db.usage(), (128, 128));
    let first = ask(&places[0], 1).await.unwrap().process;
    places.truncate(1);

    let terminated = format!("select pg_terminate_backend({first})");
    sql_query(terminated).execute(&mut db.get().await.unwrap()).await.unwrap();
    eventually(Duration::from_secs(10), || async { matches!(ask(&places[0], 2).await, Err(StoreError::Unavailable(_))) }).await;
    places.clear();
    // It has said that it ends before it has ended.
    let db = &db;
    let answers = || try_join_all((0..20).map(move |number| async move { ask(&*db.share().await?, number).await }));
    eventually(Duration::from_secs(10), || async { answers().await.is_ok_and(|answers| answers.iter().all(|answer| answer.process != first)) }).await;
}
