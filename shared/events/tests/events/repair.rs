//! Verify, resync, generations.

use registrar_events::{InProcess, RepairError, Transport, bump_epoch, resync, verify};
use uuid::Uuid;

use crate::{
    staff::{StaffReplica, StaffSource},
    world::{World, eventually, execute, number, topology},
};

async fn report(world: &World) -> registrar_events::VerifyReport {
    verify(&world.owner, &StaffSource, &world.consumer.db, &StaffReplica).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_names_each_row_that_differs_and_resync_mends_them() {
    let world = World::new().await;
    let transport = Transport::InProcess(InProcess::new(topology()));
    let (relay, consumer) = (world.start_relay(&transport), world.start_consumer(&transport));
    world.hire_many(1200).await;
    let [edited, lost, old] = [world.hire("An").await, world.hire("Bình").await, world.hire("Chi").await];
    eventually("all rows", || async { world.copies().await == 1203 && world.outbox().await == 0 }).await;
    assert!(report(&world).await.is_clean());
    relay.stop().await;

    let surplus = Uuid::from_u128(9);
    execute(&world.consumer.db, &format!("update staff_copy set full_name = 'by hand' where id = '{edited}'")).await;
    execute(&world.consumer.db, &format!("delete from staff_copy where id = '{lost}'")).await;
    execute(&world.consumer.db, &format!("update staff_copy set version = 0 where id = '{old}'")).await;
    execute(&world.consumer.db, &format!("insert into staff_copy values ('{surplus}', 1, 1, 'x', false)")).await;
    let found = report(&world).await;
    assert_eq!(found.compared, 1204);
    assert_eq!(found.differing, [(edited, vec!["full_name".to_owned()])]);
    assert_eq!((found.missing, found.stale, found.surplus, found.ahead), (vec![lost], vec![old], vec![surplus], vec![]));

    assert_eq!(resync(&world.owner, &StaffSource, &transport, "students").await.unwrap(), 1203);
    let found = report(&world).await;
    assert_eq!((found.differing_count, found.missing_count, found.stale_count, found.surplus_count), (0, 0, 0, 1));
    assert_eq!(world.name(edited).await.as_deref(), Some("An"));
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_is_no_difference() {
    let world = World::new().await;
    let in_process = InProcess::new(topology());
    let transport = Transport::InProcess(in_process.clone());
    let (relay, consumer) = (world.start_relay(&transport), world.start_consumer(&transport));
    in_process.pause();
    world.hire_many(300).await;
    let resume = async {
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        in_process.resume();
    };
    let (found, ()) = tokio::join!(report(&world), resume);
    assert!(found.is_clean(), "{found:?}");
    relay.stop().await;
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_owner_wins_over_copies_that_saw_later_versions() {
    let world = World::new().await;
    let transport = Transport::InProcess(InProcess::new(topology()));
    let (relay, consumer) = (world.start_relay(&transport), world.start_consumer(&transport));
    let id = world.hire("An").await;
    world.rename(id, "Bình").await;
    world.wait_for_name(id, "Bình").await;
    relay.stop().await;
    // The backup knew the first version only.
    execute(&world.owner, "alter table staff disable trigger all; ").await;
    execute(&world.owner, "update staff set full_name = 'An', version = 1").await;
    execute(&world.owner, "alter table staff enable trigger all").await;
    assert_eq!(report(&world).await.ahead, [id]);
    // It was taken in a cluster that had seen more transactions than this one: feeds would wait for them.
    execute(&world.owner, "alter table staff disable trigger all; ").await;
    execute(&world.owner, "update staff set change_xid = 1000000000000").await;
    execute(&world.owner, "alter table staff enable trigger all").await;
    assert_eq!(bump_epoch(&mut world.owner.get().await.unwrap()).await.unwrap(), 2);
    assert_eq!(number(&world.owner, "select max(change_xid) as value from staff").await, 0);
    assert_eq!(number(&world.owner, "select max(version) as value from staff").await, 1, "nobody changed them");
    resync(&world.owner, &StaffSource, &transport, "students").await.unwrap();
    assert_eq!(world.name(id).await.as_deref(), Some("An"));
    assert!(report(&world).await.is_clean());
    assert_eq!(number(&world.consumer.db, "select epoch as value from staff_copy").await, 2);
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resync_names_a_consumer_that_exists() {
    let world = World::new().await;
    let transport = Transport::InProcess(InProcess::new(topology()));
    let refused = resync(&world.owner, &StaffSource, &transport, "reporting").await;
    assert!(matches!(refused, Err(RepairError::NotConsumed { .. })), "{refused:?}");
}
