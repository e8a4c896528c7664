//! Whatever the order and however often, copies end up the same.

use std::{collections::BTreeMap, sync::Arc};

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use registrar_events::{Event, InProcess, Transport};
use tokio::{runtime::Runtime, sync::Semaphore};
use uuid::Uuid;

use crate::{
    staff::event,
    world::{World, number, text, topology},
};

/// States of five aggregates in two generations, each sent up to three times, in any order.
fn deliveries() -> impl Strategy<Value = Vec<(u8, i64, i64)>> {
    let state = (0..5u8, 1..3i64, 1..8i64);
    prop::collection::vec((state, 1..=3usize), 1..60)
        .prop_map(|states| states.into_iter().flat_map(|(state, times)| std::iter::repeat_n(state, times)).collect::<Vec<_>>())
        .prop_shuffle()
}

#[test]
fn duplicates_and_any_order_converge_to_the_newest_state() {
    let runtime = Runtime::new().unwrap();
    let mut runner = TestRunner::new(Config { cases: 24, max_shrink_iters: 30, failure_persistence: None, ..Config::default() });
    let (world, transport) = runtime.block_on(async {
        let world = World::new().await;
        let transport = Transport::InProcess(InProcess::new(topology()));
        (world, transport)
    });
    let consumer = runtime.block_on(async { world.start_consumer(&transport) });
    let result = runner.run(&(deliveries(), 1..40usize), |(deliveries, chunk)| {
        // Each case has aggregates of its own.
        let case = Uuid::now_v7().as_u128() & !0xff;
        let events: Vec<Event> =
            deliveries.iter().map(|(n, epoch, version)| event(Uuid::from_u128(case | u128::from(*n)), *epoch, *version, &format!("{epoch}.{version}"), false)).collect();
        runtime.block_on(converge(&world, &transport, events, chunk));
        Ok(())
    });
    runtime.block_on(consumer.stop());
    result.unwrap();
}

/// Sends in chunks, some of them at once, and compares with the plain answer.
async fn converge(world: &World, transport: &Transport, events: Vec<Event>, chunk: usize) {
    let mut newest: BTreeMap<Uuid, (i64, i64)> = BTreeMap::new();
    for event in &events {
        let held = newest.entry(event.id).or_insert(event.order());
        *held = event.order().max(*held);
    }
    let places = Arc::new(Semaphore::new(4));
    let mut sending = Vec::new();
    for chunk in events.chunks(chunk).map(<[Event]>::to_vec) {
        let (transport, places) = (transport.clone(), Arc::clone(&places));
        sending.push(tokio::spawn(async move {
            let _place = places.acquire().await.unwrap();
            assert!(transport.publish(&chunk).await.unwrap().into_iter().all(|confirmed| confirmed));
        }));
    }
    for sent in sending {
        sent.await.unwrap();
    }
    for (id, (epoch, version)) in newest {
        assert_eq!(world.name(id).await, Some(format!("{epoch}.{version}")));
        let at = text(&world.consumer.db, &format!("select epoch || '.' || version as value from staff_copy where id = '{id}'")).await;
        assert_eq!(at, Some(format!("{epoch}.{version}")));
        let applied = number(&world.consumer.db, &format!("select applied as value from staff_copy where id = '{id}'")).await;
        assert!(applied <= 14, "each state at most once: {applied}");
    }
}
