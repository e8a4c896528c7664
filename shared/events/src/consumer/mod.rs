//! A consuming service: takes events from a transport and has its replicas write them.
//!
//! Many events share a transaction. When that fails they are tried one by one; one that fails for a reason that
//! waiting does not mend is [`crate::parked`] and acknowledged, so that it blocks nobody. While the database is away
//! nothing is acknowledged.

mod settle;

pub(crate) use settle::guarded;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use diesel_async::{AsyncConnection, RunQueryDsl};
use registrar_store::{Connection, Db};
use registrar_traces::{Continued, Kind, continued};
use tokio::time::sleep;
use uuid::Uuid;

use crate::{
    ApplyError, Backoff, Event, Replica, Shutdown, Transport, parked,
    transport::{Delivery, Receipt, Subscription},
};

/// With so many events a transaction takes no further message: with what the last one brings it has less than 400.
const BATCH: usize = 256;
/// The longest a statement of an apply may take: a write transaction delays every change feed.
const STATEMENT: &str = "set local statement_timeout = '5s'";
/// How often parked events are looked at.
const PARKED_EVERY: Duration = Duration::from_secs(5);

/// All replicas of one consuming service.
#[derive(Clone)]
pub struct Consumer {
    /// The consuming service's name, as in the [`crate::Topology`].
    pub service: &'static str,
    /// Its database, with the copies and the parked events.
    pub db: Db,
    /// Its copies, one per aggregate.
    pub replicas: Vec<Arc<dyn Replica>>,
    /// Called after each transaction that applied events, such as to wake the service's own relay when copies touch
    /// rows that it publishes.
    pub after_apply: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl Consumer {
    /// A consumer without an `after_apply`.
    #[must_use]
    pub fn new(service: &'static str, db: Db, replicas: Vec<Arc<dyn Replica>>) -> Self {
        Consumer { service, db, replicas, after_apply: None }
    }

    /// Consumes, and retries what is parked, until asked to end. Nothing else ends it: subscriptions are made anew,
    /// panics of a replica park the event.
    pub async fn run(self, transport: Transport, shutdown: Shutdown) {
        tokio::join!(self.consume(&transport, shutdown.clone()), self.retry_parked(shutdown));
    }

    /// The copy of the aggregate.
    #[must_use]
    pub fn replica(&self, aggregate: &str) -> Option<&Arc<dyn Replica>> {
        self.replicas.iter().find(|replica| replica.aggregate() == aggregate)
    }

    /// Applies the events in one transaction: what the loop does, and what a pull over HTTP does with its answer.
    /// Only the newest event of each aggregate id counts; events of aggregates without a replica are left out.
    ///
    /// # Errors
    /// What the first failing replica says; then nothing was applied.
    pub async fn apply(&self, events: Vec<Event>) -> Result<(), ApplyError> {
        let groups = self.by_aggregate(newest(events));
        if groups.is_empty() {
            return Ok(());
        }
        let trace = |event: &Event| continued(Kind::Apply, self.service, &event.aggregate, &event.event_id(), event.traceparent.as_deref());
        let mut spans: Vec<Continued> = groups.iter().flat_map(|(_, events)| events).filter_map(trace).collect();
        let applied = self.apply_groups(&groups).await;
        if applied.is_err() {
            spans.iter_mut().for_each(Continued::failed);
        }
        drop(spans);
        applied?;
        self.applied(groups.iter().flat_map(|(_, events)| events));
        Ok(())
    }

    async fn apply_groups(&self, groups: &[(Arc<dyn Replica>, Vec<Event>)]) -> Result<(), ApplyError> {
        let mut pooled = self.db.get().await?;
        let conn: &mut Connection = &mut pooled;
        conn.transaction::<_, ApplyError, _>(async |conn: &mut Connection| {
            diesel::sql_query(STATEMENT).execute(conn).await?;
            for (replica, events) in groups {
                replica.apply(conn, events).await?;
            }
            Ok(())
        })
        .await
    }

    fn by_aggregate(&self, events: Vec<Event>) -> Vec<(Arc<dyn Replica>, Vec<Event>)> {
        let mut groups: Vec<(Arc<dyn Replica>, Vec<Event>)> = Vec::new();
        for event in events {
            if let Some((_, group)) = groups.iter_mut().find(|(replica, _)| replica.aggregate() == event.aggregate) {
                group.push(event);
            } else if let Some(replica) = self.replica(&event.aggregate) {
                groups.push((Arc::clone(replica), vec![event]));
            } else {
                tracing::debug!(service = self.service, event = event.event_id(), "nothing here copies this: left out");
            }
        }
        groups
    }

    /// Tells the metrics and the service.
    fn applied<'a>(&self, events: impl Iterator<Item = &'a Event>) {
        let now = chrono::Utc::now();
        for event in events {
            let source = event.service().to_owned();
            metrics::counter!("registrar_events_applied_total", "service" => self.service, "source" => source.clone()).increment(1);
            if !event.resync
                && let Ok(lag) = (now - event.occurred_at).to_std()
            {
                metrics::gauge!("registrar_consumer_lag_seconds", "service" => self.service, "source" => source).set(lag.as_secs_f64());
            }
        }
        if let Some(after_apply) = &self.after_apply {
            after_apply();
        }
    }

