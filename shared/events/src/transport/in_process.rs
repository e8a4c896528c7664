//! Events within one process: the embedded mode, and tests.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, timeout_at},
};

use super::{CONFIRM_WITHIN, Delivery, Receipt};
use crate::{Event, Topology, TransportError};

/// How many events wait for one consumer at most; publishers wait beyond that.
const QUEUE: usize = 1024;

/// Bounded queues in memory, one per consuming service. An event is confirmed only when every consumer of its
/// aggregate has applied or parked it: then nothing is lost when the process dies, although the queues are.
///
/// The relay waits for consumers and consumers never for a relay (their own changes go to their own outbox), so that
/// a consumer may own aggregates too without a deadlock.
#[derive(Clone)]
pub struct InProcess {
    shared: Arc<Shared>,
}

struct Shared {
    topology: Topology,
    queues: HashMap<String, Queue>,
    running: watch::Sender<bool>,
}

struct Queue {
    sender: mpsc::Sender<Delivery>,
    /// Empty while a consumer has it.
    receiver: Mutex<Option<mpsc::Receiver<Delivery>>>,
}

impl InProcess {
    /// Queues for all consumers of the topology.
    #[must_use]
    pub fn new(topology: Topology) -> Self {
        let queue = || {
            let (sender, receiver) = mpsc::channel(QUEUE);
            Queue { sender, receiver: Mutex::new(Some(receiver)) }
        };
        let queues = topology.consumers.iter().map(|(service, _)| (service.clone(), queue())).collect();
        InProcess { shared: Arc::new(Shared { topology, queues, running: watch::channel(true).0 }) }
    }

    /// Stops carrying, as if a broker were down: publishing fails and consumers receive nothing until
    /// [`InProcess::resume`]. For fault tests, and to hold the consumers still during maintenance.
    pub fn pause(&self) {
        self.shared.running.send_replace(false);
    }

    /// Carries again.
    pub fn resume(&self) {
        self.shared.running.send_replace(true);
    }

    /// Whether it is paused.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        !*self.shared.running.borrow()
    }

    pub(super) fn topology(&self) -> &Topology {
        &self.shared.topology
    }

    pub(super) async fn publish(&self, events: &[Event]) -> Result<Vec<bool>, TransportError> {
        self.deliver(events, |event| self.shared.topology.consumers_of(&event.aggregate).collect()).await
    }

    pub(super) async fn send_to(&self, service: &str, events: &[Event]) -> Result<Vec<bool>, TransportError> {
        self.deliver(events, |_| vec![service]).await
    }

    async fn deliver<'a>(&'a self, events: &'a [Event], services: impl Fn(&'a Event) -> Vec<&'a str>) -> Result<Vec<bool>, TransportError> {
        let paused = || TransportError::Disconnected("paused".to_owned());
        let mut running = self.shared.running.subscribe();
        if !*running.borrow_and_update() {
            return Err(paused());
        }
        let deadline = Instant::now() + CONFIRM_WITHIN;
        tokio::select! {
            biased;
            _ = running.wait_for(|running| !*running) => Err(paused()),
            confirmed = self.deliver_until(deadline, events, services) => Ok(confirmed),
        }
    }

    async fn deliver_until<'a>(&'a self, deadline: Instant, events: &'a [Event], services: impl Fn(&'a Event) -> Vec<&'a str>) -> Vec<bool> {
        let mut waits = Vec::with_capacity(events.len());
        for event in events {
            let mut receipts = Some(Vec::new());
            for service in services(event) {
                let receipt = self.enqueue(service, event.clone(), deadline).await;
                receipts = receipts.zip(receipt).map(|(mut all, one)| {
                    all.push(one);
                    all
                });
            }
            waits.push(receipts);
        }
        let mut confirmed = Vec::with_capacity(waits.len());
        for receipts in waits {
            let mut all = receipts.is_some();
            for receipt in receipts.into_iter().flatten() {
                all &= matches!(timeout_at(deadline, receipt).await, Ok(Ok(())));
            }
            confirmed.push(all);
        }
        confirmed
    }

    async fn enqueue(&self, service: &str, event: Event, deadline: Instant) -> Option<oneshot::Receiver<()>> {
        let queue = self.shared.queues.get(service)?;
        let (sender, receiver) = oneshot::channel();
        let delivery = Delivery { events: vec![event], receipt: Receipt::InProcess(sender) };
        matches!(timeout_at(deadline, queue.sender.send(delivery)).await, Ok(Ok(()))).then_some(receiver)
    }

    pub(super) fn subscribe(&self, service: &str) -> Result<Subscription, TransportError> {
        let queue = self.shared.queues.get(service).ok_or_else(|| TransportError::UnknownService(service.to_owned()))?;
        let receiver = queue.receiver.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(Subscription {
            receiver: Some(receiver.ok_or_else(|| TransportError::Taken(service.to_owned()))?),
            running: self.shared.running.subscribe(),
            shared: Arc::clone(&self.shared),
            service: service.to_owned(),
        })
    }
}

