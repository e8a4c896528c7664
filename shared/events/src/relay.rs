//! The owner's relay: from the outbox to the transport.
//!
//! The relay reads a batch of outbox rows, reads the current state of what they name, publishes it, and deletes the
//! rows whose events were confirmed. It holds neither a transaction nor row locks meanwhile: `for update` gives a
//! transaction an id, and the change feeds of every database of the cluster wait for the oldest id that is running,
//! so publishing inside a transaction would have the broker's slowness delay all feeds. Two relays of one database
//! (replicas of a service) may publish the same row; that is state transfer twice, which changes nothing. A write
//! that commits after its row was read has an outbox row of its own, which stays.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName, delete, sql_query};
use diesel_async::RunQueryDsl;
use futures_util::FutureExt;
use registrar_store::{Connection, Db, StoreError, StoreResult, feed::current_epoch, schema::outbox};
use registrar_traces::{Continued, Kind, continued};
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use crate::{ApplyError, Backoff, Event, RepairError, Shutdown, Source, Transport};

/// Outbox rows of one round.
const BATCH: usize = 500;
/// With so many rows a round shows that more is under way.
const MANY: usize = 4;
/// How many milliseconds more is then waited for, at least and at most, one for each row between: what is published and
/// applied together costs much less than one by one.
const GATHERING: (usize, usize) = (20, 100);
/// The safety net under `Db::wait_for_commit`.
const POLL: Duration = Duration::from_millis(500);
/// A round that takes longer is given up and begun anew.
const ROUND_WITHIN: Duration = Duration::from_secs(30);
/// How often the outbox is measured.
const MEASURE_EVERY: Duration = Duration::from_secs(5);
/// Rows counted at most: the metric says "as many or more" there, and a count stays cheap.
const COUNTED: i64 = 100_000;

/// Publishes one service's outbox. One per process.
pub struct Relay {
    /// The service's name, for the metrics.
    pub service: &'static str,
    /// Its database.
    pub db: Db,
    /// What it publishes. Outbox rows of tracked tables without a source are deleted unpublished.
    pub sources: Vec<Arc<dyn Source>>,
    /// Where to.
    pub transport: Transport,
}

/// Aggregates whose source failed or whose events were not confirmed wait here, so that they do not fill every batch
/// and starve the others. Never more than there are aggregates.
type SetAside = HashMap<String, (Backoff, Instant)>;

impl Relay {
    /// Publishes until asked to end, soon after each commit (20 to 100 ms later when many follow each other) and at least
    /// every 500 ms, with bounded backoff (50 ms to 5 s) while database or transport are away.
    pub async fn run(self, mut shutdown: Shutdown) {
        let mut backoff = Backoff::connection();
        let mut aside = SetAside::new();
        let mut measured: Option<Instant> = None;
        while !shutdown.is_requested() {
            let Some(round) = shutdown.unless(self.bounded_round(&mut aside)).await else { return };
            if measured.is_none_or(|at| at.elapsed() > MEASURE_EVERY) {
                measured = Some(Instant::now());
                if shutdown.unless(self.measure()).await.is_none() {
                    return;
                }
            }
            let rested = match round {
                Ok(rows) => {
                    backoff.reset();
                    match rows {
                        BATCH.. => Some(()),
                        MANY.. => shutdown.unless(sleep(gathering(rows))).await,
                        _ => shutdown.unless(self.rest()).await,
                    }
                }
                Err(error) => {
                    tracing::warn!(service = self.service, %error, failures = backoff.failures(), "the outbox is not being published");
                    shutdown.unless(sleep(backoff.next_wait())).await
                }
            };
            if rested.is_none() {
                return;
            }
        }
    }

    /// Until the next commit or poll.
    async fn rest(&self) {
        tokio::select! {
            () = sleep(POLL) => {}
            () = self.db.wait_for_commit() => {}
        }
    }

    /// A round that does not hang.
    async fn bounded_round(&self, aside: &mut SetAside) -> Result<usize, RepairError> {
        let late = |_| StoreError::Unavailable("a round took too long".to_owned());
        timeout(ROUND_WITHIN, self.round(aside)).await.map_err(late)?
    }

