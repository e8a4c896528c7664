//! The pool of connections to one service's database.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use diesel::{sql_query, sql_types};
use diesel_async::{
    AsyncPgConnection, RunQueryDsl,
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
        deadpool::{Hook, HookError, Object, Pool},
    },
};
use futures_util::FutureExt;
use tokio::sync::Notify;

use crate::{
    Keep, StoreError, StoreResult,
    connect::{Connector, KEPT},
    edits::{self, Edit, Edits, Outcome, Stamps},
    shared::{FOR_RECORDS, LANES, Reader, Shared, SharedConnection},
};

/// One connection, inside or outside a transaction.
pub type Connection = AsyncPgConnection;

/// Says on the connection which trace is at work, for the outbox; on each checkout, since the last one's is over.
async fn name_trace(conn: &mut Connection) -> StoreResult<()> {
    let trace = registrar_traces::traceparent().unwrap_or_default();
    let named = sql_query("select set_config('registrar.traceparent', $1, false)").bind::<sql_types::Text, _>(trace);
    Keep(named).execute(conn).await?;
    Ok(())
}

/// How a [`Db`] is opened.
#[derive(Clone, Debug)]
pub struct DbOptions {
    /// The most connections held at once for requests, and as many again for everything else, which needs few; about 16
    /// serve two cores best.
    pub max_connections: usize,
    /// How long a request waits for a connection before it is refused with 503.
    pub wait: Duration,
}

impl Default for DbOptions {
    fn default() -> Self {
        DbOptions { max_connections: 16, wait: Duration::from_secs(3) }
    }
}

/// One service's database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pool: Pool<AsyncPgConnection>,
    shared: Arc<Shared>,
    edits: Arc<Edits>,
    committed: Arc<Notify>,
    origin: Arc<Origin>,
}

/// What all pools of a database come from.
struct Origin {
    connector: Arc<Connector>,
    options: DbOptions,
    pools: Mutex<Vec<Pool<AsyncPgConnection>>>,
    shared: Mutex<Vec<Arc<Shared>>>,
    edits: Mutex<Vec<Arc<Edits>>>,
}

impl Db {
    /// Prepares a pool for `url`; connections are made when first needed.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the pool cannot be built.
    pub fn open(url: &str, options: &DbOptions) -> StoreResult<Self> {
        let origin = Origin { connector: Arc::new(Connector::new(url)), options: options.clone(), pools: Mutex::default(), shared: Mutex::default(), edits: Mutex::default() };
        Ok(Db { pool: origin.pool(options.max_connections)?, shared: origin.shared(), edits: origin.edits(), committed: Arc::new(Notify::new()), origin: Arc::new(origin) })
    }

    /// The same database for one of so many threads that answer requests, with connections of its own: whoever opens a
    /// connection also drives it, and every query from another thread would wake two.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the pool cannot be built.
    pub fn of_worker(&self, workers: usize) -> StoreResult<Self> {
        let part = self.origin.options.max_connections.div_ceil(workers.max(1)).saturating_sub(LANES + 1).max(2);
        Ok(Db { pool: self.origin.pool(part)?, shared: self.origin.shared(), edits: self.origin.edits(), ..self.clone() })
    }

    /// A connection shared with other requests, for one statement that reads a record.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when none has room, or none can be made, in time.
    pub async fn share(&self) -> StoreResult<SharedConnection> {
        self.lane(FOR_RECORDS).await
    }

    async fn lane(&self, of: usize) -> StoreResult<SharedConnection> {
        let lane = self.shared.get(of);
        if registrar_traces::is_on() { registrar_traces::connecting(lane).await } else { lane.await }
    }

    /// A connection to read from: shared where what is read will be there `soon`, else one of the reader's own, so that
    /// nobody waits behind it.
    ///
    /// # Errors
    /// As [`Db::share`] and [`Db::get`].
    pub async fn reader(&self, soon: bool) -> StoreResult<Reader> {
        Ok(if soon { Reader::Shared(self.lane(LANES).await?) } else { Reader::Own(Box::new(self.get().await?)) })
    }

