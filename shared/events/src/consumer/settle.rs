//! Applying a batch whatever happens: together, one by one, or parked.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Consumer;
use crate::{ApplyError, Backoff, Event, Shutdown, parked};

/// How long a batch waits for the database before it goes back to the queue. A queue's broker takes a consumer that
/// never acknowledges for dead after a while; giving back costs one of a message's deliveries.
const HOLD: Duration = Duration::from_secs(60);

impl Consumer {
    /// Answers true when each of the events is applied or parked; false when the database stayed away, or the process
    /// is to end: then they are to come again.
    pub(super) async fn settle(&self, events: Vec<Event>, shutdown: &mut Shutdown) -> bool {
        let mut patience = Patience::new();
        loop {
            match self.apply_guarded(events.clone()).await {
                Ok(()) => return true,
                Err(error) if error.is_transient() => {
                    if !patience.wait(self.service, &error, shutdown).await {
                        return false;
                    }
                }
                Err(error) if events.len() > 1 => {
                    tracing::warn!(service = self.service, events = events.len(), %error, "a batch failed; trying its events one by one");
                    break;
                }
                Err(error) => return self.park_all(&events, &error, shutdown).await,
            }
        }
        for event in events {
            if !self.settle_one(event, shutdown).await {
                return false;
            }
        }
        true
    }

    async fn settle_one(&self, event: Event, shutdown: &mut Shutdown) -> bool {
        let mut patience = Patience::new();
        loop {
            match self.apply_guarded(vec![event.clone()]).await {
                Ok(()) => return true,
                Err(error) if error.is_transient() => {
                    if !patience.wait(self.service, &error, shutdown).await {
                        return false;
                    }
                }
                Err(error) => return self.park_all(&[event], &error, shutdown).await,
            }
        }
    }

    async fn park_all(&self, events: &[Event], reason: &ApplyError, shutdown: &mut Shutdown) -> bool {
        for event in events {
            tracing::error!(service = self.service, event = event.event_id(), %reason, "the event is parked");
            let mut patience = Patience::new();
            while let Err(error) = parked::park(&self.db, event, &reason.to_string()).await {
                if !patience.wait(self.service, &error.into(), shutdown).await {
                    return false;
                }
            }
        }
        true
    }

    /// Applies on a task of its own, so that a panic in a replica ends there.
    pub(crate) async fn apply_guarded(&self, events: Vec<Event>) -> Result<(), ApplyError> {
        let consumer = self.clone();
        guarded(async move { consumer.apply(events).await }).await
    }
}

/// Runs on a task of its own; a panic becomes a poison.
pub(crate) async fn guarded<T: Send + 'static>(work: impl Future<Output = Result<T, ApplyError>> + Send + 'static) -> Result<T, ApplyError> {
    let result = tokio::spawn(work).await;
    result.unwrap_or_else(|failure| Err(ApplyError::Poison(if failure.is_panic() { "panicked".to_owned() } else { "was cancelled".to_owned() })))
}

/// Bounded waiting for what comes back by itself.
struct Patience {
    backoff: Backoff,
    until: Instant,
}

impl Patience {
    fn new() -> Self {
        Patience { backoff: Backoff::connection(), until: Instant::now() + HOLD }
    }

    /// Waits a little; false when it has lasted too long or the process is to end.
    async fn wait(&mut self, service: &str, error: &ApplyError, shutdown: &mut Shutdown) -> bool {
        tracing::warn!(service, %error, failures = self.backoff.failures(), "events wait");
        Instant::now() < self.until && shutdown.unless(sleep(self.backoff.next_wait())).await.is_some()
    }
}