    async fn consume(&self, transport: &Transport, mut shutdown: Shutdown) {
        let mut backoff = Backoff::connection();
        while !shutdown.is_requested() {
            // Each new subscription counts as a delivery of what it is sent: take none without a database to write to.
            if shutdown.unless(self.wait_for_database()).await.is_none() {
                return;
            }
            match shutdown.unless(transport.subscribe(self.service)).await {
                None => return,
                Some(Ok(subscription)) => {
                    if self.consume_from(subscription, &mut shutdown).await {
                        backoff.reset();
                    }
                }
                Some(Err(error)) => tracing::warn!(service = self.service, %error, "cannot subscribe"),
            }
            if shutdown.unless(sleep(backoff.next_wait())).await.is_none() {
                return;
            }
        }
    }

    /// Consumes until the subscription breaks; answers whether anything was consumed.
    async fn consume_from(&self, mut subscription: Subscription, shutdown: &mut Shutdown) -> bool {
        let mut consumed = false;
        while let Some(Some(first)) = shutdown.unless(subscription.next()).await {
            let (mut events, mut receipts) = (Vec::new(), Vec::new());
            let mut next = Some(first);
            while let Some(Delivery { events: brought, receipt }) = next {
                if brought.is_empty() {
                    // An acknowledgement of those after it would be one of this too.
                    if !receipt.refuse().await {
                        return consumed;
                    }
                } else {
                    events.extend(brought);
                    receipts.push(receipt);
                }
                next = if events.len() < BATCH { subscription.try_next() } else { None };
            }
            tracing::debug!(service = self.service, events = events.len(), "a batch");
            if !self.settle(newest(events), shutdown).await {
                break;
            }
            consumed = true;
            if !Receipt::accept_all(receipts).await {
                break;
            }
        }
        consumed
    }

    async fn wait_for_database(&self) {
        let mut backoff = Backoff::connection();
        while let Err(error) = self.ask_database().await {
            tracing::warn!(service = self.service, %error, "waiting for the database");
            sleep(backoff.next_wait()).await;
        }
    }

    async fn ask_database(&self) -> Result<(), ApplyError> {
        let mut conn = self.db.get().await?;
        diesel::sql_query("select 1").execute(&mut conn).await?;
        Ok(())
    }

    async fn retry_parked(&self, mut shutdown: Shutdown) {
        while !shutdown.is_requested() {
            if let Err(error) = parked::retry_due(self).await {
                tracing::debug!(service = self.service, %error, "parked events could not be looked at");
            }
            if shutdown.unless(sleep(PARKED_EVERY)).await.is_none() {
                return;
            }
        }
    }
}

/// The newest event of each aggregate id, where it stood: a heartbeat speaks for what came before it, so it must not
/// take the place of an older one.
fn newest(events: Vec<Event>) -> Vec<Event> {
    let mut places: HashMap<(&str, Uuid), usize> = HashMap::with_capacity(events.len());
    for (place, event) in events.iter().enumerate() {
        let held = places.entry((&event.aggregate, event.id)).or_insert(place);
        if events.get(*held).is_some_and(|held| event.supersedes(held)) {
            *held = place;
        }
    }
    let kept: HashSet<usize> = places.into_values().collect();
    events.into_iter().enumerate().filter(|(place, _)| kept.contains(place)).map(|(_, event)| event).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::tests::sample;

    #[test]
    fn only_the_newest_of_each_id_is_kept() {
        let at = |id, version, resync| Event { id: Uuid::from_u128(id), version, resync, ..sample() };
        let other = Event { aggregate: "identity.unit".to_owned(), ..at(1, 1, false) };
        let kept = newest(vec![at(1, 2, false), at(2, 1, false), at(1, 3, false), other.clone(), at(1, 1, true), at(2, 1, true)]);
        assert_eq!(kept, [at(1, 3, false), other, at(2, 1, true)]);
    }
}
