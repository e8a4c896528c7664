//! Connections that many requests use at once: their statements go out together, one process of PostgreSQL answers them
//! one after another, and the answers come back together. That takes half of the machine that a connection for each takes,
//! most of which goes into waking each other up (docs/adr/0010-shared-connections.md).

use std::{
    ops::Deref,
    sync::{Arc, Mutex},
    time::Duration,
};

use diesel::sql_query;
use diesel_async::{RunQueryDsl, pooled_connection::deadpool::Object};
use tokio::{
    sync::{OnceCell, OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::{
    Connection, StoreError, StoreResult,
    connect::{Connector, Driven},
};

/// So many shared connections a pool has beside its own.
pub(crate) const LANES: usize = 2;
/// So many requests at most use them at once.
const ROOM: usize = 128;
/// In milliseconds, how long a statement may hold up those behind it.
const LONGEST: u64 = 5000;

/// The shared connections of one thread.
pub(crate) struct Shared {
    connector: Arc<Connector>,
    room: Arc<Semaphore>,
    lanes: [Lane; LANES],
    wait: Duration,
}

/// A connection, made when first needed by the first of those who need it.
type Made = OnceCell<Arc<Driven>>;
/// Another takes its place when it is over.
type Lane = Mutex<Arc<Made>>;

/// A place on a shared connection.
pub struct SharedConnection {
    conn: Arc<Driven>,
    /// Counts.
    _lane: Arc<Made>,
    _place: OwnedSemaphorePermit,
}

impl Deref for SharedConnection {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.conn.conn
    }
}

/// A connection to read from.
pub enum Reader {
    /// One that others use too.
    Shared(SharedConnection),
    /// One of the reader's own.
    Own(Box<Object<Connection>>),
}

impl Deref for Reader {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        match self {
            Reader::Shared(conn) => conn,
            Reader::Own(conn) => conn,
        }
    }
}

impl Shared {
    pub(crate) fn new(connector: Arc<Connector>, wait: Duration) -> Self {
        Shared { connector, room: Arc::new(Semaphore::new(ROOM)), lanes: Default::default(), wait }
    }

    pub(crate) async fn get(&self) -> StoreResult<SharedConnection> {
        let late = |_| StoreError::Unavailable("no shared connection in time".to_owned());
        timeout(self.wait, self.place()).await.map_err(late)?
    }

    /// The places taken, and all there are.
    pub(crate) fn usage(&self) -> (usize, usize) {
        (ROOM.saturating_sub(self.room.available_permits()), ROOM)
    }

    /// A place where the fewest others are.
    async fn place(&self) -> StoreResult<SharedConnection> {
        let none = || StoreError::Unavailable("no shared connection".to_owned());
        let place = self.room.clone().acquire_owned().await.map_err(|_| none())?;
        let lane = self.lanes.iter().filter_map(open).min_by_key(Arc::strong_count).ok_or_else(none)?;
        let conn = lane.get_or_try_init(|| self.connect()).await?.clone();
        Ok(SharedConnection { conn, _lane: lane, _place: place })
    }

    async fn connect(&self) -> StoreResult<Arc<Driven>> {
        let driven = self.connector.connect().await.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        sql_query(format!("set statement_timeout = {LONGEST}")).execute(&mut &driven.conn).await?;
        Ok(Arc::new(driven))
    }
}

/// Where the connection is or will be.
fn open(lane: &Lane) -> Option<Arc<Made>> {
    let mut lane = lane.lock().ok()?;
    if lane.get().is_some_and(|conn| conn.is_over()) {
        *lane = Arc::default();
    }
    Some(lane.clone())
}
