//! Events through RabbitMQ (3.10 or later).
//!
//! lapin's own recovery stays off: it gives up after a while and does not heal an error of a channel only. Instead a
//! supervisor makes a new connection with bounded backoff whenever the last one broke; publishers and subscriptions
//! take channels from whatever connection there is and throw a channel away at the first error.

mod batch;
mod link;
mod message;
mod parcel;
mod subscription;
mod supervisor;

use std::{collections::HashSet, sync::Arc, time::Duration};

use futures_util::future::join_all;
use lapin::{Channel, Confirmation, options::BasicPublishOptions, types::ShortString, uri::AMQPUri};
use tokio::{
    sync::watch,
    task::AbortHandle,
    time::{Instant, timeout, timeout_at},
};

use super::CONFIRM_WITHIN;
use crate::{Event, Topology, TransportError};
use link::Link;
use parcel::Parcel;
pub(crate) use subscription::Subscription;

/// The topic exchange that every event goes through.
const EXCHANGE: &str = "registrar.events";
/// Where the broker puts what a queue's consumer could not take: exchange and queue of one name.
const DEAD: &str = "registrar.dead";
/// Seconds without a sign of the broker after which the connection counts as broken.
const HEARTBEAT: u16 = 10;
/// How long connecting and declaring may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// A connection to RabbitMQ that is made again whenever it breaks. Cheap to clone; the last clone closes it.
///
/// Exchanges, queues and bindings of the whole [`Topology`] are declared at each connection:
///
/// * the durable topic exchange `registrar.events`, routing key `<service>.<aggregate>.changed` or `.ended`. A message is one
///   event as CloudEvents 1.0 in binary mode; eight and more events of one call with the same routing key are batches, at
///   most 100 events and 256 KiB each, of the content type `application/vnd.registrar.envelopes+protobuf`;
/// * per consuming service one quorum queue `registrar.<service>`, at most a million messages long (beyond that
///   publishers are refused and keep their outbox rows), delivery limit 20, one active consumer at a time;
/// * the exchange and queue `registrar.dead` for what exceeds the delivery limit or is no event at all, at most
///   100,000 messages, oldest dropped first: nothing there is needed for repair, `verify` and `resync` are.
///
/// The default exchange (resync) is not under topic permissions: give services no write permission on `amq.default`,
/// only the account that runs `resync`.
///
/// lapin logs a message that no queue took with its body, at level warn: keep its log filter at `lapin=error`, so that
/// no record's fields reach a log.
#[derive(Clone)]
pub struct Amqp {
    topology: Arc<Topology>,
    link: watch::Receiver<Option<Arc<Link>>>,
    _supervisor: Arc<Supervisor>,
}

