//! What carries events: this process itself, or RabbitMQ. The relay, the consumers and resync see no difference.

mod amqp;
mod in_process;

use std::time::Duration;

use lapin::{
    Acker,
    options::{BasicAckOptions, BasicRejectOptions},
};
use tokio::{sync::oneshot, time::timeout};

use crate::{Event, Topology, TransportError};

pub use amqp::Amqp;
pub use in_process::InProcess;

/// How long a publisher waits for the confirms of one call. What is unconfirmed then is sent again later.
pub(crate) const CONFIRM_WITHIN: Duration = Duration::from_secs(5);
/// How long a consumer waits until an acknowledgement is on its way.
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_secs(5);

/// Carries events from owners to consumers. Cheap to clone.
#[derive(Clone)]
pub enum Transport {
    /// Within this process.
    InProcess(InProcess),
    /// Through RabbitMQ.
    Amqp(Amqp),
}

impl Transport {
    /// Hands the events to every consumer of their aggregates and answers, in their order, which are safe: another
    /// process or a durable queue has them, so that the outbox row may go. Answers within 5 s; what was not confirmed
    /// by then is `false` and is to be sent again. An aggregate that the [`Topology`] gives no consumer is safe at once.
    ///
    /// # Errors
    /// [`TransportError::Disconnected`] when nothing can be handed over now.
    pub async fn publish(&self, events: &[Event]) -> Result<Vec<bool>, TransportError> {
        match self {
            Transport::InProcess(transport) => transport.publish(events).await,
            Transport::Amqp(transport) => transport.publish(events).await,
        }
    }

    /// Hands the events to one consuming service only; otherwise as [`Transport::publish`].
    ///
    /// # Errors
    /// [`TransportError::Disconnected`] when nothing can be handed over now, [`TransportError::UnknownService`] when
    /// the topology has no such consumer.
    pub async fn send_to(&self, service: &str, events: &[Event]) -> Result<Vec<bool>, TransportError> {
        if !self.topology().consumers.iter().any(|(s, _)| s == service) {
            return Err(TransportError::UnknownService(service.to_owned()));
        }
        match self {
            Transport::InProcess(transport) => transport.send_to(service, events).await,
            Transport::Amqp(transport) => transport.send_to(service, events).await,
        }
    }

    /// Whether events can be handed over now; for `/readyz`.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        match self {
            Transport::InProcess(transport) => !transport.is_paused(),
            Transport::Amqp(transport) => transport.is_connected(),
        }
    }

    /// Who consumes what.
    #[must_use]
    pub fn topology(&self) -> &Topology {
        match self {
            Transport::InProcess(transport) => transport.topology(),
            Transport::Amqp(transport) => transport.topology(),
        }
    }

    /// Begins to receive what is meant for `service`; waits until that is possible.
    pub(crate) async fn subscribe(&self, service: &str) -> Result<Subscription, TransportError> {
        match self {
            Transport::InProcess(transport) => transport.subscribe(service).map(Subscription::InProcess),
            Transport::Amqp(transport) => transport.subscribe(service).await.map(|s| Subscription::Amqp(Box::new(s))),
        }
    }
}

/// Events as they arrive for one service.
pub(crate) enum Subscription {
    /// From a channel of this process.
    InProcess(in_process::Subscription),
    /// From the service's queue.
    Amqp(Box<amqp::Subscription>),
}

impl Subscription {
    /// The next message; `None` when the subscription is broken and must be made anew. May be dropped while it waits.
    pub(crate) async fn next(&mut self) -> Option<Delivery> {
        match self {
            Subscription::InProcess(subscription) => subscription.next().await,
            Subscription::Amqp(subscription) => subscription.next().await,
        }
    }

    /// The next message that is here already.
    pub(crate) fn try_next(&mut self) -> Option<Delivery> {
        match self {
            Subscription::InProcess(subscription) => subscription.try_next(),
            Subscription::Amqp(subscription) => subscription.try_next(),
        }
    }
}

/// A message, and how to say that it is taken care of. Dropping the receipt says that it is not: it comes again.
pub(crate) struct Delivery {
    /// The events, 100 at most; none for a message that is no event, which has no id to park it under and is to be refused.
    pub(crate) events: Vec<Event>,
    /// To be accepted once each of the events is applied or parked.
    pub(crate) receipt: Receipt,
}

/// The way to acknowledge a [`Delivery`]. That a publisher or a channel is gone by then is no trouble: the event comes
/// again and changes nothing.
pub(crate) enum Receipt {
    /// Resolves the publisher's wait.
    InProcess(oneshot::Sender<()>),
    /// Acknowledges to the broker.
    Amqp(Acker),
}

impl Receipt {
    /// Says that the message is none of ours: the broker is to put it to the dead letters. Whether it was told.
    #[must_use]
    pub(crate) async fn refuse(self) -> bool {
        match self {
            Receipt::InProcess(_) => true,
            Receipt::Amqp(acker) => acknowledged(acker.reject(BasicRejectOptions { requeue: false })).await,
        }
    }

    /// Says that the events of all these are taken care of; they are consecutive messages of one subscription, without those
    /// refused before. Whether the broker was told.
    #[must_use]
    pub(crate) async fn accept_all(receipts: Vec<Receipt>) -> bool {
        let mut last = None;
        for receipt in receipts {
            match receipt {
                Receipt::InProcess(sender) => {
                    let _ = sender.send(());
                }
                Receipt::Amqp(acker) => last = Some(acker),
            }
        }
        match last {
            Some(acker) => acknowledged(acker.ack(BasicAckOptions { multiple: true })).await,
            None => true,
        }
    }
}

/// Waits until the broker was told, or it is plain that it was not: what lapin takes while its connection breaks may never
/// be sent, nor refused. The messages come again once their channel is closed.
async fn acknowledged(acknowledging: impl Future<Output = Result<bool, lapin::Error>>) -> bool {
    let lost = match timeout(ACKNOWLEDGE_WITHIN, acknowledging).await {
        Ok(Ok(_)) => return true,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it was not sent".to_owned(),
    };
    tracing::warn!(error = lost, "an acknowledgement was lost; the messages will come again");
    false
}