    /// A connection from the pool.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when none is free, or none can be made, in time.
    pub async fn get(&self) -> StoreResult<Object<AsyncPgConnection>> {
        if !registrar_traces::is_on() {
            return Ok(self.pool.get().await?);
        }
        let mut conn = registrar_traces::connecting(self.pool.get()).await?;
        name_trace(&mut conn).await?;
        Ok(conn)
    }

    /// Changes a row, in one statement with the rows that others change at the same time; none when it was changed since it
    /// was read. What is refused together is tried alone.
    ///
    /// # Errors
    /// Those of a statement that changes a row; [`StoreError::Unavailable`] when there are too many edits, or no connection
    /// can be made, in time.
    pub async fn edit(&self, edit: Edit) -> StoreResult<Option<Stamps>> {
        let edit = Arc::new(edit);
        // A trace is told to the connection of one change.
        if !registrar_traces::is_on()
            && let Outcome::Made(stamps) = self.edits.together(edit.clone()).await?
        {
            return Ok(stamps);
        }
        edits::alone(&*self.get().await?, &edit).await
    }

    /// Says that a write was committed, so that the relay publishes it now instead of at its next poll.
    pub fn committed(&self) {
        self.committed.notify_one();
    }

    /// Resolves after the next [`Db::committed`].
    pub async fn wait_for_commit(&self) {
        self.committed.notified().await;
    }

    /// Connections in use and the most there can be, of the pool that is fullest, for the metrics; or the places on shared
    /// connections or among edits, if those are fuller.
    #[must_use]
    pub fn usage(&self) -> (usize, usize) {
        let (Ok(pools), Ok(shared), Ok(edits)) = (self.origin.pools.lock(), self.origin.shared.lock(), self.origin.edits.lock()) else { return (0, 0) };
        let usages = pools.iter().map(Pool::status).map(|status| (status.size.saturating_sub(status.available), status.max_size));
        let places = shared.iter().map(|shared| shared.usage()).chain(edits.iter().map(|edits| edits.usage()));
        usages.chain(places).max_by(|one, other| (one.0 * other.1).cmp(&(other.0 * one.1))).unwrap_or_default()
    }
}

impl Origin {
    fn shared(&self) -> Arc<Shared> {
        let shared = Arc::new(Shared::new(self.connector.clone(), self.options.wait));
        if let Ok(mut all) = self.shared.lock() {
            all.push(shared.clone());
        }
        shared
    }

    fn edits(&self) -> Arc<Edits> {
        let edits = Arc::new(Edits::new(self.connector.clone(), self.options.wait));
        if let Ok(mut all) = self.edits.lock() {
            all.push(edits.clone());
        }
        edits
    }

    fn pool(&self, most: usize) -> StoreResult<Pool<AsyncPgConnection>> {
        let mut manager_config = ManagerConfig::default();
        // A broken connection shows at its first statement; a SELECT 1 before each use would cost a third of the reads.
        manager_config.recycling_method = RecyclingMethod::Fast;
        let connector = self.connector.clone();
        manager_config.custom_setup = Box::new(move |_| {
            let connector = connector.clone();
            async move { Ok(connector.connect().await?.conn) }.boxed()
        });
        let manager = AsyncDieselConnectionManager::<AsyncPgConnection>::new_with_config(&self.connector.url, manager_config);
        let pool = Pool::builder(manager)
            .max_size(most)
            .wait_timeout(Some(self.options.wait))
            .create_timeout(Some(self.options.wait))
            .runtime(deadpool::Runtime::Tokio1)
            .pre_recycle(Hook::sync_fn(|_, metrics| if metrics.age() > KEPT { Err(HookError::message("used for long enough")) } else { Ok(()) }))
            .build()
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        if let Ok(mut pools) = self.pools.lock() {
            pools.push(pool.clone());
        }
        Ok(pool)
    }
}
