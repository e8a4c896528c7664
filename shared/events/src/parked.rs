//! Events that a consumer could not apply: kept with their reason, tried again ever more rarely, listed and retried by
//! hand with `registrar parked`.
//!
//! Of each aggregate id only the newest event is kept, since it carries the whole state: there are never more parked
//! events than aggregates, and a parked event disappears once something newer was applied.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, Queryable, Selectable, SelectableHelper, delete, insert_into, update, upsert::excluded};
use diesel_async::{AsyncConnection, RunQueryDsl};
use registrar_store::{Connection, Db, StoreError, StoreResult, schema::parked};
use uuid::Uuid;

use crate::{ApplyError, Backoff, Consumer, Event, Replica, consumer::guarded};

/// The first and the longest wait before the next attempt.
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// Rows read at once.
const PAGE: i64 = 100;
/// The longest reason kept, in characters.
const REASON: usize = 2000;

/// A parked event.
#[derive(Clone, Debug, PartialEq, Queryable, Selectable)]
#[diesel(table_name = parked)]
pub struct Parked {
    /// `<aggregate>/<id>/<epoch>.<version>`.
    pub event_id: String,
    /// What it is about.
    pub aggregate: String,
    /// The aggregate's id.
    pub id: Uuid,
    /// The whole event, [`Event::from_bytes`].
    pub event: Vec<u8>,
    /// Why the last attempt failed.
    pub reason: String,
    /// Attempts so far.
    pub attempts: i32,
    /// When it first failed.
    pub parked_at: DateTime<Utc>,
    /// When it is tried next.
    pub next_attempt_at: DateTime<Utc>,
}

/// Which parked events to retry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Every one, due or not.
    All,
    /// The one with this event id.
    One(String),
}

/// What a retry came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retried {
    /// Events applied, or no longer needed; they are parked no more.
    pub mended: usize,
    /// Events that failed again.
    pub failed: usize,
}

/// Parked events after the event id `after`, ordered by it, at most `limit`.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn list(db: &Db, after: Option<&str>, limit: i64) -> StoreResult<Vec<Parked>> {
    let mut conn = db.get().await?;
    page(&mut conn, after.unwrap_or_default(), limit).await
}

/// How many events are parked.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn count(db: &Db) -> StoreResult<i64> {
    Ok(parked::table.count().get_result(&mut db.get().await?).await?)
}

/// Retries now, whether due or not.
///
/// # Errors
/// [`StoreError::NotFound`] for an event id that is not parked, or when the database cannot be asked.
pub async fn retry(consumer: &Consumer, which: &Selection) -> StoreResult<Retried> {
    let mut retried = Retried::default();
    match which {
        Selection::One(event_id) => {
            let row = parked::table.find(event_id).select(Parked::as_select()).first(&mut consumer.db.get().await?).await?;
            attempt(consumer, row, &mut retried).await?;
        }
        Selection::All => {
            let mut after = String::new();
            loop {
                let rows = list(&consumer.db, Some(&after), PAGE).await?;
                let Some(last) = rows.last() else { break };
                after.clone_from(&last.event_id);
                for row in rows {
                    attempt(consumer, row, &mut retried).await?;
                }
            }
        }
    }
    Ok(retried)
}

/// Retries what is due, a page at a time; the consumer's background task.
pub(crate) async fn retry_due(consumer: &Consumer) -> StoreResult<Retried> {
    let mut retried = Retried::default();
    loop {
        let rows: Vec<Parked> = parked::table
            .filter(parked::next_attempt_at.le(Utc::now()))
            .order(parked::next_attempt_at)
            .limit(PAGE)
            .select(Parked::as_select())
            .load(&mut consumer.db.get().await?)
            .await?;
        let more = i64::try_from(rows.len()).is_ok_and(|n| n == PAGE);
        for row in rows {
            attempt(consumer, row, &mut retried).await?;
        }
        if !more {
            break;
        }
    }
    let parked = u32::try_from(count(&consumer.db).await?).unwrap_or(u32::MAX);
    metrics::gauge!("registrar_parked", "service" => consumer.service).set(f64::from(parked));
    Ok(retried)
}

