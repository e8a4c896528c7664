//! Keeps a connection with everything declared on it.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use lapin::{
    Channel, Connection, ConnectionProperties, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable, LongString, ShortString},
    uri::AMQPUri,
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

use super::{CONNECT_WITHIN, DEAD, EXCHANGE, link::Link, message::short, queue};
use crate::{Backoff, Topology};

/// How often a connection that says nothing is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// A connection that lived as long was a good one: the next failure is the first again.
const GOOD: Duration = Duration::from_secs(5);
/// How long an orderly end of a connection may take.
const GOODBYE: Duration = Duration::from_secs(1);
/// The most messages in a service's queue; publishers keep the rest in their outbox.
const QUEUE_LENGTH: i64 = 1_000_000;
/// The most messages in the dead-letter queue.
const DEAD_LENGTH: i64 = 100_000;
/// How often a message is delivered before the broker gives it up.
const DELIVERIES: i64 = 20;

/// Runs until the task is aborted.
pub(super) async fn run(uri: AMQPUri, name: String, topology: Arc<Topology>, current: watch::Sender<Option<Arc<Link>>>) {
    let mut backoff = Backoff::connection();
    loop {
        match timeout(CONNECT_WITHIN, connect(&uri, &name, &topology)).await {
            Ok(Ok(link)) => {
                tracing::info!("connected to the broker");
                let since = Instant::now();
                watch_over(Arc::new(link), &topology, &current).await;
                tracing::warn!("the connection to the broker broke");
                if since.elapsed() > GOOD {
                    backoff.reset();
                }
            }
            Ok(Err(error)) => tracing::warn!(%error, failures = backoff.failures(), "cannot connect to the broker"),
            Err(_) => tracing::warn!(failures = backoff.failures(), "the broker does not answer in time"),
        }
        sleep(backoff.next_wait()).await;
    }
}

/// Offers the link until its connection is broken.
async fn watch_over(mut link: Arc<Link>, topology: &Topology, current: &watch::Sender<Option<Arc<Link>>>) {
    current.send_replace(Some(Arc::clone(&link)));
    while broken_or_in_trouble(&link).await == Sign::Trouble {
        if !matches!(timeout(CONNECT_WITHIN, declare(link.connection(), topology)).await, Ok(Ok(()))) {
            break;
        }
        tracing::warn!("everything is declared again");
        link = Arc::new(link.renewed());
        current.send_replace(Some(Arc::clone(&link)));
        sleep(LOOK).await;
    }
    current.send_replace(None);
    close(&link).await;
}

#[derive(PartialEq)]
enum Sign {
    Broken,
    Trouble,
}

async fn broken_or_in_trouble(link: &Link) -> Sign {
    let mut events = link.connection().events_listener();
    while link.is_up() {
        tokio::select! {
            event = events.next() => match event {
                None | Some(lapin::Event::Error(_)) => return Sign::Broken,
                Some(lapin::Event::ConnectionBlocked(reason)) => tracing::warn!(reason, "the broker takes nothing now"),
                Some(_) => {}
            },
            () = link.trouble_reported() => return if link.is_up() { Sign::Trouble } else { Sign::Broken },
            () = sleep(LOOK) => {}
        }
    }
    Sign::Broken
}

/// Says goodbye, if anybody still listens.
async fn close(link: &Link) {
    if link.is_up() {
        let _ = timeout(GOODBYE, link.connection().close(200, short("starting over".to_owned()))).await;
    }
}

async fn connect(uri: &AMQPUri, name: &str, topology: &Topology) -> Result<Link, lapin::Error> {
    let properties = ConnectionProperties::default().with_connection_name(LongString::from(name));
    let connection = Connection::connect_uri(uri.clone(), properties).await?;
    declare(&connection, topology).await?;
    Ok(Link::new(connection))
}

/// Declares everything; what is there already stays as it is.
async fn declare(connection: &Connection, topology: &Topology) -> Result<(), lapin::Error> {
    let channel = &connection.create_channel().await?;
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    channel.exchange_declare(EXCHANGE.into(), ExchangeKind::Topic, durable, FieldTable::default()).await?;
    channel.exchange_declare(DEAD.into(), ExchangeKind::Fanout, durable, FieldTable::default()).await?;
    let dead = table([("x-queue-type", text("quorum")), ("x-max-length", AMQPValue::LongLongInt(DEAD_LENGTH))]);
    channel.queue_declare(DEAD.into(), QueueDeclareOptions::durable(), dead).await?;
    bind(channel, DEAD, DEAD, "").await?;
    for (service, aggregates) in &topology.consumers {
        let queue = queue(service);
        channel.queue_declare(short(queue.clone()), QueueDeclareOptions::durable(), service_queue()).await?;
        for aggregate in aggregates {
            bind(channel, &queue, EXCHANGE, &format!("{aggregate}.*")).await?;
        }
    }
    Ok(())
}

async fn bind(channel: &Channel, queue: &str, exchange: &str, key: &str) -> Result<(), lapin::Error> {
    let arguments = FieldTable::default();
    channel.queue_bind(short(queue.to_owned()), short(exchange.to_owned()), short(key.to_owned()), QueueBindOptions::default(), arguments).await
}

fn service_queue() -> FieldTable {
    table([
        ("x-queue-type", text("quorum")),
        ("x-delivery-limit", AMQPValue::LongLongInt(DELIVERIES)),
        ("x-max-length", AMQPValue::LongLongInt(QUEUE_LENGTH)),
        ("x-overflow", text("reject-publish")),
        ("x-dead-letter-exchange", text(DEAD)),
        ("x-dead-letter-strategy", text("at-least-once")),
        ("x-single-active-consumer", AMQPValue::Boolean(true)),
    ])
}

fn table<const N: usize>(entries: [(&str, AMQPValue); N]) -> FieldTable {
    let mut table = FieldTable::default();
    for (key, value) in entries {
        table.insert(ShortString::from(key), value);
    }
    table
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(LongString::from(value))
}
