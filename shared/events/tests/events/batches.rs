//! Many events at once through RabbitMQ: they share messages.

use lapin::{
    BasicProperties, Channel,
    options::{BasicPublishOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions},
    types::{AMQPValue, FieldTable, LongString, ShortString},
};
use prost::Message;
use registrar_events::{
    Event, Transport,
    contracts::envelope::{Envelope, Envelopes},
    parked, resync,
};
use uuid::Uuid;

use crate::{
    amqp::{Host, get},
    staff::{StaffSource, event},
    world::{World, eventually},
};

const BATCH: &str = "application/vnd.registrar.envelopes+protobuf";

fn numbered(count: u128) -> Vec<Event> {
    (0..count).map(|n| event(Uuid::from_u128(n + 1), 1, 1, &n.to_string(), false)).collect()
}

/// A queue of another vendor, bound to everything of personnel.
async fn vendor(channel: &Channel, arguments: FieldTable) {
    channel.queue_declare("vendor".into(), QueueDeclareOptions::exclusive(), arguments).await.unwrap();
    channel.queue_bind("vendor".into(), "registrar.events".into(), "personnel.#".into(), QueueBindOptions::default(), FieldTable::default()).await.unwrap();
}

async fn messages(channel: &Channel, queue: &str) -> u32 {
    channel.queue_declare(queue.into(), QueueDeclareOptions::durable().passive(), FieldTable::default()).await.unwrap().message_count()
}

