//! How fast it is: `cargo test -p registrar-events -- --ignored --nocapture figures`.

use std::time::Instant;

use registrar_events::{InProcess, Transport};

use crate::{
    amqp::Host,
    world::{World, eventually, topology},
};

const ROWS: i64 = 20_000;

async fn measure(name: &str, transport: Transport) {
    let world = World::new().await;
    let (relay, consumer) = (world.start_relay(&transport), world.start_consumer(&transport));
    let first = world.hire("warm").await;
    world.wait_for_name(first, "warm").await;
    let mut waits = Vec::new();
    for n in 0..50 {
        let began = Instant::now();
        world.rename(first, &n.to_string()).await;
        world.wait_for_name(first, &n.to_string()).await;
        waits.push(began.elapsed());
    }
    waits.sort();
    let began = Instant::now();
    world.hire_many(ROWS).await;
    eventually("all rows", || async { world.copies().await == ROWS + 1 }).await;
    let rate = f64::from(i32::try_from(ROWS).unwrap()) / began.elapsed().as_secs_f64();
    println!("{name}: {rate:.0} events a second; an edit is in the copy after {:?} (median of 50, looked for every 10 ms)", waits[25]);
    relay.stop().await;
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "prints figures"]
async fn figures() {
    measure("in process", Transport::InProcess(InProcess::new(topology()))).await;
    let publisher = Host::new().await;
    let events: Vec<_> = (0..500).map(|n| crate::staff::event(uuid::Uuid::from_u128(n), 1, 1, "An", false)).collect();
    let began = Instant::now();
    for _ in 0..20 {
        assert!(publisher.transport.publish(&events).await.unwrap().into_iter().all(|confirmed| confirmed));
    }
    println!("RabbitMQ, publishing alone: {:.0} events a second", 10_000.0 / began.elapsed().as_secs_f64());
    let host = Host::new().await;
    measure("RabbitMQ", host.transport.clone()).await;
}
