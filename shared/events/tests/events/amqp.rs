//! What RabbitMQ adds: queues that outlive processes, foreign messages, unroutable ones.

use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    message::BasicGetMessage,
    options::{BasicGetOptions, BasicPublishOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions},
    types::FieldTable,
};
use registrar_events::{Amqp, Event, Transport, resync, verify};
use registrar_testkit::Broker;
use uuid::Uuid;

use crate::{
    staff::{StaffReplica, StaffSource, event},
    world::{World, eventually, execute, topology},
};

/// A virtual host of its own on the run's broker: the transport, and a channel to look behind it.
pub struct Host {
    broker: Broker,
    pub transport: Transport,
    pub channel: Channel,
    _connection: Connection,
}

impl Host {
    pub async fn new() -> Self {
        let broker = Broker::any().await.unwrap();
        let transport = connect(&broker.url()).await;
        let connection = Connection::connect(&broker.url(), ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        Host { broker, transport, channel, _connection: connection }
    }

    /// The transport of another process.
    pub async fn another_process(&self) -> Transport {
        connect(&self.broker.url()).await
    }
}

async fn connect(url: &str) -> Transport {
    let amqp = Amqp::start(url, "test", topology()).unwrap();
    amqp.connected().await;
    Transport::Amqp(amqp)
}

pub async fn get(channel: &Channel, queue: &str) -> Option<BasicGetMessage> {
    channel.basic_get(queue.into(), BasicGetOptions { no_ack: true }).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_reaches_the_copy_through_the_broker_even_before_the_consumers_first_start() {
    let host = Host::new().await;
    let transport = &host.transport;
    let world = World::new().await;
    let relay = world.start_relay(transport);
    let first = world.hire("An").await;
    world.hire_many(1500).await;
    eventually("an empty outbox", || async { world.outbox().await == 0 }).await;
    let consumer = world.start_consumer(transport);
    eventually("all rows", || async { world.copies().await == 1501 }).await;
    world.rename(first, "Bình").await;
    world.wait_for_name(first, "Bình").await;
    execute(&world.consumer.db, "update staff_copy set full_name = 'by hand'").await;
    resync(&world.owner, &StaffSource, transport, "students").await.unwrap();
    let found = verify(&world.owner, &StaffSource, &world.consumer.db, &StaffReplica).await.unwrap();
    assert!(found.is_clean(), "{found:?}");
    relay.stop().await;
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_vendor_reads_cloud_events() {
    let host = Host::new().await;
    let (transport, channel) = (&host.transport, &host.channel);
    channel.queue_declare("vendor".into(), QueueDeclareOptions::exclusive(), FieldTable::default()).await.unwrap();
    channel.queue_bind("vendor".into(), "registrar.events".into(), "personnel.#".into(), QueueBindOptions::default(), FieldTable::default()).await.unwrap();
    let sent = event(Uuid::from_u128(5), 1, 3, "An", true);
    assert_eq!(transport.publish(std::slice::from_ref(&sent)).await.unwrap(), [true]);
    let message = get(channel, "vendor").await.unwrap();
    assert_eq!(message.routing_key.as_str(), "personnel.staff.ended");
    assert_eq!(message.data, sent.payload);
    let headers = format!("{:?}", message.properties.headers());
    for expected in ["cloudEvents:specversion", "cloudEvents:id", "cloudEvents:source", "cloudEvents:type", "cloudEvents:time", "cloudEvents:subject"] {
        assert!(headers.contains(expected), "{expected} is missing in {headers}");
    }
    assert_eq!(*message.properties.delivery_mode(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_no_event_goes_to_the_dead_letters() {
    let host = Host::new().await;
    let (transport, channel) = (&host.transport, &host.channel);
    let world = World::new().await;
    let consumer = world.start_consumer(transport);
    let publish = channel.basic_publish("registrar.events".into(), "personnel.staff.changed".into(), BasicPublishOptions::default(), b"hello", BasicProperties::default());
    publish.await.unwrap().await.unwrap();
    let id = Uuid::from_u128(5);
    assert_eq!(transport.publish(&[event(id, 1, 1, "An", false)]).await.unwrap(), [true]);
    world.wait_for_name(id, "An").await;
    eventually("the dead letter", || async { get(channel, "registrar.dead").await.is_some_and(|message| message.data == b"hello") }).await;
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_no_queue_takes_is_not_confirmed() {
    let host = Host::new().await;
    let (transport, channel) = (&host.transport, &host.channel);
    let unbound = channel.queue_unbind("registrar.students".into(), "registrar.events".into(), "personnel.staff.*".into(), FieldTable::default());
    unbound.await.unwrap();
    let lost = event(Uuid::from_u128(1), 1, 1, "An", false);
    let unconsumed = Event { aggregate: "personnel.note".to_owned(), ..lost.clone() };
    assert_eq!(transport.publish(&[unconsumed.clone(), lost.clone(), unconsumed]).await.unwrap(), [true, false, true]);
    // The supervisor hears of it and binds again.
    eventually("the binding", || async { transport.publish(std::slice::from_ref(&lost)).await.is_ok_and(|confirmed| confirmed == [true]) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_queue_is_declared_and_consumed_again() {
    let host = Host::new().await;
    let (transport, channel) = (&host.transport, &host.channel);
    let elsewhere = host.another_process().await;
    let (world, other) = (World::new().await, World::new().await);
    let (relay, consumer) = (world.start_relay(transport), world.start_consumer(transport));
    let first = world.hire("An").await;
    world.wait_for_name(first, "An").await;
    channel.queue_delete("registrar.students".into(), QueueDeleteOptions::default()).await.unwrap();
    let second = world.hire("Bình").await;
    world.wait_for_name(second, "Bình").await;
    consumer.stop().await;

    // Only the owner's process hears that nobody takes its events; the consumer's must find out by itself.
    let consumer = other.start_consumer(&elsewhere);
    let third = world.hire("Chi").await;
    other.wait_for_name(third, "Chi").await;
    channel.queue_delete("registrar.students".into(), QueueDeleteOptions::default()).await.unwrap();
    let fourth = world.hire("Dung").await;
    other.wait_for_name(fourth, "Dung").await;
    relay.stop().await;
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_takes_over_from_the_first() {
    let host = Host::new().await;
    let transport = &host.transport;
    let (world, other) = (World::new().await, World::new().await);
    let first = world.start_consumer(transport);
    transport.publish(&[event(Uuid::from_u128(1), 1, 1, "An", false)]).await.unwrap();
    world.wait_for_name(Uuid::from_u128(1), "An").await;
    // One active consumer at a time: the second one waits.
    let second = other.start_consumer(transport);
    transport.publish(&[event(Uuid::from_u128(2), 1, 1, "Bình", false)]).await.unwrap();
    world.wait_for_name(Uuid::from_u128(2), "Bình").await;
    first.stop().await;
    transport.publish(&[event(Uuid::from_u128(3), 1, 1, "Chi", false)]).await.unwrap();
    other.wait_for_name(Uuid::from_u128(3), "Chi").await;
    assert_eq!((world.copies().await, other.copies().await), (2, 1));
    second.stop().await;
}