/// Publishes past the transport, as a service's own account could.
async fn publish(channel: &Channel, routing_key: &str, body: &[u8]) {
    let properties = BasicProperties::default().with_content_type(BATCH.into());
    channel.basic_publish("registrar.events".into(), routing_key.into(), BasicPublishOptions::default(), body, properties).await.unwrap().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_round_arrives_whole_in_few_messages() {
    let host = Host::new().await;
    let (transport, channel) = (&host.transport, &host.channel);
    vendor(channel, FieldTable::default()).await;
    let world = World::new().await;
    world.hire_many(1234).await;
    let (relay, consumer) = (world.start_relay(transport), world.start_consumer(transport));
    eventually("all rows", || async { world.copies().await == 1234 && world.outbox().await == 0 }).await;
    relay.stop().await;
    consumer.stop().await;
    let (mut count, mut events) = (0, Vec::<Envelope>::new());
    while let Some(message) = get(channel, "vendor").await {
        assert_eq!(message.routing_key.as_str(), "personnel.staff.changed");
        assert_eq!(message.properties.content_type().as_ref().unwrap().as_str(), BATCH);
        assert_eq!(*message.properties.delivery_mode(), Some(2));
        count += 1;
        events.extend(Envelopes::decode(message.data.as_slice()).unwrap().events);
    }
    // Rounds of 500, 500 and 234.
    assert_eq!((count, events.len()), (13, 1234));
    let mut ids: Vec<String> = events.into_iter().map(|event| event.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 1234);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_event_of_a_batch_is_parked_alone() {
    let host = Host::new().await;
    let world = World::new().await;
    let mut events = numbered(120);
    for (place, name) in [(20, "poison"), (70, "panic"), (110, "refused")] {
        events[place] = event(events[place].id, 1, 1, name, false);
    }
    assert_eq!(host.transport.publish(&events).await.unwrap(), [true; 120]);
    let consumer = world.start_consumer(&host.transport);
    eventually("all the others, and three parked", || async {
        let parked = parked::count(&world.consumer.db).await.unwrap();
        assert!(parked <= 3, "neighbours are parked too");
        parked == 3 && world.copies().await == 117
    })
    .await;
    let mut ids: Vec<String> = parked::list(&world.consumer.db, None, 10).await.unwrap().into_iter().map(|row| row.event_id).collect();
    ids.sort();
    assert_eq!(ids, [&events[20], &events[70], &events[110]].map(Event::event_id));
    eventually("an empty queue", || async { messages(&host.channel, "registrar.students").await == 0 }).await;
    consumer.stop().await;
    assert_eq!(messages(&host.channel, "registrar.dead").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_whose_batch_is_not_confirmed_stay() {
    let host = Host::new().await;
    let (transport, channel) = (&host.transport, &host.channel);
    let mut arguments = FieldTable::default();
    arguments.insert(ShortString::from("x-max-length"), AMQPValue::LongInt(1));
    arguments.insert(ShortString::from("x-overflow"), AMQPValue::LongString(LongString::from("reject-publish")));
    vendor(channel, arguments).await;
    let world = World::new().await;
    world.hire_many(250).await;
    let relay = world.start_relay(transport);
    // The vendor's queue takes one message and refuses the others.
    eventually("the first batch", || async { world.outbox().await == 150 }).await;
    let refused = transport.publish(&numbered(30)).await.unwrap();
    assert_eq!((refused, world.outbox().await), (vec![false; 30], 150));
    channel.queue_delete("vendor".into(), QueueDeleteOptions::default()).await.unwrap();
    eventually("an empty outbox", || async { world.outbox().await == 0 }).await;
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_no_queue_takes_is_not_confirmed() {
    let host = Host::new().await;
    let (transport, channel) = (&host.transport, &host.channel);
    channel.queue_unbind("registrar.students".into(), "registrar.events".into(), "personnel.staff.*".into(), FieldTable::default()).await.unwrap();
    let mut events = numbered(30);
    for unconsumed in events.iter_mut().step_by(2) {
        unconsumed.aggregate = "personnel.note".to_owned();
    }
    let confirmed = transport.publish(&events).await.unwrap();
    assert!(confirmed.iter().enumerate().all(|(place, confirmed)| *confirmed == (place % 2 == 0)), "{confirmed:?}");
    // The supervisor hears of it and binds again.
    eventually("the binding", || async { transport.publish(&events).await.is_ok_and(|confirmed| confirmed == [true; 30]) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_cannot_be_believed_goes_to_the_dead_letters_whole() {
    let host = Host::new().await;
    let (transport, channel) = (&host.transport, &host.channel);
    let world = World::new().await;
    let consumer = world.start_consumer(transport);
    let mut envelopes: Vec<Envelope> = numbered(9).iter().map(Event::to_envelope).collect();
    envelopes[4].aggregate = "identity.grant".to_owned();
    let foreign = Envelopes { events: envelopes }.encode_to_vec();
    publish(channel, "personnel.staff.changed", &foreign).await;
    publish(channel, "personnel.staff.changed", b"hello").await;
    let later = event(Uuid::from_u128(500), 1, 1, "An", false);
    assert_eq!(transport.publish(&[later]).await.unwrap(), [true]);
    world.wait_for_name(Uuid::from_u128(500), "An").await;
    assert_eq!(world.copies().await, 1);
    for expected in [foreign.as_slice(), b"hello"] {
        eventually("the dead letter", || async { get(channel, "registrar.dead").await.is_some_and(|message| message.data == expected) }).await;
    }
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resync_sends_batches_to_one_queue() {
    let host = Host::new().await;
    let world = World::new().await;
    world.hire_many(600).await;
    assert_eq!(resync(&world.owner, &StaffSource, &host.transport, "students").await.unwrap(), 600);
    eventually("six messages", || async { messages(&host.channel, "registrar.students").await == 6 }).await;
    let consumer = world.start_consumer(&host.transport);
    eventually("all rows", || async { world.copies().await == 600 }).await;
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_was_not_acknowledged_comes_again() {
    let host = Host::new().await;
    let (world, other) = (World::new().await, World::new().await);
    // More than one transaction takes, so that some of it waits behind the lock.
    assert_eq!(host.transport.publish(&numbered(900)).await.unwrap(), vec![true; 900]);
    let mut holder = world.consumer.db.get().await.unwrap();
    diesel_async::SimpleAsyncConnection::batch_execute(&mut holder, "begin; lock table staff_copy").await.unwrap();
    let (process, elsewhere) = (host.another_process().await, host.another_process().await);
    let first = world.start_consumer(&process);
    eventually("deliveries to the first", || async { messages(&host.channel, "registrar.students").await == 0 }).await;
    first.abort();
    drop::<Transport>(process);
    let second = other.start_consumer(&elsewhere);
    eventually("all rows at the second", || async { other.copies().await == 900 }).await;
    second.stop().await;
}