/// Ends the supervisor with the last clone.
struct Supervisor(AbortHandle);

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Amqp {
    /// Starts to connect to `url` (`amqp://user:password@host:port/vhost`) and answers at once: a broker that is away
    /// does not keep a service from starting. `name` is shown in the broker's list of connections. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`TransportError::Broker`] when the URL is none.
    pub fn start(url: &str, name: &str, topology: Topology) -> Result<Self, TransportError> {
        let mut uri: AMQPUri = url.parse().map_err(|error| TransportError::Broker(format!("the URL: {error}")))?;
        uri.query.heartbeat = Some(HEARTBEAT);
        uri.query.connection_timeout = Some(5000);
        let (sender, link) = watch::channel(None);
        let topology = Arc::new(topology);
        let task = tokio::spawn(supervisor::run(uri, name.to_owned(), Arc::clone(&topology), sender));
        Ok(Amqp { topology, link, _supervisor: Arc::new(Supervisor(task.abort_handle())) })
    }

    /// Waits until there is a connection.
    pub async fn connected(&self) {
        // An error means that the supervisor is gone, which only the last clone's drop does.
        let _ = self.link.clone().wait_for(Option::is_some).await;
    }

    pub(super) fn is_connected(&self) -> bool {
        self.link.borrow().as_ref().is_some_and(|link| link.is_up())
    }

    pub(super) fn topology(&self) -> &Topology {
        &self.topology
    }

    pub(super) async fn publish(&self, events: &[Event]) -> Result<Vec<bool>, TransportError> {
        // Without a declared consumer a message may go nowhere, or to another vendor's queue: both are right.
        let route = |parcel: &Parcel<'_>| Route { exchange: EXCHANGE, key: parcel.routing_key(), mandatory: self.topology.is_consumed(parcel.aggregate()) };
        self.deliver(events, route).await
    }

    pub(super) async fn send_to(&self, service: &str, events: &[Event]) -> Result<Vec<bool>, TransportError> {
        self.deliver(events, |_| Route { exchange: "", key: queue(service), mandatory: true }).await
    }

    pub(super) async fn subscribe(&self, service: &str) -> Result<Subscription, TransportError> {
        let mut links = self.link.clone();
        let link = links.wait_for(Option::is_some).await.ok().and_then(|link| link.clone());
        let link = link.ok_or_else(|| TransportError::Disconnected("closed".to_owned()))?;
        // A quorum queue without a leader, as after a restart of the broker, answers late or not at all. Whatever it gives to a
        // consumer that nobody knows of any more comes back when the channel closes, with the attempt.
        let opened = timeout(CONNECT_WITHIN, Subscription::open(Arc::clone(&link), links, &queue(service))).await;
        let opened = opened.map_err(|_| TransportError::Disconnected("the queue does not answer".to_owned()));
        opened.and_then(|opened| opened.map_err(disconnected)).inspect_err(|_| link.report_trouble())
    }

    /// One channel serves one call at a time: confirms and returned messages of two calls cannot mix. A channel that
    /// has given all its confirms is used again.
    async fn deliver(&self, events: &[Event], route: impl Fn(&Parcel<'_>) -> Route) -> Result<Vec<bool>, TransportError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let deadline = Instant::now() + CONFIRM_WITHIN;
        let link = self.link.borrow().clone().ok_or_else(|| TransportError::Disconnected("connecting".to_owned()))?;
        let late = |_| TransportError::Disconnected("the broker does not answer".to_owned());
        let channel = timeout_at(deadline, link.channel()).await.map_err(late)?.map_err(disconnected)?;
        let published = publish_all(&channel, events, route, deadline).await;
        if published.clean {
            link.put_back(channel);
        }
        if published.lost_way || !link.is_up() {
            link.report_trouble();
        }
        Ok(published.confirmed)
    }
}

/// What became of a call's messages.
struct Published {
    /// Of each event, in the order of the call, whether its message was.
    confirmed: Vec<bool>,
    /// The channel has given all its confirms and is fit for further use.
    clean: bool,
    /// The exchange or a binding is missing.
    lost_way: bool,
}

/// Where a message goes.
struct Route {
    exchange: &'static str,
    key: String,
    mandatory: bool,
}

/// The queue of a consuming service.
fn queue(service: &str) -> String {
    format!("registrar.{service}")
}

fn disconnected(error: lapin::Error) -> TransportError {
    TransportError::Disconnected(error.to_string())
}

/// Publishes all at once, which fills packets, and waits for their confirms. A batch is confirmed as a whole or not at all.
async fn publish_all(channel: &Channel, events: &[Event], route: impl Fn(&Parcel<'_>) -> Route, deadline: Instant) -> Published {
    let parcels = parcel::split(events);
    let answers = join_all(parcels.iter().map(|parcel| timeout_at(deadline, publish_one(channel, parcel, route(parcel))))).await;
    let mut published = Published { confirmed: vec![false; events.len()], clean: true, lost_way: false };
    let mut acknowledged = Vec::with_capacity(parcels.len());
    // lapin pairs a returned message with the next confirm, whichever message that is of: only its id tells.
    let mut returned = HashSet::new();
    for answer in answers {
        published.clean &= matches!(answer, Ok(Ok(_)));
        if let Ok(Err(error)) = &answer {
            published.lost_way = true;
            tracing::debug!(%error, "publishing failed");
        }
        let answer = answer.ok().and_then(Result::ok);
        acknowledged.push(answer.as_ref().is_some_and(Confirmation::is_ack));
        returned.extend(answer.and_then(Confirmation::take_message).and_then(|m| m.delivery.properties.message_id().clone()).map(String::from));
    }
    for (parcel, acknowledged) in parcels.iter().zip(acknowledged) {
        if returned.contains(&parcel.id()) {
            published.lost_way = true;
            tracing::warn!(message = parcel.id(), "no queue took the message; are the bindings gone?");
        } else if acknowledged {
            published.confirm(parcel);
        }
    }
    published
}

impl Published {
    fn confirm(&mut self, parcel: &Parcel<'_>) {
        for place in parcel.places() {
            if let Some(confirmed) = self.confirmed.get_mut(place) {
                *confirmed = true;
            }
        }
    }
}

async fn publish_one(channel: &Channel, parcel: &Parcel<'_>, route: Route) -> Result<Confirmation, lapin::Error> {
    let options = BasicPublishOptions { mandatory: route.mandatory, ..BasicPublishOptions::default() };
    let key = message::short(route.key);
    let (properties, body) = parcel.message();
    channel.basic_publish(ShortString::from(route.exchange), key, options, &body, properties).await?.await
}