    /// Publishes one batch; of how many rows.
    async fn round(&self, aside: &mut SetAside) -> Result<usize, RepairError> {
        let now = Instant::now();
        let waiting: Vec<&String> = aside.iter().filter(|(_, (_, until))| *until > now).map(|(name, _)| name).collect();
        let mut conn = self.db.get().await?;
        let rows: Vec<(i64, String, Uuid, Option<String>)> = outbox::table
            .filter(outbox::aggregate.ne_all(waiting))
            .order(outbox::sequence)
            .limit(i64::try_from(BATCH).unwrap_or(i64::MAX))
            .select((outbox::sequence, outbox::aggregate, outbox::id, outbox::traceparent))
            .load(&mut conn)
            .await
            .map_err(StoreError::from)?;
        let read = rows.len();
        let mut batch = Batch::of(rows);
        let mut events = self.load(&mut conn, &mut batch, aside).await?;
        drop(conn);
        if !events.is_empty() {
            let _spans = self.go_on_with_traces(&mut events, &batch);
            self.publish(&events, &mut batch, aside).await?;
        }
        if !batch.done.is_empty() {
            let mut conn = self.db.get().await?;
            delete(outbox::table.filter(outbox::sequence.eq_any(batch.done))).execute(&mut conn).await.map_err(StoreError::from)?;
        }
        Ok(read)
    }

    /// The current state of all that the batch names. Rows that lead to no event are done.
    async fn load(&self, conn: &mut Connection, batch: &mut Batch, aside: &mut SetAside) -> Result<Vec<Event>, RepairError> {
        let epoch = current_epoch(conn).await?;
        let mut events = Vec::new();
        for (name, ids) in batch.ids() {
            let mut known = BTreeSet::new();
            for source in self.sources.iter().filter(|source| source.tracked_as() == name) {
                match AssertUnwindSafe(Source::load(source.as_ref(), conn, epoch, &ids)).catch_unwind().await {
                    Ok(Ok(loaded)) => {
                        known.extend(loaded.iter().map(|event| event.id));
                        events.extend(loaded);
                    }
                    Ok(Err(error)) => {
                        let error = ApplyError::from(error);
                        if error.is_transient() {
                            return Err(error.into());
                        }
                        tracing::error!(service = self.service, aggregate = source.aggregate(), %error, "a source failed");
                        self.set_aside(&name, aside, "its source failed");
                        known.extend(ids.iter().copied());
                    }
                    Err(_) => {
                        // Who knows in what state the connection is: the next round takes another one, without this aggregate.
                        self.set_aside(&name, aside, "its source panicked");
                        return Err(ApplyError::Poison(format!("the source of {} panicked", source.aggregate())).into());
                    }
                }
            }
            batch.finish_all(&name, ids.into_iter().filter(|id| !known.contains(id)).collect());
        }
        Ok(events)
    }

    /// Has each event carry on the trace of the change that it tells of; of several, that of the last.
    fn go_on_with_traces(&self, events: &mut [Event], batch: &Batch) -> Vec<Continued> {
        let mut spans = Vec::new();
        if batch.traces.is_empty() {
            return spans;
        }
        for event in events {
            let trace = batch.traces.get(&(self.tracked_as(&event.aggregate).to_owned(), event.id)).map(String::as_str);
            if let Some(span) = continued(Kind::Publish, self.service, &event.aggregate, &event.event_id(), trace) {
                event.traceparent = span.traceparent();
                spans.push(span);
            }
        }
        spans
    }

