//! What docs/operating.md tells to give the broker, "The broker".

use lapin::{
    Connection, ConnectionProperties,
    options::{BasicGetOptions, QueueBindOptions, QueueDeclareOptions},
    types::FieldTable,
};
use registrar_events::{Amqp, Event, Transport};
use registrar_servers::RabbitMq;
use uuid::Uuid;

use crate::{
    staff::event,
    world::{World, eventually, topology},
};

#[tokio::test(flavor = "multi_thread")]
async fn other_software_hears_what_it_may_and_a_queue_is_bounded_in_bytes() {
    let broker = RabbitMq::start().await.unwrap();
    let amqp = Amqp::start(&broker.url(), "test", topology()).unwrap();
    amqp.connected().await;
    let transport = Transport::Amqp(amqp);

    broker.add_user("vendor", "secret", "^vendor\\.", "^vendor\\.", "^(vendor\\..*|registrar\\.events)$").await.unwrap();
    broker.control(&["set_topic_permissions", "vendor", "registrar.events", "^$", "^personnel\\.staff\\."]).await.unwrap();
    let connection = Connection::connect(&broker.url_for("vendor", "secret"), ConnectionProperties::default()).await.unwrap();
    for (key, allowed) in [("personnel.staff.*", true), ("identity.#", false), ("#", false)] {
        let channel = connection.create_channel().await.unwrap();
        channel.queue_declare("vendor.staff".into(), QueueDeclareOptions::durable(), FieldTable::default()).await.unwrap();
        let bound = channel.queue_bind("vendor.staff".into(), "registrar.events".into(), key.into(), QueueBindOptions::default(), FieldTable::default()).await;
        assert_eq!(bound.is_ok(), allowed, "{key}");
    }
    let channel = connection.create_channel().await.unwrap();
    assert!(channel.basic_get("registrar.students".into(), BasicGetOptions::default()).await.is_err());

    // A bound of 60 kB: a few batches pass it.
    broker.control(&["set_policy", "registrar", "^registrar\\.", "{\"max-length-bytes\": 60000}", "--apply-to", "queues"]).await.unwrap();
    let world = World::new().await;
    world.hire_many(1000).await;
    let relay = world.start_relay(&transport);
    let probe: Vec<Event> = (0..100).map(|n| event(Uuid::from_u128(n + 1), 1, 1, "An", false)).collect();
    eventually("a full queue", || async { transport.publish(&probe).await.is_ok_and(|confirmed| confirmed == [false; 100]) }).await;
    assert!(world.outbox().await > 0);
    let consumer = world.start_consumer(&transport);
    eventually("all rows", || async { world.outbox().await == 0 && world.copies().await >= 1000 }).await;
    relay.stop().await;
    consumer.stop().await;
}
