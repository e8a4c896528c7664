//! Edits of rows that many requests make at the same time: all that come while a statement is at work are the next one.
//! PostgreSQL edits sixteen rows in one statement in the time of four in a statement each, since most of what it does for a
//! small one is preparing and committing it (docs/adr/0011-edits-together.md).

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use diesel::{QueryableByName, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use serde_json::json;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    time::timeout,
};
use uuid::Uuid;

use crate::{
    Author, Connection, Json, Keep, StoreError, StoreResult,
    connect::Connector,
    json::{Row, fields},
    lane::Lane,
};

/// Rows of one statement at most.
const MOST: usize = 64;
/// So many edits at most wait for their statement.
const ROOM: usize = 128;
/// In milliseconds, how long a statement waits for a row that somebody else is changing: then each edit goes alone. Less than
/// PostgreSQL takes to look for a deadlock.
const LONGEST_LOCK: u64 = 50;
/// In milliseconds, how long a statement may hold up those behind it.
const LONGEST: u64 = 5000;

/// A change of one row: the columns that differ, and who makes it.
#[derive(Debug, Serialize)]
pub struct Edit {
    #[serde(skip)]
    table: &'static str,
    /// All that the statement sets, of each row to what it was or is to be.
    #[serde(skip)]
    columns: Vec<String>,
    id: Uuid,
    tenant_id: Uuid,
    /// That of the row when it was read.
    version: i64,
    changes: Row,
}

/// What the database sets itself when a row changes.
#[derive(Debug, QueryableByName)]
pub struct Stamps {
    #[diesel(sql_type = sql_types::Uuid)]
    id: Uuid,
    /// The row's new version.
    #[diesel(sql_type = sql_types::BigInt)]
    pub version: i64,
    /// Its transaction, for the change feed.
    #[diesel(sql_type = sql_types::BigInt)]
    pub change_xid: i64,
    /// Its place among the changes of the transaction.
    #[diesel(sql_type = sql_types::Nullable<sql_types::BigInt>)]
    pub change_sequence: Option<i64>,
    /// When it was changed, as stored.
    #[diesel(sql_type = sql_types::Timestamptz)]
    pub changed_at: DateTime<Utc>,
}

impl Edit {
    /// Of a tracked table's row as it was read, whose columns were `before` and are to be `after`.
    ///
    /// # Errors
    /// [`StoreError::Broken`] when the columns cannot be written as JSON.
    pub fn new(table: &'static str, (id, tenant_id, version): (Uuid, Uuid, i64), before: &impl Serialize, after: &impl Serialize, author: &Author) -> StoreResult<Self> {
        let before = fields(before)?;
        let authored = [
            ("changed_at", json!(author.at)),
            ("changed_by", json!(author.account)),
            ("changed_for", json!(author.on_behalf_of)),
            ("changed_via", json!(author.client)),
            ("request_id", json!(author.request_id)),
        ];
        let (mut columns, mut changes) = (Vec::with_capacity(before.len() + authored.len()), Row::new());
        for (column, value) in fields(after)?.into_iter().chain(authored.map(|(column, value)| (column.to_owned(), value))) {
            if before.get(&column) != Some(&value) {
                changes.insert(column.clone(), value);
            }
            columns.push(column);
        }
        Ok(Edit { table, columns, id, tenant_id, version, changes })
    }

    /// The same for all edits of a table, so that it is planned once.
    fn statement(&self) -> String {
        let (table, columns, values) = (self.table, self.columns.join(", "), self.columns.join(", n."));
        format!(
            "update {table} t set ({columns}) = (select n.{values} from jsonb_populate_record(t, r.changes) n) \
             from jsonb_to_recordset($1) as r(id uuid, tenant_id uuid, version bigint, changes jsonb) \
             where t.id = r.id and t.tenant_id = r.tenant_id and t.version = r.version \
             returning t.id, t.version, t.change_xid, t.change_sequence, t.changed_at"
        )
    }
}

/// Makes edits of one table; answers the stamps of those rows that still had the version that was read.
async fn write(mut conn: &Connection, edits: &[&Edit]) -> StoreResult<Vec<Stamps>> {
    let Some(first) = edits.first() else { return Ok(Vec::new()) };
    let statement = sql_query(first.statement()).bind::<sql_types::Jsonb, _>(Json(edits));
    Ok(Keep(statement).load(&mut conn).await?)
}

