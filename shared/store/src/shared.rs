//! Connections that many requests use at once: their statements go out together, one process of PostgreSQL answers them
//! one after another, and the answers come back together. That takes half of the machine that a connection for each takes,
//! most of which goes into waking each other up (docs/adr/0010-shared-connections.md).

use std::{ops::Deref, sync::Arc, time::Duration};

use diesel_async::pooled_connection::deadpool::Object;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::{
    Connection, StoreError, StoreResult,
    connect::{Connector, Driven},
    lane::{Lane, Made},
};

/// So many shared connections a pool has beside its own.
pub(crate) const LANES: usize = 2;
/// On so many of them records are read: on more, more processes of PostgreSQL share the cores and the slowest answers take three
/// times as long, while there are no more answers.
pub(crate) const FOR_RECORDS: usize = 1;
/// So many requests at most use them at once.
const ROOM: usize = 128;
/// In milliseconds, how long a statement may hold up those behind it.
const LONGEST: u64 = 5000;

/// The shared connections of one thread.
pub(crate) struct Shared {
    room: Arc<Semaphore>,
    lanes: [Lane; LANES],
    wait: Duration,
}

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
        let lane = |_| Lane::new(connector.clone(), format!("set statement_timeout = {LONGEST}"));
        Shared { room: Arc::new(Semaphore::new(ROOM)), lanes: std::array::from_fn(lane), wait }
    }

    /// A place on one of the first so many connections.
    pub(crate) async fn get(&self, lanes: usize) -> StoreResult<SharedConnection> {
        let late = |_| StoreError::Unavailable("no shared connection in time".to_owned());
        timeout(self.wait, self.place(lanes)).await.map_err(late)?
    }

    /// The places taken, and all there are.
    pub(crate) fn usage(&self) -> (usize, usize) {
        (ROOM.saturating_sub(self.room.available_permits()), ROOM)
    }

    /// A place where the fewest others are.
    async fn place(&self, lanes: usize) -> StoreResult<SharedConnection> {
        let none = || StoreError::Unavailable("no shared connection".to_owned());
        let place = self.room.clone().acquire_owned().await.map_err(|_| none())?;
        let open = self.lanes.iter().take(lanes).filter_map(|lane| Some((lane, lane.open()?)));
        let (lane, made) = open.min_by_key(|(_, made)| Arc::strong_count(made)).ok_or_else(none)?;
        let conn = lane.connection(&made).await?;
        Ok(SharedConnection { conn, _lane: made, _place: place })
    }
}
