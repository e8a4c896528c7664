//! Events that cannot be applied.

use registrar_events::{
    InProcess, Transport,
    parked::{self, Retried, Selection},
};

use crate::world::{World, eventually, execute, topology};

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_applied_is_parked_and_blocks_nobody() {
    let world = World::new().await;
    let transport = Transport::InProcess(InProcess::new(topology()));
    let (relay, consumer) = (world.start_relay(&transport), world.start_consumer(&transport));
    for name in ["An", "poison", "panic", "Bình", "refused", "Chi"] {
        world.hire(name).await;
    }
    eventually("all but three applied, three parked", || async { world.copies().await == 3 && parked::count(&world.consumer.db).await.unwrap() == 3 && world.outbox().await == 0 })
        .await;
    let mut reasons: Vec<String> = parked::list(&world.consumer.db, None, 10).await.unwrap().into_iter().map(|row| row.reason).collect();
    reasons.sort();
    assert_eq!(reasons, ["panicked", "poisonous", "refused by staff_copy_full_name_check"]);
    relay.stop().await;
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_event_is_applied_once_it_can_be() {
    let world = World::new().await;
    let transport = Transport::InProcess(InProcess::new(topology()));
    let (relay, consumer) = (world.start_relay(&transport), world.start_consumer(&transport));
    let id = world.hire("refused").await;
    let db = &world.consumer.db;
    eventually("parked", || async { parked::count(db).await.unwrap() == 1 }).await;
    consumer.stop().await;
    relay.stop().await;
    assert_eq!(parked::retry(&world.consumer, &Selection::All).await.unwrap(), Retried { mended: 0, failed: 1 });
    let row = parked::list(db, None, 10).await.unwrap().remove(0);
    assert!(row.attempts >= 2 && row.next_attempt_at > row.parked_at, "{row:?}");
    execute(db, "alter table staff_copy drop constraint staff_copy_full_name_check").await;
    let one = Selection::One(row.event_id.clone());
    assert_eq!(parked::retry(&world.consumer, &one).await.unwrap(), Retried { mended: 1, failed: 0 });
    assert_eq!(world.name(id).await.as_deref(), Some("refused"));
    assert!(parked::retry(&world.consumer, &one).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_consumer_retries_what_is_due_by_itself() {
    let world = World::new().await;
    let transport = Transport::InProcess(InProcess::new(topology()));
    let (relay, consumer) = (world.start_relay(&transport), world.start_consumer(&transport));
    let id = world.hire("refused").await;
    let db = &world.consumer.db;
    eventually("parked", || async { parked::count(db).await.unwrap() == 1 }).await;
    execute(db, "alter table staff_copy drop constraint staff_copy_full_name_check").await;
    world.wait_for_name(id, "refused").await;
    eventually("no longer parked", || async { parked::count(db).await.unwrap() == 0 }).await;
    relay.stop().await;
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_state_makes_a_parked_one_vanish() {
    let world = World::new().await;
    let transport = Transport::InProcess(InProcess::new(topology()));
    let (relay, consumer) = (world.start_relay(&transport), world.start_consumer(&transport));
    let (first, second) = (world.hire("poison").await, world.hire("An").await);
    world.wait_for_name(second, "An").await;
    let db = &world.consumer.db;
    eventually("parked", || async { parked::count(db).await.unwrap() == 1 }).await;
    world.rename(first, "panic").await;
    eventually("the newer one parked in its place", || async {
        let rows = parked::list(db, None, 10).await.unwrap();
        rows.len() == 1 && rows.iter().all(|row| row.event_id.ends_with("/1.2"))
    })
    .await;
    world.rename(first, "Bình").await;
    world.wait_for_name(first, "Bình").await;
    consumer.stop().await;
    parked::retry(&world.consumer, &Selection::All).await.unwrap();
    assert_eq!(parked::count(db).await.unwrap(), 0);
    assert_eq!(world.name(first).await.as_deref(), Some("Bình"));
    relay.stop().await;
}