/// Makes an edit in a statement of its own; none when the row was changed since it was read.
pub(crate) async fn alone(conn: &Connection, edit: &Edit) -> StoreResult<Option<Stamps>> {
    Ok(write(conn, &[edit]).await?.pop())
}

/// What became of an edit.
pub(crate) enum Outcome {
    /// It was made, unless the row was changed since it was read.
    Made(Option<Stamps>),
    /// One of those with which it was tried was refused, or has to wait for somebody.
    Refused,
}

/// An edit, and where its outcome is waited for.
struct Waiting {
    edit: Arc<Edit>,
    outcome: oneshot::Sender<StoreResult<Outcome>>,
}

/// The edits of one thread.
pub(crate) struct Edits {
    lane: Lane,
    waiting: Mutex<Vec<Waiting>>,
    room: Semaphore,
    /// Whose it is takes what waits.
    turn: Arc<Semaphore>,
    wait: Duration,
}

fn unavailable() -> StoreError {
    StoreError::Unavailable("edits are not made".to_owned())
}

impl Edits {
    pub(crate) fn new(connector: Arc<Connector>, wait: Duration) -> Self {
        let settings = format!("set statement_timeout = {LONGEST}; set lock_timeout = {LONGEST_LOCK}");
        Edits { lane: Lane::new(connector, settings), waiting: Mutex::default(), room: Semaphore::new(ROOM), turn: Arc::new(Semaphore::new(1)), wait }
    }

    /// The edits that wait or are being made, and the most there can be.
    pub(crate) fn usage(&self) -> (usize, usize) {
        (ROOM.saturating_sub(self.room.available_permits()), ROOM)
    }

    /// Makes an edit together with those of others.
    pub(crate) async fn together(self: &Arc<Self>, edit: Arc<Edit>) -> StoreResult<Outcome> {
        let _place = timeout(self.wait, self.room.acquire()).await.map_err(|_| unavailable())?.map_err(|_| unavailable())?;
        let (outcome, mut answered) = oneshot::channel();
        self.waiting().push(Waiting { edit, outcome });
        loop {
            tokio::select! {
                biased;
                outcome = &mut answered => return outcome.map_err(|_| unavailable())?,
                turn = self.turn.clone().acquire_owned() => {
                    // Goes on when this request is given up: others are waiting too.
                    tokio::spawn(self.clone().make(turn.map_err(|_| unavailable())?));
                }
            }
        }
    }

    /// What waits, without what nobody waits for any more.
    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|one| !one.outcome.is_closed());
        waiting
    }

    /// What waits for the statement of the first: of each row one edit, since the next one's version is another then.
    fn take(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting();
        let (first, mut rows) = (waiting.as_slice().first().map(|first| first.edit.clone()), HashSet::new());
        let alike = |edit: &Edit| first.as_ref().is_some_and(|first| edit.table == first.table && edit.columns == first.columns);
        let fits = |one: &Waiting| alike(&one.edit) && rows.len() < MOST && rows.insert(one.edit.id);
        let (mut batch, rest): (Vec<Waiting>, Vec<Waiting>) = waiting.drain(..).partition(fits);
        *waiting = rest;
        // Who locks rows in one order does not wait in a circle.
        batch.sort_unstable_by_key(|one| one.edit.id);
        batch
    }

    async fn make(self: Arc<Self>, _turn: OwnedSemaphorePermit) {
        let batch = self.take();
        if batch.is_empty() {
            return;
        }
        let edits: Vec<&Edit> = batch.iter().map(|one| one.edit.as_ref()).collect();
        let made = timeout(self.wait + Duration::from_millis(LONGEST), self.write(&edits)).await.unwrap_or_else(|_| {
            self.lane.leave();
            Err(unavailable())
        });
        let mut made = made.map(|stamps| stamps.into_iter().map(|stamps| (stamps.id, stamps)).collect::<HashMap<_, _>>());
        for Waiting { edit, outcome } in batch {
            // Whoever has gone away does not ask.
            let _ = outcome.send(match &mut made {
                Ok(made) => Ok(Outcome::Made(made.remove(&edit.id))),
                Err(StoreError::Unavailable(reason)) => Err(StoreError::Unavailable(reason.clone())),
                Err(_) => Ok(Outcome::Refused),
            });
        }
    }

    async fn write(&self, edits: &[&Edit]) -> StoreResult<Vec<Stamps>> {
        let made = self.lane.open().ok_or_else(unavailable)?;
        write(&self.lane.connection(&made).await?.conn, edits).await
    }
}
