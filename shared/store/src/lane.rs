//! A connection that many use at once, made by the first of those who need it.

use std::sync::{Arc, Mutex};

use diesel_async::SimpleAsyncConnection;
use tokio::sync::OnceCell;

use crate::{
    StoreError, StoreResult,
    connect::{Connector, Driven},
};

/// The connection, once it is made.
pub(crate) type Made = OnceCell<Arc<Driven>>;

/// Where a connection is or will be; when it is over another takes its place.
pub(crate) struct Lane {
    connector: Arc<Connector>,
    /// Statements that each connection begins with.
    settings: String,
    made: Mutex<Arc<Made>>,
}

impl Lane {
    pub(crate) fn new(connector: Arc<Connector>, settings: String) -> Self {
        Lane { connector, settings, made: Mutex::default() }
    }

    /// The place of the connection that is used now.
    pub(crate) fn open(&self) -> Option<Arc<Made>> {
        let mut made = self.made.lock().ok()?;
        if made.get().is_some_and(|conn| conn.is_over()) {
            *made = Arc::default();
        }
        Some(made.clone())
    }

    /// The connection of a place that [`Lane::open`] gave.
    pub(crate) async fn connection(&self, made: &Made) -> StoreResult<Arc<Driven>> {
        Ok(made.get_or_try_init(|| self.connect()).await?.clone())
    }

    /// Leaves a connection that does not answer: the next is another one.
    pub(crate) fn leave(&self) {
        if let Ok(mut made) = self.made.lock() {
            *made = Arc::default();
        }
    }

    async fn connect(&self) -> StoreResult<Arc<Driven>> {
        let driven = self.connector.connect().await.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        (&driven.conn).batch_execute(&self.settings).await?;
        Ok(Arc::new(driven))
    }
}
