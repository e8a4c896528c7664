//! Receiving from a service's queue.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt, StreamExt};
use lapin::{
    Channel, Consumer,
    message::Delivery as Message,
    options::{BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions},
    types::{FieldTable, ShortString},
};
use tokio::{sync::watch, time::timeout};

use super::{Link, message};
use crate::transport::{Delivery, Receipt};

/// Messages the broker sends ahead: as single events a full transaction, as batches of 100 far more than one. A batch has
/// at most 256 KiB, so that they take 16 MiB at most; they are decoded only when they are taken.
const PREFETCH: u16 = 64;

/// How long a silent queue is trusted. RabbitMQ does not always tell the consumers of a quorum queue that it was
/// deleted, least when it was declared again at once.
const SILENCE: Duration = Duration::from_secs(10);

/// The messages of one queue, on a channel of their own.
pub(crate) struct Subscription {
    consumer: Consumer,
    link: Arc<Link>,
    links: watch::Receiver<Option<Arc<Link>>>,
    /// The stream says so once only.
    ended: bool,
    queue: String,
    /// Closes when dropped, which gives unacknowledged messages back.
    channel: Channel,
}

impl Subscription {
    pub(super) async fn open(link: Arc<Link>, links: watch::Receiver<Option<Arc<Link>>>, queue: &str) -> Result<Self, lapin::Error> {
        let channel = link.connection().create_channel().await?;
        channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
        let consumer = channel.basic_consume(message::short(queue.to_owned()), ShortString::default(), BasicConsumeOptions::default(), FieldTable::default()).await?;
        Ok(Subscription { consumer, link, links, ended: false, queue: queue.to_owned(), channel })
    }

    pub(crate) async fn next(&mut self) -> Option<Delivery> {
        while !self.ended {
            let Ok(message) = timeout(SILENCE, self.message()).await else {
                self.ended = !self.is_consuming().await;
                continue;
            };
            if let Some(delivery) = self.take(message) {
                return Some(delivery);
            }
        }
        None
    }

    /// What the stream gives next; also its end when the link has been replaced.
    async fn message(&mut self) -> Option<Result<Message, lapin::Error>> {
        tokio::select! {
            message = self.consumer.next() => message,
            _ = self.links.wait_for(|now| !now.as_ref().is_some_and(|now| Arc::ptr_eq(now, &self.link))) => None,
        }
    }

    pub(crate) fn try_next(&mut self) -> Option<Delivery> {
        let message = self.consumer.next().now_or_never()?;
        self.take(message)
    }

    /// Whether the broker knows of anybody who consumes the queue.
    async fn is_consuming(&self) -> bool {
        let options = QueueDeclareOptions::durable().passive();
        let asked = timeout(SILENCE, self.channel.queue_declare(message::short(self.queue.clone()), options, FieldTable::default())).await;
        matches!(asked, Ok(Ok(queue)) if queue.consumer_count() > 0)
    }

    /// What the stream gave, unless it is the end.
    fn take(&mut self, message: Option<Result<Message, lapin::Error>>) -> Option<Delivery> {
        match message {
            Some(Ok(message)) => Some(read(message)),
            Some(Err(error)) => {
                tracing::warn!(%error, "the subscription broke");
                self.ended = true;
                None
            }
            None => {
                self.ended = true;
                None
            }
        }
    }
}

impl Drop for Subscription {
    /// A subscription ends with its process or because something is wrong: the queue may be gone.
    fn drop(&mut self) {
        if self.ended {
            self.link.report_trouble();
        }
    }
}

fn read(message: Message) -> Delivery {
    let events = message::events(message.exchange.as_str(), message.routing_key.as_str(), &message.properties, message.data);
    let events = events.inspect_err(|reason| tracing::error!(reason, routing_key = %message.routing_key, "a message is no event: it goes to the dead letters"));
    Delivery { events: events.unwrap_or_default(), receipt: Receipt::Amqp(message.acker) }
}