/// Keeps an event that could not be applied, unless a newer one of the same aggregate id is parked already; older ones
/// give way to it.
pub(crate) async fn park(db: &Db, event: &Event, reason: &str) -> StoreResult<()> {
    let mut pooled = db.get().await?;
    let conn: &mut Connection = &mut pooled;
    conn.transaction::<_, StoreError, _>(async |conn: &mut Connection| {
        let held: Vec<(String, Vec<u8>)> =
            parked::table.filter(parked::aggregate.eq(&event.aggregate)).filter(parked::id.eq(event.id)).select((parked::event_id, parked::event)).for_update().load(conn).await?;
        let newer = |bytes: &[u8]| Event::from_bytes(bytes).is_ok_and(|held| held.order() > event.order());
        if held.iter().any(|(_, bytes)| newer(bytes)) {
            return Ok(());
        }
        let older: Vec<String> = held.into_iter().map(|(event_id, _)| event_id).filter(|id| *id != event.event_id()).collect();
        delete(parked::table.filter(parked::event_id.eq_any(older))).execute(conn).await?;
        insert(conn, event, &sayable(reason)).await
    })
    .await
}

async fn insert(conn: &mut Connection, event: &Event, reason: &str) -> StoreResult<()> {
    insert_into(parked::table)
        .values((
            parked::event_id.eq(event.event_id()),
            parked::aggregate.eq(&event.aggregate),
            parked::id.eq(event.id),
            parked::event.eq(event.to_bytes()),
            parked::reason.eq(reason),
            parked::next_attempt_at.eq(next_attempt(1)),
        ))
        .on_conflict(parked::event_id)
        .do_update()
        .set((parked::event.eq(excluded(parked::event)), parked::reason.eq(excluded(parked::reason))))
        .execute(conn)
        .await?;
    Ok(())
}

async fn attempt(consumer: &Consumer, row: Parked, retried: &mut Retried) -> StoreResult<()> {
    match mend(consumer, &row).await {
        Ok(applied) => {
            retried.mended += 1;
            tracing::info!(service = consumer.service, event = row.event_id, applied, "a parked event is mended");
            if applied && let Some(after_apply) = &consumer.after_apply {
                after_apply();
            }
            Ok(())
        }
        // Not the event's fault: it stays due.
        Err(ApplyError::Store(error)) if error.is_transient() => Err(error),
        Err(error) => {
            retried.failed += 1;
            postpone(&consumer.db, &row, &error).await
        }
    }
}

/// Applies the event unless something newer is held, and forgets it, in one transaction; whether it was applied.
async fn mend(consumer: &Consumer, row: &Parked) -> Result<bool, ApplyError> {
    let event = Event::from_bytes(&row.event)?;
    let replica = consumer.replica(&event.aggregate).cloned();
    let replica = replica.ok_or_else(|| ApplyError::Poison(format!("nothing here copies {}", event.aggregate)))?;
    let db = consumer.db.clone();
    let event_id = row.event_id.clone();
    guarded(async move {
        let mut pooled = db.get().await?;
        let conn: &mut Connection = &mut pooled;
        conn.transaction::<_, ApplyError, _>(async |conn: &mut Connection| {
            let needed = is_needed(conn, replica.as_ref(), &event).await?;
            if needed {
                replica.apply(conn, std::slice::from_ref(&event)).await?;
            }
            delete(parked::table.find(event_id)).execute(conn).await?;
            Ok(needed)
        })
        .await
    })
    .await
}

async fn is_needed(conn: &mut Connection, replica: &dyn Replica, event: &Event) -> StoreResult<bool> {
    let held = replica.held(conn, &[event.id]).await?;
    Ok(held.iter().all(|held| event.order() > (held.epoch, held.version) || event.resync && event.order() == (held.epoch, held.version)))
}

async fn postpone(db: &Db, row: &Parked, error: &ApplyError) -> StoreResult<()> {
    let attempts = row.attempts.saturating_add(1);
    update(parked::table.find(&row.event_id))
        .set((parked::attempts.eq(attempts), parked::reason.eq(sayable(&error.to_string())), parked::next_attempt_at.eq(next_attempt(attempts))))
        .execute(&mut db.get().await?)
        .await
        .optional()?;
    Ok(())
}

async fn page(conn: &mut Connection, after: &str, limit: i64) -> StoreResult<Vec<Parked>> {
    let rows = parked::table.filter(parked::event_id.gt(after)).order(parked::event_id).limit(limit);
    Ok(rows.select(Parked::as_select()).load(conn).await?)
}

/// When the attempt after `attempts` failed ones is due: 2 s doubled each time, an hour at most.
fn next_attempt(attempts: i32) -> DateTime<Utc> {
    Utc::now() + Backoff::after(u32::try_from(attempts).unwrap_or(1), FIRST_WAIT, LONGEST_WAIT)
}

/// Text that PostgreSQL stores, of bounded length.
fn sayable(reason: &str) -> String {
    reason.chars().filter(|c| *c != '\0').take(REASON).collect()
}