/// The receiving end of one service's queue; it goes back when dropped, so that a consumer can be started again.
pub(crate) struct Subscription {
    receiver: Option<mpsc::Receiver<Delivery>>,
    running: watch::Receiver<bool>,
    shared: Arc<Shared>,
    service: String,
}

impl Subscription {
    pub(super) async fn next(&mut self) -> Option<Delivery> {
        let receiver = self.receiver.as_mut()?;
        loop {
            self.running.wait_for(|running| *running).await.ok()?;
            tokio::select! {
                biased;
                _ = self.running.changed() => {}
                delivery = receiver.recv() => return delivery,
            }
        }
    }

    pub(super) fn try_next(&mut self) -> Option<Delivery> {
        self.receiver.as_mut()?.try_recv().ok()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(queue) = self.shared.queues.get(&self.service) {
            *queue.receiver.lock().unwrap_or_else(PoisonError::into_inner) = self.receiver.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::event::tests::sample;

    fn transport() -> InProcess {
        let staff = || vec!["personnel.staff".to_owned()];
        InProcess::new(Topology { consumers: vec![("students".to_owned(), staff()), ("reporting".to_owned(), staff())] })
    }

    #[tokio::test]
    async fn an_event_is_confirmed_when_all_consumers_have_accepted_it() {
        let transport = transport();
        let (mut students, mut reporting) = (transport.subscribe("students").unwrap(), transport.subscribe("reporting").unwrap());
        let publisher = transport.clone();
        let publishing = tokio::spawn(async move { publisher.publish(&[sample()]).await });
        assert!(Receipt::accept_all(vec![students.next().await.unwrap().receipt]).await);
        let second = reporting.next().await.unwrap();
        assert!(!publishing.is_finished());
        assert!(Receipt::accept_all(vec![second.receipt]).await);
        assert_eq!(publishing.await.unwrap().unwrap(), [true]);
    }

    #[tokio::test]
    async fn what_nobody_accepts_stays_unconfirmed() {
        let transport = transport();
        let soon = || Instant::now() + Duration::from_millis(20);
        assert_eq!(transport.deliver_until(soon(), &[sample()], |_| vec!["students"]).await, [false]);
        drop(transport.subscribe("students").unwrap().next().await.unwrap());
        let crowd = vec![sample(); QUEUE + 1];
        assert_eq!(transport.deliver_until(soon(), &crowd, |_| vec!["students"]).await, vec![false; QUEUE + 1]);
        assert_eq!(transport.publish(&[Event { aggregate: "students.class".to_owned(), ..sample() }]).await.unwrap(), [true]);
    }

    #[tokio::test]
    async fn a_pause_fails_the_publisher_and_holds_the_consumer() {
        let transport = transport();
        let mut students = transport.subscribe("students").unwrap();
        let publisher = transport.clone();
        let publishing = tokio::spawn(async move { publisher.send_to("students", &[sample()]).await });
        let first = students.next().await.unwrap();
        transport.pause();
        assert!(matches!(publishing.await.unwrap(), Err(TransportError::Disconnected(_))));
        assert!(matches!(transport.publish(&[sample()]).await, Err(TransportError::Disconnected(_))));
        assert!(Receipt::accept_all(vec![first.receipt]).await);
        transport.resume();
        let publisher = transport.clone();
        let publishing = tokio::spawn(async move { publisher.send_to("students", &[sample()]).await });
        assert!(Receipt::accept_all(vec![students.next().await.unwrap().receipt]).await);
        assert_eq!(publishing.await.unwrap().unwrap(), [true]);
    }

    #[tokio::test]
    async fn a_queue_has_one_consumer_at_a_time() {
        let transport = transport();
        let first = transport.subscribe("students").unwrap();
        assert!(matches!(transport.subscribe("students"), Err(TransportError::Taken(_))));
        drop(first);
        assert!(transport.subscribe("students").is_ok());
        assert!(matches!(transport.subscribe("nobody"), Err(TransportError::UnknownService(_))));
    }
}
