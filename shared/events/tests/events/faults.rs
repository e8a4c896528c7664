//! The databases and the broker die in the middle.

use registrar_events::{Amqp, InProcess, Transport, parked};
use registrar_servers::{PostgreSql, PostgreSqlOptions, RabbitMq};

use diesel_async::SimpleAsyncConnection;
use uuid::Uuid;

use crate::staff::event;
use crate::world::{World, eventually, number, prepare, topology};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_database_loses_nothing_and_parks_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = PostgreSqlOptions::throw_away(folder.path());
    // What it acknowledged it must have after the kill.
    options.settings.push(("synchronous_commit".to_owned(), "on".to_owned()));
    let mut cluster = prepare(PostgreSql::start(options).await.unwrap()).await;
    let world = World::on(&cluster).await;
    let transport = Transport::InProcess(InProcess::new(topology()));
    let (relay, consumer) = (world.start_relay(&transport), world.start_consumer(&transport));
    world.hire_many(5000).await;
    eventually("some rows", || async { world.copies().await > 0 }).await;
    cluster.kill().await.unwrap();
    cluster.start_again().await.unwrap();
    // Connections that died are noticed at their first use.
    eventually("an answer", || async { world.owner.get().await.is_ok() }).await;
    eventually("all rows", || async { copies_if_up(&world).await == Some(5000) }).await;
    eventually("an empty outbox", || async { world.outbox().await == 0 }).await;
    assert_eq!(parked::count(&world.consumer.db).await.unwrap(), 0);
    relay.stop().await;
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_confirmed_before_it_is_applied() {
    let world = World::new().await;
    let transport = Transport::InProcess(InProcess::new(topology()));
    let consumer = world.start_consumer(&transport);
    let mut holder = world.consumer.db.get().await.unwrap();
    holder.batch_execute("begin; lock table staff_copy").await.unwrap();
    let id = Uuid::from_u128(1);
    let publisher = transport.clone();
    let publishing = tokio::spawn(async move { publisher.publish(&[event(id, 1, 1, "An", false)]).await });
    eventually("the consumer at the lock", || async { number(&world.owner, WAITING).await > 0 }).await;
    assert!(!publishing.is_finished());
    holder.batch_execute("rollback").await.unwrap();
    assert_eq!(publishing.await.unwrap().unwrap(), [true]);
    assert_eq!(world.name(id).await.as_deref(), Some("An"));
    consumer.stop().await;
}

/// Nobody else in this test's cluster waits for a table of that name.
const WAITING: &str = "select count(*) as value from pg_stat_activity where wait_event_type = 'Lock' and query like '%into staff_copy%'";

async fn copies_if_up(world: &World) -> Option<i64> {
    use diesel::QueryableByName;
    use diesel_async::RunQueryDsl;
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        value: i64,
    }
    let mut conn = world.consumer.db.get().await.ok()?;
    let count: Count = diesel::sql_query("select count(*) as value from staff_copy").get_result(&mut conn).await.ok()?;
    Some(count.value)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_and_a_killed_broker_lose_nothing() {
    let mut broker = RabbitMq::start().await.unwrap();
    let world = World::new().await;
    let amqp = Amqp::start(&broker.url(), "test", topology()).unwrap();
    amqp.connected().await;
    let transport = Transport::Amqp(amqp.clone());
    let (relay, consumer) = (world.start_relay(&transport), world.start_consumer(&transport));
    world.hire_many(4000).await;
    eventually("some rows", || async { world.copies().await > 0 }).await;
    broker.stop().await.unwrap();
    eventually("not ready", || async { !transport.is_connected() }).await;
    world.hire_many(1000).await;
    broker.start_again().await.unwrap();
    eventually("all rows", || async { world.copies().await == 5000 && world.outbox().await == 0 }).await;

    world.hire_many(4000).await;
    eventually("some more rows", || async { world.copies().await > 5000 }).await;
    broker.kill().await.unwrap();
    world.hire_many(1000).await;
    broker.start_again().await.unwrap();
    eventually("all rows again", || async { world.copies().await == 10_000 && world.outbox().await == 0 }).await;
    assert!(transport.is_connected());
    relay.stop().await;
    consumer.stop().await;
}