    async fn publish(&self, events: &[Event], batch: &mut Batch, aside: &mut SetAside) -> Result<(), RepairError> {
        let confirmed = self.transport.publish(events).await?;
        let mut unconfirmed = BTreeSet::new();
        for (event, confirmed) in events.iter().zip(confirmed) {
            if confirmed {
                metrics::counter!("registrar_events_published_total", "service" => self.service, "aggregate" => event.aggregate.clone()).increment(1);
            } else {
                unconfirmed.insert((self.tracked_as(&event.aggregate), event.id));
            }
        }
        let refused: BTreeSet<&str> = unconfirmed.iter().map(|(name, _)| *name).collect();
        for event in events {
            let name = self.tracked_as(&event.aggregate);
            // A row is done when every event it makes is confirmed.
            if !unconfirmed.contains(&(name, event.id)) {
                batch.finish(name, event.id);
            }
            if !refused.contains(name) {
                aside.remove(name);
            }
        }
        for name in refused {
            self.set_aside(name, aside, "not all events were confirmed");
        }
        Ok(())
    }

    /// The name that the outbox has for what an aggregate is published from.
    fn tracked_as(&self, aggregate: &str) -> &'static str {
        self.sources.iter().find(|source| source.aggregate() == aggregate).map_or("", |source| source.tracked_as())
    }

    fn set_aside(&self, name: &str, aside: &mut SetAside, reason: &str) {
        let (backoff, until) = aside.entry(name.to_owned()).or_insert_with(|| (Backoff::connection(), Instant::now()));
        *until = Instant::now() + backoff.next_wait();
        tracing::warn!(service = self.service, aggregate = name, failures = backoff.failures(), reason, "an aggregate's events wait");
    }

    async fn measure(&self) {
        match self.depth_and_age().await {
            Ok((depth, age)) => {
                metrics::gauge!("registrar_outbox_depth", "service" => self.service).set(f64::from(depth));
                metrics::gauge!("registrar_outbox_age_seconds", "service" => self.service).set(age.as_secs_f64());
            }
            Err(error) => tracing::debug!(service = self.service, %error, "the outbox cannot be measured"),
        }
    }

    async fn depth_and_age(&self) -> StoreResult<(u32, Duration)> {
        let mut conn = self.db.get().await?;
        let depth: Depth = sql_query(format!("select count(*) as depth from (select from outbox limit {COUNTED}) as o")).get_result(&mut conn).await?;
        let oldest: Option<DateTime<Utc>> = outbox::table.order(outbox::sequence).select(outbox::created_at).first(&mut conn).await.optional()?;
        let age = oldest.and_then(|at| (Utc::now() - at).to_std().ok()).unwrap_or_default();
        Ok((u32::try_from(depth.depth).unwrap_or(u32::MAX), age))
    }
}

/// How long more is waited for after so many rows.
fn gathering(rows: usize) -> Duration {
    let (least, most) = GATHERING;
    Duration::from_millis(u64::try_from(rows.clamp(least, most)).unwrap_or_default())
}

#[derive(QueryableByName)]
struct Depth {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    depth: i64,
}

/// Outbox rows by what they name; several rows of one aggregate id become one event.
struct Batch {
    rows: BTreeMap<String, BTreeMap<Uuid, Vec<i64>>>,
    done: Vec<i64>,
    /// The traces that the rows are part of.
    traces: HashMap<(String, Uuid), String>,
}

impl Batch {
    fn of(rows: Vec<(i64, String, Uuid, Option<String>)>) -> Self {
        let mut batch = Batch { rows: BTreeMap::new(), done: Vec::new(), traces: HashMap::new() };
        for (row, name, key, trace) in rows {
            if let Some(trace) = trace {
                batch.traces.insert((name.clone(), key), trace);
            }
            batch.rows.entry(name).or_default().entry(key).or_default().push(row);
        }
        batch
    }

    fn ids(&self) -> Vec<(String, Vec<Uuid>)> {
        self.rows.iter().map(|(name, ids)| (name.clone(), ids.keys().copied().collect())).collect()
    }

    fn finish(&mut self, name: &str, key: Uuid) {
        if let Some(rows) = self.rows.get_mut(name).and_then(|ids| ids.remove(&key)) {
            self.done.extend(rows);
        }
    }

    fn finish_all(&mut self, name: &str, keys: Vec<Uuid>) {
        for key in keys {
            self.finish(name, key);
        }
    }
}
