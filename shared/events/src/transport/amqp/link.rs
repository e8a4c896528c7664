//! One connection, and the channels that are idle on it.

use std::sync::{Arc, Mutex, PoisonError};

use lapin::{Channel, Connection, options::ConfirmSelectOptions};
use tokio::sync::Notify;

/// Idle channels kept for the next publisher; more are closed.
const IDLE: usize = 8;

/// A connection as long as it works.
pub(crate) struct Link {
    connection: Arc<Connection>,
    idle: Mutex<Vec<Channel>>,
    trouble: Notify,
}

impl Link {
    pub(super) fn new(connection: Connection) -> Self {
        Link::over(Arc::new(connection))
    }

    /// The same connection as a new link: whoever holds the old one begins anew.
    pub(super) fn renewed(&self) -> Self {
        Link::over(Arc::clone(&self.connection))
    }

    fn over(connection: Arc<Connection>) -> Self {
        Link { connection, idle: Mutex::new(Vec::new()), trouble: Notify::new() }
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) fn is_up(&self) -> bool {
        self.connection.status().connected()
    }

    /// Has the supervisor look at the connection now. When it still works, somebody may have deleted a queue or a
    /// binding: everything is declared again, and all subscriptions are made anew.
    pub(super) fn report_trouble(&self) {
        self.trouble.notify_one();
    }

    pub(super) async fn trouble_reported(&self) {
        self.trouble.notified().await;
    }

    /// A channel with publisher confirms.
    pub(super) async fn channel(&self) -> Result<Channel, lapin::Error> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle.filter(|channel| channel.status().connected()) {
            Some(channel) => Ok(channel),
            None => {
                let channel = self.connection.create_channel().await?;
                channel.confirm_select(ConfirmSelectOptions::default()).await?;
                Ok(channel)
            }
        }
    }

    /// Keeps a channel whose every message was confirmed.
    pub(super) fn put_back(&self, channel: Channel) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(channel);
        }
    }
}
