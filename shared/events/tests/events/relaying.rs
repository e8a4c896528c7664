//! The relay and the consumer within one process.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use chrono::Utc;
use registrar_events::{HEARTBEAT, InProcess, Topology, Transport, publish_heartbeat};

use crate::{
    staff::{PanickingSource, StaffSource},
    world::{World, eventually, execute, number, topology},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_reaches_the_copy_and_leaves_the_outbox() {
    let mut world = World::new().await;
    let woken = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&woken);
    world.consumer.after_apply = Some(Arc::new(move || {
        counter.fetch_add(1, Ordering::Relaxed);
    }));
    let transport = Transport::InProcess(InProcess::new(topology()));
    let (relay, consumer) = (world.start_relay(&transport), world.start_consumer(&transport));
    let id = world.hire("An").await;
    world.wait_for_name(id, "An").await;
    world.rename(id, "Bình").await;
    world.wait_for_name(id, "Bình").await;
    execute(&world.owner, "update staff set ended = true").await;
    eventually("the end", || async { number(&world.consumer.db, "select count(*) as value from staff_copy where ended and version = 3").await == 1 }).await;
    execute(&world.owner, "insert into note (id, tenant_id) values (gen_random_uuid(), gen_random_uuid())").await;
    eventually("an empty outbox", || async { world.outbox().await == 0 }).await;
    assert!(woken.load(Ordering::Relaxed) >= 3);
    relay.stop().await;
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_before_the_consumers_first_start_nor_while_paused() {
    let world = World::new().await;
    let in_process = InProcess::new(topology());
    let transport = Transport::InProcess(in_process.clone());
    let relay = world.start_relay(&transport);
    world.hire_many(3000).await;
    let consumer = world.start_consumer(&transport);
    eventually("all rows, and the relay knows", || async { world.copies().await == 3000 && world.outbox().await == 0 }).await;
    in_process.pause();
    assert!(!transport.is_connected());
    world.hire_many(10).await;
    consumer.stop().await;
    assert_eq!((world.outbox().await, world.copies().await), (10, 3000));
    let consumer = world.start_consumer(&transport);
    in_process.resume();
    eventually("the rows of the pause", || async { world.copies().await == 3010 && world.outbox().await == 0 }).await;
    relay.stop().await;
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_relays_of_one_database_do_no_harm() {
    let world = World::new().await;
    let transport = Transport::InProcess(InProcess::new(topology()));
    let consumer = world.start_consumer(&transport);
    let relays = [world.start_relay(&transport), world.start_relay(&transport)];
    world.hire_many(2000).await;
    eventually("all rows once", || async { world.copies().await == 2000 && world.outbox().await == 0 }).await;
    assert_eq!(number(&world.consumer.db, "select max(applied) as value from staff_copy").await, 1);
    for relay in relays {
        relay.stop().await;
    }
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_says_how_far_everything_was_published() {
    let world = World::new().await;
    let transport = Transport::InProcess(InProcess::new(Topology::default()));
    let now = Utc::now();
    assert_eq!(publish_heartbeat(&transport, &world.owner, &|| now).await.unwrap(), now);
    world.hire("An").await;
    execute(&world.owner, "update outbox set created_at = now() - interval '1 hour'").await;
    assert!(publish_heartbeat(&transport, &world.owner, &|| now).await.unwrap() < now - chrono::TimeDelta::minutes(59));
    assert_eq!(HEARTBEAT, "identity.heartbeat");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_panics_holds_up_nobody_else() {
    let world = World::new().await;
    let transport = Transport::InProcess(InProcess::new(topology()));
    execute(&world.owner, "insert into note (id, tenant_id) select gen_random_uuid(), gen_random_uuid() from generate_series(1, 600)").await;
    let (relay, consumer) = (world.start_relay_of(vec![Arc::new(StaffSource), Arc::new(PanickingSource)], &transport), world.start_consumer(&transport));
    let id = world.hire("An").await;
    world.wait_for_name(id, "An").await;
    world.rename(id, "Bình").await;
    world.wait_for_name(id, "Bình").await;
    assert_eq!(number(&world.owner, "select count(*) as value from outbox where aggregate = 'personnel.note'").await, 600);
    relay.stop().await;
    consumer.stop().await;
}
