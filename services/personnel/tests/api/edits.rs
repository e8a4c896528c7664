//! Edits that many make at the same time: one statement for all, and each its own outcome.

use diesel_async::SimpleAsyncConnection;
use futures_util::future::join_all;
use registrar_store::{Author, Edit, Stamps, StoreError, StoreResult};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::World;

/// Enters so many records; answers their ids.
async fn entered(world: &World, records: usize) -> Vec<Uuid> {
    let mut ids = Vec::new();
    for number in 0..records {
        ids.push(world.enter(&format!("GV{number:03}"), "Nguyễn Thị Hòa").await.id());
    }
    ids
}

/// Changes columns of a record whose version is 1.
async fn edit(world: &World, id: Uuid, (before, after): (Value, Value)) -> StoreResult<Option<Stamps>> {
    let author = Author { at: world.system.clock().now(), account: world.system.new_id(), on_behalf_of: None, client: "test".into(), request_id: world.system.new_id() };
    let tenant = world.system.tenant().into();
    world.system.db("personnel").edit(Edit::new("staff", (id, tenant, 1), &before, &after, &author)?).await
}

fn phone(number: usize) -> (Value, Value) {
    (json!({"code": "not changed", "phone": null}), json!({"code": "not changed", "phone": format!("09012345{number:02}")}))
}

#[tokio::test]
async fn edits_at_the_same_time_are_one_transaction_and_each_its_own() {
    let world = World::start().await;
    let ids = entered(&world, 20).await;
    let made = join_all((0..20).map(|number| edit(&world, ids[number], phone(number)))).await;
    assert!(made.iter().all(|made| matches!(made, Ok(Some(Stamps { version: 2, .. })))), "{made:?}");
    assert_eq!(world.count("select count(distinct change_xid) as count from staff where version = 2").await, 1);
    assert_eq!(world.count("select count(*) as count from history where version = 1 and state ->> 'phone' is null").await, 20);
    for column in ["changed_by", "request_id"] {
        assert_eq!(world.count(&format!("select count(distinct {column}) as count from staff")).await, 20, "each has its own {column}");
    }
    assert_eq!(world.count("select count(*) as count from staff where code like 'GV0__'").await, 20, "only what differs is written");
    for (number, id) in ids.iter().enumerate() {
        let read = world.head.get(format!("/v1/staff/{id}?sensitive=true")).await.ok();
        assert_eq!(read.at("/phone"), &json!(format!("09012345{number:02}")));
    }
}

#[tokio::test]
async fn one_that_is_refused_or_late_is_nobody_elses_failure() {
    let world = World::start().await;
    let ids = entered(&world, 6).await;
    let taken = (json!({"code": "GV005", "phone": null}), json!({"code": "GV000", "phone": null}));
    let edits = [edit(&world, ids[1], phone(1)), edit(&world, ids[5], taken), edit(&world, ids[2], phone(2)), edit(&world, world.system.new_id(), phone(3))];
    let made = join_all(edits).await;
    assert!(matches!(made.as_slice(), [Ok(Some(_)), Err(StoreError::Conflict { .. }), Ok(Some(_)), Ok(None)]), "{made:?}");

    let twice = join_all([edit(&world, ids[3], phone(3)), edit(&world, ids[3], phone(4)), edit(&world, ids[4], phone(5))]).await;
    assert!(matches!(twice.as_slice(), [Ok(Some(_)), Ok(None), Ok(Some(_))]), "of two who read the same version one is late: {twice:?}");
    assert_eq!(world.count("select count(*) as count from history where version = 1").await, 4);
}

#[tokio::test]
async fn a_row_that_somebody_is_changing_holds_up_nobody_else() {
    let world = World::start().await;
    let ids = entered(&world, 5).await;
    let mut holder = world.system.db("personnel").get().await.unwrap();
    holder.batch_execute(&format!("begin; select from staff where id = '{}' for update", ids[0])).await.unwrap();
    let waits = edit(&world, ids[0], phone(0));
    let others = join_all((1..5).map(|number| edit(&world, ids[number], phone(number))));
    tokio::pin!(waits);
    let made = tokio::select! {
        biased;
        made = &mut waits => panic!("the row is locked: {made:?}"),
        made = others => made,
    };
    assert!(made.iter().all(|made| matches!(made, Ok(Some(_)))), "{made:?}");
    holder.batch_execute("commit").await.unwrap();
    assert!(waits.await.unwrap().is_some());
}

#[tokio::test]
async fn whoever_goes_away_takes_nobody_along() {
    let world = World::start().await;
    let ids = entered(&world, 4).await;
    let mut holder = world.system.db("personnel").get().await.unwrap();
    holder.batch_execute(&format!("begin; select from staff where id = '{}' for update", ids[0])).await.unwrap();
    // The first makes the statement for all; polled once, it and those behind it are given up.
    let mut given_up = Box::pin(join_all((0..3).map(|number| edit(&world, ids[number], phone(number)))));
    assert!(futures_util::poll!(&mut given_up).is_pending());
    tokio::task::yield_now().await;
    drop(given_up);
    assert!(edit(&world, ids[3], phone(3)).await.unwrap().is_some());
    holder.batch_execute("commit").await.unwrap();
    assert!(edit(&world, ids[0], phone(0)).await.unwrap().is_some(), "what was given up before it was made is not made later");
}
