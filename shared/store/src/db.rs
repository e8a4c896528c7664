//! The pool of connections to one service's database.

use std::{sync::Arc, time::Duration};

use diesel::{sql_query, sql_types};
use diesel_async::{
    AsyncPgConnection, RunQueryDsl,
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
        deadpool::{Object, Pool},
    },
};
use futures_util::FutureExt;
use tokio::sync::Notify;

use crate::{Keep, StoreError, StoreResult, connect::connect};

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
    /// The most connections held at once; about 16 serve two cores best.
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
    committed: Arc<Notify>,
}

impl Db {
    /// Prepares a pool for `url`; connections are made when first needed.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the pool cannot be built.
    pub fn open(url: &str, options: &DbOptions) -> StoreResult<Self> {
        let mut manager_config = ManagerConfig::default();
        // A broken connection shows at its first statement; a SELECT 1 before each use would cost a third of the reads.
        manager_config.recycling_method = RecyclingMethod::Fast;
        manager_config.custom_setup = Box::new(|url| {
            let url = url.to_owned();
            async move { connect(&url).await }.boxed()
        });
        let manager = AsyncDieselConnectionManager::<AsyncPgConnection>::new_with_config(url, manager_config);
        let pool = Pool::builder(manager)
            .max_size(options.max_connections)
            .wait_timeout(Some(options.wait))
            .create_timeout(Some(options.wait))
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Db { pool, committed: Arc::new(Notify::new()) })
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

    /// Says that a write was committed, so that the relay publishes it now instead of at its next poll.
    pub fn committed(&self) {
        self.committed.notify_one();
    }

    /// Resolves after the next [`Db::committed`].
    pub async fn wait_for_commit(&self) {
        self.committed.notified().await;
    }

    /// Connections in use and the most there can be, for the metrics.
    #[must_use]
    pub fn usage(&self) -> (usize, usize) {
        let status = self.pool.status();
        (status.size.saturating_sub(status.available), status.max_size)
    }
}
